"""The camera's charger, gauge and battery log: real drivers over chips register by register, physics behind them."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.camera import charging
from firmware.camera.power import POLL_DOCKED_MS, Power
from firmware.camera.power_log import PowerLog
from firmware.drivers.bq25895 import WATCHDOG_MS
from firmware.drivers.cable import Refusal
from firmware.drivers.chip_adc import ChipAdc
from firmware.link import schema
from firmware.ports.clock import WALL_CONTROLLER
from firmware.ports.i2c import I2c
from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from host_tools.emulator.models import Battery
from host_tools.emulator.models.charging import CameraBus
from host_tools.hardware import board_data, find_board

DATA = board_data(find_board("pi_zero_2w_camera"))
SUPPLY_UV = 4_900_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_UNIX_MS = 1_767_225_600_000


class Rig:
    """A camera's power alone, with a supply that is there or is not."""

    def __init__(self, percent: float = 40.0, seed: int = 1, files: MemoryFiles | None = None) -> None:
        self.now_ms = 0
        self.docked = False
        self.files = files or MemoryFiles()
        self.battery = Battery(seed, percent)
        self.battery.set_draw(450_000)
        self.chips = CameraBus(seed, self.battery, self.input_uv, lambda: self.now_ms)
        self.boot()

    def boot(self) -> None:
        self.clock = ManualClock()
        self.clock.advance(self.now_ms)
        self.clock.set_wall(NOW_UNIX_MS + self.now_ms, WALL_CONTROLLER, 40)
        buses: dict[str, I2c] = {"i2c1": self.chips.bus}
        self.power = Power(buses, DATA, ChipAdc(buses, DATA), self.clock, self.files)
        self.power.load()

    def input_uv(self) -> int:
        return SUPPLY_UV if self.docked else 0

    def run(self, duration_ms: int, step_ms: int = 1_000) -> None:
        end_ms = self.now_ms + duration_ms
        while self.now_ms < end_ms:
            advance_ms = min(step_ms, end_ms - self.now_ms)
            self.now_ms += advance_ms
            self.clock.advance(advance_ms)
            self.battery.set_input(self.input_uv(), self.battery.request_ua() or 1_000_000 if self.docked else 0)
            self.battery.set_input(self.input_uv(), self.battery.request_ua() if self.docked else 0)
            self.battery.advance(self.now_ms)
            self.power.step(self.now_ms, self.docked)

    def ask(self, name: str, **fields: Any) -> dict[str, Any]:
        answer = self.power.handlers()[name](fields)
        return {} if answer is None else answer[1]

    def status(self) -> dict[str, Any]:
        fields = self.ask("get_power")
        return {**fields, "charging": schema.word_of(schema.CHARGING_STATES, fields["charging"])}


@pytest.mark.req("DOCK-04", "CAM-10")
def test_a_cell_goes_through_constant_current_and_voltage_to_full():
    rig = Rig(percent=5)
    rig.docked = True
    seen: list[str] = []
    for _ in range(9 * 60):
        rig.run(60_000, 2_000)
        state = rig.status()["charging"]
        if not seen or seen[-1] != state:
            seen.append(state)
        if state == "full":
            break
    assert seen[-3:] == ["constant_current", "constant_voltage", "full"], seen
    status = rig.status()
    assert status["charge_permille"] > 900
    assert status["cycles_percent"] == pytest.approx(90, abs=10)


@pytest.mark.req("DOCK-04")
def test_charge_at_docking_and_undocking_and_cycles_outlast_a_reset():
    rig = Rig(percent=50)
    rig.docked = True
    rig.run(HOUR_MS)
    rig.docked = False
    rig.run(10_000)
    before = rig.status()
    assert before["docked_percent"] == pytest.approx(50, abs=3)
    assert before["undocked_percent"] == pytest.approx(rig.battery.percent(), abs=4)
    assert before["undocked_percent"] > before["docked_percent"] + 20
    rig.boot()
    rig.run(10_000)
    after = rig.status()
    for name in ("docked_percent", "undocked_percent", "cycles_percent"):
        assert after[name] == before[name], name


@pytest.mark.req("DOCK-04")
def test_smart_charge_lets_a_camera_down_that_stays_and_can_be_suspended():
    rig = Rig(percent=70)
    rig.docked = True
    rig.run(charging.HOLD_AFTER_MS - HOUR_MS, 10_000)
    assert rig.status()["charging"] == "full"
    assert rig.battery.percent() > 90
    rig.run(30 * HOUR_MS, 10_000)
    assert rig.status()["charging"] == "held"
    assert rig.battery.percent() == pytest.approx(80, abs=4)
    held = rig.battery.percent()
    rig.run(20 * HOUR_MS, 10_000)
    assert rig.battery.percent() == pytest.approx(held, abs=6)
    rig.ask("set_charging", allowed_ua=schema.INPUT_LIMIT_UA_MAX, smart=False)
    rig.run(2 * HOUR_MS, 10_000)
    assert rig.status()["charging"] == "full"
    assert rig.battery.percent() > 90


@pytest.mark.req("DOCK-04")
def test_what_a_controller_allows_holds_until_the_camera_is_taken_out():
    rig = Rig()
    rig.docked = True
    rig.run(5_000)
    assert rig.battery.request_ua() > 700_000
    rig.ask("set_charging", allowed_ua=500_000, smart=True)
    rig.run(5_000)
    assert rig.battery.request_ua() <= 500_000
    assert rig.status()["charging"] == "constant_current"
    rig.ask("set_charging", allowed_ua=0, smart=True)
    rig.run(5_000)
    assert rig.status()["charging"] == "stopped"
    assert not rig.battery.is_charging()
    rig.docked = False
    rig.run(5_000)
    rig.docked = True
    rig.run(5_000)
    assert rig.status()["charging"] == "constant_current"
    assert rig.battery.request_ua() > 700_000


