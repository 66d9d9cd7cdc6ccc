"""A bay's lamp: what is new begins with its light, at whatever moment it is asked for."""

from __future__ import annotations

import pytest

from firmware.dock import states
from firmware.dock.lamp import BayLamp
from firmware.drivers import lamps
from firmware.link.schema import LAMP_PATTERNS, number_of
from firmware.ports.memory_pins import MemoryPins

ASSIGNED = number_of(LAMP_PATTERNS, "assigned")
GREEN_PIN, RED_PIN = "bay1.lamp_green", "bay1.lamp_red"


@pytest.mark.req("RFID-02", "DOCK-05")
@pytest.mark.parametrize("asked_ms", [1_000, 1_050, 1_099, 1_100, 1_150, 1_199])
def test_a_flash_begins_with_its_lit_half(asked_ms: int):
    pins = MemoryPins((), (GREEN_PIN, RED_PIN))
    lamp = BayLamp(1, pins)
    lamp.follow(states.DOCKED)
    lamp.show(asked_ms - 1)
    assert lamp.ask(ASSIGNED)
    assert lamp.next_change_ms(asked_ms) == asked_ms, "nobody waits for it"
    lit: list[bool] = []
    for now_ms in range(asked_ms, asked_ms + 400):
        lamp.show(now_ms)
        lit.append(pins.read(GREEN_PIN) and not pins.read(RED_PIN))
        change_ms = lamp.next_change_ms(now_ms)
        assert change_ms is not None
        assert 0 < change_ms - now_ms <= 100
    assert lit == ([True] * 100 + [False] * 100) * 2


def test_a_steady_lamp_waits_for_nothing():
    lamp = BayLamp(1, MemoryPins((), (GREEN_PIN, RED_PIN)))
    lamp.follow(states.DOCKED)
    lamp.ask(number_of(LAMP_PATTERNS, "ready"))
    lamp.show(5)
    assert lamp.next_change_ms(5) is None


@pytest.mark.parametrize("word", [word for word, entries in lamps.TABLE.items() if len(entries) > 1])
def test_every_pattern_that_flashes_begins_with_light(word: str):
    assert lamps.TABLE[word][0][1] != lamps.DARK


@pytest.mark.req("DOCK-05", "RFID-02")
@pytest.mark.parametrize("state", [states.FREE, states.FAULT])
def test_a_wish_that_comes_too_late_is_not_shown_then_nor_to_the_next_camera(state: int):
    lamp = BayLamp(1, MemoryPins((), (GREEN_PIN, RED_PIN)))
    lamp.follow(states.DOCKED)
    lamp.follow(state)
    assert lamp.ask(ASSIGNED), "that is no mistake of the controller's"
    for following in (state, states.CHECKING, states.DOCKED):
        lamp.follow(following)
        assert lamp.pattern == number_of(LAMP_PATTERNS, states.OWN_LAMP[following])
