"""Buttons that bounce, clocks that drift, lines that take their time."""

from __future__ import annotations

import statistics

import pytest

from firmware.drivers.buttons import PRESS, Button
from host_tools.emulator.models.buttons import BOUNCE_MS_MAX, PushButton
from host_tools.emulator.models.oscillator import CRYSTAL, TCXO, TUNING_FORK, Oscillator
from host_tools.emulator.models.uart import Uart

DAY_MS = 86_400_000


def test_a_contact_bounces_for_milliseconds_and_ends_where_the_finger_is():
    button = PushButton("7")
    lasts: list[float] = []
    for press in range(600):
        level = press % 2 == 0
        edges = button.move(level)
        assert edges[0] == (0.0, level)
        assert edges[-1][1] == level
        assert [at for at, _ in edges] == sorted(at for at, _ in edges)
        lasts.append(edges[-1][0])
        assert button.move(level) == []
    assert 0.5 < statistics.mean(lasts) < 3
    assert max(lasts) < 15


def test_the_firmwares_button_takes_a_bouncing_press_for_one():
    pushed, button, now_ms, words = PushButton("3"), Button(3_000), 0, []
    pushed.faults.add("intermittent")
    for _ in range(50):
        for level, hold_ms in ((True, 400), (False, 600)):
            for at_ms, pin in pushed.move(level):
                words += button.feed(pin, now_ms + round(at_ms))
            now_ms += hold_ms
            words += button.feed(level, now_ms)
    presses = words.count(PRESS)
    assert presses >= 50, "worn beyond what 30 ms of deafness hides: some presses count twice"
    assert max(at for at, _ in pushed.move(True)) <= BOUNCE_MS_MAX


def test_clocks_are_as_wrong_as_their_parts():
    drifts = [abs(Oscillator(str(seed), TCXO).count_ms(DAY_MS) - DAY_MS) for seed in range(200)]
    assert max(drifts) <= 173  # 2 ppm
    assert statistics.mean(drifts) > 50
    crystals = [abs(Oscillator(str(seed), CRYSTAL).count_ms(DAY_MS) - DAY_MS) for seed in range(200)]
    assert 1_000 < max(crystals) <= 1_728


def test_a_tuning_fork_loses_in_the_cold_and_in_the_heat():
    cold = Oscillator("1", TUNING_FORK, lambda: -10.0).ppm()
    warm = Oscillator("1", TUNING_FORK, lambda: 25.0).ppm()
    hot = Oscillator("1", TUNING_FORK, lambda: 60.0).ppm()
    assert warm - cold == pytest.approx(0.034 * 35**2)
    assert hot == pytest.approx(cold)


def test_a_clock_never_goes_back_but_where_it_jumps():
    clock = Oscillator("5", TCXO)
    before = clock.count_ms(10_000)
    clock.set_fault("stuck", 10_000)
    assert clock.count_ms(60_000) == before
    clock.clear_fault("stuck", 60_000)
    assert clock.count_ms(61_000) == before + 1_000
    clock.set_fault("wrong", 61_000)
    assert clock.count_ms(61_000) == before + 1_000 + 3_600_000
    clock.clear_fault("wrong", 61_000)
    assert clock.count_ms(61_000) == before + 1_000


def test_a_line_takes_ten_bits_a_byte_and_makes_its_writer_wait():
    line = Uart(9_600, fifo_bytes=64)
    assert line.room_bytes(100.0) == 64
    assert line.take(64, 100.0) == pytest.approx(100.0 + 64 / 960)
    assert line.room_bytes(100.0) == 0
    assert line.wait_s(100.0, 16) == pytest.approx(16 / 960)
    assert line.room_bytes(100.0 + 16.5 / 960) == 16
    sent, now_s = 0, 200.0
    while sent < 9_600:
        room = line.room_bytes(now_s)
        line.take(room, now_s)
        sent += room
        now_s += line.wait_s(now_s, 32)
    assert now_s - 200.0 == pytest.approx(10.0, abs=0.1)
