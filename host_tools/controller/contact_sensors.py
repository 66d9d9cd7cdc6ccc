"""What the sensors on both sides of a contact are worth, by what board.toml says is fitted.

Law: pure; data sheets as tables, in half-widths of what a reading may be off (rectangular unless said). A part that is
not in the table measures nothing here: no figure is made up for it. Sources: the data sheets of the parts; for the
RP2040's converter markomo's measurements and erratum RP2040-E11 (jumps at codes 512, 1536, 2560 and 3584), because
its data sheet states no integral error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from host_tools.hardware import Board

ROOT_3 = math.sqrt(3)  # half-width of a rectangular distribution by its standard deviation
RESISTOR = 0.01  # dividers, shunts: 1 % parts
AMPLIFIER_GAIN = 0.01  # INA180, most
AMPLIFIER_OFFSET_UV = 500  # at the shunt, most over temperature
REFERENCE = 0.02  # of the converter: a 3.3 V rail


@dataclass(frozen=True)
class Converter:
    """``slope``: relative error of a small span by bent characteristic; ``jump_steps`` at ``jump_every`` codes from
    ``jump_first`` on; ``integral_steps``: of a single reading."""

    bits: int
    reference_uv: int
    integral_steps: float
    slope: float
    jump_steps: float = 0.0
    jump_first: int = 0
    jump_every: int = 0


@dataclass(frozen=True)
class Sensor:
    """A reading in its own unit. ``gain``: relative half-width; ``slope``: of small spans beside that; ``offset``: of a
    single reading; ``step``: of its converter; ``jumps``: where a span across gets ``jump`` more."""

    part: str
    step: float
    gain: float
    slope: float
    offset: float
    jump: float = 0.0
    jump_first: float = 0.0
    jump_every: float = 0.0

    def span_uncertainty(self, low: float, high: float) -> float:
        """Standard uncertainty of the difference of two readings, without noise."""
        span = abs(high - low)
        parts = [span * self.gain / ROOT_3, span * self.slope / ROOT_3, self.step / 2 / ROOT_3 * math.sqrt(2)]
        if self._is_jump_between(low, high):
            parts.append(self.jump / ROOT_3)
        return math.hypot(*parts)

    def uncertainty(self, value: float) -> float:
        """Standard uncertainty of one averaged reading, without noise."""
        return math.hypot(value * self.gain, self.offset, self.step / 2) / ROOT_3

    def _is_jump_between(self, low: float, high: float) -> bool:
        if not self.jump:
            return False
        low, high = sorted((low - self.step * 8, high + self.step * 8))  # a code is known within its integral error
        return math.floor((high - self.jump_first) / self.jump_every) != math.floor(
            (low - self.jump_first) / self.jump_every
        )


CONVERTERS = {
    "RP2040": Converter(12, 3_300_000, 8.0, 0.012, 8.9, 512, 1024),
    "MCP3208": Converter(12, 3_300_000, 1.0, 0.002),
}
# Chips with a voltage input of their own: step, gain, offset in uV (data sheets; BQ25895: typical, no better is said).
MONITORS = {
    "INA226": Sensor("INA226", 1_250, 0.001, 0.0, 7_500),
    "INA219": Sensor("INA219", 4_000, 0.005, 0.0, 8_000),
    "INA3221": Sensor("INA3221", 8_000, 0.0025, 0.0, 16_000),
    "BQ25895": Sensor("BQ25895", 100_000, 0.02, 0.0, 100_000),
}


def supply_sensor(board: Board, channel: str) -> Sensor | None:
    """The voltage of a channel, in microvolts at the point of measurement; None where nothing known measures it."""
    found = next((each for each in board.analogue.channels if each.name == channel), None)
    if found is None:
        return None
    chip = board.peripheral(found.source)
    if chip is not None and chip.part in MONITORS:
        return MONITORS[chip.part]
    part = board.soc.name if chip is None or chip.kind == "mux" else chip.part
    converter = CONVERTERS.get(part)
    if converter is None:
        return None
    divider = RESISTOR * math.sqrt(2) if found.gain != 1.0 else 0.0
    return _scaled(part, converter, found.gain, math.hypot(REFERENCE, divider), 0.0)


def current_sensor(board: Board, channel: str) -> Sensor | None:
    """The current of a bay in microamperes."""
    found = next((each for each in board.analogue.channels if each.name == channel), None)
    voltage = supply_sensor(board, channel)
    if found is None or voltage is None or board.dock is None or voltage.part not in CONVERTERS:
        return None
    per_ua = board.dock.shunt_uohm / 1e6
    gain = math.hypot(REFERENCE, RESISTOR, AMPLIFIER_GAIN)
    sensor = _scaled(voltage.part, CONVERTERS[voltage.part], found.gain * per_ua, gain, AMPLIFIER_OFFSET_UV / per_ua)
    return sensor


def _scaled(part: str, converter: Converter, gain: float, relative: float, offset: float) -> Sensor:
    step = converter.reference_uv / (1 << converter.bits) / gain
    return Sensor(
        part=part,
        step=step,
        gain=relative,
        slope=converter.slope,
        offset=math.hypot(offset, converter.integral_steps * step),
        jump=converter.jump_steps * step,
        jump_first=converter.jump_first * step,
        jump_every=converter.jump_every * step,
    )
