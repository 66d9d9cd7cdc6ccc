"""A camera that calls and one that is called: when it does, when it does not, and what it leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.camera import card
from firmware.camera.broadcasts import CALL_MS, FILE, POWER_DBM, RETRY_MS
from firmware.formats import canonical
from firmware.ports.clock import WALL_CONTROLLER
from firmware.ports.errors import PortFault
from firmware.ports.memory_radio import MemoryAir, MemoryRadio
from firmware.secure.broadcast import Call, Listener, Now, encode, sender_of
from tests.unit.camera.rig import SERIAL, CameraRig

KEY, NUMBER = bytes(range(100, 132)), 3
MINUTE_MS = 60_000


class Worn:
    """A camera with a radio that was told its settings at its dock, and has been out for so long."""

    def __init__(self, out_ms: int = 1_000, key: bytes | None = KEY, **settings: Any) -> None:
        self.air = MemoryAir()
        self.rig = CameraRig(docked=True)
        self.boot(docked=True)
        self.rig.connect()
        document = canonical.encode(settings)
        assert self.rig.ask("configure", {"profile": "night", "settings": document}).name == "done"
        if key is not None:
            assert self.rig.ask("set_broadcast_key", {"number": NUMBER, "key": key}).name == "done"
        self.rig.undock()
        self.rig.run(out_ms)

    def boot(self, docked: bool = False) -> None:
        """Power comes, and the radio is there: the rig's board has none of its own."""
        self.radio: MemoryRadio = self.air.radio()
        self.rig.radio = self.radio
        self.rig.boot(docked)

    @property
    def state(self) -> str:
        return self.rig.app.state

    def now(self) -> Now:
        wall = self.rig.ports.clock.wall()
        return Now(True, wall.unix_ms, wall.uncertainty_ms)

    def hear(self, key: bytes = KEY, dbm: int = 0, late_s: int = 0, count: int = 1, number: int = NUMBER) -> None:
        """A colleague's camera begins to record nearby."""
        call = Call("high", 4, sender_of("CAM-0009"), self.now().unix_ms // 1000 - late_s, count)
        self.message = encode(call, number, key)
        self.air.carry(None, self.message, dbm)
        self.rig.run(100)


@pytest.mark.req("CAM-13")
@pytest.mark.parametrize("reach", ["low", "medium", "high"])
def test_a_press_calls_for_five_seconds_with_the_profiles_strength(reach: str):
    worn = Worn(2 * MINUTE_MS, broadcast_send=reach)
    worn.rig.press()
    assert worn.state == "recording"
    message = worn.radio.message
    assert message is not None
    assert worn.radio.power_dbm == POWER_DBM[reach]
    found = Listener({NUMBER: KEY}, sender_of("CAM-0009")).hear(message, -60, worn.now())
    assert isinstance(found, Call)
    assert (found.range, found.power_dbm, found.sender) == (reach, POWER_DBM[reach], sender_of(SERIAL))
    worn.rig.run(CALL_MS - 400)
    assert worn.radio.message == message
    worn.rig.run(500)
    assert worn.radio.message is None
    assert worn.state == "recording"
    first = found
    worn.rig.press(3_100)
    worn.rig.run(500)
    worn.rig.press()
    again = Listener({NUMBER: KEY}, b"").hear(worn.radio.message or b"", -60, worn.now())
    assert isinstance(again, Call)
    assert (again.unix_s, again.turn) > (first.unix_s, first.turn)


@pytest.mark.req("CAM-13")
@pytest.mark.parametrize(
    ("settings", "key", "out_ms"),
    [
        ({}, KEY, 2 * MINUTE_MS),
        ({"broadcast_send": "off", "broadcast_receive": True}, KEY, 2 * MINUTE_MS),
        ({"broadcast_send": "high"}, None, 2 * MINUTE_MS),
        ({"broadcast_send": "high"}, KEY, 2 * MINUTE_MS - 2_000),
        ({"broadcast_send": "high", "broadcast_withheld_min": 5}, KEY, 4 * MINUTE_MS),
    ],
    ids=["default", "receives only", "no key", "just undocked", "withheld for five minutes"],
)
def test_a_press_calls_nobody(settings: dict[str, Any], key: bytes | None, out_ms: int):
    worn = Worn(out_ms, key, **settings)
    worn.rig.press()
    assert worn.state == "recording"
    assert worn.radio.message is None


@pytest.mark.req("CAM-13")
def test_a_call_starts_a_recording_that_says_so_and_calls_nobody_else():
    worn = Worn(2 * MINUTE_MS, broadcast_send="high", broadcast_receive=True)
    worn.hear()
    assert worn.state == "recording"
    worn.rig.run(2_000)
    assert worn.radio.message is None
    worn.rig.press(3_100)
    worn.rig.run(500)
    outcome = worn.rig.app.last_outcome
    assert outcome is not None
    assert outcome.manifest is not None
    assert outcome.manifest.cause_start == "broadcast"
    worn.air.carry(None, worn.message, 0)
    worn.rig.run(500)
    assert worn.state == "ready", "the same call, repeated by whoever recorded it"


@pytest.mark.req("CAM-13")
def test_a_camera_that_is_not_to_listen_hears_nothing():
    worn = Worn(broadcast_send="high")
    worn.hear()
    assert (worn.state, worn.radio.listening) == ("ready", False)
    listening = Worn(broadcast_receive=True)
    assert listening.radio.listening
    listening.rig.press()
    assert not listening.radio.listening, "it records already"
    docked = Worn(broadcast_receive=True)
    docked.rig.dock()
    assert not docked.radio.listening


@pytest.mark.req("CAM-13")
@pytest.mark.parametrize(
    ("why", "how"),
    [
        ("forged", {"key": bytes(32)}),
        ("strange", {"number": NUMBER + 1}),
        ("late", {"late_s": 60}),
        ("weak", {"dbm": -29}),
    ],
)
def test_what_is_no_call_is_counted_and_nothing_else(why: str, how: dict[str, Any]):
    worn = Worn(broadcast_receive=True)
    worn.hear(**how)
    assert (worn.state, worn.rig.app.broadcasts.ignored) == ("ready", {why: 1})
    worn.hear(count=2)
    assert worn.state == "recording"


@pytest.mark.req("CAM-13", "CAM-19")
def test_keys_outlive_a_reset_sealed():
    worn = Worn(broadcast_receive=True)
    kept = card.read_whole(worn.rig.files, FILE, 4_096)
    assert KEY not in kept
    assert KEY.hex().encode() not in kept
    worn.rig.ports.clock.set_wall(worn.now().unix_ms, WALL_CONTROLLER, 40)
    unix_ms = worn.now().unix_ms
    worn.boot()
    worn.rig.ports.clock.set_wall(unix_ms, WALL_CONTROLLER, 40)
    assert worn.rig.app.broadcasts.keys == {NUMBER: KEY}
    worn.hear()
    assert worn.state == "recording"


@pytest.mark.req("CAM-13")
def test_a_camera_that_leaves_its_system_hears_it_no_more():
    worn = Worn(broadcast_receive=True)
    worn.rig.dock()
    worn.rig.connect()
    assert worn.rig.ask("factory_reset").name == "done"
    worn.rig.run(500)
    assert worn.rig.app.broadcasts.keys == {}
    assert not worn.rig.files.exists(FILE)


def test_a_new_key_is_used_and_the_one_before_understood():
    worn = Worn(broadcast_send="high", broadcast_receive=True)
    worn.rig.dock()
    worn.rig.connect()
    for number in (NUMBER + 1, NUMBER + 1, NUMBER + 2):
        key = bytes([number]) * 32
        assert worn.rig.ask("set_broadcast_key", {"number": number, "key": key}).name == "done"
    assert list(worn.rig.app.broadcasts.keys) == [NUMBER + 1, NUMBER + 2]


class Broken(MemoryRadio):
    """A chip that does not answer, until it does."""

    works = False
    tries = 0

    def listen(self, on: bool) -> None:
        self._check()
        super().listen(on)

    def be_silent(self) -> None:
        self._check()
        super().be_silent()

    def _check(self) -> None:
        self.tries += 1
        if not self.works:
            raise PortFault("the radio does not answer")


def test_a_radio_that_fails_is_told_and_tried_again():
    worn = Worn(broadcast_receive=True)
    broken = Broken(worn.air)
    worn.air.radios.append(broken)
    worn.radio = worn.rig.radio = broken
    unix_ms = worn.now().unix_ms
    worn.rig.boot()
    worn.rig.ports.clock.set_wall(unix_ms, WALL_CONTROLLER, 40)
    assert worn.rig.app.broadcasts.reason == "the radio does not answer"
    worn.rig.run(RETRY_MS // 2)
    assert broken.tries == 1, "not at every step of the firmware"
    broken.works = True
    worn.rig.run(RETRY_MS + 100)
    assert worn.rig.app.broadcasts.reason == ""
    worn.hear()
    assert worn.state == "recording"


def test_a_call_that_could_not_be_ended_is_ended_later():
    worn = Worn(2 * MINUTE_MS, broadcast_send="high")
    broken = Broken(worn.air)
    broken.works = True
    worn.air.radios.append(broken)
    worn.radio = worn.rig.radio = broken
    unix_ms = worn.now().unix_ms
    worn.rig.boot()
    worn.rig.ports.clock.set_wall(unix_ms, WALL_CONTROLLER, 40)
    worn.rig.press()
    assert broken.message is not None
    broken.works = False
    worn.rig.run(CALL_MS + 100)
    assert worn.rig.app.broadcasts.reason == "the radio does not answer"
    assert broken.message is not None, "the chip goes on"
    broken.works = True
    worn.rig.run(RETRY_MS)
    assert broken.message is None
    assert worn.rig.app.broadcasts.next_deadline_ms() is None


def test_a_radio_that_failed_while_nobody_listens_lets_the_camera_sleep():
    worn = Worn(broadcast_receive=True)
    broken = Broken(worn.air)
    worn.air.radios.append(broken)
    worn.radio = worn.rig.radio = broken
    worn.rig.boot()
    assert worn.rig.app.broadcasts.reason
    worn.rig.press()
    assert worn.state == "recording", "it does not listen meanwhile"
    worn.rig.run(RETRY_MS + 100)
    assert worn.rig.app.broadcasts.next_deadline_ms() is None
