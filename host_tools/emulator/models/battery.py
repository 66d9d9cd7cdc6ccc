"""One lithium-ion cell with its charger, by coulomb counting.

    dSOC/dt = I / capacity                                     (I > 0 charges; efficiency of the charge itself: 1)
    OCV     = -1.031 e^(-35 SOC) + 3.685 + 0.2156 SOC - 0.1178 SOC^2 + 0.3201 SOC^3                    volts
    R       = (0.1562 e^(-24.37 SOC) + 0.07446) * 850 mAh / capacity + protection and leads            ohms
    V       = OCV + I R

Source: M. Chen, G. A. Rincon-Mora, "Accurate Electrical Battery Model Capable of Predicting Runtime and I-V
Performance", IEEE Trans. Energy Conversion 21 (2006) 504: fitted to an 850 mAh polymer cell, within 30 mV and 0.4 % of
runtime. Resistance is scaled by capacity (cells in parallel); the two RC pairs for seconds and minutes are left out,
which shows as up to 40 mV for some minutes after a change of load. No temperature, no ageing, no self-discharge.

Charger: a switching converter after input detection, limited by input current, constant current to ``full_uv``, then
constant voltage until the current falls below a tenth; it starts again once the cell has dropped by ``recharge_uv``.

    I_charge = min(I_set, (full - OCV) / R, what the granted input leaves)
    I_in     = (V * I_charge + P_system) / (V_in * efficiency)

The firmware's percent_from_uv uses another cell's curve and no resistance: it differs by up to 10 % of charge.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

PAPER_CAPACITY_MAH = 850
GAUGE_OFFSET_UV = 12_500  # MAX17048: voltage error at most
GAUGE_SOC_SIGMA = 0.02  # of the state of charge in the middle, where the curve is flat
STEP_MS_MAX = 10_000  # longest piece that is integrated as one: 0.1 % of charge at 0.36 C
EMPTY_SOC = 0.0
OPERATING_UV_MIN = 3_000_000  # the protection circuit opens below


@dataclass(frozen=True)
class BatteryTraits:
    """A cell and its charger's settings."""

    capacity_mah: int = 3000
    full_uv: int = 4_096_000  # a charger's regulation voltage; below this cell's 4.103 V when full, for cycle life
    recharge_uv: int = 100_000
    charge_ua: int = 1_000_000
    input_limit_ua: int = 1_200_000
    lead_ohm: float = 0.060
    efficiency: float = 0.90
    detection_ms: int = 500  # from input present to charging
    precharge_uv: int = 3_000_000  # a cell below gets a tenth of the current
    capacity_spread: float = 0.02  # one sigma between cells


