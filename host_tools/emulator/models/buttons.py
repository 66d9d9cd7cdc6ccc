"""A push button whose contact bounces.

    edges after a press or a release: 2 n, n Poisson with mean 1.5 (30 when worn); gaps exponential, mean 0.4 ms (3 ms)

Source: J. G. Ganssle, "A Guide to Debouncing" (2004, 18 switches, 300 presses each): mean bounce 1.6 ms, 6.2 ms the
most but for two bad ones; tactile switches settle within 1 to 10 ms. Error: makes differ widely; the tail beyond 10
ms is not modelled but for a worn contact. The firmware debounces by time alone and knows none of this.
"""

from __future__ import annotations

import math
import random

BOUNCES_NEW, GAP_MS_NEW = 1.5, 0.4
BOUNCES_WORN, GAP_MS_WORN = 30.0, 3.0
BOUNCE_MS_MAX = 250.0  # then the spring has won
KINDS = ("off", "stuck", "intermittent")


class PushButton:
    """One button. ``level``: what the finger asks for; ``edges`` of a change are what the pin sees of it."""

    def __init__(self, seed: str) -> None:
        self.level = False
        self.faults: set[str] = set()
        self._random = random.Random(f"button {seed}")

    def move(self, level: bool) -> list[tuple[float, bool]]:
        """The finger presses or lets go: (milliseconds from now, level of the pin), oldest first, the last one stays.

        Nothing if the finger is there already.
        """
        if level == self.level:
            return []
        self.level = level
        worn = "intermittent" in self.faults
        mean, gap_ms = (BOUNCES_WORN, GAP_MS_WORN) if worn else (BOUNCES_NEW, GAP_MS_NEW)
        edges = [(0.0, level)]
        for number in range(2 * self._poisson(mean)):
            at_ms = edges[-1][0] + self._random.expovariate(1 / gap_ms)
            if at_ms > BOUNCE_MS_MAX:
                break
            edges.append((at_ms, level if number % 2 else not level))
        if edges[-1][1] != level:
            edges.append((edges[-1][0] + gap_ms, level))
        return edges

    def pin(self, level: bool) -> bool:
        """What the board's pin reads, the contact being at ``level``."""
        if "stuck" in self.faults:
            return True
        return level and "off" not in self.faults

    def _poisson(self, mean: float) -> int:
        """Knuth's method."""
        limit, product, count = math.exp(-mean), self._random.random(), 0
        while product > limit:
            product *= self._random.random()
            count += 1
        return count
