"""A button pressed by a thumb: bounce, double press, hold, and a loop that comes late."""

from collections.abc import Callable

import pytest

from firmware.drivers.buttons import DOUBLE_PRESS, HOLD, PRESS, Button


def play(button: Button, pressed: Callable[[int], bool], end_ms: int, every_ms: int = 5) -> list[tuple[int, str]]:
    words: list[tuple[int, str]] = []
    for now_ms in range(0, end_ms, every_ms):
        words += [(now_ms, word) for word in button.feed(pressed(now_ms), now_ms)]
    return words


def test_a_press_is_told_at_its_release():
    assert play(Button(hold_ms=1000), lambda now: 100 <= now < 220, 1000) == [(220, PRESS)]


@pytest.mark.req("CAM-03")
def test_with_a_double_press_in_use_a_press_waits_for_the_second():
    button = Button(hold_ms=1000, double_ms=400)
    assert play(button, lambda now: 100 <= now < 200, 1000) == [(600, PRESS)]


@pytest.mark.req("CAM-03")
def test_two_presses_are_one_double_press():
    button = Button(hold_ms=1000, double_ms=400)
    assert play(button, lambda now: 100 <= now < 200 or 350 <= now < 450, 2000) == [(450, DOUBLE_PRESS)]


def test_two_slow_presses_are_two_presses():
    button = Button(hold_ms=1000, double_ms=200)
    assert play(button, lambda now: 100 <= now < 200 or 500 <= now < 600, 2000) == [(400, PRESS), (800, PRESS)]


@pytest.mark.req("CAM-03")
@pytest.mark.parametrize("hold_ms", [1000, 3000])
def test_a_hold_is_told_when_it_is_long_enough_and_its_release_is_not_a_press(hold_ms: int):
    button = Button(hold_ms=hold_ms, double_ms=400)
    assert play(button, lambda now: 100 <= now < 5000, 6000) == [(100 + hold_ms, HOLD)]


def test_bounce_at_both_edges_is_one_press():
    def bouncing(now: int) -> bool:
        inside = 100 <= now < 300
        near_an_edge = 0 <= now - 100 < 20 or 0 <= now - 300 < 20
        return inside != (near_an_edge and now % 10 == 5)

    assert [word for _, word in play(Button(hold_ms=1000), bouncing, 1000)] == [PRESS]


def test_a_release_hidden_by_the_bounce_time_is_found_by_the_deadline():
    button = Button(hold_ms=1000)
    button.feed(True, 100)
    assert button.feed(False, 110) == ()
    deadline_ms = button.next_deadline_ms()
    assert deadline_ms == 130
    assert button.feed(False, deadline_ms) == (PRESS,)
    assert button.next_deadline_ms() is None


def test_a_late_loop_still_sees_the_hold():
    button = Button(hold_ms=1000)
    button.feed(True, 100)
    assert button.next_deadline_ms() == 1100
    assert button.feed(False, 5000) == (HOLD,)
