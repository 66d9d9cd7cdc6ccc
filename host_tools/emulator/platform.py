"""The emulated platform: ports that are not physics (clock, pins and converters of a camera, entropy, watchdog)."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware.ports.adc import Adc
from firmware.ports.clock import WALL_NONE, WALL_RTC, Clock, WallTime
from firmware.ports.entropy import Entropy
from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from firmware.ports.i2c import I2c
from firmware.ports.keystore import Keystore
from firmware.ports.pins import Pins
from firmware.ports.radio import Radio
from firmware.ports.sensor import Sensor
from firmware.ports.stream import Stream
from firmware.ports.watchdog import Watchdog
from host_tools.emulator.models.oscillator import Oscillator

RTC_UNCERTAINTY_MS_PER_DAY = 500  # a 5 ppm clock chip drifts 0.43 s a day


@dataclass
class Ports:
    """What ``compose(ports, board)`` gets. A dock has no files, no sensor and no keys. ``buses``: I2C buses by name.
    ``make_channel``, ``wrap_key``: in place of real TLS and HPKE, for simulations that must repeat themselves."""

    clock: Clock
    stream: Stream
    pins: Pins
    adc: Adc
    entropy: Entropy
    watchdog: Watchdog
    files: Files | None = None
    sensor: Sensor | None = None
    keystore: Keystore | None = None
    buses: Mapping[str, I2c] = field(default_factory=dict[str, I2c])
    board_secret: bytes = field(default=b"", repr=False)
    make_channel: Callable[..., Any] | None = None
    wrap_key: Callable[..., bytes] | None = None
    gnss: Stream | None = None
    radio: Radio | None = None


class Rtc:
    """A clock chip with its own cell: what it was set to survives every reset of the board. ``oscillator``: what it
    counts with, else it is exact. With the oscillator's fault ``off`` the chip does not answer."""

    def __init__(self, world_ms: Callable[[], int], oscillator: Oscillator | None = None) -> None:
        self._world_ms = world_ms
        self._oscillator = oscillator
        self._offset_ms: int | None = None
        self._set_ms = 0
        self._uncertainty_ms = 0

    def set(self, unix_ms: int, uncertainty_ms: int) -> None:
        """Set the chip."""
        if self._answers():
            self._set_ms = self._count_ms()
            self._offset_ms = unix_ms - self._set_ms
            self._uncertainty_ms = uncertainty_ms

    def read(self) -> tuple[int, int] | None:
        """Unix time and its uncertainty, both in ms; None if it was never set, or does not answer."""
        if self._offset_ms is None or not self._answers():
            return None
        now_ms = self._count_ms()
        drift_ms = abs(now_ms - self._set_ms) * RTC_UNCERTAINTY_MS_PER_DAY // 86_400_000
        return now_ms + self._offset_ms, self._uncertainty_ms + drift_ms

    def _count_ms(self) -> int:
        world_ms = self._world_ms()
        return world_ms if self._oscillator is None else self._oscillator.count_ms(world_ms)

    def _answers(self) -> bool:
        return self._oscillator is None or "off" not in self._oscillator.faults


class BoardClock(Clock):
    """Counts from the board's boot. ``world_ms``: the monotonic milliseconds that the board's own crystal counts."""

    def __init__(self, world_ms: Callable[[], int], rtc: Rtc) -> None:
        self._world_ms = world_ms
        self._boot_ms = world_ms()
        self._rtc = rtc
        self._source = WALL_RTC if rtc.read() else WALL_NONE

    def now_ms(self) -> int:
        return self._world_ms() - self._boot_ms

    def wall(self) -> WallTime:
        time = self._rtc.read()
        return WallTime(time[0], self._source, time[1]) if time else WallTime(0, WALL_NONE, 0)

    def set_wall(self, unix_ms: int, source: int, uncertainty_ms: int) -> None:
        self._rtc.set(unix_ms, uncertainty_ms)
        self._source = source


class LevelPins(Pins):
    """Pins as levels: inputs are set from outside, outputs are looked at from outside."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._levels: dict[str, bool] = {}

    def read(self, name: str) -> bool:
        self._check(name)
        return self._levels.get(name, False)

    def write(self, name: str, level: bool) -> None:
        self._check(name)
        self._levels[name] = level

    def drive(self, name: str, level: bool) -> None:
        """The world sets an input."""
        self._check(name)
        self._levels[name] = level

    def _check(self, name: str) -> None:
        if name not in self._names:
            raise PortFault(f"this board has no pin {name}")


class ModelAdc(Adc):
    """Readings from models, by name."""

    def __init__(self, channels: Mapping[str, Callable[[], int]]) -> None:
        self._channels = channels

    def read_uv(self, name: str) -> int:
        channel = self._channels.get(name)
        if channel is None:
            raise PortFault(f"this board has no analogue input {name}")
        return channel()


class SystemEntropy(Entropy):
    """The operating system's randomness."""

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)


class ReplayEntropy(Entropy):
    """Randomness that is the same for the same seed: for runs that must be repeatable, never for keys that matter."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class DeadlineWatchdog(Watchdog):
    """Remembers when it was last fed; the board's runner asks whether it has bitten."""

    def __init__(self, world_ms: Callable[[], int], limit_ms: int) -> None:
        self._world_ms = world_ms
        self._limit_ms = limit_ms
        self._fed_ms = world_ms()

    def feed(self) -> None:
        self._fed_ms = self._world_ms()

    def bites_ms(self) -> int:
        """When it resets the board, on the emulator's clock, unless fed before."""
        return self._fed_ms + self._limit_ms

    def left_ms(self) -> int:
        """Until then."""
        return self.bites_ms() - self._world_ms()
