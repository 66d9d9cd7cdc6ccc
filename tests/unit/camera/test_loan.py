"""A camera that is lent for one time out of its dock: by its own clock and contacts, whatever befalls a host."""

from __future__ import annotations

import pytest

from firmware.camera.assignment import ALWAYS, FILE, NOBODY, OFFERED, TAKEN, Assignment
from firmware.camera.recorder import Wearer
from firmware.drivers import lamps
from firmware.formats.manifest import Manifest
from firmware.link.schema import PART_MANIFEST
from firmware.ports.errors import IoFault
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCutFiles
from host_tools.custody.belief import known, of_system
from tests.unit.camera.rig import ADA, SERIAL, CameraRig

HOLD_MS = 10_000
OFFER = {"wearer": "W-007", "name": "Grace Hopper", "profile": "default", "hold_ms": HOLD_MS}


class Card(PowerCutFiles):
    """A card that takes nothing while it is ``failing``."""

    failing = False

    def change(self, operation: str) -> None:
        super().change(operation)
        if self.failing:
            raise IoFault(f"{operation}: the card failed")


def offered(rig: CameraRig | None = None) -> CameraRig:
    """A docked camera of nobody that has just been offered."""
    rig = rig or CameraRig(wearer=None, docked=True)
    rig.connect()
    assert rig.ask("offer_wearer", OFFER).name == "done"
    return rig


def manifest_of(rig: CameraRig) -> Manifest:
    (stored,) = rig.app.vault.recordings()
    data = rig.app.vault.read_piece(stored.recording, PART_MANIFEST, 0, stored.manifest_bytes)
    belief = of_system(rig.world.trust)
    found = belief.judge(bytes(data), SERIAL, stored.recording, rig.world.now_ms)
    return known(found, belief.opener_of(found))


@pytest.mark.req("RFID-02", "DOCK-05")
def test_it_flashes_green_as_long_as_it_is_offered_and_then_is_nobodys():
    rig = offered()
    assert rig.colours(HOLD_MS - 1_000) == {lamps.GREEN, lamps.DARK}
    rig.run(1_200)
    assert rig.colours(1_000) == {lamps.AMBER}
    assert rig.app.assignment.wearer is None
    rig.undock()
    assert rig.app.state == "unassigned"


@pytest.mark.req("RFID-02", "CAM-02")
def test_taken_in_time_it_records_for_whom_it_was_lent_to_and_is_nobodys_when_it_is_back():
    rig = offered()
    rig.run(HOLD_MS - 500)
    rig.undock()
    rig.run(HOLD_MS)  # the time to take it is over long ago; it was taken
    assert (rig.app.state, rig.app.assignment.loan) == ("ready", TAKEN)
    rig.record(2_000)
    rig.dock()
    assert rig.app.assignment.wearer is None
    assert manifest_of(rig).wearer_id == "W-007"
    rig.undock()
    assert rig.app.state == "unassigned", "who pulls it out before a controller has looked at it is nobody"


@pytest.mark.req("RFID-02")
def test_a_recording_that_the_docking_ends_still_has_its_wearer():
    rig = offered()
    rig.undock()
    rig.press()
    rig.run(2_500)
    rig.dock()
    rig.run(500)
    assert rig.app.assignment.wearer is None
    assert manifest_of(rig).wearer_id == "W-007"


@pytest.mark.parametrize("docked", [True, False])
def test_an_offer_does_not_outlive_a_restart(docked: bool):
    rig = offered()
    rig.boot(docked)
    assert rig.app.assignment.wearer is None
    assert rig.app.state == ("docked" if docked else "unassigned")


@pytest.mark.parametrize(("docked", "state"), [(True, "docked"), (False, "ready")])
def test_a_loan_outlives_a_flat_battery_and_not_a_docking(docked: bool, state: str):
    rig = offered()
    rig.undock()
    rig.boot(docked)
    assert rig.app.state == state
    assert (rig.app.assignment.wearer is None) == docked


def test_power_that_goes_before_the_taking_is_written_leaves_it_nobodys():
    files = Card(MemoryFiles())
    rig = offered(CameraRig(wearer=None, docked=True, files=files))
    files.failing = True
    rig.undock()
    assert rig.app.state == "ready"  # it was taken, and this run knows it
    files.failing = False
    rig.boot()
    assert rig.app.state == "unassigned"


def test_the_end_of_a_loan_is_written_when_the_card_takes_it_again():
    files = Card(MemoryFiles())
    rig = offered(CameraRig(wearer=None, docked=True, files=files))
    rig.undock()
    files.failing = True
    rig.dock()
    assert rig.app.assignment.wearer is None
    files.failing = False
    rig.run(11_000)
    rig.boot()
    assert rig.app.assignment.wearer is None


def test_only_a_docked_camera_is_lent_and_to_somebody():
    rig = CameraRig(wearer=None)
    rig.connect()
    answer = rig.ask("offer_wearer", OFFER)
    assert (answer.name, "only one that is docked" in answer.fields["text"]) == ("error", True)
    rig.dock()
    answer = rig.ask("offer_wearer", {**OFFER, "wearer": ""})
    assert (answer.name, answer.fields["text"]) == ("error", "an offer names its wearer")
    assert rig.app.assignment.wearer is None


def test_an_offer_is_withdrawn_by_assigning_nobody_and_replaced_by_another():
    rig = offered()
    rig.ask("offer_wearer", {**OFFER, "wearer": "W-8", "name": "Ada"})
    assert (rig.app.assignment.loan, rig.app.assignment.wearer and rig.app.assignment.wearer.wearer_id) == (
        OFFERED,
        "W-8",
    )
    rig.ask("assign_wearer", {"wearer": "", "name": "", "profile": ""})
    rig.undock()
    assert rig.app.state == "unassigned"


