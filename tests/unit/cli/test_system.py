"""Setting up a system, and getting it back: passphrases never on the command line, one line for everything wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import typer

from firmware.secure.certificates import fingerprint
from host_tools.bench.programs import Program, until
from host_tools.cli import prompting
from host_tools.cli.trusting import make_trust, open_trust, read_certificate, read_passphrase
from host_tools.emulator.workshop import Workshop
from tests.unit.cli.parts import Bwc, system_in
from tests.unit.trust.parts import PHRASE


@pytest.fixture
def phrase(tmp_path: Path) -> Path:
    """A file with the passphrase, as a program would give it."""
    path = tmp_path / "phrase"
    path.write_text(PHRASE + "\n", encoding="utf-8")
    return path


@pytest.fixture
def maker(tmp_path: Path) -> Path:
    """A maker's root certificate."""
    path = tmp_path / "maker.der"
    path.write_bytes(Workshop().maker.root)
    return path


@pytest.mark.req("CTRL-01")
def test_a_system_is_set_up_once_with_a_passphrase_from_a_file(bwc: Bwc, tmp_path: Path, phrase: Path, maker: Path):
    create = ["system", "create", "--folder", tmp_path / "c", "--passphrase-file", phrase]
    made = bwc(*create, "--maker", maker, "--name", "c-7")
    assert made.code == 0, made.err
    trust = open_trust(tmp_path / "c")
    assert trust.system in made.out
    assert len(trust.record.manufacturers) == 1
    assert stat.S_IMODE((tmp_path / "c" / "trust").stat().st_mode) == 0o700
    bwc(*create).must_be_one_line("holds a system's trust already")
    shown = bwc("trust", "show", "--folder", tmp_path / "c")
    assert shown.code == 0
    assert "c-7" in shown.out
    assert PHRASE not in made.out + shown.out
    written = bwc("trust", "root", tmp_path / "root.pem", "--folder", tmp_path / "c")
    assert read_certificate(tmp_path / "root.pem") == trust.record.root
    assert fingerprint(trust.record.root) in written.out
    bwc("trust", "root", tmp_path / "root.pem", "--folder", tmp_path / "c").must_be_one_line("name a new file")


@pytest.mark.req("CTRL-01")
def test_a_passphrase_that_is_no_good_is_told_before_anything_is_made(bwc: Bwc, tmp_path: Path):
    for name, content, words in (
        ("short", b"seven..", "8 characters or more"),
        ("binary", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "not text in UTF-8"),
        ("long", b"x" * 2_000, "at most"),
    ):
        (tmp_path / name).write_bytes(content)
        ended = bwc("system", "create", "--folder", tmp_path / "c", "--passphrase-file", tmp_path / name)
        ended.must_be_one_line(words)
    bwc("system", "create", "--folder", tmp_path / "c", "--passphrase-file", tmp_path / "none").must_be_one_line(
        "none", "name a file with the passphrase"
    )
    assert not (tmp_path / "c" / "trust" / "trust").exists()


def test_a_maker_must_be_a_root_certificate(bwc: Bwc, tmp_path: Path, phrase: Path, maker: Path):
    system_in(tmp_path / "c")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    for path, words in (
        (wrong, "not a certificate"),
        (phrase, "not a manufacturer"),
        (tmp_path / "no", "cannot be read"),
    ):
        bwc("trust", "maker", path, "--folder", tmp_path / "c").must_be_one_line(words)
    done = bwc("trust", "maker", maker, "--folder", tmp_path / "c")
    assert done.code == 0
    assert "trusted: " in done.out


