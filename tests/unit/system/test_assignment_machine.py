"""Self-assignment against the camera's own rule, with everything going wrong: nobody ever records in another's name.

The cameras are the firmware's own (``firmware.camera.assignment`` over a card); people are honest: whoever was told
that their camera flashes takes one that flashes, and some take one that does not. Links break, answers are lost,
contacts flap and the controller dies between any two steps of an offer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firmware.camera.assignment import DOCKED, UNDOCKED, Assignment
from firmware.camera.recorder import Wearer
from firmware.ports.memory_files import MemoryFiles
from host_tools.system import assignment_offer as states
from host_tools.system.assignment_desk import QUIET_MS, Again, Begin, Desk, Note, Refusal, Tap
from host_tools.system.assignment_offer import Offer

TAKE_MS, HOLD_MS, SLACK_MS = 30_000, 35_000, 1_000
WEARERS = ("ada", "bea", "cai")
PLACES = ("", "north")
MOSTLY_HERE = st.sampled_from(["", "", "north"])
NUMBERS = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3])  # of ``some``: mostly a camera that matters now


@dataclass
class Worn:
    """A camera, and who carries it: ``wearer`` is empty in a bay, ``?`` for somebody who showed no badge."""

    serial: str
    place: str
    files: MemoryFiles = field(default_factory=MemoryFiles)
    link: bool = True
    docked: bool = True
    wearer: str = ""

    def __post_init__(self) -> None:
        self.lent = Assignment(self.files)

    def flashes(self) -> bool:
        return self.docked and self.lent.is_offered()

    def name(self) -> str:
        return self.lent.wearer.wearer_id if self.lent.wearer else ""


class Pickup(RuleBasedStateMachine):
    """One controller, its notes, and the world around it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000_000
        self.cameras = {f"CAM-{number}": Worn(f"CAM-{number}", PLACES[number % 2]) for number in range(4)}
        self.notes: dict[str, Note] = {}
        self.told: dict[str, str] = {}  # wearer -> place at which they were told that their camera flashes
        self.begin_controller()

    def begin_controller(self) -> None:
        self.desk = Desk(lambda: list(self.notes.values()), TAKE_MS, HOLD_MS - TAKE_MS, SLACK_MS, self.now_ms)

    # -- people

    @rule(
        wearer=st.sampled_from(WEARERS),
        place=st.sampled_from(["", "", "north"]),
        steps=st.sampled_from([0, 1, 2, 2, 2, 2]),
    )
    def tap(self, wearer: str, place: str, steps: int) -> None:
        self.show_badge(wearer, place)
        self.work_off(steps)

    def show_badge(self, wearer: str, place: str) -> None:
        self.serve(Tap(wearer, "04" + wearer.encode().hex(), "twn4://x", place, self.now_ms), first=True)

    def serve(self, tap: Tap, first: bool) -> None:
        answer = self.desk.tap(tap, self.now_ms) if first else self.desk.held_by(tap.wearer) or Begin(tap)
        if isinstance(answer, Refusal):
            self.told.pop(tap.wearer, None)
        if isinstance(answer, Again) and answer.offer.state == states.OFFERED:
            self.told[tap.wearer] = answer.offer.place
        if not isinstance(answer, Begin):
            return
        idle = [
            each
            for each in self.cameras.values()
            if each.docked and each.link and each.place == tap.place and each.serial not in self.notes
        ]
        if idle:
            self.desk.open(tap, idle[0].serial, "DOCK", int(idle[0].serial[-1]))

    @precondition(lambda self: bool(self.told))
    @rule(which=st.integers(0, 2), sees=st.booleans())
    def take_what_flashes(self, which: int, sees: bool = True) -> None:
        wearer = sorted(self.told)[which % len(self.told)]
        place = self.told.pop(wearer)
        for camera in [each for each in self.cameras.values() if each.flashes() and each.place == place][-1:]:
            self.pull(camera, wearer, sees)

    def take_what_flashes_for(self, wearer: str) -> None:
        """Whoever saw it flash and stands before it, whatever a reader says."""
        self.pull(self.cameras[self.flashing()[0]], wearer)

    @rule(number=NUMBERS, sees=st.booleans())
    def take_what_does_not_flash(self, number: int, sees: bool) -> None:
        camera = self.some(number)
        if camera.docked and not camera.flashes():
            self.pull(camera, "?", sees)

    @rule(number=NUMBERS)
    def take_while_it_restarts(self, number: int) -> None:
        camera = self.some(number)
        if camera.docked:
            camera.docked, camera.wearer = False, "?"
            camera.lent = Assignment(camera.files)
            camera.lent.load(camera.docked)
            self.happen(camera.serial, states.PULLED)
            self.lose(camera)

    def pull(self, camera: Worn, wearer: str, dock_sees: bool = True) -> None:
        camera.docked, camera.wearer = False, wearer
        camera.lent.see(UNDOCKED, self.now_ms)
        if dock_sees:
            self.happen(camera.serial, states.PULLED)
        self.lose(camera)

    @rule(number=NUMBERS, greeted=st.booleans())
    def bring_back(self, number: int, greeted: bool) -> None:
        camera = self.some(number)
        if not camera.docked:
            camera.docked, camera.wearer = True, ""
            camera.lent.see(DOCKED, self.now_ms)
            if greeted:
                self.greet(camera)

    # -- what goes wrong

    @rule(number=NUMBERS)
    def link_breaks(self, number: int) -> None:
        self.lose(self.some(number))

    @rule(number=NUMBERS)
    def link_comes_back(self, number: int) -> None:
        camera = self.some(number)
        if camera.docked and not camera.link:
            self.greet(camera)

    @rule(number=NUMBERS)
    def camera_restarts(self, number: int) -> None:
        camera = self.some(number)
        camera.lent = Assignment(camera.files)
        camera.lent.load(camera.docked)
        self.lose(camera)

    @rule(applied=st.booleans())
    def controller_dies(self, applied: bool) -> None:
        for offer in self.desk.offers:
            if applied:
                self.do(offer)
        self.begin_controller()
        for camera in self.cameras.values():
            camera.link = False

    def some(self, number: int) -> Worn:
        """A camera; those that are offered, noted or away come first."""
        busy = {offer.camera for offer in self.desk.offers} | set(self.notes)
        ordered = sorted(self.cameras.values(), key=lambda each: (each.serial not in busy and each.docked, each.serial))
        return ordered[number]

    def lose(self, camera: Worn) -> None:
        if camera.link:
            camera.link = False
            self.happen(camera.serial, states.LOST)

    def greet(self, camera: Worn) -> None:
        """As the controller does: nobody is written, then the camera is back."""
        camera.link = True
        camera.lent.keep(None, "")
        if not self.happen(camera.serial, states.BACK):
            self.notes.pop(camera.serial, None)
        self.desk.settle(camera.serial)

    @rule()
    def sweep(self) -> None:
        """Now and then the controller looks for notes of cameras that stand greeted in a bay."""
        offered = {offer.camera for offer in self.desk.offers}
        for camera in self.cameras.values():
            if camera.docked and camera.link and camera.serial not in offered:
                self.notes.pop(camera.serial, None)
                self.desk.settle(camera.serial)

    # -- the controller's work

    @precondition(lambda self: bool(self.desk.offers))
    @rule(which=st.integers(0, 3), ends=st.sampled_from([states.DONE, states.DONE, states.FAILED, "done, and lost"]))
    def work(self, which: int, ends: str) -> None:
        """One step of one offer; what happens meanwhile is another rule's."""
        offer = self.desk.offers[which % len(self.desk.offers)]
        doing = offer.state
        if doing in (states.OFFERED, states.UNSURE):
            return
        result = states.FAILED
        if ends != states.FAILED:
            result = self.do(offer)
            result = states.FAILED if ends != states.DONE else result
        if result == states.FAILED and doing in (states.WRITING, states.RELEASING):
            self.cameras[offer.camera].link = False
        if offer.state == doing and self.desk.happen(offer, result, self.now_ms) and offer.state == states.OFFERED:
            self.told[offer.wearer] = offer.place
        self.tidy()

    def do(self, offer: Offer) -> str:
        camera = self.cameras[offer.camera]
        if offer.state == states.NOTING:
            self.notes[offer.camera] = Note(offer.camera, offer.wearer, False)
        elif offer.state == states.FORGETTING:
            self.notes.pop(offer.camera, None)
        elif not camera.link:
            return states.FAILED
        elif offer.state == states.WRITING:
            camera.lent.offer(Wearer(offer.wearer, offer.wearer), "default", self.now_ms + HOLD_MS)
        elif offer.state == states.RELEASING:
            camera.lent.keep(None, "")
        return states.DONE

    def happen(self, camera: str, event: str) -> bool:
        changed = [offer for offer in self.desk.offers if offer.camera == camera]
        found = [offer for offer in changed if self.desk.happen(offer, event, self.now_ms)]
        self.tidy()
        return bool(found)

    def tidy(self) -> None:
        for offer in [offer for offer in self.desk.offers if offer.is_over()]:
            self.desk.close(offer, self.now_ms)
            self.told.pop(offer.wearer, None)  # the reader says so, or they have their camera
            if offer.state == states.TAKEN:
                self.notes[offer.camera] = Note(offer.camera, offer.wearer, True)
        for tap in self.desk.next(self.now_ms):
            self.serve(tap, first=False)

    @rule(ms=st.sampled_from([10, 500, 3_000, 29_990, 36_500]))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms
        for camera in self.cameras.values():
            camera.lent.follow(self.now_ms)
        for offer in list(self.desk.offers):
            offer.tick(self.now_ms)
        self.tidy()
        flashing = {camera.place for camera in self.cameras.values() if camera.flashes()}
        self.told = {wearer: place for wearer, place in self.told.items() if place in flashing}

    def flashing(self) -> list[str]:
        """Serials."""
        return [camera.serial for camera in self.cameras.values() if camera.flashes()]

    # -- what must hold

    @invariant()
    def nobody_records_in_anothers_name(self) -> None:
        for camera in self.cameras.values():
            if not camera.docked:
                assert camera.name() in ("", camera.wearer), (
                    f"{camera.serial}: {camera.name()!r}, not {camera.wearer!r}"
                )

    @invariant()
    def one_camera_flashes_at_a_place(self) -> None:
        for place in PLACES:
            flashing = [each.serial for each in self.cameras.values() if each.flashes() and each.place == place]
            assert len(flashing) <= 1, flashing

    @invariant()
    def nobody_wears_two(self) -> None:
        worn = [camera.name() for camera in self.cameras.values() if not camera.docked and camera.name()]
        assert len(worn) == len(set(worn))

    @invariant()
    def whoever_wears_one_is_noted(self) -> None:
        offered = {offer.camera: offer.wearer for offer in self.desk.offers}
        noted = {note.camera: note.wearer for note in self.notes.values()}
        for camera in self.cameras.values():
            if camera.name():
                assert (noted | offered)[camera.serial] == camera.name()

    def teardown(self) -> None:
        """Everything is brought home: nothing is left over, and everybody gets a camera again."""
        for camera in self.cameras.values():
            if not camera.docked:
                camera.docked, camera.wearer = True, ""
                camera.lent.see(DOCKED, self.now_ms)
            self.greet(camera)
        for _ in range(60):
            self.work_off()
            self.time_passes(5_000)
            self.sweep()
        assert (self.desk.offers, self.desk.waiting, self.notes) == ([], [], {})
        for wearer, place in zip(WEARERS, ("", "north", ""), strict=True):
            self.now_ms += QUIET_MS
            self.show_badge(wearer, place)
            self.work_off(steps=2)
            assert self.told == {wearer: place}
            self.take_what_flashes(0)

    def work_off(self, steps: int = 8) -> None:
        for _ in range(steps):
            for which in range(len(self.desk.offers)):
                if self.desk.offers:
                    self.work(which, states.DONE)


