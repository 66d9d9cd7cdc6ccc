"""A sensor without pictures for benches in memory: MemorySensor, and an alarm clock for the board beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firmware.ports.clock import Clock
from firmware.ports.memory_sensor import FRAGMENT_MS, MemorySensor
from firmware.ports.sensor import SensorSettings


class PacedSensor(MemorySensor):
    """Wakes the board whenever a fragment is there, as an encoder's interrupt does."""

    def __init__(self, clock: Clock, seed: int, wake: Callable[[], None], fragment_bytes: int) -> None:
        super().__init__(clock, seed, fragment_bytes)
        self._ring = wake
        self._alarm: asyncio.TimerHandle | None = None

    def start(self, settings: SensorSettings) -> None:
        super().start(settings)
        self._set_alarm()

    def stop(self) -> None:
        super().stop()
        self.close()
        asyncio.get_running_loop().call_soon(self._ring)

    def close(self) -> None:
        """The board loses its power, or the sensor is stopped."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None

    def _set_alarm(self) -> None:
        self._alarm = asyncio.get_running_loop().call_later(FRAGMENT_MS / 1000, self._due)

    def _due(self) -> None:
        self._set_alarm()
        self._ring()
