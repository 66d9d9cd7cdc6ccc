"""Which alerts are mailed, when, and what of it a restart and a bad disk leave."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.ports.errors import PortFault
from firmware.ports.limited_files import LimitedFiles
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.notify import Notifier
from host_tools.controller.notify_mail import Mailer
from host_tools.controller.notify_outbox import AGE_MS_MAX, FILE, MAILS_MAX, Outbox
from host_tools.controller.notify_rules import BY_KIND, EVENTS, QUIET_MS, TOLD_MAX, Key, News, Told, decide
from host_tools.controller.notify_settings import MailSettings
from host_tools.custody.blocking import run_inline
from host_tools.system.alerts import KINDS, Alert
from host_tools.system.records import SystemSettings
from tests.unit.system.parts import NOW_MS

LOST, FULL, ALMOST = "destination_failed", "storage_full", "storage_almost_full"
COMING = {"extension_lost", "backup_failed", "new_software", "cloud_link_lost"}  # their parts are not written yet


def alert(kind: str, device: str = "archive", number: int = 1, details: str = "no answer") -> Alert:
    return Alert(number, kind, device, details, NOW_MS)


def shown(news: list[News]) -> list[tuple[str, str, bool]]:
    return [(each.kind, each.device, each.alert is not None) for each in news]


def look(
    told: dict[Key, Told], *alerts: Alert, at_ms: int = NOW_MS, room: int = MAILS_MAX
) -> list[tuple[str, str, bool]]:
    return shown(decide(alerts, told, at_ms, room))


@pytest.mark.req("CTRL-17")
def test_the_table_has_the_six_events_and_every_kind_is_one_that_is_or_comes():
    assert [each.event for each in EVENTS] == [
        "destination_lost",
        "extension_lost",
        "storage_low",
        "backup_failed",
        "new_software",
        "cloud_link_lost",
    ]
    assert set(BY_KIND) == {LOST, "destination_refuses", FULL, ALMOST} | COMING
    assert set(BY_KIND) - COMING <= set(KINDS)


@pytest.mark.req("CTRL-17")
@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_one_mail_when_it_is_raised_and_one_when_it_clears(kind: str):
    told: dict[Key, Told] = {}
    assert look(told, alert(kind)) == [(kind, "archive", True)]
    assert look(told, alert(kind), at_ms=NOW_MS + 10 * QUIET_MS) == []
    ends = [(kind, "archive", False)] if BY_KIND[kind].ends else []
    assert look(told, at_ms=NOW_MS + 11 * QUIET_MS) == ends
    assert look(told, at_ms=NOW_MS + 12 * QUIET_MS) == []
    assert told == {}


def test_what_is_none_of_the_six_is_not_mailed():
    told: dict[Key, Told] = {}
    assert look(told, alert("docking_issue"), alert("mail_failed")) == []
    assert told == {}


def test_what_gets_worse_is_told_and_what_is_over_only_when_nothing_is_left():
    told: dict[Key, Told] = {}
    assert look(told, alert(ALMOST)) == [(ALMOST, "archive", True)]
    assert look(told, alert(ALMOST), alert(FULL, number=2), at_ms=NOW_MS + 1) == [(FULL, "archive", True)]
    assert look(told, alert(FULL, number=2), at_ms=NOW_MS + 2) == []
    assert look(told, at_ms=NOW_MS + 3) == [(FULL, "archive", False)]


@pytest.mark.req("CTRL-17")
def test_what_comes_and_goes_is_told_four_times_an_hour_at_most():
    told: dict[Key, Told] = {}
    sent: list[News] = []
    for number in range(360):  # an hour, up and down every ten seconds
        open_now = [alert(LOST, number=number)] if number % 2 == 0 else []
        sent += decide(open_now, told, NOW_MS + number * 10_000, MAILS_MAX)
    raised = [each for each in sent if each.alert is not None]
    assert len(raised) == 4
    assert len(sent) == 8
    assert raised[1].came == 45  # how often it came since is in the mail


def test_two_devices_are_two_things():
    told: dict[Key, Told] = {}
    assert look(told, alert(LOST), alert(LOST, "other", 2)) == [(LOST, "archive", True), (LOST, "other", True)]


def test_a_clock_that_was_put_back_holds_nothing_up():
    told: dict[Key, Told] = {}
    look(told, alert(LOST))
    look(told, at_ms=NOW_MS + 1)
    assert look(told, alert(LOST, number=2), at_ms=NOW_MS - 86_400_000) == [(LOST, "archive", True)]


def test_without_room_nothing_is_lost():
    told: dict[Key, Told] = {}
    assert look(told, alert(LOST), room=0) == []
    assert look(told, alert(LOST)) == [(LOST, "archive", True)]
    assert look(told, room=0) == []
    assert look(told) == [(LOST, "archive", False)]


def test_what_is_known_is_bounded():
    told: dict[Key, Told] = {}
    decide([alert(LOST, f"archive {number}", number) for number in range(TOLD_MAX + 50)], told, NOW_MS, 10_000)
    assert len(told) == TOLD_MAX


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, QUIET_MS), st.integers(0, 1)), max_size=60))
def test_whatever_happens_people_know_in_the_end_how_it_is(steps: list[tuple[bool, bool, int, int]]):
    """Mails of one thing: never "over" twice without a start between; and after a quiet while what is open is known."""
    told: dict[Key, Told] = {}
    at_ms, sent, number = NOW_MS, [], 0
    for full, almost, later_ms, room in steps:
        at_ms, number = at_ms + later_ms, number + 1
        found = [alert(FULL, number=number)] if full else []
        found += [alert(ALMOST, number=number + 1000)] if almost else []
        sent += decide(found, told, at_ms, room)
        kept = Told.model_validate_json(told["storage_low", "archive"].model_dump_json()) if told else None
        told = {("storage_low", "archive"): kept} if kept else {}  # as after a restart
    sent += decide([alert(FULL, number=9_999)], told, at_ms + QUIET_MS, 1)
    last = [each for each in sent if each.device == "archive"][-1]
    assert (last.kind, last.alert is not None) == (FULL, True)
    for before, after in itertools.pairwise(sent):
        assert after.alert is not None or before.alert is not None


# -- the file


class Rig:
    """A notifier without a server: mails wait."""

    def __init__(self, files: MemoryFiles | LimitedFiles, address: str = "ada@example.org") -> None:
        self.now_ms = NOW_MS
        self.open: list[Alert] = []
        self.faults: list[str] = []
        self.settings = SystemSettings(name="north", notification_address=address, time_zone="Europe/Stockholm")
        self.notifier = Notifier(
            Mailer(MailSettings()),
            files,
            lambda: self.settings,
            lambda: self.open,
            "controller-1",
            lambda: self.now_ms,
            run_inline,
            self.faults.append,
        )

    def look(self, *alerts: Alert) -> None:
        self.open = list(alerts)
        asyncio.run(self.notifier.look())


def waiting(files: MemoryFiles) -> list[str]:
    return [mail.subject for mail in Outbox(files).mails()]


@pytest.mark.req("CTRL-17")
def test_a_restart_neither_loses_nor_repeats():
    files = MemoryFiles()
    Rig(files).look(alert(LOST))
    for _ in range(3):
        Rig(files).look(alert(LOST))
    assert waiting(files) == ["[north] Destination lost: archive"]
    Rig(files).look()  # it cleared while the controller was away
    assert waiting(files) == ["[north] Destination lost: archive", "[north] Over: Destination lost: archive"]
    ids = [mail.id for mail in Outbox(files).mails()]
    assert len(set(ids)) == 2


@pytest.mark.req("CTRL-17")
def test_an_empty_address_is_off_and_forgets():
    files = MemoryFiles()
    rig = Rig(files, "")
    rig.look(alert(LOST))
    assert not files.exists(FILE)
    rig = Rig(files)
    rig.look(alert(LOST))
    assert len(waiting(files)) == 1
    rig.settings = SystemSettings()
    rig.look(alert(LOST))
    assert waiting(files) == []
    assert rig.faults[-1] == ""


def test_an_address_without_a_server_is_told_before_there_is_anything_to_tell():
    rig = Rig(MemoryFiles())
    assert rig.notifier.state()["fault"] == "mail: no server; put mail_server into the settings file"
    rig.settings = SystemSettings()
    assert rig.notifier.state()["fault"] == ""


def test_a_fault_is_said_and_a_mail_that_nobody_took_for_days_is_given_up():
    files = MemoryFiles()
    rig = Rig(files)
    rig.look(alert(LOST))
    assert rig.faults[-1].startswith("mail: no server; put mail_server into the settings file")
    rig = Rig(files)
    rig.now_ms += AGE_MS_MAX
    rig.look(alert(LOST))
    assert waiting(files) == []


def test_a_full_disk_loses_no_mail():
    inner = MemoryFiles()
    files = LimitedFiles(inner, 10)
    rig = Rig(files)
    with pytest.raises(PortFault):
        rig.look(alert(LOST))
    rig = Rig(inner)
    rig.look(alert(LOST))
    assert len(waiting(inner)) == 1


def test_a_damaged_file_is_begun_anew():
    files = MemoryFiles()
    file = files.create(FILE)
    file.write_at(0, b'{"made": "no')
    file.close()
    Rig(files).look(alert(LOST))
    assert len(waiting(files)) == 1


def test_the_queue_is_bounded_and_what_is_open_is_told_later():
    files = MemoryFiles()
    rig = Rig(files)
    rig.look(*(alert(LOST, f"archive {number:03}", number) for number in range(MAILS_MAX + 7)))
    assert len(waiting(files)) == MAILS_MAX
    outbox = Outbox(files)
    for mail in outbox.mails():
        outbox.drop(mail.id)
    Rig(files).look(*(alert(LOST, f"archive {number:03}", number) for number in range(MAILS_MAX + 7)))
    assert len(waiting(files)) == 7
