"""Whoever takes evidence out on the command line is in the audit trail, as whoever does it on the page."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import apsw
import pytest

from host_tools.accounts.audit import AuditEntry
from host_tools.cli.people import PEOPLE_NAME, opened_people, user_of_machine
from host_tools.evidence_page.api import looked_at
from tests.unit.cli.parts import Bwc
from tests.unit.evidence.running import OPEN_HOUSE, wall_ms
from tests.unit.evidence.test_complete_stays import ABOUT, BOX, opened, receive

pytestmark = pytest.mark.req("DEST-11", "CTRL-24")
ME = f"local:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.fixture
def bwc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bwc:
    return Bwc(monkeypatch, capsys)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A destination with one recording."""
    with opened(tmp_path / "d", OPEN_HOUSE) as (made, _):
        made.intake.put_container(BOX, ABOUT)
        receive(made, "a.mp4", b"a film")
        made.intake.update_container(BOX, {"Status": "Complete"})
    return tmp_path / "d"


def trail(place: Path) -> list[AuditEntry]:
    with opened_people(place) as people:
        return list(people.audit.entries())


def test_an_export_says_who_when_what_and_where_to(bwc: Bwc, place: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "out", wall_ms()
    assert bwc("destination", "export", BOX[:6], out, "--folder", place).code == 0
    (entry,) = trail(place)
    told = (entry.action, entry.account, entry.origin, entry.outcome, entry.more)
    more = {"container": BOX, "objects": 1, "to": str(out)}
    assert told == ("export_recording", ME, "local", "done", more)
    assert before <= entry.at_unix_ms <= wall_ms()
    with opened_people(place) as people:
        assert [(row["account"], row["to"]) for row in looked_at(people, BOX)] == [(ME, str(out))]


def test_a_folder_whose_name_is_no_text_is_told_as_well(bwc: Bwc, place: Path, tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"out\xff\x1b[2J")
    assert bwc("destination", "export", BOX, out, "--folder", place).code == 0
    assert trail(place)[0].more["to"] == f"{tmp_path}/out\\udcff\x1b[2J"
    assert (out / "verify.py").exists()


def test_what_was_not_taken_is_not_told_as_taken(bwc: Bwc, place: Path, tmp_path: Path) -> None:
    bwc("destination", "export", "nobody_", tmp_path / "out", "--folder", place).must_be_one_line("no such recording")
    (tmp_path / "there" / "objects").mkdir(parents=True)
    bwc("destination", "export", BOX, tmp_path / "there", "--folder", place).must_be_one_line("name a new folder")
    assert trail(place) == []


def test_nothing_leaves_where_the_trail_cannot_be_written(bwc: Bwc, place: Path, tmp_path: Path) -> None:
    """Somebody has cut the last line off, so that the trail is not what it was."""
    assert bwc("destination", "export", BOX, tmp_path / "first", "--folder", place).code == 0
    with apsw.Connection(str(place / PEOPLE_NAME)) as database:
        database.execute("DROP TRIGGER audit_keeps_length")
        database.execute("DELETE FROM audit")
    database.close()
    ended = bwc("destination", "export", BOX, tmp_path / "second", "--folder", place)
    assert ended.code != 0
    assert not [path for path in (tmp_path / "second").rglob("*") if path.is_file()]


def test_people_logs_and_a_whole_destination_leave_on_record_too(bwc: Bwc, place: Path, tmp_path: Path) -> None:
    assert bwc("destination", "logs", tmp_path / "logs.zip", "--folder", place).code == 0
    assert bwc("destination", "export-people", tmp_path / "people.json", "--folder", place).code == 0
    assert bwc("destination", "migrate", place, tmp_path / "new").code == 0
    told = [(each.action, each.account, Path(each.more["to"]).name) for each in trail(place)]
    assert told == [("export_log", ME, "logs.zip"), ("export_people", ME, "people.json"), ("migrate", ME, "new")]
    assert [each.action for each in trail(tmp_path / "new")] == [name for name, _, _ in told], "the copy knows it, too"


def test_a_user_without_a_name_is_told_by_number() -> None:
    assert user_of_machine(54_321).account == "local:54321"
