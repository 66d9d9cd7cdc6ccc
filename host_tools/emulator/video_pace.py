"""When a frame's time has come: media time against a clock.

Law: pure arithmetic over a Clock; nothing waits here.
"""

from __future__ import annotations

import math

from firmware.ports.clock import Clock

FOREVER_FRAMES = 1 << 40  # more than any recording has


class Pace:
    """Frames of one recording by the clock. A frame is there when its exposure is over, one frame time after it began.

    ``speed`` is media time by clock time; None means that every frame is always there.
    """

    def __init__(self, clock: Clock, speed: float | None, frames_per_second: int) -> None:
        self._clock = clock
        self._speed = speed
        self._rate = frames_per_second
        self._started_ms = clock.now_ms()

    def is_free(self) -> bool:
        """Whether there is no pace."""
        return self._speed is None

    def frames_due(self) -> int:
        """How many frames there are by now; the newest has this number minus one."""
        if self._speed is None:
            return FOREVER_FRAMES
        passed_ms = self._clock.now_ms() - self._started_ms
        return math.floor(passed_ms * self._speed * self._rate / 1000 + 1e-6)  # 40 ms at 25/s are a whole frame

    def due_ms(self, index: int) -> int:
        """The clock's time at which frame ``index`` is there."""
        if self._speed is None:
            return self._clock.now_ms()
        return self._started_ms + math.ceil((index + 1) * 1000 / (self._rate * self._speed) - 1e-6)

    def wait_ms(self, index: int) -> int:
        """How long until frame ``index`` is there; 0 when it is."""
        return max(0, self.due_ms(index) - self._clock.now_ms())

    def lag_frames(self, index: int) -> int:
        """How many newer frames than ``index`` there are already. None are missed without a pace."""
        return 0 if self._speed is None else max(0, self.frames_due() - 1 - index)
