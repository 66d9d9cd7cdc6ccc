"""An analogue-to-digital converter with the front end before it.

    pin   = node * gain * (1 + gain_error) + offset
    code  = round(pin / step + integral_error(code) + noise), clipped to 0 .. 2^bits - 1
    reads = code * step / gain

The firmware undoes the nominal gain only; gain error, offset, reference error and non-linearity stay in its readings.

RP2040: 12 bits; noise 1.36 steps rms with the Pico's switching regulator in PWM mode, integral error 7.85 and
differential error 8.9 steps (markomo's measurements; the spikes at codes 512, 1536, 2560 and 3584 are erratum
RP2040-E11). Modelled as four jumps of 8.9 steps between straight pieces, which alone is +-4.45, and a bow of 3.4.
Error of the model: the sign of the bow and the reference (the 3.3 V rail, 1 %) differ from chip to chip and are drawn
from the seed.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

UV = 1_000_000
JUMP_FIRST_CODE = 512
JUMP_EVERY_CODES = 1024


@dataclass(frozen=True)
class AdcTraits:
    """A converter's data sheet, in steps (LSB) and parts per one."""

    bits: int = 12
    reference_uv: int = 3_300_000
    reference_error: float = 0.01  # one sigma a chip
    noise_steps: float = 1.36
    bow_steps: float = 3.4
    jump_steps: float = 8.9


RP2040 = AdcTraits()
IDEAL = AdcTraits(reference_error=0.0, noise_steps=0.0, bow_steps=0.0, jump_steps=0.0)


class AdcModel:
    """One channel: front end and converter. Two channels of one chip share a seed for their common errors."""

    def __init__(
        self,
        seed: int,
        *,
        gain: float = 1.0,
        gain_error: float = 0.0,
        offset_uv: float = 0.0,
        traits: AdcTraits = RP2040,
    ) -> None:
        self.gain = gain
        self._traits = traits
        self._gain_error = gain_error
        self._offset_uv = offset_uv
        chip = random.Random(f"adc chip {seed}")
        self._reference_uv = traits.reference_uv * (1 + chip.gauss(0, traits.reference_error))
        self._bow_steps = traits.bow_steps * chip.choice((-1, 1))
        self._gauss = random.Random(f"adc noise {seed} {gain}").gauss
        self._code_max = (1 << traits.bits) - 1
        self._step_uv = traits.reference_uv / (1 << traits.bits) / gain

    def read_uv(self, node_uv: float) -> int:
        """One sample of ``node_uv``, as the firmware gets it: nominal gain undone."""
        return self.sample_uv(self.code_of(node_uv))

    def code_of(self, node_uv: float) -> float:
        """What the converter would make of ``node_uv`` without its noise, in steps and parts of steps."""
        codes = 1 << self._traits.bits
        pin_uv = node_uv * self.gain * (1 + self._gain_error) + self._offset_uv
        ideal = pin_uv * codes / self._reference_uv
        return ideal + self._integral_error(ideal, codes)

    def sample_uv(self, code: float) -> int:
        """One sample where that is known."""
        noise_steps = self._traits.noise_steps
        whole = round(code + self._gauss(0.0, noise_steps) if noise_steps else code)
        if not 0 <= whole <= self._code_max:
            whole = 0 if whole < 0 else self._code_max
        return round(whole * self._step_uv)

    def step_uv(self) -> float:
        """One step at the point of measurement."""
        return self._step_uv

    def _integral_error(self, code: float, codes: int) -> float:
        place = ((code - JUMP_FIRST_CODE) / JUMP_EVERY_CODES) % 1.0
        jump = self._traits.jump_steps * (0.5 - place)
        return jump + self._bow_steps * math.sin(math.pi * min(max(code / codes, 0.0), 1.0))
