"""The emulated bench on virtual time: the docks, cameras, physics and faults that ``bwc emulate`` runs, in one process,
from one seed, as fast as the processor can; and the same bench as a controller on that loop finds it.

Law: joins ``host_tools.emulator`` and this room's loop, channel and sealing; models nothing. No thread, socket or wall
clock is left, so a run repeats itself byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.discovery import Finder, FoundPort
from host_tools.controller.readers import Found, ReaderFinder, ReaderPlace
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench
from host_tools.emulator.lane import MemoryLane
from host_tools.emulator.memory_bus import Attached, MemoryBus
from host_tools.emulator.memory_plug import MemoryPlug
from host_tools.emulator.platform import ReplayEntropy
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import board_models, find_board
from host_tools.readers.registry import reader_of_usb
from host_tools.simulation import sealing
from host_tools.simulation.channel import SimChannel
from host_tools.simulation.loop import US_PER_S, VirtualLoop
from host_tools.transports.errors import PortMissing
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import Registry

T = TypeVar("T")

SCHEME = "memory"


class VirtualLane(MemoryLane):
    """In memory, with the simulation's channel and sealing in place of TLS and HPKE."""

    make_channel = SimChannel
    wrap_key = staticmethod(sealing.wrap)


class BenchFinder(Finder):
    """What is plugged in on the bench's bus, for a controller on the same loop."""

    def __init__(self, bench: EmulatedBench, bus: MemoryBus) -> None:
        boards = {model: find_board(model) for model in board_models()}
        super().__init__(boards.values(), None, Path(), ())
        self._models = {(board.usb.vid, board.usb.pid): model for model, board in boards.items()}
        self._bench = bench
        self._bus = bus

    def look(self) -> list[FoundPort]:
        return [
            FoundPort(
                f"{SCHEME}://{device.port_name}",
                device.location,
                device.identity.serial,
                self._models[self._usb_id(device)],
            )
            for device in self._bus.devices.values()
            if device.port_name is not None and self._usb_id(device) in self._models
        ]

    def registry(self) -> Registry:
        """What opens these ports."""
        made = Registry()
        made.add(SCHEME, self._open)
        return made

    async def _open(self, url: str) -> Pipe:
        plug = self._bench.find_any(url.removeprefix(f"{SCHEME}://")).plug
        if not isinstance(plug, MemoryPlug):
            raise PortMissing(f"{url}: this bench is not in memory")
        return plug.open_host()

    @staticmethod
    def _usb_id(device: Attached) -> tuple[int, int]:
        return device.identity.vendor_id, device.identity.product_id


class BenchReaders(ReaderFinder):
    """The RFID readers on the bench's bus, for the same controller; ``named``: those that its settings name."""

    def __init__(self, bus: MemoryBus, named: Iterable[ReaderPlace] = ()) -> None:
        super().__init__(named, None, Path())
        self._bus = bus

    def look(self) -> list[Found]:
        found = super().look()
        for device in self._bus.devices.values():
            port = quote(f"{SCHEME}://{device.port_name}", safe="") if device.port_name is not None else ""
            url = reader_of_usb(device.identity.vendor_id, device.identity.product_id, port)
            if url:
                found.append(Found(url, "", f"at USB port {device.location}", ""))
        return found


class VirtualBench:
    """A bench of its own loop. ``folder``: for what the cameras' sensors saw (``truth.jsonl``)."""

    def __init__(
        self,
        bench: Bench,
        folder: Path,
        files_of: Callable[[str, int], Files] | None = None,
        workshop: Workshop | None = None,
        on_error: Callable[[str], None] | None = None,
    ) -> None:
        self.errors: list[str] = []
        self.loop = VirtualLoop(on_error or self.errors.append)
        lane = VirtualLane(bench.seed)
        maker = workshop or Workshop(entropy=ReplayEntropy(f"workshop {bench.seed}"))
        made = self.loop.run_until_complete(
            self._make(bench, folder, files_of or (lambda name, size: MemoryFiles()), maker, lane)
        )
        assert isinstance(made, EmulatedBench)
        self.bench = made
        assert isinstance(lane.bus, MemoryBus)
        self.finder = BenchFinder(made, lane.bus)

    @staticmethod
    async def _make(
        bench: Bench, folder: Path, files_of: Callable[[str, int], Files], workshop: Workshop, lane: VirtualLane
    ) -> EmulatedBench:
        made = EmulatedBench(bench, folder, files_of, workshop, lane)
        await made.start()
        return made

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        self.loop.run_until(self.loop.world.now_us + round(seconds * US_PER_S))

    def do(self, act: Callable[[], T]) -> T:
        """Call something that wants to be on the loop (a hand, a fault); no time passes."""

        async def acting() -> T:
            return act()

        found: T = self.loop.run_until_complete(acting())
        return found

    def wait(self, condition: Callable[[], object], limit_s: float = 60.0, step_s: float = 0.01) -> float:
        """Let time pass until it is so; returns how long that took. AssertionError after ``limit_s``."""
        started_us = self.loop.world.now_us
        until_us = started_us + round(limit_s * US_PER_S)
        while not condition():
            if self.loop.world.now_us >= until_us:
                raise AssertionError(f"not so within {limit_s:g} simulated seconds")
            self.run(step_s)
        return (self.loop.world.now_us - started_us) / US_PER_S

    def close(self) -> None:
        """Power everything off."""
        self.loop.run_until_complete(self.bench.stop())
        self.loop.close()
