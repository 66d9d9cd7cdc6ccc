"""What each fault of the table does to the running firmware or to what its host sees, and that ``ok`` undoes it.

A show is a function of a bench on virtual time; its name is the component and the type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from firmware.formats import manifest
from firmware.formats.manifest import Manifest
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.clock import WALL_CONTROLLER, WALL_NONE
from host_tools.emulator.models.oscillator import WRONG_MS
from tests.unit.emulator.virtual import Bench

Show = Callable[[Bench], None]
SHOWS: dict[tuple[str, str], Show] = {}
NOON_UNIX_MS = 1_767_268_800_000


def show(component: str, kind: str) -> Callable[[Show], Show]:
    """Register one."""

    def keep(function: Show) -> Show:
        SHOWS[component, kind] = function
        return function

    return keep


def record(bench: Bench, seconds: float) -> None:
    """Camera-2 records for so long and closes the recording."""
    bench.press()
    bench.wait(lambda: bench.app().state == "recording")
    bench.run(seconds)
    bench.press(4.0)
    bench.wait(lambda: bench.app().state == "ready" and bench.app().last_outcome is not None)


def reseat(bench: Bench, camera: str = "camera-1", bay: int = 1) -> None:
    """Out of its bay and in again."""
    bench.do(lambda: bench.bench.take_out(camera))
    bench.run(2)
    bench.do(lambda: bench.bench.put_in(camera, "dock-1", bay))


# -- buttons


@show("button", "off")
def button_off(bench: Bench) -> None:
    bench.inject("camera-2", "button", "off", 1)
    bench.press()
    bench.run(1)
    assert bench.app().state == "ready"
    bench.inject("camera-2", "button", "ok")
    bench.press()
    bench.wait(lambda: bench.app().state == "recording", 1)


@show("button", "stuck")
def button_stuck(bench: Bench) -> None:
    bench.press()
    bench.wait(lambda: bench.app().state == "recording", 1)
    bench.inject("camera-2", "button", "stuck", 1)  # held down is held for three seconds
    assert bench.wait(lambda: bench.app().state != "recording", 5) > 2.5
    bench.wait(lambda: bench.app().state == "ready")
    bench.press()
    bench.run(1)
    assert bench.app().state == "ready", "nobody can press a button that is down"
    bench.inject("camera-2", "button", "ok", 1)
    bench.run(1)  # it comes up, which is a late release and no press
    bench.press()
    bench.wait(lambda: bench.app().state == "recording", 1)


@show("button", "intermittent")
def button_intermittent(bench: Bench) -> None:
    bench.inject("camera-2", "button", "intermittent", 2)
    worn = steps_of_press(bench)
    bench.inject("camera-2", "button", "ok", 2)
    assert worn > 3 * steps_of_press(bench)


def steps_of_press(bench: Bench) -> int:
    """How often the firmware looked at the power button while it was pressed."""
    before = bench.camera().emulated.steps
    bench.press(0.3, button="power")
    bench.run(1)
    return bench.camera().emulated.steps - before


# -- battery and power


@show("battery", "off")
def battery_off(bench: Bench) -> None:
    bench.inject("camera-2", "battery", "off")
    assert not bench.camera().emulated.is_on
    bench.inject("camera-2", "battery", "ok")
    bench.wait(lambda: bench.app().state == "ready", 2)
    bench.inject("camera-1", "battery", "off")
    assert bench.camera(1).emulated.is_on, "in a dock it needs no cell"


@show("battery", "brownout")
def battery_brownout(bench: Bench) -> None:
    dips_once(bench, "camera-2", "battery")


@show("power", "brownout")
def power_brownout(bench: Bench) -> None:
    dips_once(bench, "dock-1", "power")
    bench.wait(lambda: bench.bay() == "docked", 5)


def dips_once(bench: Bench, board: str, component: str) -> None:
    emulated = bench.bench.find(board).emulated
    bench.inject(board, component, "brownout")
    assert not emulated.is_on
    bench.run(10)
    assert (emulated.is_on, emulated.boots) == (True, 2)
    assert bench.bench.faults.active() == [], "it is over by itself"


@show("battery", "wrong")
def battery_wrong(bench: Bench) -> None:
    good = percent_lost(bench)
    bench.inject("camera-2", "battery", "wrong")
    aged = percent_lost(bench)
    bench.inject("camera-2", "battery", "ok")
    assert 2.5 < aged / good < 3.5
    assert percent_lost(bench) < 1.3 * good


def percent_lost(bench: Bench) -> float:
    """Of its charge, in 20 minutes."""
    before = bench.camera().battery.percent()
    bench.run(1_200)
    return before - bench.camera().battery.percent()


@show("battery", "intermittent")
def battery_intermittent(bench: Bench) -> None:
    dips_often(bench, "camera-2", "battery")


@show("power", "intermittent")
def power_intermittent(bench: Bench) -> None:
    dips_often(bench, "dock-1", "power")


def dips_often(bench: Bench, board: str, component: str) -> None:
    emulated = bench.bench.find(board).emulated
    bench.inject(board, component, "intermittent")
    bench.run(30)
    dips = emulated.boots - 1
    assert 3 <= dips <= 10
    bench.inject(board, component, "ok")
    bench.run(30)
    assert emulated.is_on
    assert emulated.boots - 1 <= dips + 1


@show("power", "off")
def power_off(bench: Bench) -> None:
    bench.inject("dock-1", "power", "off")
    bench.wait(lambda: bench.finder.look() == [], 1)  # its hub, and the cameras on it
    bench.inject("dock-1", "power", "ok")
    bench.wait(lambda: {port.serial for port in bench.finder.look()} == {"DOCK-0001", "CAM-0001"}, 5)


@show("charger", "off")
def charger_off(bench: Bench) -> None:
    bay = bench.dock_app().bays[0]
    bench.wait(lambda: bay.current_ua > 300_000)
    bench.inject("camera-1", "charger", "off")
    bench.wait(lambda: bay.current_ua < 200_000, 30)
    bench.inject("camera-1", "charger", "ok")
    bench.wait(lambda: bay.current_ua > 300_000, 60)


# -- card


@show("card", "off")
def card_off(bench: Bench) -> None:
    breaks_recording(bench, "off")


@show("card", "stuck")
def card_stuck(bench: Bench) -> None:
    breaks_recording(bench, "stuck")


@show("card", "intermittent")
def card_intermittent(bench: Bench) -> None:
    breaks_recording(bench, "intermittent")


def breaks_recording(bench: Bench, kind: str) -> None:
    bench.press()
    bench.wait(lambda: bench.app().state == "recording")
    bench.run(3)
    bench.inject("camera-2", "card", kind)
    bench.wait(lambda: bench.app().last_outcome is not None, 60)
    outcome = bench.app().last_outcome
    assert outcome is not None
    assert outcome.cause == "storage_fault"
    bench.inject("camera-2", "card", "ok")
    bench.wait(lambda: bench.app().state == "ready", 30)
    record(bench, 3)
    bench.wait(lambda: len(bench.app().vault.recordings()) == 2, 30)


@show("card", "wrong")
def card_full(bench: Bench) -> None:
    bench.inject("camera-2", "card", "wrong")
    bench.press()
    bench.run(1)
    assert bench.app().state == "ready"
    assert bench.app().vault.storage().level == "full"
    bench.inject("camera-2", "card", "ok")
    record(bench, 2)


@show("card", "slow")
def card_slow(bench: Bench) -> None:
    bench.inject("camera-2", "card", "slow")
    assert time_to_first_second(bench) > 1.4
    bench.press(12.0)  # it looks at its button now and then
    bench.wait(lambda: bench.app().state == "ready")
    bench.inject("camera-2", "card", "ok")
    bench.run(30)
    assert time_to_first_second(bench) < 1.3


def time_to_first_second(bench: Bench) -> float:
    """From the press until a second of video is on the card."""
    bench.press()
    return bench.wait(lambda: bench.app().recorder.recorded_bytes() > 4_000)


@show("card", "torn")
def card_torn(bench: Bench) -> None:
    bench.press()
    bench.wait(lambda: bench.app().recorder.recorded_bytes() > 40_000)
    bench.inject("camera-2", "card", "torn")
    bench.run(5)
    whole = bench.app().recorder.recorded_bytes()
    bench.inject("camera-2", "power", "off")
    bench.inject("camera-2", "card", "ok")
    bench.inject("camera-2", "power", "ok")
    bench.wait(lambda: bench.app().state == "ready" and bool(bench.app().vault.recordings()), 30)
    (stored,) = bench.app().vault.recordings()
    assert stored.interrupted
    assert 30_000 < manifest_of(bench, stored.recording).content_bytes < whole, "what was torn is left out, no more"


@show("card", "bitflip")
def card_bitflip(bench: Bench) -> None:
    record(bench, 60)
    assert wrong_chunks(bench) == 0
    bench.inject("camera-2", "card", "bitflip")
    assert wrong_chunks(bench) > 0
    bench.inject("camera-2", "card", "ok")
    assert wrong_chunks(bench) == 0


@show("card", "garbage")
def card_garbage(bench: Bench) -> None:
    record(bench, 2)
    bench.inject("camera-2", "card", "garbage")
    bench.inject("camera-2", "power", "brownout")
    bench.run(10)
    assert bench.app().state != "ready"
    assert bench.camera().emulated.crashes == []
    bench.inject("camera-2", "card", "ok")
    bench.inject("camera-2", "power", "brownout")
    bench.run(1)
    bench.wait(lambda: bench.app().state == "ready", 30)
    assert len(bench.app().vault.recordings()) == 1


def manifest_of(bench: Bench, recording: bytes) -> Manifest:
    """Of a closed recording; its signature is on the lines below."""
    (stored,) = (each for each in bench.app().vault.recordings() if each.recording == recording)
    data = bytes(bench.app().vault.read_piece(recording, PART_MANIFEST, 0, stored.manifest_bytes))
    return manifest.decode(data.partition(b"\n")[0])


def wrong_chunks(bench: Bench) -> int:
    """How many chunks of the last recording do not read back as its manifest says."""
    outcome = bench.app().last_outcome
    assert outcome is not None
    assert outcome.manifest is not None
    vault = bench.app().vault
    return sum(
        hashlib.sha256(vault.read_piece(outcome.recording, PART_CHUNKS, entry.offset, entry.length)).digest()
        != entry.sealed_sha256
        for entry in outcome.manifest.chunks
    )


# -- clock


def set_noon(bench: Bench) -> None:
    """The camera learns what time it is."""
    ports = bench.camera().emulated.ports
    assert ports is not None
    ports.clock.set_wall(NOON_UNIX_MS, WALL_CONTROLLER, 30)


def after_noon_ms(bench: Bench) -> int:
    """What the firmware's clock says."""
    ports = bench.camera().emulated.ports
    assert ports is not None
    return ports.clock.wall().unix_ms - NOON_UNIX_MS


