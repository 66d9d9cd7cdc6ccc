"""The emulated platform's small ports, held to the suites that every platform passes."""

from __future__ import annotations

import pytest

from firmware.ports.errors import PortFault
from host_tools.emulator.platform import DeadlineWatchdog, LevelPins, ModelAdc, ReplayEntropy, Rtc


class World:
    """A clock that the test turns."""

    now_ms = 1_000

    def __call__(self) -> int:
        return self.now_ms


def test_a_clock_chip_that_was_never_set_knows_nothing_and_drifts_when_it_was():
    world = World()
    rtc = Rtc(world)
    assert rtc.read() is None
    rtc.set(1_767_225_600_000, 40)
    world.now_ms += 86_400_000
    assert rtc.read() == (1_767_225_600_000 + 86_400_000, 540)


def test_pins_that_are_not_there_are_faults():
    pins = LevelPins(frozenset({"button.record"}))
    pins.drive("button.record", True)
    assert pins.read("button.record")
    for act in (lambda: pins.read("x"), lambda: pins.write("x", True), lambda: pins.drive("x", True)):
        with pytest.raises(PortFault, match="no pin x"):
            act()


def test_readings_come_from_models():
    adc = ModelAdc({"battery.cell": lambda: 3_900_000})
    assert adc.read_uv("battery.cell") == 3_900_000
    with pytest.raises(PortFault, match="no analogue input supply"):
        adc.read_uv("supply")


def test_a_watchdog_bites_when_it_is_not_fed():
    world = World()
    watchdog = DeadlineWatchdog(world, 500)
    assert watchdog.bites_ms() == 1_500
    world.now_ms = 1_400
    watchdog.feed()
    assert watchdog.bites_ms() == 1_900


def test_replayed_randomness_is_the_same_for_the_same_seed():
    first, again, other = (ReplayEntropy(seed).random_bytes(16) for seed in ("a", "a", "b"))
    assert first == again
    assert first != other
