"""``bwc destination``: one server at a time, a move that leaves nothing behind, words of strangers on a terminal."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from firmware.platform.linux.files import LinuxFiles
from host_tools.cli import destination_checking
from host_tools.cli.destination_folder import opened_alone, opened_destination, teller
from host_tools.cli.destination_looks import Looks
from host_tools.cli.people import PEOPLE_NAME, opened_people, wall_ms
from host_tools.destinations.conformance import Examination, Finding
from host_tools.evidence import folder as folders
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.logbook import LogBook
from host_tools.evidence.moving import FORMAT, SCHEMA
from tests.unit.cli.parts import Bwc
from tests.unit.cli.test_destination_care import BOX, bwc, old

__all__ = ("bwc", "old")
DAY_MS = 86_400_000


@pytest.mark.req("DEST-10", "DEST-06")
def test_while_a_server_has_the_folder_nobody_else_moves_removes_or_serves_anything(
    bwc: Bwc, old: Path, tmp_path: Path
) -> None:
    with opened_alone(old):
        for command in (("migrate", old, tmp_path / "new"), ("clean-up", old), ("serve", old)):
            bwc("destination", *command).must_be_one_line("a server of this destination runs (process", "end it first")
        assert not (tmp_path / "new").exists()
        assert bwc("destination", "status", old).code == 0, "whoever only looks is let in"
        with pytest.raises(EvidenceError, match="runs"), opened_alone(old):
            pass
    with opened_alone(old):
        pass
    shutil.copytree(old, tmp_path / "copy")
    with opened_alone(old), opened_alone(tmp_path / "copy"):
        pass


@pytest.mark.req("DEST-10", "DEST-07")
def test_nothing_stays_behind_whatever_controllers_have_called_it(bwc: Bwc, old: Path, tmp_path: Path) -> None:
    """And what a server that was killed has left in its databases' journals comes along."""
    names = ("a.log", "b.sqlite", "c.sqlite-wal", "catalogue.sqlite", "destination.log")
    settings = old / "server.toml"
    settings.write_text(settings.read_text() + "quarantine_days = 5\nrequires_known = false\n")
    bad = "W-7_CAM-1_20250101T000000Z"
    with opened_destination(old) as opened:
        opened.intake.put_container(bad, {"StartTime": "5"})
        for name in names:
            upload = opened.store.begin(0)
            upload.feed(name.encode())
            opened.intake.finish_object(upload, bad, name, {}, "video/mp4")
        opened.intake.update_container(bad, {"Status": "Complete"})
        assert {row.file.partition("/")[0] for row in opened.store.catalogue.objects(bad)} == {"quarantine"}
    with opened_people(old) as people:
        people.set_up("words that are long enough", wall_ms())
        killed = tmp_path / "killed"
        shutil.copytree(old, killed)  # as it lies there when the machine stops now
    assert (killed / f"{PEOPLE_NAME}-wal").stat().st_size > 0
    told = bwc("destination", "migrate", killed, tmp_path / "new")
    assert (told.code, f"then remove {killed}" in told.out.replace("\n", "")) == (0, True), told
    with opened_destination(tmp_path / "new") as opened:
        for name in names:
            row = opened.store.catalogue.object(bad, name)
            assert row is not None
            assert b"".join(opened.store.read(row, 0, row.length_bytes)) == name.encode()
    with opened_people(tmp_path / "new") as people:
        assert [each.name for each in people.list()] == ["root"]
    assert (tmp_path / "new" / PEOPLE_NAME).stat().st_mode & 0o077 == 0


@pytest.mark.req("DEST-10")
def test_a_move_names_what_was_not_there_and_keeps_the_old_one(bwc: Bwc, old: Path, tmp_path: Path) -> None:
    (path,) = (each for each in (old / "objects").rglob("*") if each.is_file() and each.stat().st_size)
    path.write_bytes(b"a fi")
    told = bwc("destination", "migrate", old, tmp_path / "new")
    assert told.code == 0
    text = told.out.replace("\n", "")
    assert f"object a.mp4 of {BOX} is not there as it was received" in text
    assert f"keep {old}" in text
    path.unlink()
    assert f"keep {old}" in bwc("destination", "migrate", old, tmp_path / "newer").out.replace("\n", "")