@show("clock", "off")
def clock_off(bench: Bench) -> None:
    set_noon(bench)
    ports = bench.camera().emulated.ports
    assert ports is not None
    bench.inject("camera-2", "clock", "off")
    assert ports.clock.wall().source == WALL_NONE
    bench.inject("camera-2", "clock", "ok")
    bench.run(10)
    assert abs(after_noon_ms(bench) - 10_000) < 50


@show("clock", "stuck")
def clock_stuck(bench: Bench) -> None:
    set_noon(bench)
    bench.inject("camera-2", "clock", "stuck")
    bench.run(100)
    assert after_noon_ms(bench) == 0
    bench.inject("camera-2", "clock", "ok")
    bench.run(10)
    assert abs(after_noon_ms(bench) - 10_000) < 50


@show("clock", "wrong")
def clock_wrong(bench: Bench) -> None:
    set_noon(bench)
    bench.inject("camera-2", "clock", "wrong")
    assert after_noon_ms(bench) == WRONG_MS
    bench.inject("camera-2", "clock", "ok")
    assert after_noon_ms(bench) == 0


@show("clock", "slow")
def clock_slow(bench: Bench) -> None:
    set_noon(bench)
    bench.inject("camera-2", "clock", "slow")
    bench.run(100)
    assert 97_900 <= after_noon_ms(bench) <= 98_100
    bench.inject("camera-2", "clock", "ok")
    bench.run(100)
    assert 197_900 <= after_noon_ms(bench) <= 198_100