@pytest.mark.req("DOCK-02", "DOCK-07")
def test_a_limit_for_a_measurement_ends_by_itself():
    rig = Rig()
    rig.docked = True
    rig.run(5_000)
    rig.ask("limit_input", limit_ua=300_000, duration_ms=1_500)
    rig.run(1_000, 10)
    assert rig.battery.request_ua() == 300_000
    rig.run(1_000, 10)
    assert rig.battery.request_ua() > 700_000


@pytest.mark.req("DOCK-07")
def test_the_chips_watchdog_takes_the_settings_back_only_if_the_firmware_stands():
    rig = Rig()
    rig.docked = True
    rig.run(2 * WATCHDOG_MS, POLL_DOCKED_MS)
    assert rig.battery.request_ua() > 700_000
    for _ in range(2 * WATCHDOG_MS // 1_000):  # nobody talks to it
        rig.now_ms += 1_000
        rig.chips.charger.tick()
    rig.battery.set_input(SUPPLY_UV, 500_000)
    assert rig.battery.request_ua() == 500_000
    rig.clock.advance(2 * WATCHDOG_MS)
    rig.run(10_000)
    assert rig.battery.request_ua() > 700_000, "the firmware does not set it up again"


@pytest.mark.req("DOCK-04")
def test_a_charger_that_fails_is_a_state_with_its_words():
    rig = Rig()
    rig.docked = True
    rig.run(5_000)
    rig.chips.charger.break_down(True)
    rig.run(5_000)
    status = rig.status()
    assert (status["charging"], status["reason"]) == ("fault", "charge: overheated")
    rig.chips.charger.break_down(False)
    rig.run(5_000)
    assert rig.status()["charging"] == "constant_current"
    rig.chips.bus.unplug(0x6A)
    rig.run(5_000)
    status = rig.status()
    assert status["charging"] == "fault"
    assert "0x6a" in status["reason"]


@pytest.mark.req("DOCK-02")
def test_the_supply_is_averaged_when_asked():
    rig = Rig()
    rig.docked = True
    rig.run(5_000)
    rig.ask("measure_power", bay=0, run=9, window_ms=200)
    with pytest.raises(Refusal):
        rig.ask("measure_power", bay=0, run=10, window_ms=200)
    rig.run(250, 10)
    (told,) = rig.power.windows
    assert told["run"] == 9
    assert told["samples"] >= 19
    assert told["supply_uv"] == pytest.approx(SUPPLY_UV, abs=8_000)


def test_a_board_without_chips_says_so_and_measures_its_supply_all_the_same():
    clock, files = ManualClock(), MemoryFiles()
    power = Power({}, DATA, MemoryAdc({"supply.input": 4_900_000}), clock, files)
    power.load()
    power.step(0, True)
    assert power.percent() is None
    answer = power.handlers()["get_power"]({})
    assert answer is not None
    assert answer[1]["charging"] == schema.number_of(schema.CHARGING_STATES, "unmanaged")
    for name, fields in (("limit_input", {"limit_ua": 300_000, "duration_ms": 1}), ("set_charging", {"allowed_ua": 0})):
        with pytest.raises(Refusal, match="no charger"):
            power.handlers()[name](fields)
    assert power.next_deadline_ms() is None
    assert list(files.list_folder("")) == []


@pytest.mark.req("DOCK-04")
def test_going_out_empty_is_counted_once_and_for_thirty_days():
    rig = Rig(percent=6)
    rig.run(10_000)
    while not rig.battery.is_empty():
        rig.run(60_000, 10_000)
    assert rig.status()["empty_shutdowns"] == 0, "it has not gone out yet"
    for _ in range(2):
        rig.boot()
        rig.docked = True
        rig.run(60_000)
        assert rig.status()["empty_shutdowns"] == 1
    rig.boot()
    rig.clock.set_wall(NOW_UNIX_MS + 31 * DAY_MS, WALL_CONTROLLER, 40)
    assert rig.status()["empty_shutdowns"] == 0


@pytest.mark.req("DOCK-04")
def test_a_power_cut_at_any_write_leaves_the_old_log_or_the_new_one():
    cuts = 0
    for number in range(20):
        files = MemoryFiles()
        started = PowerLog(files)
        started.dock(400)
        started.write()
        cut = PowerCutFiles(files, number)
        changed = PowerLog(cut)
        changed.load(NOW_UNIX_MS)
        try:
            changed.undock(900)
            changed.write()
        except PowerCut:
            cuts += 1
        again = PowerLog(files)
        again.load(NOW_UNIX_MS)
        assert again.docked_percent == 40
        assert again.undocked_percent in (90, schema.PERCENT_UNKNOWN)
    assert cuts > 3


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 40, b"x" * 5000])
def test_a_damaged_log_counts_as_none(damage: bytes):
    files = MemoryFiles()
    handle = files.create("battery")
    handle.write_at(0, damage)
    handle.close()
    log = PowerLog(files)
    log.load(NOW_UNIX_MS)
    assert log.docked_percent == schema.PERCENT_UNKNOWN
    log.dock(700)
    assert log.write()
    again = PowerLog(files)
    again.load(NOW_UNIX_MS)
    assert again.docked_percent == 70


def test_the_table_of_states_ends_in_a_state_and_knows_all_its_words():
    words = {word for _, word in schema.CHARGING_STATES}
    assert {word for _, word in charging.TABLE} == words
