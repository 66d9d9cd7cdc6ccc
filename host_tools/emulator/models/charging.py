"""The camera's power parts: charger, gauge and monitor as their firmware sees them, register for register, over the
battery's and the contacts' physics; and what a charger and a bay give each other.

Sources: Texas Instruments BQ25895 (SLUSC88) and INA226 (SBOS547), Maxim MAX17048 (19-6171). Only the registers that a
driver can use are there. The BQ25895's own watchdog is real: 40 s after the last sign of life its settings are those
of power on again (2.048 A into the cell at 4.208 V, 500 mA from the input). Its converter and the gauge read with the
chips' steps; the monitor with its step, gain error (0.05 % one sigma) and offset (1.25 mV one sigma).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from firmware.drivers import bq25895, ina2xx, max17048
from firmware.ports.memory_i2c import MemoryI2c, RegisterMap
from host_tools.emulator.models.battery import Battery
from host_tools.emulator.models.contacts import BayContacts

MONITOR_ADDRESS = 0x40
MONITOR_GAIN_SIGMA = 0.0005
MONITOR_OFFSET_UV = 1_250
CHARGER_RESET = {
    bq25895.INPUT: 0x08,  # 500 mA
    bq25895.CONVERTER: 0x31,
    bq25895.SYSTEM: 0x1A,
    bq25895.CHARGE_CURRENT: 0x20,  # 2.048 A
    0x05: 0x13,
    bq25895.CHARGE_VOLTAGE: 0x5E,  # 4.208 V
    bq25895.TIMERS: 0x9D,  # watchdog 40 s
    0x08: 0x03,
    bq25895.DEVICE: bq25895.PART_BQ25895,
}
PHASES = {"none": 0, "precharge": 1, "fast": 2, "done": 3}
CHARGER_READ_ONLY = (bq25895.DEVICE,)


def exchange(bay: BayContacts, battery: Battery, now_ms: int) -> None:
    """Bring both to ``now_ms``: the battery with the supply of the time past, then the bay with the new demand."""
    battery.advance(now_ms)
    bay.advance(now_ms)
    battery.set_input(bay.camera_supply_uv(), bay.current_ua())
    bay.set_load(battery.request_ua())
    battery.set_input(bay.camera_supply_uv(), bay.current_ua())


class ChargerChip(RegisterMap):
    """A BQ25895. ``input_uv``: what is at its input; ``now_ms``: the world's clock, for its watchdog. ``broken``: it
    reports an overheated charge and gives nothing. ``changed``: called when it has been told something else."""

    def __init__(self, battery: Battery, input_uv: Callable[[], int], now_ms: Callable[[], int]) -> None:
        self.broken = False
        self.changed: Callable[[], None] = lambda: None
        self._applied: tuple[int, ...] = ()
        self._battery = battery
        self._input_uv = input_uv
        self._now_ms = now_ms
        self._fed_ms = now_ms()
        self._expired = False
        super().__init__(1, CHARGER_RESET, CHARGER_READ_ONLY, {bq25895.SYSTEM: bq25895.WATCHDOG_FED})
        self._apply()

    def peek(self, register: int) -> int:
        self._watch()
        if register == bq25895.STATUS:
            good = self._input_uv() > 3_900_000
            return PHASES["none" if self.broken else self._battery.phase()] << 3 | (bq25895.POWER_GOOD if good else 0)
        if register == bq25895.FAULT:
            return 0x20 if self.broken else 0
        if register in (bq25895.BATTERY_VOLTAGE, bq25895.SYSTEM_VOLTAGE):
            steps = (self._battery.terminal_uv() - bq25895.BATTERY_MIN_UV) // bq25895.BATTERY_STEP_UV
            return min(max(steps, 0), bq25895.READING_MASK)
        if register == bq25895.INPUT_VOLTAGE:
            return self._input_steps()
        if register == bq25895.BATTERY_CURRENT:
            into_ua = self._battery.current_ua() if self._battery.is_charging() else 0
            return min(int(max(into_ua, 0) // bq25895.BATTERY_STEP_UA), bq25895.READING_MASK)
        return super().peek(register)

    def _take(self, register: int, value: int) -> None:
        self._watch()
        if register == bq25895.DEVICE and value & bq25895.DEVICE_RESET:
            self.power_on()
        else:
            super()._take(register, value)
        if register == bq25895.SYSTEM and value & bq25895.WATCHDOG_FED:
            self._fed_ms = self._now_ms()
            self._expired = False
        self._apply()

    def _watch(self) -> None:
        """Settings nobody stands by are put back."""
        armed = bool(self._values[bq25895.TIMERS] & bq25895.WATCHDOG_MASK)
        if not armed:
            self._fed_ms = self._now_ms()
        elif self._now_ms() - self._fed_ms > bq25895.WATCHDOG_MS and not self._expired:
            self._values.update({key: CHARGER_RESET[key] for key in CHARGER_RESET})
            self._expired = True
            self.latch(bq25895.FAULT, 0x80)
            self._apply()

    def _apply(self) -> None:
        values = self._values
        charge_ua = (values[bq25895.CHARGE_CURRENT] & bq25895.CHARGE_CURRENT_MASK) * bq25895.CHARGE_STEP_UA
        full_uv = bq25895.FULL_MIN_UV + (values[bq25895.CHARGE_VOLTAGE] >> 2) * bq25895.FULL_STEP_UV
        limit = values[bq25895.INPUT] & bq25895.INPUT_LIMIT_MASK
        isolated = bool(values[bq25895.INPUT] & bq25895.HIGH_IMPEDANCE)
        limit_ua = 0 if isolated else bq25895.INPUT_LIMIT_MIN_UA + limit * bq25895.INPUT_LIMIT_STEP_UA
        charging = bool(values[bq25895.SYSTEM] & bq25895.CHARGE_ENABLED) and not self.broken
        if self._applied == (charge_ua, full_uv, limit_ua, charging):
            return
        self._applied = charge_ua, full_uv, limit_ua, charging
        self._battery.configure(charge_ua, full_uv)
        self._battery.set_input_limit(limit_ua)
        self._battery.set_charging(charging)
        self.changed()

    def break_down(self, broken: bool) -> None:
        """A fault: it charges no more, and says so."""
        self.broken = broken
        self._apply()

    def tick(self) -> None:
        """Its own time passes, whether or not anybody talks to it."""
        self._watch()

    def _input_steps(self) -> int:
        input_uv = self._input_uv()
        if input_uv < bq25895.INPUT_MIN_UV:
            return 0
        steps = (input_uv - bq25895.INPUT_MIN_UV) // bq25895.INPUT_STEP_UV
        return bq25895.INPUT_GOOD | min(steps, bq25895.READING_MASK)


class GaugeChip(RegisterMap):
    """A MAX17048 on the cell."""

    def __init__(self, battery: Battery) -> None:
        self._battery = battery
        reset = {max17048.MODE: 0, max17048.VERSION: 0x0012, max17048.CONFIG: 0x971C, max17048.STATUS: 0x0100}
        super().__init__(2, reset, (max17048.VERSION,))

    def peek(self, register: int) -> int:
        if register == max17048.VCELL:
            return round(self._battery.gauge_uv() * 1000) // max17048.VCELL_NV
        if register == max17048.SOC:
            return round(self._battery.gauge_percent() * max17048.SOC_STEPS)
        if register == max17048.CRATE:
            ppm_per_hour = self._battery.current_ua() / (self._battery.traits.capacity_mah * 1000) * 1e6
            return round(ppm_per_hour / max17048.CRATE_PPM_PER_HOUR) & 0xFFFF
        return super().peek(register)


class MonitorChip(RegisterMap):
    """An INA226 at the charger's input, with its own gain and offset."""

    def __init__(self, seed: int, input_uv: Callable[[], int]) -> None:
        chance = random.Random(f"monitor {seed}")
        self._gain = chance.gauss(1, MONITOR_GAIN_SIGMA)
        self._offset_uv = chance.gauss(0, MONITOR_OFFSET_UV)
        self._input_uv = input_uv
        reset = {
            ina2xx.CONFIG: 0x4127,
            ina2xx.CALIBRATION: 0,
            ina2xx.MANUFACTURER: 0x5449,
            ina2xx.DIE: 0x2260,
        }
        super().__init__(2, reset, (ina2xx.MANUFACTURER, ina2xx.DIE), {ina2xx.CONFIG: ina2xx.CONFIG_RESET})

    def peek(self, register: int) -> int:
        if register == ina2xx.BUS:
            read_uv = self._input_uv() * self._gain + self._offset_uv
            return min(max(round(read_uv / ina2xx.INA226.bus_uv), 0), 0x7FFF)
        return super().peek(register)


class CameraBus:
    """The I2C bus of a camera with these three. ``bus`` is what its firmware gets."""

    def __init__(self, seed: int, battery: Battery, input_uv: Callable[[], int], now_ms: Callable[[], int]) -> None:
        self.charger = ChargerChip(battery, input_uv, now_ms)
        self.gauge = GaugeChip(battery)
        self.monitor = MonitorChip(seed, input_uv)
        self.bus = MemoryI2c(
            {bq25895.ADDRESS: self.charger, max17048.ADDRESS: self.gauge, MONITOR_ADDRESS: self.monitor}
        )
