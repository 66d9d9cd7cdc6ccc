"""Everything around one emulated docking station: bays with their contacts, its own supply and cable.

A bay at which nothing moves needs no looking at: ``rests`` says so of the whole dock, and whoever moves something (a
hand, the dock's own switches, a camera's load, a fault) says so by ``move``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault
from firmware.version import VERSION
from host_tools.emulator.bench_file import DockPart
from host_tools.emulator.board import EmulatedBoard
from host_tools.emulator.lane import Lane
from host_tools.emulator.line import FaultyLine
from host_tools.emulator.memory_plug import MemoryPlug
from host_tools.emulator.models import BayContacts, DockPins
from host_tools.emulator.models.contacts import GAINS
from host_tools.emulator.models.dock_io import ELECTRICAL_OUTPUTS
from host_tools.emulator.models.oscillator import CRYSTAL, Oscillator
from host_tools.emulator.platform import BoardClock, DeadlineWatchdog, Ports, Rtc
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.port_faults import FaultyAdc
from host_tools.hardware import Board, board_data

REST_MS = 600  # after a change: bounce is over in a tenth, and the power pin's capacitor (tau 0.5 s) has settled
LOAD_STEP_UA = 20_000  # a change of a camera's current that a dock can see: two of its own uncertainties
LOAD_JUMP_UA = 100_000  # a load that comes or goes, and not a cell that fills: worth watching


class DockWorld:
    """One dock and its physics."""

    def __init__(
        self,
        part: DockPart,
        board: Board,
        plug: PtyPlug | MemoryPlug,
        lane: Lane,
        world_ms: Callable[[], int],
        seed: int,
        booted: Callable[[], None],
    ) -> None:
        self.part = part
        self.board = board
        self.plug = plug
        self.bays = {number: BayContacts(seed + number, chip_seed=seed) for number in board.bays}
        self.adc_faults: set[tuple[str, int]] = set()
        self.restless: set[int] = set()  # bays at which something moves all the time
        self.line = FaultyLine(plug, f"{seed}", asyncio.get_running_loop().time, self._wake_in)
        self.switched: Callable[[int], None] = lambda bay: None
        self._lane = lane
        self._seed = seed
        self._world_ms = world_ms
        self._moved_ms = world_ms()
        self._calm = False  # it has been so long enough since
        self._codes: dict[int, dict[str, float]] = {}
        self._loads_ua = dict.fromkeys(board.bays, 0)
        self._crystal = Oscillator(f"crystal {seed}", CRYSTAL)
        self._line_timer: asyncio.TimerHandle | None = None
        data = board_data(board, serial=part.serial, firmware=VERSION)
        self.emulated = EmulatedBoard(
            part.name, board, data, self.line, self._make_ports, self._close_ports, rests=self.rests, booted=booted
        )

    def lamps(self, bay: int) -> dict[str, bool]:
        """Which lamps of a bay are lit."""
        ports = self.emulated.ports
        if ports is None:
            return {}
        return {name: ports.pins.read(f"bay{bay}.lamp_{name}") for name in ("green", "red")}

    def power_on(self) -> None:
        """Boot. Does nothing when it is on."""
        self.emulated.power_on()

    def power_off(self) -> None:
        """Its mains adapter is pulled."""
        self.emulated.power_off()

    def move(self) -> None:
        """Something at a bay has been moved or switched: readings are worth taking for a while."""
        self._stir()
        self.emulated.wake()

    def rests(self) -> bool:
        """Whether no reading of any bay changes now."""
        if not self._calm:
            self._calm = self._world_ms() - self._moved_ms > REST_MS
        return self._calm and not self.restless

    def note_load(self, bay: int) -> None:
        """A camera's current may have changed: the dock looks if it can see that."""
        self._codes.pop(bay, None)
        load_ua = self.bays[bay].current_ua()
        changed_ua = abs(load_ua - self._loads_ua[bay])
        if changed_ua >= LOAD_JUMP_UA:
            self.move()
        elif changed_ua >= LOAD_STEP_UA:
            self.emulated.wake()
        else:
            return
        self._loads_ua[bay] = load_ua

    def _wake_in(self, delay_s: float) -> None:
        if self._line_timer is not None:
            self._line_timer.cancel()
        self._line_timer = asyncio.get_running_loop().call_later(delay_s, self.emulated.wake)

    def _on_switch(self, bay: int) -> None:
        self._stir()
        self.switched(bay)

    def _stir(self) -> None:
        self._moved_ms = self._world_ms()
        self._calm = False
        self._codes.clear()

    def _make_ports(self, wake: Callable[[], None]) -> Ports:
        adc = _CalmAdc(self.bays, self._world_ms, self.rests, self._codes)
        return Ports(
            clock=BoardClock(lambda: self._crystal.count_ms(self._world_ms()), Rtc(self._world_ms)),
            stream=self.line,
            pins=_SwitchPins(self.bays, self._world_ms, self._on_switch),
            adc=FaultyAdc(adc, f"{self._seed} {self.emulated.boots}", self.adc_faults),
            entropy=self._lane.entropy(f"{self.part.name} {self.emulated.boots}"),
            watchdog=DeadlineWatchdog(self._world_ms, self.board.firmware.watchdog_ms),
        )

    def _close_ports(self, ports: Ports) -> None:
        """The dock loses its power: every switch opens."""
        self.line.forget()
        if self._line_timer is not None:
            self._line_timer.cancel()
        for number in self.bays:
            for word in ELECTRICAL_OUTPUTS:
                ports.pins.write(f"bay{number}.{word}", False)


class _CalmAdc(Adc):
    """At a bay where nothing has moved since, the voltage is known and only the converter's noise is new: a fleet's
    nights are long. ``codes``: what is known, by bay and channel, emptied by whoever moves something."""

    def __init__(
        self,
        bays: Mapping[int, BayContacts],
        now_ms: Callable[[], int],
        rests: Callable[[], bool],
        codes: dict[int, dict[str, float]],
    ) -> None:
        self._places = {
            f"bay{number}.{word}": (bay, number, word, bay.channel(word).sample_uv)
            for number, bay in bays.items()
            for word in GAINS
        }
        self._now_ms = now_ms
        self._rests = rests
        self._codes = codes

    def read_uv(self, name: str) -> int:
        place = self._places.get(name)
        if place is None:
            raise PortFault(f"this dock has no analogue input {name}")
        bay, number, word, sample_uv = place
        if not self._rests():
            bay.advance(self._now_ms())
            return bay.read_uv(word)
        known = self._codes.get(number)
        if known is None:
            known = self._codes[number] = {}
        code = known.get(word)
        if code is None:
            bay.advance(self._now_ms())
            code = known[word] = bay.code_of(word)
        return sample_uv(code)


class _SwitchPins(DockPins):
    """Tells of every switch that opens or closes."""

    def __init__(
        self, bays: Mapping[int, BayContacts], now_ms: Callable[[], int], switched: Callable[[int], None]
    ) -> None:
        super().__init__(bays, now_ms)
        self._switched = switched

    def write(self, name: str, level: bool) -> None:
        changed = level != self.read(name)
        super().write(name, level)
        bay, _, word = name.partition(".")
        if changed and word in ELECTRICAL_OUTPUTS:
            self._switched(int(bay.removeprefix("bay")))
