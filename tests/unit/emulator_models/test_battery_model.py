"""The battery model: charge adds up, charging ends, and the firmware's estimate is as wrong as stated, not more."""

import pytest

from firmware.drivers.battery import percent_from_uv
from host_tools.emulator.models import Battery, BatteryTraits, BayContacts, exchange

HOUR_MS = 3_600_000
EXACT = BatteryTraits(capacity_spread=0.0)
EXPECTED_PERCENT = 30 + 100 * (1 - 0.5 / 3600) / 3  # one hour less the detection time at 1 A into 3 Ah


def test_a_known_load_empties_a_known_cell():
    battery = Battery(seed=1, percent=100, traits=EXACT)
    battery.set_draw(2_000_000)  # 2 W: 11 Wh last five to six hours
    hours = 0.0
    while not battery.is_empty():
        hours += 0.1
        battery.advance(round(hours * HOUR_MS))
    assert 5.2 < hours < 5.9


def test_charging_from_empty_takes_the_cells_time_and_ends():
    battery = Battery(seed=1, percent=5, traits=EXACT)
    battery.set_input(4_900_000, 1_200_000)
    charged_at = None
    for minutes in range(1, 400):
        battery.advance(minutes * 60_000)
        if charged_at is None and minutes > 1 and not battery.is_charging():
            charged_at = minutes
    assert charged_at is not None
    assert 160 < charged_at < 240
    assert 96 < battery.percent() <= 100


def test_the_charger_waits_before_it_starts():
    battery = Battery(seed=1, percent=50)
    battery.set_input(4_900_000, 0)
    battery.advance(499)
    assert battery.request_ua() == 0
    battery.advance(500)
    assert battery.request_ua() > 500_000


def test_what_is_not_granted_is_not_charged():
    battery = Battery(seed=1, percent=50, traits=EXACT)
    battery.set_draw(1_000_000)
    battery.set_input(4_900_000, 100_000)
    battery.advance(HOUR_MS)
    assert battery.percent() < 50


def test_a_load_pulls_the_terminal_down_and_a_charge_lifts_it():
    battery = Battery(seed=1, percent=50)
    resting_uv = battery.terminal_uv()
    battery.set_draw(2_000_000)
    assert battery.terminal_uv() < resting_uv
    battery.set_input(4_900_000, 1_200_000)
    battery.advance(1000)
    assert battery.terminal_uv() > resting_uv


@pytest.mark.parametrize("percent", range(5, 101, 5))
def test_the_firmwares_estimate_at_rest_is_within_its_stated_error(percent: int):
    battery = Battery(seed=1, percent=percent)
    assert abs(percent_from_uv(battery.open_uv()) - percent) <= 10


@pytest.mark.parametrize("step_ms", [100, 1_000, 60_000, HOUR_MS])
def test_steps_of_any_size_lead_to_the_same_charge(step_ms: int):
    battery = Battery(seed=2, percent=30, traits=EXACT)
    battery.set_input(4_900_000, 1_200_000)
    battery.set_draw(400_000)
    for now_ms in range(step_ms, HOUR_MS + 1, step_ms):
        battery.advance(now_ms)
    assert battery.percent() == pytest.approx(EXPECTED_PERCENT, abs=0.1)


@pytest.mark.req("DOCK-07")
def test_a_camera_charges_across_the_bay_until_the_bay_loses_power_and_again_after():
    bay, battery = BayContacts(3), Battery(3, percent=50)
    battery.set_draw(450_000)
    bay.insert(0)
    bay.set_output("power", True, 100)
    percents = []
    for minute in range(1, 31):
        for second in range(60):
            now_ms = minute * 60_000 + second * 1000
            if (minute, second) == (10, 0):
                bay.set_output("power", False, now_ms)
            if (minute, second) == (20, 0):
                bay.set_output("power", True, now_ms)
            exchange(bay, battery, now_ms)
        percents.append(battery.percent())
    assert percents[8] > percents[0]
    assert percents[18] < percents[8]
    assert percents[29] > percents[18]