@pytest.mark.req("CTRL-21")
def test_a_restore_key_gives_an_empty_folder_the_same_system(bwc: Bwc, tmp_path: Path, phrase: Path):
    before = system_in(tmp_path / "c")
    key = tmp_path / "key"
    made = bwc("restore-key", "make", key, "--folder", tmp_path / "c", "--passphrase-file", phrase)
    assert (made.code, made.err) == (0, "")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    again = bwc("restore-key", "make", key, "--folder", tmp_path / "c", "--passphrase-file", phrase)
    again.must_be_one_line("name a new file")
    use = ["restore-key", "use", key, "--passphrase-file"]
    wrong = tmp_path / "wrong"
    wrong.write_text("some other words")
    bwc(*use, wrong, "--folder", tmp_path / "d").must_be_one_line("the passphrase is wrong, or the file was changed")
    bwc(*use, phrase, "--folder", tmp_path / "c").must_be_one_line("holds a system's trust already")
    bwc("restore-key", "use", phrase, "--passphrase-file", phrase, "--folder", tmp_path / "d").must_be_one_line(
        "not a restore key"
    )
    done = bwc(*use, phrase, "--folder", tmp_path / "d")
    assert done.code == 0, done.err
    assert open_trust(tmp_path / "d").system == before.system


@pytest.mark.req("CTRL-01")
def test_a_controller_without_a_system_tells_how_to_make_one(bwc: Bwc, tmp_path: Path):
    ended = bwc("controller", "--folder", tmp_path / "c", "--destination", tmp_path / "d", "--create-destination")
    ended.must_be_one_line("has no system", f"bwc system create --folder {tmp_path / 'c'}", "restore-key use")
    bwc("trust", "show", "--folder", tmp_path / "c").must_be_one_line("bwc system create")
    system_in(tmp_path / "c")
    trust = tmp_path / "c" / "trust" / "trust"
    trust.write_bytes(trust.read_bytes().replace(b'"standing_grant":""', b'"standing_grant":"00"'))
    arguments = ["controller", "--folder", tmp_path / "c", "--destination", tmp_path / "d"]
    bwc(*arguments).must_be_one_line("the trust file was changed or is damaged")


def test_cameras_are_asked_for_and_named_in_one_line(bwc: Bwc, tmp_path: Path, phrase: Path):
    system_in(tmp_path / "c")
    folder = ["--folder", str(tmp_path / "c")]
    arguments = ["controller", *folder, "--destination", str(tmp_path / "d"), "--create-destination"]
    program = Program("controller", [*arguments, "--bench", str(tmp_path / "none")], tmp_path / "log")
    program.start()
    try:
        until(lambda: bwc("camera", "list", *folder).code == 0, "the controller to answer", check=program.check)
        assert json.loads(bwc("camera", "list", "--json", *folder).out) == []
        for words, told in (
            (["add", "CAM-1"], "CAM-1: no camera of that serial waits to be added"),
            (["remove", "CAM-1"], "CAM-1: no camera of this system has that serial"),
            (["remove", "CAM-1", "--force", "--passphrase-file", phrase], "CAM-1: no camera of this system"),
            (["allow-back", "CAM-1", "--passphrase-file", phrase], "CAM-1: no camera of that serial is here in"),
            (["add", "x" * 99], "serial: is longer than 32 characters"),
        ):
            bwc("camera", *words, *folder).must_be_one_line(told)
        assert bwc("camera", "allow-back", *folder).code == 2
        always = bwc("camera", "allow-back", "--always", "--passphrase-file", phrase, *folder)
        assert always.code == 0, always.err
        assert open_trust(tmp_path / "c").record.standing_grant
        assert bwc("camera", "allow-back", "--ask", *folder).code == 0
        assert not open_trust(tmp_path / "c").record.standing_grant
    finally:
        assert program.stop() == 0


def test_whoever_sits_here_types_a_new_passphrase_twice_and_it_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    asked: list[dict[str, object]] = []

    def prompt(text: str, **how: object) -> str:
        asked.append(how)
        return PHRASE

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(prompting, "has_terminal", lambda: True)
    assert read_passphrase(None, twice=True) == PHRASE
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": False}]


def test_no_command_takes_a_passphrase_as_an_argument(bwc: Bwc):
    for command in (["system", "create"], ["restore-key", "make"], ["restore-key", "use"], ["camera", "remove"]):
        ended = bwc(*command, "--passphrase", "x")
        assert ended.code == 2


def test_making_trust_costs_what_it_should(tmp_path: Path):
    cost = make_trust(tmp_path, PHRASE, "controller-1").record.secrets.cost
    assert (cost.memory_kib, cost.iterations, cost.lanes) == (65_536, 3, 4)