# -- sensor


@show("sensor", "off")
def sensor_off(bench: Bench) -> None:
    bench.inject("camera-2", "sensor", "off")
    bench.press()
    bench.wait(lambda: bench.app().state == "malfunctioning", 2)
    bench.inject("camera-2", "sensor", "ok")
    bench.wait(lambda: bench.app().state == "ready", 30)


@show("sensor", "stuck")
def sensor_stuck(bench: Bench) -> None:
    bench.press()
    bench.wait(lambda: bench.app().recorder.recorded_bytes() > 4_000)
    bench.inject("camera-2", "sensor", "stuck")
    bench.run(1)
    before = bench.app().recorder.recorded_bytes()
    bench.run(5)
    assert bench.app().recorder.recorded_bytes() == before
    bench.inject("camera-2", "sensor", "ok")
    bench.wait(lambda: bench.app().recorder.recorded_bytes() > before + 4_000, 3)


@show("sensor", "intermittent")
def sensor_intermittent(bench: Bench) -> None:
    bench.press()
    bench.wait(lambda: bench.app().recorder.recorded_bytes() > 4_000)
    bench.inject("camera-2", "sensor", "intermittent")
    bench.wait(lambda: bench.app().last_outcome is not None, 60)
    outcome = bench.app().last_outcome
    assert outcome is not None
    assert (outcome.cause, outcome.manifest is not None) == ("sensor_fault", True)
    bench.inject("camera-2", "sensor", "ok")
    bench.wait(lambda: bench.app().state == "ready", 30)


