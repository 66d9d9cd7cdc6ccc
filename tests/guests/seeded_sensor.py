"""A sensor for guests: seeded bytes in place of pictures, for neither encoder nor numpy is wanted there.

It is as wide awake as its clock: fragments of a second each are handed over faster than they would be recorded.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

from firmware.ports.clock import Clock
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, Sensor, SensorSettings

FRAGMENT_MS = 1_000  # of media time
FRAGMENT_WAIT_MS = 100
INIT_BYTES = 700


class SeededSensor(Sensor):
    """Up to ``fragments`` of seeded bytes, one every FRAGMENT_WAIT_MS; tells what it has made when it has ended."""

    def __init__(
        self, clock: Clock, seed: str, fragments: int, tell: Callable[[str], None], fragment_bytes: int
    ) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._most = fragments
        self._fragment_bytes = fragment_bytes
        self._tell = tell
        self._running = self._stopped = False
        self._made = 0
        self._next_ms = 0
        self._digest = hashlib.sha256()

    def start(self, settings: SensorSettings) -> None:
        """See Sensor."""
        self._running, self._stopped, self._made = True, False, -1
        self._next_ms = self._clock.now_ms()
        self._digest = hashlib.sha256()

    def stop(self) -> None:
        """See Sensor."""
        self._stopped = True

    def poll(self) -> Fragment | None:
        """See Sensor."""
        if not self._running:
            return None
        if self._stopped and self._made >= 1:
            self._running = False
            self._tell(f"truth {self._digest.hexdigest()}")
            return Fragment(FRAGMENT_END, b"", self._made * FRAGMENT_MS, 0, 0)
        if self._made >= self._most or self._clock.now_ms() < self._next_ms:
            return None
        self._next_ms += FRAGMENT_WAIT_MS
        return self._fragment()

    def _fragment(self) -> Fragment:
        is_init = self._made < 0
        data = self._random.randbytes(INIT_BYTES if is_init else self._fragment_bytes)
        self._digest.update(data)
        start_ms = max(self._made, 0) * FRAGMENT_MS
        self._made += 1
        if is_init:
            return Fragment(FRAGMENT_INIT, data, 0, 0, 0)
        if self._made == self._most:
            self._tell("recorded")
        return Fragment(FRAGMENT_MEDIA, data, start_ms, FRAGMENT_MS, 30)
