"""The parts of the contact check: formula, sensors, verdicts, history, remedies, charging."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from host_tools.controller.charging import DERATED_UA, FULL_UA, ChargeWatch, SmartCharge, allowed_ua
from host_tools.controller.contact_alerts import named_by_cases, named_by_wear, remedies
from host_tools.controller.contact_history import (
    BAY_LINES_MAX,
    DAY_MS,
    FILE,
    KEEP_DAYS,
    LINES_MAX,
    ContactHistory,
    Docking,
)
from host_tools.controller.contact_readings import path_of, resistance_row, sensors_of, with_worth
from host_tools.controller.contact_resistance import AtLoad, Reading, Resistance, Sensors, resistance
from host_tools.controller.contact_resistance import Path as SupplyPath
from host_tools.controller.contact_sensors import MONITORS, current_sensor, supply_sensor
from host_tools.controller.docks import port_of
from host_tools.controller.power_line import Told, overlap
from host_tools.hardware import find_board
from host_tools.system.contact_wear import BAY, CAMERA, UNDECIDED, Seating

DOCK = find_board("pico_dock_1")
SENSORS = sensors_of(DOCK, find_board("pi_zero_2w_camera"))
NO_DIODE = SupplyPath(0, 0, False)
NOW_MS = 1_767_225_600_000


def exact(value: float) -> Reading:
    return Reading(value, 0.0, 100)


def at(current_ua: float, ohm: float, offset_uv: float = 0.0, extra_uv: float = 0.0) -> AtLoad:
    """What perfect sensors but for an offset see at a load."""
    dock_uv = 5_100_000 - 0.16 * current_ua
    return AtLoad(exact(dock_uv), exact(dock_uv - ohm * current_ua - extra_uv + offset_uv), exact(current_ua))


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("ohm", [0.02, 0.1, 0.35])
@pytest.mark.parametrize("offset_uv", [-20_000, 0, 20_000])
def test_offsets_drop_out_of_two_loads(ohm: float, offset_uv: float):
    assert SENSORS is not None
    found = resistance(at(300_000, ohm, offset_uv), at(900_000, ohm, offset_uv), NO_DIODE, SENSORS)
    assert isinstance(found, Resistance)
    assert found.uohm == pytest.approx(ohm * 1e6, abs=1)


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("thermal_uv", [25_000, 27_000, 29_700])
@pytest.mark.parametrize("saturation_ua", [1.0, 5_000, 20_000, 60_000])
def test_any_diode_within_its_bounds_stays_within_the_uncertainty(thermal_uv: float, saturation_ua: float):
    assert SENSORS is not None

    def diode_uv(current_ua: float) -> float:
        return thermal_uv * math.log1p(current_ua / saturation_ua)

    light = at(300_000, 0.05, extra_uv=diode_uv(300_000))
    heavy = at(900_000, 0.05, extra_uv=diode_uv(900_000))
    found = resistance(light, heavy, SupplyPath(0, 0, True), SENSORS)
    assert isinstance(found, Resistance)
    assert abs(found.uohm - 50_000) <= found.uncertainty_uohm
    without = resistance(light, heavy, NO_DIODE, SENSORS)
    assert isinstance(without, Resistance)
    assert without.uohm > 75_000, "a diode that is not known of would be taken for a bad contact"


@pytest.mark.req("DOCK-02")
def test_what_the_sensors_cannot_say_is_not_said():
    assert SENSORS is not None
    little = resistance(at(300_000, 0.05), at(400_000, 0.05), NO_DIODE, SENSORS)
    assert isinstance(little, str)
    assert "100 mA" in little
    coarse = Sensors(SENSORS.dock_uv, MONITORS["BQ25895"], SENSORS.current_ua)
    nothing = resistance(at(300_000, 0.05), at(900_000, 0.05), NO_DIODE, coarse)
    assert isinstance(nothing, str)
    assert "only" in nothing
    wild = AtLoad(exact(5e6), exact(5e6), Reading(900_000, 60_000, 50))
    assert "not steady" in str(resistance(at(300_000, 0.05), wild, NO_DIODE, SENSORS))


@pytest.mark.req("DOCK-02")
def test_a_dock_that_tells_nonsense_gets_no_figure_and_ends_nothing():
    """Docks prove nothing of what they say: whatever fits into the message comes here."""
    assert SENSORS is not None
    rng = random.Random(3)
    odd = (-(1 << 31), -1_000_000, -60_000, -1, 0, 1, 300_000, 900_000, 1_400_000, (1 << 31) - 1)

    def reading() -> Reading:
        return Reading(rng.choice(odd), rng.choice((-5, 0, 10, 30_000)), rng.choice((0, 1, 40, 65_535)))

    for _ in range(3_000):
        light, heavy = (AtLoad(reading(), reading(), reading()) for _ in range(2))
        for path in (NO_DIODE, SupplyPath(60_000, 6_000, True)):
            found = resistance(light, heavy, path, SENSORS)
            assert isinstance(found, str) or (math.isfinite(found.uohm) and 0 < found.uncertainty_uohm <= 40_000)


@pytest.mark.req("DOCK-02")
def test_less_than_nothing_is_no_sound_contact():
    assert SENSORS is not None
    wrong_wiring = SupplyPath(150_000, 5_000, False)
    found = resistance(at(300_000, 0.05), at(900_000, 0.05), wrong_wiring, SENSORS)
    assert str(found) == (
        "-100 mΩ is less than nothing: the camera's wiring is not what supply_path in its board.toml says"
    )
    assert isinstance(
        resistance(at(300_000, 0.005), at(900_000, 0.005), SupplyPath(9_000, 900, False), SENSORS), Resistance
    )


@pytest.mark.req("DOCK-02")
def test_each_dock_has_the_sensors_of_its_board_file():
    pico = supply_sensor(DOCK, "bay1.supply")
    linux = supply_sensor(find_board("pi_dock"), "bay1.supply")
    assert pico is not None
    assert linux is not None
    assert (pico.part, linux.part) == ("RP2040", "MCP3208")
    assert pico.step == pytest.approx(3_300_000 / 4096 / 0.5)
    assert linux.span_uncertainty(4_800_000, 4_950_000) < pico.span_uncertainty(4_800_000, 4_950_000)
    jump_uv = 3584 * pico.step
    across = pico.span_uncertainty(jump_uv - 80_000, jump_uv + 80_000)
    assert across > 2 * pico.span_uncertainty(jump_uv - 260_000, jump_uv - 100_000), "erratum RP2040-E11"
    camera = supply_sensor(find_board("pi_cm4_camera"), "supply.input")
    assert camera is not None
    assert camera.part == "INA226"
    assert current_sensor(find_board("pi_cm4_camera"), "supply.input") is None
    assert supply_sensor(DOCK, "nothing.there") is None
    assert path_of(find_board("pi_zero_2w_camera")).junction


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize(
    ("mohm", "verdict", "confidence"), [(40, "pass", 97), (59, "pass", 50), (90, "marginal", 99), (200, "fail", 99)]
)
def test_a_verdict_says_how_sure_it_is(mohm: int, verdict: str, confidence: int):
    row = resistance_row(Resistance(mohm * 1000, 15_000))
    assert (row["verdict"], row["value"], row["uncertainty"]) == (verdict, mohm * 1000, 15_000)
    assert confidence - 1 <= row["confidence"] <= 100
    if mohm == 59:
        assert row["confidence"] < 60, "hardly on that side of the limit"
    assert resistance_row("no camera")["verdict"] == "not_measured"
    assert resistance_row("no camera")["value"] is None


def dock_row(quantity: str, value: int, low: int, high: int, verdict: str) -> dict[str, Any]:
    return {"quantity": quantity, "value": value, "unit": "", "low": low, "high": high, "verdict": verdict}


@pytest.mark.req("DOCK-02")
def test_a_docks_own_figures_say_what_they_are_worth():
    supply = with_worth(dock_row("supply_voltage", 5_000_000, 4_750_000, 5_250_000, "pass"), DOCK, 1)
    assert 50_000 < supply["uncertainty"] < 250_000
    assert supply["confidence"] > 95
    settle = with_worth(dock_row("settle_time", 0, 0, 100, "pass"), DOCK, 1)
    assert settle["confidence"] == 100, "nothing settles in less than no time"
    bounces = with_worth(dock_row("bounces", 3, 0, 10, "pass"), DOCK, 1)
    assert (bounces["uncertainty"], bounces["confidence"]) == (None, None)
    assert "not seen" in bounces["note"]
    nothing = with_worth(dock_row("supply_droop", 0, 0, 1, "not_measured"), DOCK, 1)
    assert nothing["value"] is None


@pytest.mark.req("DOCK-02")
def test_readings_are_of_the_same_moment_only_as_far_as_that_is_shown():
    first, second = Told({}, 10.000, 10.004), Told({}, 10.001, 10.020)
    assert overlap(first, second, 200) == pytest.approx(0.9)
    assert overlap(first, Told({}, 10.0, 10.3), 200) == 0.0


# -- history


def docking(number: int, at_ms: int = NOW_MS, **rest: Any) -> Docking:
    return Docking(
        at_unix_ms=at_ms, dock="DOCK-0001", bay=1 + number % 8, camera=f"CAM-{number}", verdict="pass", **rest
    )


@pytest.mark.req("DOCK-03")
def test_history_is_kept_over_restarts_and_torn_lines(tmp_path: Path):
    history = ContactHistory(tmp_path, NOW_MS)
    for number in range(5):
        history.add(docking(number, resistance_uohm=40_000 + number))
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"at_unix_ms": 17672')
    again = ContactHistory(tmp_path, NOW_MS)
    assert again.rows() == history.rows()
    assert again.damaged == 1
    again.add(docking(9))
    assert len(ContactHistory(tmp_path, NOW_MS).rows()) == 6
    assert again.seatings()[0] == Seating("DOCK-0001/1", "CAM-0", 40.0)
    assert len(again.seatings()) == 5, "a docking without a figure is none to the model"


@pytest.mark.req("DOCK-03")
def test_history_forgets_what_is_old_and_does_not_grow_without_end(tmp_path: Path):
    old = [docking(0, NOW_MS - (KEEP_DAYS + 1) * DAY_MS), docking(1)]
    (tmp_path / FILE).write_text("".join(row.model_dump_json() + "\n" for row in old))
    assert ContactHistory(tmp_path, NOW_MS).rows() == old[1:]
    assert (tmp_path / FILE).read_text().count("\n") == 1
    bays = LINES_MAX // BAY_LINES_MAX + 1
    lines = [docking(2).model_copy(update={"bay": bay}).model_dump_json() + "\n" for bay in range(1, bays + 1)]
    (tmp_path / FILE).write_text("".join(lines) * BAY_LINES_MAX)
    history = ContactHistory(tmp_path, NOW_MS)
    assert len(history.rows()) == LINES_MAX
    assert (tmp_path / FILE).read_text().count("\n") == LINES_MAX


@pytest.mark.req("DOCK-03")
def test_a_loose_contact_does_not_push_out_what_is_known_of_other_bays(tmp_path: Path):
    """A bay whose camera comes and goes over a weekend makes more lines than all others in a year."""
    others = [docking(number, NOW_MS - number).model_copy(update={"bay": 2}) for number in range(5, 0, -1)]
    loose = docking(0).model_copy(update={"bay": 1, "camera": "CAM-9"}).model_dump_json() + "\n"
    (tmp_path / FILE).write_text("".join(row.model_dump_json() + "\n" for row in others) + loose * LINES_MAX)
    history = ContactHistory(tmp_path, NOW_MS)
    assert history.rows()[:5] == others
    assert len(history.rows()) == 5 + BAY_LINES_MAX


@pytest.mark.req("DOCK-03")
def test_a_clock_that_runs_ahead_makes_no_history_old(tmp_path: Path):
    row = docking(1)
    (tmp_path / FILE).write_text(row.model_dump_json() + "\n")
    assert ContactHistory(tmp_path, NOW_MS + 2 * KEEP_DAYS * DAY_MS).rows() == [row]


def test_history_holds_nothing_about_wearers(tmp_path: Path):
    history = ContactHistory(tmp_path, NOW_MS)
    history.add(docking(1, failed=("bounces",)))
    fields = set(json.loads((tmp_path / FILE).read_text()))
    assert not {field for field in fields if "wearer" in field or "name" in field}
    assert history.cases("bounces") == [("DOCK-0001/2", "CAM-1")]


# -- who is bad


def fleet(worn_bay: str, worn_camera: str, seed: int) -> list[Seating]:
    chance = random.Random(seed)
    found: list[Seating] = []
    for _ in range(12):
        for number in range(1, 5):
            camera = f"CAM-{chance.randrange(1, 5)}"
            excess = 60 * (worn_bay == f"D/{number}") + 60 * (worn_camera == camera)
            found.append(Seating(f"D/{number}", camera, chance.gauss(42, 5) + excess))
    return found


@pytest.mark.req("DOCK-03")
@pytest.mark.parametrize("seed", range(5))
def test_remedies_come_in_order_and_end_by_naming_the_part(seed: int):
    bay = named_by_wear(fleet("D/2", "", seed), "D", 2, "CAM-1")
    camera = named_by_wear(fleet("", "CAM-3", seed), "D", 2, "CAM-3")
    assert (bay.side, camera.side) == (BAY, CAMERA)
    steps = [step.text() for step in remedies("CAM-1", bay)]
    assert "put it back" in steps[0]
    assert "Clean" in steps[1]
    assert "known to be good" in steps[2]
    assert steps[3].startswith("Replace dock D: bay 2 is ")
    assert camera.saying.text().startswith("Replace camera CAM-3: ")


@pytest.mark.req("DOCK-03")
def test_what_history_does_not_say_is_undecided_with_the_swap_that_would():
    few = named_by_wear([Seating("D/1", "CAM-1", 150.0)] * 3, "D", 1, "CAM-1")
    assert few.side == UNDECIDED
    assert "dock" in few.saying.text()
    known = [Seating(f"D/{bay}", f"CAM-{camera}", 42.0) for bay in (2, 3) for camera in (2, 3)] * 6
    alone = named_by_wear([*known, Seating("D/1", "CAM-2", 150.0)], "D", 1, "CAM-2")
    assert alone.saying.text().endswith("in bay 1 of D a few times."), alone.saying.text()
    none = named_by_wear([], "D", 1, "CAM-1")
    assert none.side == UNDECIDED


@pytest.mark.req("DOCK-03")
def test_other_troubles_are_whose_who_has_them_with_others_too():
    here, elsewhere = ("D/1", "CAM-1"), ("D/2", "CAM-1")
    assert named_by_cases([here], "D", 1, "CAM-1").side == UNDECIDED
    assert named_by_cases([here, ("D/1", "CAM-2")], "D", 1, "CAM-1").side == BAY
    assert named_by_cases([here, elsewhere], "D", 1, "CAM-1").side == CAMERA
    assert named_by_cases([("D/1", "")], "D", 1, "").side == UNDECIDED


# -- charging


def contact_rows(mohm: float | None, mc: int = 30_000, verdict: str = "pass") -> list[dict[str, Any]]:
    heat = {"quantity": "block_temperature", "value": mc, "high": 50_000, "verdict": verdict}
    if mohm is None:
        return [heat, {"quantity": "contact_resistance", "value": None, "high": 60_000, "verdict": "not_measured"}]
    return [heat, {"quantity": "contact_resistance", "value": mohm * 1000, "high": 60_000, "verdict": "fail"}]


@pytest.mark.req("DOCK-04")
@pytest.mark.parametrize(
    ("rows", "expected_ua"),
    [
        (contact_rows(None), FULL_UA),
        (contact_rows(119), FULL_UA),
        (contact_rows(121), DERATED_UA),
        (contact_rows(301), 0),
        (contact_rows(40, 51_000, "marginal"), DERATED_UA),
        (contact_rows(40, 61_000, "fail"), 0),
        (contact_rows(200, 61_000, "fail"), 0),
    ],
)
def test_resistive_and_hot_contacts_get_less_or_nothing(rows: list[dict[str, Any]], expected_ua: int):
    most_ua, why = allowed_ua(rows)
    assert most_ua == expected_ua
    assert bool(why) == (expected_ua < FULL_UA)


def power(state: str, permille: int, docked: int = 50, reason: str = "") -> dict[str, Any]:
    return {"charging": state, "charge_permille": permille, "docked_percent": docked, "reason": reason}


@pytest.mark.req("DOCK-04", "CTRL-12")
def test_docked_with_an_empty_battery_until_there_is_charge_to_work_with():
    watch = ChargeWatch()
    watch.feed(0, power("precharge", 20, docked=2))
    assert "2 %" in watch.empty
    watch.feed(1, power("constant_current", 199, docked=2))
    assert watch.empty
    watch.feed(2, power("constant_current", 200, docked=2))
    assert not watch.empty
    healthy = ChargeWatch()
    healthy.feed(0, power("constant_current", 150, docked=15))
    assert not healthy.empty


@pytest.mark.req("DOCK-04", "CTRL-12")
def test_unable_to_charge_after_ten_minutes_without_a_percent_more():
    watch = ChargeWatch()
    for minute in range(30):
        watch.feed(minute * 60_000, power("constant_current", 400 + 2 * minute))
        assert not watch.unable, minute
    for minute in range(30, 45):
        watch.feed(minute * 60_000, power("constant_current", 458))
    assert "minutes" in watch.unable
    watch.feed(46 * 60_000, power("constant_current", 470))
    assert not watch.unable
    for minute in range(60, 120):
        watch.feed(minute * 60_000, power("full", 930))
    assert not watch.unable, "a full cell takes nothing"


@pytest.mark.req("DOCK-04", "CTRL-12")
def test_what_was_kept_short_of_full_for_hours_is_not_unable_when_it_is_charged_again():
    watch = ChargeWatch()
    for hour, (state, permille) in enumerate(
        [("constant_voltage", 960), ("full", 1000), ("held", 900), ("held", 760), ("constant_current", 749)]
    ):
        watch.feed(hour * 3_600_000, power(state, permille))
        assert not watch.unable, state
    for minute in range(1, 20):
        watch.feed(4 * 3_600_000 + minute * 60_000, power("constant_current", 749))
    assert "no charge has come in 19 minutes" in watch.unable, "though it has had more once"


@pytest.mark.req("DOCK-04", "CTRL-12")
def test_a_cell_that_was_drawn_on_for_a_while_is_charged_all_the_same():
    watch = ChargeWatch()
    permilles = [*range(600, 500, -25), *range(500, 620, 12)]
    told = [
        watch.feed(2 * 60_000 * step, power("constant_current", each)) or watch.unable
        for step, each in enumerate(permilles)
    ]
    assert not any(told), told
    wavering = ChargeWatch()
    for minute in range(12):
        wavering.feed(minute * 60_000, power("constant_current", 500 - minute % 2 * 4))
    assert wavering.unable, "a gauge that wavers is no charge"


@pytest.mark.req("DOCK-04", "CTRL-12")
def test_a_charger_that_calls_a_third_full_has_not_filled_it():
    watch = ChargeWatch()
    for minute in range(11):
        assert not watch.unable
        watch.feed(minute * 60_000, power("full", 300))
    assert watch.unable == "its charger gives nothing more at 30 %"


@pytest.mark.req("DOCK-04")
def test_a_fault_is_told_after_a_minute_and_a_stop_at_once():
    watch = ChargeWatch()
    watch.feed(0, power("fault", 400, reason="charge: overheated"))
    assert not watch.unable
    watch.feed(60_000, power("fault", 400, reason="charge: overheated"))
    assert watch.unable == "charge: overheated"
    stopped = ChargeWatch()
    stopped.feed(0, power("stopped", 400))
    assert "contacts" in stopped.unable


@pytest.mark.req("DOCK-04")
def test_smart_charge_is_suspended_for_a_time():
    wanted = [True]
    smart = SmartCharge(lambda: wanted[0])
    assert smart.is_on(NOW_MS)
    until_ms = smart.suspend(NOW_MS, 2, "ann")
    assert until_ms == NOW_MS + 7_200_000
    assert not smart.is_on(until_ms - 1)
    assert smart.is_on(until_ms)
    smart.suspend(NOW_MS, 2, "ann")
    smart.suspend(NOW_MS, 0, "ann")
    smart.suspend(NOW_MS, 0, "ann")
    assert smart.is_on(NOW_MS)
    wanted[0] = False
    assert not smart.is_on(NOW_MS), "the system does without it"


@pytest.mark.req("DOCK-03", "DOCK-06")
@pytest.mark.parametrize(("location", "port"), [("1-2.1.4", "2"), ("1-5", "5"), ("3-1.2", "1"), ("", "?")])
def test_the_port_of_a_dock_is_the_controllers(location: str, port: str):
    assert port_of(location) == port
