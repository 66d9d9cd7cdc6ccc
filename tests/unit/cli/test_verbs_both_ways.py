"""Every verb that asks a controller, by the socket in its folder and over its manager's REST API: same answers, same
refusals, word by word. A verb that is not in the script fails."""

from __future__ import annotations

import ast
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from host_tools.accounts.roles import Actor
from host_tools.cli.lazy import load
from host_tools.cli.main import Commands
from host_tools.cli.over_rest import AskError, request_of
from host_tools.controller.permissions import TABLE
from host_tools.web.rows import IN_THE_ADDRESS, ROWS
from tests.unit.cli.manager import Reached, conversation
from tests.unit.cli.parts import Bwc
from tests.unit.web.office import opened_office

PHRASE = "copper lantern meadow"  # of the office
SECRET = "seven quiet lighthouses"
NONE = "ab" * 16  # a recording that is not there
# What differs between two runs of one thing: when, by whom, the how manieth, and where a file is put.
VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?( UTC)?"), "WHEN"),
    (re.compile(r'("(?:at|changed|made|raised|until|since)_unix_ms": )\d+'), r"\1WHEN"),
    (re.compile(r'local:\w+|\broot\b|(?<="changed_by": )"[^"]*"'), "WHO"),
    (re.compile(r'("(?:version|free_bytes)": )\d+'), r"\1N"),
    (re.compile(r"(unix|rest)-(\w+)"), r"WAY-\2"),
)

# In order; at its end everything is as it was, so that it can be gone through once more. {way}: unix or rest.
SCRIPT = """
status --json
alerts --json
alerts --history
account list
account add eve --role viewer --password-file {secret}
account add eve --role viewer --password-file {secret}
account role eve local_administrator
account role eve emperor
account password eve --password-file {secret}
account password root --password-file {secret} --current-file {secret}
account logout eve
account unlock eve
account remove eve
account remove eve
account setup --password-file {secret}
wearer list
wearer add W-1 Ada --tag 04:05 --email ada@example.org
wearer add w-1 Eve
wearer add W/2 Grace
wearer add .. Dots
wearer list --json
wearer list grace
wearer change W-1 --name Augusta --prioritised
wearer change W/2 --profile nobody
wearer change W-9 --name Nobody
wearer pair W-1 aabb
wearer pair W/2 aabb
wearer unpair W-1 aabb
wearer export
wearer export {out}/{way}-wearers.csv
wearer template
wearer import {csv} --yes
wearer import {bad_csv} --yes
assign set CAM-0009 W-1
assign set CAM-0009 W-1 --to-come
assign list --json
assign clear CAM-0009
assign clear CAM-0009
badge unpair W-1 0405
wearer remove W-1
wearer remove W/2
wearer remove ..
wearer remove W-3
wearer remove W-3
profile list
profile set night fall_recording=on --description after-dark
profile set night prebuffer_s=17
profile list --json
profile remove night
profile remove night
profile catalogue --json
settings show --json
settings set shift_minutes=601
settings set no_such=1
settings set shift_minutes=600
settings telling --json
settings test-mail
report make camera_status
report make no_such
report system {out}/{way}-system.zip
camera list
camera waiting --json
camera add CAM-0009
camera remove CAM-0009
camera remove CAM-0009 --keep
camera remove CAM-0009 --force --passphrase-file {phrase}
camera remove CAM-0009 --force --passphrase-file {secret}
camera allow-back --always --passphrase-file {phrase}
camera allow-back --ask
camera release CAM-0009
camera allow-back CAM-0009 --passphrase-file {phrase}
dock check --bay 1
dock check
dock check --dock DOCK-9 --bay 1 --quick
dock power-cycle --bay 1 --dock DOCK-9
dock power-cycle --bay 1
dock smart-charge --suspend 0
dock history --json
transfer list --json
transfer retry
transfer retry {none}
transfer describe {none} --category 7 --note dark
transfer locate {none} {track}
transfer rejected list
transfer rejected list --json
transfer rejected send {none}
transfer rejected archive {none} --drive /media --passphrase-file {phrase} --archive-passphrase-file {secret}
transfer rejected confirm {none}
trust maker {maker}
trust rotate --sealing --passphrase-file {phrase}
trust rotate --issuing --passphrase-file {secret}
trust confirm-clock
restore-key make {out}/{way}-restore --passphrase-file {phrase}
restore-key make {out}/{way}-restore --passphrase-file {phrase}
system reset --name wrong --passphrase-file {phrase}
destination connect {csv}
destination forget --name wrong --passphrase-file {phrase}
"""
# Never ends by itself; needs a reader; grows by what is asked: test_over_rest.py, test_badge_commands.py, below.
APART = {"follow", "badge pair", "audit show"}


def verbs() -> Generator[tuple[str, Any]]:
    """Every verb that says where its controller is, by the words that people type."""

    def walk(words: str, command: Any) -> Generator[tuple[str, Any]]:
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from walk(f"{words} {name}", inner)
        elif "at" in {each.name for each in command.params}:
            yield words, command

    for name, place in Commands.places.items():
        yield from walk(name, load(name, place))