@pytest.mark.req("DEST-10")
def test_nobody_else_reads_what_moves_while_it_moves(
    bwc: Bwc, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which takes hours."""
    seen: list[int] = []
    copystat = shutil.copystat

    def looking(source: str, target: str, **more: bool) -> None:
        """After each file."""
        seen.append((tmp_path / "new").stat().st_mode & 0o777)
        copystat(source, target, **more)

    monkeypatch.setattr(shutil, "copystat", looking)
    assert bwc("destination", "migrate", old, tmp_path / "new").code == 0
    assert set(seen) == {0o700}


@pytest.mark.req("DEST-10")
@pytest.mark.parametrize("about", [{"Name\r\nX-Auth-Token": "x"}, {"": "x"}, {"Ä": "x"}, {"K" * 129: "x"}])
def test_people_whose_words_would_break_a_header_are_not_imported(
    bwc: Bwc, tmp_path: Path, about: dict[str, str]
) -> None:
    row = {"container": "Users", "name": "W-7", "metadata": about}
    people = {"format": FORMAT, "schema": SCHEMA, "settings": "", "facts": {}, "rows": [row]}
    path = tmp_path / "people.json"
    path.write_text(json.dumps(people))
    bwc("destination", "import-people", path, tmp_path / "new").must_be_one_line("this is no file of people")
    path.write_text("[" * 100_000)
    bwc("destination", "import-people", path, tmp_path / "new").must_be_one_line("this is no file of people")


@pytest.mark.req("DEST-09")
def test_names_of_strangers_are_letters_on_a_terminal_and_in_the_log(
    bwc: Bwc, old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = "[red]_CAM-1_20260101T000000Z"
    settings = old / "server.toml"
    settings.write_text(settings.read_text() + "quarantine_days = 5\nrequires_known = false\n")
    with opened_destination(old) as opened:
        opened.intake.put_container(box, {"StartTime": "[/x]\x1b[2J5", "TriggerOn": "\x1b[2J", "UserID": "\x1b]0;x"})
        opened.intake.put_container("Users", {})
        opened.intake.finish_object(opened.store.begin(0), "Users", "W-8", {"Active": "False", "UserID": "\x1b7"}, "")
    told = bwc("destination", "status", old)
    assert (told.code, f"recording {box} is in quarantine: StartTime [/x]?[2J5" in told.out) == (0, True), told
    found = bwc("destination", "search", old)
    assert (found.code, "\x1b" in found.out, "?[2J" in found.out) == (0, False, True), found
    assert "\x1b" not in told.out
    teller(LogBook(tmp_path))("one\x1b[2J\nline\u202e")
    assert LogBook(tmp_path).text().endswith(" one?[2J line?\n")
    assert capsys.readouterr().err.endswith(" one?[2J line?\n")


@pytest.mark.req("DEST-02")
def test_a_destination_that_is_examined_does_not_write_the_findings(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: object) -> Examination:
        examination = Examination.__new__(Examination)
        examination.findings = [Finding("a part", "no", "it says [/red] and \x1b[2J")]
        return examination

    monkeypatch.setattr(destination_checking, "_examine", found)
    monkeypatch.setattr(destination_checking, "console", Console(width=200))
    told = bwc("destination", "check", "http://127.0.0.1:1/auth/v1.0", "--user", "u", "--key", "k")
    assert (told.code, "it says [/red] and ?[2J" in told.out) == (1, True), told


@pytest.mark.req("DEST-08", "DEST-09")
def test_a_certificate_that_is_gone_or_none_is_told_and_ends_nothing(old: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with folders.opened(old, LinuxFiles(old), wall_ms, str, print) as opened:
        looks = Looks(opened, told.append)
        opened.certificate.write_bytes(b"no certificate")
        looks.look()
        opened.certificate.unlink()
        looks.look()
        assert "certificate.pem" in told[-1]
    with folders.opened(old, LinuxFiles(old), wall_ms, str, print) as opened:
        Looks(opened, told.append).look()
    assert len(told) == 3
    assert "the one before is shown: restart the server" in told[0]
    assert "certificate.pem" in told[2]


@pytest.mark.req("DEST-08", "DEST-09")
def test_a_server_tells_of_the_certificate_that_it_shows(bwc: Bwc, old: Path) -> None:
    """Not of one that somebody has made since."""
    told: list[str] = []
    with folders.opened(old, LinuxFiles(old), wall_ms, str, print) as opened:
        looks, before = Looks(opened, told.append), opened.validity()
        looks.look()
        assert bwc("destination", "certificate", old, "--renew").code == 0
        looks.look()
        assert opened.validity() == before._replace(is_replaced=True)
    assert told == ["the certificate was renewed, and the one before is shown: restart the server"]
    with folders.opened(old, LinuxFiles(old), wall_ms, str, print) as opened:
        assert not opened.validity().is_replaced


def test_a_database_is_copied_whole_only_as_a_database(tmp_path: Path) -> None:
    """What the test above relies on: rows of a journal are in no other file."""
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE x (y)")
        shutil.copy(path, tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
