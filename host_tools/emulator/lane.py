"""What an emulated bench stands on: cables and the USB tree that a host sees, and where chance and pictures come from.

Law: a lane is real and on wall time (``HostLane``: pseudo-terminals, a tree in a folder, real encoders, the system's
randomness) or in memory and repeatable (``MemoryLane``), never a mixture. Which loop turns it is the composer's choice;
a ``MemoryLane`` holds no descriptor and no thread, so it may be one of virtual time.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.ports.clock import Clock
from firmware.ports.entropy import Entropy
from host_tools.emulator.errors import BenchError
from host_tools.emulator.memory_bus import MemoryBus
from host_tools.emulator.memory_plug import MemoryPlug
from host_tools.emulator.paced_sensor import PacedSensor
from host_tools.emulator.platform import ReplayEntropy, SystemEntropy
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.scene import SceneFactory, scene_from_argument
from host_tools.emulator.truth import PoweredSensor
from host_tools.emulator.usb_bus import UsbBus
from host_tools.emulator.video_sensor import EncodingSensor
from host_tools.transports.held_ports import HeldFolder

Wake = Callable[[], None]
MEMORY_UNIX_MS = 1_767_268_800_000  # a lane in memory begins at noon of New Year's Day 2026, every time
FRAGMENT_BYTES = 4_000  # of a sensor without pictures: enough for several frames of the link


class Lane(ABC):
    """``make_channel``, ``wrap_key``: see Ports; None is the real thing. ``unix_ms``: when it was made, in UTC."""

    bus: UsbBus | MemoryBus
    unix_ms = MEMORY_UNIX_MS
    make_channel: Callable[..., Any] | None = None
    wrap_key: Callable[..., bytes] | None = None

    @abstractmethod
    def begin(self) -> None:
        """The bench is started. BenchError if its place is taken."""

    @abstractmethod
    def end(self) -> None:
        """The bench has ended."""

    @abstractmethod
    def plug(self, name: str, wake: Wake) -> PtyPlug | MemoryPlug:
        """The board's end of its cable. ``wake`` is called when bytes have come, or can be written again."""

    @abstractmethod
    def scene(self, argument: str | None, seed: int) -> SceneFactory | None:
        """What a camera looks at; None where nothing is looked at. SceneError if it cannot be shown."""

    @abstractmethod
    def sensor(self, scene: SceneFactory | None, wake: Wake, clock: Clock, seed: int) -> PoweredSensor:
        """A camera's sensor, new at each boot."""

    @abstractmethod
    def entropy(self, what: str) -> Entropy:
        """A board's randomness, new at each boot. ``what``: board and number of the boot."""


class HostLane(Lane):
    """Ports below ``folder/ports``, the tree in ``folder/usb``."""

    def __init__(self, folder: Path) -> None:
        self.bus = UsbBus(folder / "usb")
        self.unix_ms = time.time_ns() // 1_000_000
        self._ports = folder / "ports"
        self._held: HeldFolder | None = None

    def begin(self) -> None:
        try:
            self._held = HeldFolder(self._ports)
        except BlockingIOError as error:
            raise BenchError(f"{self._ports}: another bench has its ports here; take another folder") from error

    def end(self) -> None:
        if self._held is not None:
            self._held.release()

    def plug(self, name: str, wake: Wake) -> PtyPlug:
        return PtyPlug(self._ports / name, wake)

    def scene(self, argument: str | None, seed: int) -> SceneFactory | None:
        return scene_from_argument(argument, seed)

    def sensor(self, scene: SceneFactory | None, wake: Wake, clock: Clock, seed: int) -> PoweredSensor:
        assert scene is not None, "a host lane always has a scene"
        return EncodingSensor(scene, wake, clock)

    def entropy(self, what: str) -> Entropy:
        return SystemEntropy()


class MemoryLane(Lane):
    """All in memory; what happens follows from ``seed`` and from what is done to the bench. Video is seeded bytes."""

    def __init__(self, seed: int) -> None:
        self.bus = MemoryBus()
        self._seed = seed

    def begin(self) -> None:
        return

    def end(self) -> None:
        return

    def plug(self, name: str, wake: Wake) -> MemoryPlug:
        return MemoryPlug(name, wake)

    def scene(self, argument: str | None, seed: int) -> SceneFactory | None:
        return None

    def sensor(self, scene: SceneFactory | None, wake: Wake, clock: Clock, seed: int) -> PoweredSensor:
        return PacedSensor(clock, seed, wake, FRAGMENT_BYTES)

    def entropy(self, what: str) -> Entropy:
        return ReplayEntropy(f"{self._seed} {what}")
