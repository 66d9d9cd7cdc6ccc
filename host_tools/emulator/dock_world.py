"""Everything around one emulated docking station: bays with their contacts, its own supply and cable."""

from __future__ import annotations

from collections.abc import Callable

from firmware.version import VERSION
from host_tools.emulator.bench_file import DockPart
from host_tools.emulator.board import EmulatedBoard
from host_tools.emulator.models import BayContacts, DockAdc, DockPins
from host_tools.emulator.platform import BoardClock, DeadlineWatchdog, Ports, Rtc, SystemEntropy
from host_tools.emulator.plugs import PtyPlug
from host_tools.hardware import Board, board_data


class DockWorld:
    """One dock and its physics."""

    def __init__(self, part: DockPart, board: Board, plug: PtyPlug, world_ms: Callable[[], int], seed: int) -> None:
        self.part = part
        self.board = board
        self.plug = plug
        self.bays = {number: BayContacts(seed + number, chip_seed=seed) for number in board.bays}
        self._world_ms = world_ms
        data = board_data(board, serial=part.serial, firmware=VERSION)
        self.emulated = EmulatedBoard(part.name, board, data, plug, self._make_ports, self._close_ports)

    def lamps(self, bay: int) -> dict[str, bool]:
        """Which lamps of a bay are lit."""
        ports = self.emulated.ports
        if ports is None:
            return {}
        return {name: ports.pins.read(f"bay{bay}.lamp_{name}") for name in ("green", "red")}

    def power_on(self) -> None:
        """Boot. Does nothing when it is on."""
        self.emulated.power_on()

    def _make_ports(self, wake: Callable[[], None]) -> Ports:
        return Ports(
            clock=BoardClock(self._world_ms, Rtc(self._world_ms)),
            stream=self.plug,
            pins=DockPins(self.bays, self._world_ms),
            adc=DockAdc(self.bays, self._world_ms),
            entropy=SystemEntropy(),
            watchdog=DeadlineWatchdog(self._world_ms, self.board.firmware.watchdog_ms),
        )

    def _close_ports(self, ports: Ports) -> None:
        """The dock loses its power: every switch opens."""
        for number, bay in self.bays.items():
            for word in ("power", "drive"):
                bay.set_output(word, False, self._world_ms())
                ports.pins.write(f"bay{number}.{word}", False)
