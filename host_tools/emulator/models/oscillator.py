"""How wrong a clock runs.

    ppm = offset + k (T - T0)^2 + ageing * years

A bare 32.768 kHz tuning fork: k = -0.034 ppm/K^2, T0 = 25 C, offset +-20 ppm a part (Epson MC-306's data sheet); a
compensated chip (DS3231): within +-2 ppm from 0 to 40 C, ageing +-1 ppm in the first year (Maxim's data sheet). The
processor's 19.2 or 12 MHz crystal: +-20 ppm. Offsets are drawn from the seed. Error: the parabola is met within 10 %.

The firmware states an uncertainty that grows by a fixed rate and knows neither offset nor temperature.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OscillatorTraits:
    """A part's data sheet."""

    offset_ppm: float = 20.0  # one half-width, drawn evenly
    curvature_ppm: float = 0.034  # per K^2, downwards
    turnover_c: float = 25.0
    ageing_ppm_per_year: float = 1.0


TCXO = OscillatorTraits(offset_ppm=2.0, curvature_ppm=0.0)
CRYSTAL = OscillatorTraits(offset_ppm=20.0, curvature_ppm=0.0)
TUNING_FORK = OscillatorTraits()
WRONG_MS = 3_600_000  # a jump
SLOW_PPM = -20_000.0  # a crystal of the wrong load: it loses 72 s an hour
KINDS = ("off", "stuck", "wrong", "slow")


class Oscillator:
    """Turns true milliseconds into those that a clock counts. ``temperature_c``: of the part, now."""

    def __init__(
        self, seed: str, traits: OscillatorTraits, temperature_c: Callable[[], float] = lambda: 25.0, years: float = 0.0
    ) -> None:
        chance = random.Random(f"oscillator {seed}")
        self.faults: set[str] = set()
        self._traits = traits
        self._temperature_c = temperature_c
        self._offset_ppm = chance.uniform(-traits.offset_ppm, traits.offset_ppm)
        self._offset_ppm += chance.uniform(-1, 1) * traits.ageing_ppm_per_year * years
        self._true_ms = 0
        self._lag_ms = 0.0  # what it has lost (or won, below 0) until ``_true_ms``

    def ppm(self) -> float:
        """How much too fast it runs now."""
        if "stuck" in self.faults:
            return -1e6
        away = self._temperature_c() - self._traits.turnover_c
        slow = SLOW_PPM if "slow" in self.faults else 0.0
        return self._offset_ppm - self._traits.curvature_ppm * away * away + slow

    def count_ms(self, true_ms: int) -> int:
        """What it has counted when ``true_ms`` have passed. Moments only grow."""
        self._follow(true_ms)
        jump_ms = WRONG_MS if "wrong" in self.faults else 0
        return int(true_ms - self._lag_ms) + jump_ms

    def set_fault(self, kind: str, true_ms: int) -> None:
        """From that moment on. KINDS; ``off`` is for whoever owns the clock."""
        self._follow(true_ms)
        self.faults.add(kind)

    def clear_fault(self, kind: str, true_ms: int) -> None:
        """No more. What it has lost it does not get back, but for a jump."""
        self._follow(true_ms)
        self.faults.discard(kind)

    def _follow(self, true_ms: int) -> None:
        if true_ms > self._true_ms:
            self._lag_ms -= (true_ms - self._true_ms) * self.ppm() / 1e6
            self._true_ms = true_ms