# -- motion sensor


def watch_for_falls(bench: Bench) -> None:
    """Camera-2's profile wants falls, and its sensor has been looked at."""
    bench.do(lambda: bench.app().behaviour.keep("night", {"fall_recording": True}))
    bench.do(bench.camera().emulated.wake)
    bench.run(5)
    assert bench.app().falls.reason == ""


def motion_fails_and_is_well_again(bench: Bench, kind: str, text: str) -> None:
    """The firmware says so within two minutes, and a fall counts again when it is over."""
    watch_for_falls(bench)
    bench.inject("camera-2", "imu", kind)
    bench.wait(lambda: text in bench.app().falls.reason, 120)
    assert text in bench.bench.state()["cameras"]["camera-2"]["motion"]["reason"]
    bench.inject("camera-2", "imu", "ok")
    bench.wait(lambda: not bench.app().falls.reason, 30)
    bench.do(lambda: bench.bench.move("camera-2", "fall"))
    bench.wait(lambda: bench.app().state == "recording", 15)


@show("imu", "off")
def imu_off(bench: Bench) -> None:
    motion_fails_and_is_well_again(bench, "off", "nothing answers at 0x6b")


@show("imu", "stuck")
def imu_stuck(bench: Bench) -> None:
    motion_fails_and_is_well_again(bench, "stuck", "its readings stand still")


@show("imu", "garbage")
def imu_garbage(bench: Bench) -> None:
    motion_fails_and_is_well_again(bench, "garbage", "are not what a body does")


@show("imu", "wrong")
def imu_wrong(bench: Bench) -> None:
    motion_fails_and_is_well_again(bench, "wrong", "are not what a body does")


@show("imu", "slow")
def imu_slow(bench: Bench) -> None:
    motion_fails_and_is_well_again(bench, "slow", "too few")


# -- firmware


@show("firmware", "off")
def firmware_off(bench: Bench) -> None:
    emulated = bench.camera().emulated
    bench.inject("camera-2", "firmware", "off")
    bench.wait(lambda: bool(emulated.crashes), 1)
    assert "a fault was injected" in emulated.crashes[0]
    watchdog_s = emulated.board.firmware.watchdog_ms / 1000
    assert bench.wait(lambda: emulated.boots == 2) <= watchdog_s + 0.1
    bench.wait(lambda: bench.app().state == "ready", 2)
    assert bench.bench.faults.active() == []


@show("firmware", "stuck")
def firmware_stuck(bench: Bench) -> None:
    emulated = bench.camera().emulated
    bench.inject("camera-2", "firmware", "stuck")
    bench.press()
    bench.run(1)
    assert bench.app().state == "ready", "it does not see its button"
    bench.inject("camera-2", "firmware", "ok")
    assert emulated.boots == 1
    bench.press()
    bench.wait(lambda: bench.app().recorder.recorded_bytes() > 4_000)
    bench.inject("camera-2", "firmware", "stuck")
    watchdog_s = emulated.board.firmware.watchdog_ms / 1000
    assert bench.wait(lambda: emulated.boots == 2) <= watchdog_s + 0.1
    bench.wait(lambda: len(bench.app().vault.recordings()) == 1, 30)
    bench.run(2)
    assert bench.bench.faults.active() == []


@show("firmware", "slow")
def firmware_slow(bench: Bench) -> None:
    connection = bench.connect()
    bench.inject("dock-1", "firmware", "slow")
    bench.ask(connection)
    assert sum(bench.ask(connection)[1] for _ in range(5)) > 0.5
    bench.inject("dock-1", "firmware", "ok")
    bench.run(1)
    assert bench.ask(connection)[1] < 0.05
    bench.do(connection.close)
