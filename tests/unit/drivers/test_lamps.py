"""Lamp patterns: every word of the table has one, and they can be told apart."""

import pytest

from firmware.drivers import lamps
from firmware.link.schema import LAMP_PATTERNS, number_of


def colours(word: str, end_ms: int = 6000, every_ms: int = 10) -> tuple[int, ...]:
    number = number_of(LAMP_PATTERNS, word)
    return tuple(lamps.colour_at(number, now_ms) for now_ms in range(0, end_ms, every_ms))


@pytest.mark.req("DOCK-05")
def test_every_pattern_of_the_wire_can_be_shown_and_none_looks_like_another():
    shown = {word: colours(word) for _, word in LAMP_PATTERNS}
    assert set(shown) == set(lamps.TABLE)
    assert len(set(shown.values())) == len(shown)


@pytest.mark.req("DOCK-05")
def test_only_off_is_dark():
    assert [word for _, word in LAMP_PATTERNS if not any(colours(word))] == ["off"]


@pytest.mark.parametrize("number", [number for number, _ in LAMP_PATTERNS])
def test_between_two_changes_the_colour_holds(number: int):
    now_ms = 12_345
    for _ in range(20):
        change_ms = lamps.next_change_ms(number, now_ms)
        if change_ms is None:
            assert len({lamps.colour_at(number, at_ms) for at_ms in range(0, 5000, 7)}) == 1
            return
        assert change_ms > now_ms
        assert lamps.colour_at(number, now_ms) == lamps.colour_at(number, change_ms - 1)
        assert lamps.colour_at(number, change_ms) != lamps.colour_at(number, change_ms - 1)
        now_ms = change_ms


def test_amber_is_both_dies():
    assert lamps.dies_of(lamps.AMBER) == (True, True)
    assert lamps.dies_of(lamps.RED) == (True, False)
    assert lamps.dies_of(lamps.GREEN) == (False, True)
    assert lamps.dies_of(lamps.DARK) == (False, False)


def test_an_unknown_pattern_is_told_apart():
    assert not lamps.is_known(99)
    with pytest.raises(KeyError):
        lamps.colour_at(99, 0)