class Battery:
    """State of a cell. Order of use: ``set_draw``/``set_input`` for the time to come, then ``advance``."""

    def __init__(self, seed: int, percent: float = 80.0, traits: BatteryTraits | None = None) -> None:
        self.traits = traits or BatteryTraits()
        spread = random.Random(f"battery {seed}").gauss(1.0, self.traits.capacity_spread)
        self._new_uah = self._capacity_uah = self.traits.capacity_mah * 1000 * spread
        self._soc = min(max(percent / 100, 0.0), 1.0)
        self._charge_ua = self.traits.charge_ua
        self._full_uv = self.traits.full_uv
        self._limit_ua = self.traits.input_limit_ua
        self._enabled = True
        self._gauge_offset_uv = random.Random(f"gauge {seed}").uniform(-GAUGE_OFFSET_UV, GAUGE_OFFSET_UV)
        self._gauge_soc_error = random.Random(f"gauge charge {seed}").gauss(0, GAUGE_SOC_SIGMA)
        self._done = False
        self._draw_uw = 0.0
        self._input_uv = 0
        self._granted_ua = 0
        self._input_since_ms: int | None = None
        self._charging = False
        self._now_ms = 0
        self._curve_soc = -1.0  # for which the two below hold: they are asked for more often than it changes
        self._open_uv = 0
        self._cell_ohm = 0.0

    def set_draw(self, power_uw: float) -> None:
        """What the camera's electronics take from now on, in microwatts."""
        self._draw_uw = power_uw

    def set_input(self, supply_uv: int, granted_ua: int) -> None:
        """Voltage at the charger's input and the current it is given there from now on; 0 when undocked."""
        present = supply_uv > self.terminal_uv()
        if present and self._input_since_ms is None:
            self._input_since_ms = self._now_ms
        if not present:
            self._input_since_ms = None
            self._charging = False
        self._input_uv = supply_uv if present else 0
        self._granted_ua = granted_ua if present else 0

    def configure(self, charge_ua: int, full_uv: int) -> None:
        """What the charger's registers say of the cell: most current, highest voltage."""
        self._charge_ua, self._full_uv = charge_ua, full_uv

    def set_input_limit(self, limit_ua: int) -> None:
        """The most that the charger takes from its input; the cell gives what the board draws beyond."""
        self._limit_ua = limit_ua

    def set_charging(self, enabled: bool) -> None:
        """Whether the charger may charge; the board is fed from the input all the same."""
        self._enabled = enabled

    def age(self, part: float) -> None:
        """The cell holds that part of what a new one does from now on; its charge in percent stays."""
        self._capacity_uah = self._new_uah * part

    def replace(self, percent: float) -> None:
        """Another cell of its kind is put in, charged so far."""
        self._soc = min(max(percent / 100, 0.0), 1.0)
        self._done = False

    def hasten(self, elapsed_ms: int) -> None:
        """Time passes for the cell alone, as it is fed and drawn from now; its clock stays with everybody's."""
        self.advance(self._now_ms + elapsed_ms)
        self._now_ms -= elapsed_ms
        if self._input_since_ms is not None:
            self._input_since_ms -= elapsed_ms

    def advance(self, now_ms: int) -> None:
        """Let time pass."""
        while self._now_ms < now_ms:
            step_ms = min(now_ms - self._now_ms, STEP_MS_MAX, self._until_charging_ms())
            self._follow_charger()
            charge_uah = self.current_ua() * step_ms / 3_600_000
            self._soc = min(max(self._soc + charge_uah / self._capacity_uah, EMPTY_SOC), 1.0)
            self._now_ms += step_ms
        self._follow_charger()

    def percent(self) -> float:
        """True state of charge."""
        return self._soc * 100

    def is_empty(self) -> bool:
        """Whether the cell cannot carry the board any more."""
        return self._soc <= EMPTY_SOC or (self._input_uv == 0 and self.terminal_uv() < OPERATING_UV_MIN)

    def is_charging(self) -> bool:
        """Whether the charger gives current to the cell."""
        return self._charging

    def phase(self) -> str:
        """As the charger's status says it: ``none``, ``precharge``, ``fast`` or ``done``."""
        if not self._input_uv or not self._enabled:
            return "none"
        if self._charging:
            return "precharge" if self.open_uv() < self.traits.precharge_uv else "fast"
        return "done" if self._done else "none"

    def gauge_uv(self) -> float:
        """What a MAX17048 at the cell measures: within 12.5 mV."""
        return self.terminal_uv() + self._gauge_offset_uv

    def gauge_percent(self) -> float:
        """What it makes of it: within some percent of the truth, as gauges without a current sense are."""
        return min(max(100 * self._soc + 100 * self._gauge_soc_error * 4 * self._soc * (1 - self._soc), 0.0), 100.0)

    def temperature_c(self) -> float:
        """Of the cell: ambient, and warmer by what its resistance burns."""
        return 25.0 + 20.0 * (self.current_ua() / 1e6) ** 2 * self.resistance_ohm()

    def open_uv(self) -> int:
        """Open-circuit voltage."""
        if self._curve_soc != self._soc:
            self._follow_curve()
        return self._open_uv

    def resistance_ohm(self) -> float:
        """Inside the cell and up to the gauge."""
        if self._curve_soc != self._soc:
            self._follow_curve()
        return self._cell_ohm

    def current_ua(self) -> float:
        """Into the cell; negative while it feeds the board."""
        input_uw = self._granted_ua * self._input_uv / 1_000_000 * self.traits.efficiency
        left_ua = (input_uw - self._draw_uw) / self.open_uv() * 1_000_000
        return min(left_ua, self._wanted_ua())

    def terminal_uv(self) -> int:
        """What a gauge at the cell reads, without the gauge's own error."""
        return round(self.open_uv() + self.current_ua() * self.resistance_ohm())

    def request_ua(self) -> int:
        """What the charger asks of its input now."""
        if not self._input_uv:
            return 0
        into_ua = self._wanted_ua()
        charged_uv = self.open_uv() + into_ua * self.resistance_ohm()
        power_uw = charged_uv * into_ua / 1_000_000 + self._draw_uw
        wanted_ua = power_uw * 1_000_000 / (self._input_uv * self.traits.efficiency)
        return round(min(wanted_ua, self._limit_ua))

    def _follow_curve(self) -> None:
        soc = self._curve_soc = self._soc
        volts = -1.031 * math.exp(-35 * soc) + 3.685 + 0.2156 * soc - 0.1178 * soc**2 + 0.3201 * soc**3
        self._open_uv = round(volts * 1_000_000)
        cell = 0.1562 * math.exp(-24.37 * soc) + 0.07446
        self._cell_ohm = cell * PAPER_CAPACITY_MAH / self.traits.capacity_mah + self.traits.lead_ohm

    def _wanted_ua(self) -> float:
        if not self._charging:
            return 0.0
        most_ua = self._charge_ua / 10 if self.open_uv() < self.traits.precharge_uv else self._charge_ua
        return max(0.0, min(most_ua, self._taper_ua()))

    def _taper_ua(self) -> float:
        return (self._full_uv - self.open_uv()) / self.resistance_ohm()

    def _follow_charger(self) -> None:
        if self._input_since_ms is None or not self._enabled:
            self._charging = False
            return
        if self._now_ms - self._input_since_ms < self.traits.detection_ms:
            return
        if self._charging:
            self._charging = self._taper_ua() > self._charge_ua / 10
            self._done = not self._charging
        else:
            self._charging = self.open_uv() < self._full_uv - self.traits.recharge_uv
            self._done = not self._charging

    def _until_charging_ms(self) -> int:
        if self._input_since_ms is None:
            return STEP_MS_MAX
        left_ms = self._input_since_ms + self.traits.detection_ms - self._now_ms
        return left_ms if left_ms > 0 else STEP_MS_MAX