TestPickup = pytest.mark.req("RFID-02", "RFID-03", "CTRL-06")(Pickup.TestCase)
TestPickup.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def flashing_for(wearer: str) -> Pickup:
    """A world in which one camera has just begun to flash for somebody."""
    world = Pickup()
    world.tap(wearer, "", 2)
    assert world.flashing() == ["CAM-0"]
    return world


@pytest.mark.parametrize("then", ["link", "release", "restart"])
def test_where_a_camera_may_still_flash_nobody_else_gets_one(then: str):
    world = flashing_for("ada")
    if then == "link":
        world.link_breaks(0)
    elif then == "release":
        world.time_passes(TAKE_MS)
        world.work(0, states.FAILED)
    else:
        world.controller_dies(False)
        world.link_comes_back(2)  # CAM-2 is greeted; CAM-0 is not yet
    world.tap("bea", "", 2)
    assert world.flashing() == ["CAM-0"]
    world.now_ms += QUIET_MS
    world.time_passes(HOLD_MS + SLACK_MS)
    world.work_off(2)
    assert world.told == {"bea": ""}
    assert world.flashing() == ["CAM-2"]


def test_a_camera_that_did_not_answer_its_release_flashes_on_and_is_waited_for():
    world = flashing_for("ada")
    world.tap("bea", "", 0)
    world.time_passes(TAKE_MS)
    world.work(0, states.FAILED)
    world.work_off(3)
    world.time_passes(QUIET_MS)  # the quiet after an offer is over; the camera's own time is not
    world.work_off(3)
    assert world.flashing() == ["CAM-0"], "asked to stop, and nobody knows whether it did"
    assert "CAM-0" in world.notes, "whoever took it now would wear it"
    world.take_what_flashes_for("ada")
    assert world.notes["CAM-0"] == Note("CAM-0", "ada", True)