def asked_commands() -> set[str]:
    """Every command that some verb asks for, read from the verbs' source."""
    found: set[str] = set()
    for path in Path(load.__code__.co_filename).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "controller.call":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def test_every_command_that_a_verb_asks_for_has_a_request():
    asked = asked_commands()
    assert len(asked) > 50
    assert asked <= set(TABLE)
    without_row = asked - {row.command for row in ROWS}
    for command in without_row:  # none is forgotten: api.py publishes these so
        assert request_of(command, {}).path == f"/commands/{command}"
    assert without_row <= {"suspend_smart_charge", "end_holding"}


def test_no_verb_asks_beside_the_seam():
    for path in Path(load.__code__.co_filename).parent.glob("*_command*.py"):
        assert "controller_client" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command)
def test_arguments_go_where_the_row_says(row: Any):
    given = {name: f"a/{name} b" for name in row.in_path} | {"other": True, "nothing": None}
    request = request_of(row.command, given)
    assert request.method == row.method
    assert "{" not in request.path
    for name in row.in_path:
        assert f"a%2F{name}%20b" in request.path
    if row.method in IN_THE_ADDRESS:
        assert request.path.endswith("?other=true")
        assert request.body is None
    else:
        assert request.body == {"other": True, "nothing": None}
    for name in row.in_path:
        with pytest.raises(AskError, match=f"{name} is empty"):
            request_of(row.command, {**given, name: ""})


def test_what_was_seen_goes_along_as_http_says_it():
    assert request_of("change_wearer", {"id": "W", "version": 7}).headers == {"If-Match": '"7"'}
    assert request_of("put_profile", {"name": "p", "version": 0}).headers == {"If-None-Match": "*"}
    assert request_of("remove_wearer", {"id": "W"}).headers == {"If-Match": "*"}
    assert request_of("get_settings", {}).headers == {}
    assert request_of("get_wearer", {"id": ".."}).path == "/wearers/%2E%2E"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """What the script names."""
    texts = {
        "secret": SECRET,
        "phrase": PHRASE,
        "csv": "id,name\nW-3,Hedy\n",
        "bad_csv": "id,name\nW-3,\n,Nobody\n",
        "track": '[{"at_unix_ms": 1767225600000, "latitude": 48.85, "longitude": 2.35}]',
        "maker": "no certificate",
    }
    out = tmp_path / "out"
    out.mkdir()
    for name, text in texts.items():
        (out / name).write_text(text + "\n", encoding="utf-8")
    return {**{name: str(out / name) for name in texts}, "out": str(out), "none": NONE}


@pytest.mark.req("CTRL-14")
def test_every_verb_says_the_same_both_ways(bwc: Bwc, tmp_path: Path, files: dict[str, str]):
    script = [line for line in SCRIPT.split("\n") if line]

    async def talk(there: Reached) -> None:
        said: dict[str, list[tuple[int, str, str]]] = {}
        for way, ask in (("unix", there.by_socket), ("rest", there.by_rest)):
            for line in script:
                ended = await ask(*line.format(**files, way=way).split())
                assert ended.code in (0, 1), (line, ended)
                said.setdefault(way, []).append((ended.code, steady(ended.out), steady(ended.err)))
        both = zip(script, said["unix"], said["rest"], strict=True)
        differing = [(line, *ways) for line, *ways in both if ways[0] != ways[1]]
        assert not differing, "\n".join(map(str, differing))
        done = {line for line, (code, _, _) in zip(script, said["rest"], strict=True) if code == 0}
        assert len(done) > len(script) / 2

    with opened_office(tmp_path / "office") as office:
        conversation(bwc, office, tmp_path / "office" / "controller", talk)


@pytest.mark.req("CTRL-14")
def test_the_audit_trail_is_shown_from_anywhere_and_to_whom_it_is_for(
    bwc: Bwc, tmp_path: Path, files: dict[str, str]
) -> None:
    folder = tmp_path / "office" / "controller"
    shown: list[str] = []

    async def talk(there: Reached) -> None:
        assert (await there.by_rest("wearer", "add", "W-1", "Ada", "--tag", "04A1B2C3D4E5F6")).code == 0
        for count in (3, 600):  # more than one answer of the controller has
            shown.append((await there.by_socket("audit", "show", "--limit", count)).out)
            assert (await there.by_rest("audit", "show", "--limit", count)).out == shown[-1]
        last = int(shown[-1].strip().splitlines()[-1].removeprefix("head ").partition(":")[0])
        assert (await there.by_rest("audit", "show", "--after", last)).out.count("add_wearer") == 0
        refused = await there.by_rest("audit", "show", role="local_administrator")
        refused.must_be_one_line("louise is local_administrator and may not see where the audit trail ends")

    with opened_office(tmp_path / "office") as office:
        for number in range(510):
            office.town.people.audit.append("logout", Actor("ada", "administrator", "192.0.2.9"), "done", number)
        conversation(bwc, office, folder, talk)
    assert "…E5F6" in shown[0]
    assert shown[1].count("logout") >= 510


def test_every_verb_is_in_the_script():
    lines = [line.split() for line in SCRIPT.split("\n") if line]
    known = [words for words, _ in verbs()]
    assert len(known) > 50
    missing = {words for words in known if not any(line[: len(words.split())] == words.split() for line in lines)}
    assert missing == APART


def steady(text: str) -> str:
    """Without what differs between two runs of one thing."""
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return text