def test_a_wearer_for_always_stays_through_docking():
    rig = CameraRig(wearer=ADA)
    rig.dock()
    rig.run(HOLD_MS)
    rig.undock()
    assert rig.app.state == "ready"
    assert rig.files.exists(FILE)


@pytest.mark.req("RFID-02", "CAM-02")
@pytest.mark.parametrize(
    ("loan", "happened", "following"),
    [
        (OFFERED, "undocked", TAKEN),
        (OFFERED, "docked", NOBODY),
        (OFFERED, "over", NOBODY),
        (OFFERED, "started_docked", NOBODY),
        (OFFERED, "started_away", NOBODY),
        (TAKEN, "undocked", TAKEN),
        (TAKEN, "docked", NOBODY),
        (TAKEN, "over", TAKEN),
        (TAKEN, "started_docked", NOBODY),
        (TAKEN, "started_away", TAKEN),
        (ALWAYS, "undocked", ALWAYS),
        (ALWAYS, "docked", ALWAYS),
        (ALWAYS, "over", ALWAYS),
        (ALWAYS, "started_docked", ALWAYS),
        (ALWAYS, "started_away", ALWAYS),
    ],
)
def test_what_ends_a_loan_and_what_does_not_in_memory_and_on_the_card(loan: str, happened: str, following: str):
    files = MemoryFiles()
    lent = Assignment(files)
    lent.keep(Wearer("W-007", "Grace Hopper"), "default")
    if loan != ALWAYS:
        lent.offer(Wearer("W-007", "Grace Hopper"), "default", HOLD_MS)
    if loan == TAKEN:
        lent.see("undocked", 0)
    if happened.startswith("started"):
        lent = Assignment(files)
        lent.load(happened == "started_docked")
    else:
        lent.see(happened, 1)
    kept = Assignment(files)  # what a restart away from the dock would find
    kept.load(docked=False)
    expected = None if following == NOBODY else "W-007"
    assert (lent.wearer and lent.wearer.wearer_id, lent.loan) == (expected, ALWAYS if expected is None else following)
    assert (kept.wearer and kept.wearer.wearer_id) == (None if following == OFFERED else expected)


@pytest.mark.req("RFID-02", "CAM-02")
def test_it_does_not_say_that_it_is_nobodys_while_its_card_still_says_otherwise():
    files = Card(MemoryFiles())
    rig = offered(CameraRig(wearer=None, docked=True, files=files))
    rig.undock()
    files.failing = True
    rig.dock()
    rig.connect()
    nobody = {"wearer": "", "name": "", "profile": ""}
    assert rig.ask("assign_wearer", nobody).name == "error", "a power cut now would give W-007 the camera back"
    files.failing = False
    assert rig.ask("assign_wearer", nobody).name == "done"
    rig.boot(docked=False)
    assert rig.app.state == "unassigned"


@pytest.mark.req("RFID-02", "CAM-02")
def test_a_card_that_works_again_does_not_bring_an_old_loan_back():
    files = Card(MemoryFiles())
    rig = offered(CameraRig(wearer=None, docked=True, files=files))
    rig.undock()
    files.failing = True
    rig.press()
    rig.run(500)
    assert rig.app.state == "malfunctioning"  # the card is looked at again ten seconds after that
    rig.run(5_000)
    rig.dock()
    rig.run(2_500)
    assert rig.app.assignment.wearer is None
    rig.undock()
    files.failing = False
    rig.run(30_000)
    assert rig.app.assignment.wearer is None
    assert rig.app.state == "unassigned"
    rig.boot(docked=False)
    assert rig.app.state == "unassigned"


@pytest.mark.req("RFID-02", "CAM-02")
def test_docked_while_the_card_could_not_be_read_it_is_nobodys_when_it_can_be():
    files = MemoryFiles()
    lent = Assignment(files)
    lent.offer(Wearer("W-007", "Grace Hopper"), "default", HOLD_MS)
    lent.see("undocked", 0)
    started = Assignment(files)  # away, and its card does not answer
    started.see("docked", 1_000)
    started.see("undocked", 2_000)
    started.load(docked=False)
    assert started.wearer is None
    started.offer(Wearer("W-008", "Ada"), "default", HOLD_MS)
    started.see("undocked", 3_000)
    started.load(docked=False)
    assert (started.wearer and started.wearer.wearer_id, started.loan) == ("W-008", TAKEN), "its own loan goes on"


def test_a_card_that_does_not_take_the_loan_is_not_asked_at_every_step():
    files = Card(MemoryFiles())
    lent = Assignment(files)
    lent.offer(Wearer("W-007", "Grace Hopper"), "default", HOLD_MS)
    files.failing = True
    lent.see("undocked", 5_000)
    due_ms = lent.next_deadline_ms()
    assert due_ms is not None
    assert due_ms > 5_000
    files.failing = False
    lent.follow(due_ms - 1)
    assert not lent.is_kept()
    lent.follow(due_ms)
    assert lent.is_kept()


@pytest.mark.req("RFID-02")
def test_a_card_that_fails_as_it_is_taken_does_not_take_it_from_its_wearer():
    files = Card(MemoryFiles())
    lent = Assignment(files)
    lent.offer(Wearer("W-007", "Grace Hopper"), "default", HOLD_MS)
    files.failing = True
    lent.see("undocked", 0)
    files.failing = False
    lent.load(docked=False)  # looked at again before the loan was written: the card still says that it is offered
    assert (lent.wearer and lent.wearer.wearer_id, lent.loan) == ("W-007", TAKEN)
    lent.follow(60_000)
    kept = Assignment(files)
    kept.load(docked=False)
    assert (kept.wearer and kept.wearer.wearer_id, kept.loan) == ("W-007", TAKEN)
