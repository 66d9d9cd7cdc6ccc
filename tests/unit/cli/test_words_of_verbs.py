"""What verbs say of what was named and is not there, or could not be meant: alike by the socket and over REST, and with
an exit code that programs see."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from host_tools.cli import dock_commands, prompting, show, transfer_commands
from host_tools.cli.web import is_chosen
from host_tools.controller.commands import CommandError
from host_tools.controller.settings import WEB_DEFAULT, read_settings
from host_tools.custody.index import Announcement
from host_tools.destinations.directory import MARKER
from tests.unit.cli.manager import Reached, conversation
from tests.unit.cli.parts import Bwc
from tests.unit.trust.parts import PHRASE
from tests.unit.web.office import Office, opened_office

NAMES = ("ab" * 16, "abc" + "0" * 29, "cd" * 16)

# Words, exit code, and what is said in a line.
SAID = (
    ("dock check --dock NOPE", 1, "no dock NOPE; none is connected"),
    ("dock check --dock NOPE --bay 1", 1, "no dock NOPE; none is connected"),
    ("dock power-cycle --bay 1", 1, "no dock is connected"),
    ("dock smart-charge", 0, "smart charge is on"),
    ("dock smart-charge --suspend 2", 0, "smart charge is suspended until 20"),
    ("dock smart-charge", 0, "smart charge is suspended until 20"),
    ("dock smart-charge --suspend 0", 0, "smart charge is on"),
    ("transfer describe cdcdcd --note dark", 0, f"recording {NAMES[2]}: described"),
    ("transfer describe CD --note dark", 0, f"recording {NAMES[2]}: described"),
    ("transfer describe ab", 1, f"several recordings begin with ab: {NAMES[0]}, {NAMES[1]}: name one of them"),
    ("transfer describe ee", 1, "no recording begins with ee: bwc status shows them"),
    ("transfer retry xyz", 1, "'xyz' names no recording"),
    ("transfer rejected confirm abc", 1, NAMES[1]),
    (f"transfer describe {'0' * 32}", 1, f"recording {'0' * 32}: is unknown here"),
    ("wearer add  X", 2, "Missing argument"),
    ("wearer add W-1 Ada --email nobody", 1, "email: is no e-mail address: write one as ada@example.org"),
    ("wearer add W-1 Ada --tag 1", 1, "tags: is no badge number: write 4 to 64 hexadecimal digits"),
    (f"wearer add {'W' * 31} Ada", 1, "id: is longer than 30 characters: shorten it"),
    ("wearer add W-1 Ada", 0, "W-1: Ada"),
    ("wearer change W-1", 2, "name what to change"),
    ("assign set CAM-0404 W-1", 1, "CAM-0404: no camera of that serial is known here"),
    ("assign set CAM-0404 W-1 --to-come", 0, "CAM-0404: W-1's"),
    ("assign clear CAM-0404", 0, "nobody's"),
    ("wearer remove W-1", 0, "removed"),
    ("settings set", 2, "name what to change"),
    ("settings set shift_minute=600", 1, "settings: shift_minute: is not known; did you mean shift_minutes?"),
    ("settings set shift_minutes=1", 1, "settings: shift_minutes: is less than 30: 30 or more"),
    ("settings set shift_minutes=600", 0, "shift_minutes=600"),
    ("dock power-cycle --bay 1 --off-ms 1", 1, "no dock is connected"),
    ("account setup", 1, "this system has its root account already"),
)


def said(text: str) -> str:
    """Without the frames that Typer draws around wrong arguments."""
    return " ".join(text.replace("│", " ").split())


def file_recordings(office: Office) -> None:
    for number, name in enumerate(NAMES):
        offer = Announcement(bytes.fromhex(name), "CAM-0009", bytes(32), 900, 5_000 + number, 1, 2_000, False)
        office.controller._world.index.announce(offer, 1)


def test_what_is_not_there_is_said_both_ways(bwc: Bwc, tmp_path: Path):
    async def talk(there: Reached) -> None:
        for line, code, words in SAID:
            for ask in (there.by_socket, there.by_rest):
                ended = await ask(*line.split())
                assert ended.code == code, (line, ended)
                assert words in said(ended.out + ended.err), (line, ended)
                if line in ("wearer add W-1 Ada", "wearer remove W-1") or line.startswith("assign clear"):
                    break  # once is enough: it is done then

    with opened_office(tmp_path / "office") as office:
        file_recordings(office)
        conversation(bwc, office, tmp_path / "office" / "controller", talk)


def test_all_cameras_are_tried_and_each_has_its_line(bwc: Bwc, tmp_path: Path):
    async def talk(there: Reached) -> None:
        for ask in (there.by_socket, there.by_rest):
            for verb in ("add", "remove"):
                ended = await ask("camera", verb, "CAM-0001", "NOPE", "CAM-0002")
                assert ended.code == 1
                told = [line.split(":")[1].strip() for line in ended.err.splitlines()]
                assert told == ["CAM-0001", "NOPE", "CAM-0002"]

    with opened_office(tmp_path / "office") as office:
        conversation(bwc, office, tmp_path / "office" / "controller", talk)


def test_lists_are_there_for_programs(bwc: Bwc, tmp_path: Path):
    async def talk(there: Reached) -> None:
        for ask in (there.by_socket, there.by_rest):
            accounts = json.loads((await ask("account", "list", "--json")).out)
            assert {"root", "ada"} <= {each["name"] for each in accounts}
            trail = json.loads((await ask("audit", "show", "--json")).out)
            assert set(trail) == {"head", "entries"}

    with opened_office(tmp_path / "office") as office:
        conversation(bwc, office, tmp_path / "office" / "controller", talk)
    folder = tmp_path / "office" / "controller"
    shown = json.loads(bwc("trust", "show", "--json", "--folder", folder).out)
    assert shown["certificates"][0]["fingerprint"]
    assert PHRASE not in json.dumps(shown)
    assert json.loads(bwc("board", "show", "pi_dock", "--json").out)["model"] == "pi_dock"
    assert len(json.loads(bwc("board", "list", "--json").out)) > 2
    assert json.loads(bwc("bench", "locks", "--locks", tmp_path / "locks", "--json").out) == []
    (tmp_path / "usb").mkdir()
    assert json.loads(bwc("ports", "--bench", tmp_path, "--json").out) == []
    assert json.loads(bwc("badge", "readers", "--usb-root", tmp_path / "usb", "--json").out) == []
    assert json.loads(bwc("bench", "faults", "--table", "--json").out)[0]["component"]


class Told:
    """A controller that answers from a table."""

    idle_folder = None

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def call(self, command: str, /, **arguments: Any) -> Any:
        """What the table has."""
        return self._answers[command]

    def happenings(self) -> Any:
        """Nothing."""
        return iter(())


DOCKS = {"docks": [{"serial": name, "bays": [{"bay": 1, "state": "docked"}]} for name in ("DOCK-0002", "DOCK-0001")]}


def test_a_dock_that_is_not_there_is_told_with_those_that_are():
    told: Any = Told(status=DOCKS)
    for bay in (None, 1):
        with pytest.raises(CommandError, match=r"^no dock NOPE; there is DOCK-0001, DOCK-0002$"):
            dock_commands._bays(told, "NOPE", bay)
    with pytest.raises(CommandError, match="name one with --dock: DOCK-0001, DOCK-0002"):
        dock_commands._dock(told, "")
    assert dock_commands._bays(told, "DOCK-0001", None) == [("DOCK-0001", 1)]


def test_names_that_are_copied_are_whole_in_a_terminal_of_eighty():
    name = "W-" + "x" * 40 + "_CAM-0001_20260101T120000Z"
    row = {
        "recording": "ab" * 16,
        "changed_unix_ms": 1_767_225_600_000,
        "outcome": "delivered",
        "attempts": 1,
        "content_bytes": 5,
        "container": name,
        "reason": "a reason of several words that wraps",
    }
    printed = io.StringIO()
    console = Console(file=printed, width=80)
    show.print_whole(console, transfer_commands.transfers_table([row]))
    assert max(map(len, printed.getvalue().splitlines())) <= 80
    show.print_whole(console, show.containers_table([row]))
    assert printed.getvalue().count(name) == 1
    assert "2026-01-01 00:00" in printed.getvalue()


def test_without_a_terminal_a_secret_is_asked_for_by_its_option(
    bwc: Bwc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed into nothing\n"))
    monkeypatch.setattr(prompting, "TERMINAL", str(tmp_path / "no-terminal"))
    bwc("system", "create", "--folder", tmp_path / "c").must_be_one_line("no terminal", "--passphrase-file")
    bwc("destination", "account", "setup", "--folder", tmp_path).must_be_one_line("no terminal", "--password-file")
    assert not (tmp_path / "c").exists()


def test_a_passphrase_that_is_refused_leaves_nothing(bwc: Bwc, tmp_path: Path):
    short = tmp_path / "short"
    short.write_text("seven..")
    create = ("system", "create", "--passphrase-file", short, "--folder")
    bwc(*create, tmp_path / "c").must_be_one_line("8 characters or more")
    assert not (tmp_path / "c").exists()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine").write_text("")
    bwc(*create, kept).must_be_one_line("8 characters or more")
    assert [each.name for each in kept.iterdir()] == ["mine"]


def test_a_place_of_another_kind_is_called_what_it_is(bwc: Bwc, tmp_path: Path):
    file, filled = tmp_path / "README.md", tmp_path / "filled"
    file.write_text("")
    filled.mkdir()
    (filled / MARKER).write_text("")
    bwc("status", "--folder", file).must_be_one_line(f"{file}: that is a file")
    for verb in ("status", "create", "certificate"):
        bwc("destination", verb, file).must_be_one_line("is a file")
        bwc("destination", verb, filled).must_be_one_line("a controller delivers straight into this folder")
    bwc("destination", "decrypt", file, file, file, tmp_path / "out").must_be_one_line(f"{file}: is no private key")


def test_an_address_that_was_typed_is_not_moved(tmp_path: Path):
    assert not is_chosen(read_settings(None, folder=tmp_path))
    assert is_chosen(read_settings(None, folder=tmp_path, web=WEB_DEFAULT))
    chosen = tmp_path / "c.toml"
    chosen.write_text(f'web = "{WEB_DEFAULT}"\n')
    assert is_chosen(read_settings(chosen))


def test_nothing_to_decode_is_said(bwc: Bwc, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("00 11 22\n"))
    bwc("decode", "--messages").must_be_one_line("no message is in it", "without --messages there is more")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    bwc("decode").must_be_one_line("nothing is in it")