def test_an_answer_that_was_lost_counts_as_given():
    world = Pickup()
    world.tap("ada", "", 1)
    world.work(0, "done, and lost")
    assert world.flashing() == ["CAM-0"]
    world.tap("bea", "", 2)
    world.one_camera_flashes_at_a_place()
    assert isinstance(world.desk.tap(Tap("ada", "04", "", "", world.now_ms), world.now_ms), Refusal)


def test_whoever_takes_it_after_its_time_is_nobody():
    world = flashing_for("ada")
    world.link_breaks(0)
    world.time_passes(HOLD_MS)
    world.take_what_does_not_flash(0, True)
    assert world.cameras["CAM-0"].name() == ""


def test_whoever_takes_it_while_it_restarts_is_nobody():
    world = flashing_for("ada")
    world.take_while_it_restarts(0)
    assert world.cameras["CAM-0"].name() == ""


def test_whoever_comes_too_late_does_not_take_the_next_ones_camera():
    world = flashing_for("ada")
    world.tap("bea", "", 0)
    world.link_breaks(0)
    world.link_comes_back(0)
    world.work_off(3)
    assert world.flashing() == []
    world.time_passes(QUIET_MS)
    world.work_off(3)
    assert (len(world.flashing()), world.told) == (1, {"bea": ""})


def test_a_wearer_has_one_camera_and_the_next_when_it_is_back():
    world = flashing_for("ada")
    world.take_what_flashes(0)
    answer = world.desk.tap(Tap("ada", "04", "", "north", world.now_ms), world.now_ms)
    assert answer == Refusal("holds", "CAM-0")
    world.bring_back(0, True)
    world.sweep()
    world.tap("ada", "north", 2)
    assert world.told == {"ada": "north"}
