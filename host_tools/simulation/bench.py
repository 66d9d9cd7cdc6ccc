"""Docks, cameras and the USB tree between them, in memory, with the hands that dock, press and pull.

Law: everything people and mishaps can do to real boards, and nothing that they cannot. Contacts are the emulator's
models; the battery is not modelled (cameras never run empty here). What happens at a bay is bench time, what happens to
a camera in the field is world time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from firmware.camera.app import DOCK_PIN, IDLE_MS_MAX, CameraApp
from firmware.dock import DockApp
from firmware.dock import states as bay_states
from firmware.dock.contacts import CHARGE_CURRENT
from firmware.ports.adc import Adc
from firmware.version import VERSION
from host_tools.emulator.models import BayContacts, CameraSide, DockAdc, DockPins
from host_tools.emulator.platform import DeadlineWatchdog, LevelPins, ModelAdc, Ports, ReplayEntropy, Rtc
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import Board, board_data
from host_tools.hardware.usb import location_of_bay, location_of_controller
from host_tools.simulation import sealing
from host_tools.simulation.boards import US_PER_MS, BoardTime, SimBoard, SimClock
from host_tools.simulation.bus import SimBus
from host_tools.simulation.cable import BoardSocket
from host_tools.simulation.channel import SimChannel
from host_tools.simulation.disk import Disk
from host_tools.simulation.loop import US_PER_S, VirtualLoop
from host_tools.simulation.records import CameraWitness, SimSensor

CAMERA_MODEL = "pi_zero_2w_camera"
DOCK_MODEL = "pico_dock_8"
ENUMERATION_US = 300_000  # from a device's pull-up to its serial port, on a healthy port of a Linux host
CHARGER_US = 500_000  # from power at the contacts to the charger's load
CHARGE_UA = 450_000
CALM_US = 500_000  # after a bay was last touched or switched; its slowest change, bouncing, is over in a tenth of that
PARTED_US = 40_000  # after this all contacts of a pulled camera have parted
PRESENT_UV_MIN = 4_000_000  # the divider at the charger's input reads "present" above this
CELL_UV = 3_900_000
WORN_CYCLES = (0, 5_000, 60_000, 120_000)  # matings that a bay has behind it: new, a year, most of its life, worn out

Tell = Callable[[str], None]


class CalmAdc(Adc):
    """A dock's converter; at a bay where nothing moves any more, its last reading stands: a fleet's nights are long."""

    def __init__(self, inner: Adc, is_calm: Callable[[int], bool]) -> None:
        self._inner = inner
        self._is_calm = is_calm
        self._last: dict[str, tuple[int, int]] = {}  # bay and reading

    def read_uv(self, name: str) -> int:
        found = self._last.get(name)
        if found is not None and self._is_calm(found[0]):
            return found[1]
        reading_uv = self._inner.read_uv(name)
        self._last[name] = (found[0] if found is not None else int(name[3 : name.index(".")]), reading_uv)
        return reading_uv


class SimDock:
    """One dock with its bays."""

    def __init__(self, loop: VirtualLoop, bus: SimBus, board: Board, number: int, seed: int, crashed: Tell) -> None:
        self.serial = f"DOCK-{number:04}"
        self.board = board
        self.hub = f"1-{number}"
        wear = random.Random(f"wear {seed} {number}")
        self.contacts = {
            bay: BayContacts(seed * 1000 + number * 10 + bay, wear.choice(WORN_CYCLES), chip_seed=seed)
            for bay in board.bays
        }
        self.occupants: dict[int, SimCamera] = {}
        self._loop = loop
        self._bus = bus
        self._seed = seed
        self._attaching = 0
        self._moved_us = dict.fromkeys(board.bays, 0)
        self._powered = dict.fromkeys(board.bays, False)  # as the camera in the bay knows it
        data = board_data(board, serial=self.serial, firmware=VERSION)
        self.sim = SimBoard(loop, board, data, self._make_ports, self._errand, self.follow, crashed)
        self.sim.timeline = loop.bench
        self.socket = BoardSocket(self.sim.wake)

    def power_on(self) -> None:
        """Plug in its mains adapter."""
        if not self.sim.is_on:
            self.sim.power_on()
            self.attach_later(ENUMERATION_US)

    def power_off(self) -> None:
        """Pull its mains adapter: bays lose their power, and the hub goes with it."""
        self._attaching += 1
        self._bus.detach(self.serial, "the dock has lost its power")
        self.sim.power_off()
        for contacts in self.contacts.values():
            for word in ("power", "drive"):
                contacts.set_output(word, False, self._bench_ms())
        self.follow()

    def attach_later(self, delay_us: int) -> None:
        """Enumerate after some time."""
        self._attaching += 1
        turn = self._attaching
        self._loop.bench.after(delay_us, lambda: self._attach(turn))

    def move(self, bay: int) -> None:
        """Something at a bay has been moved or switched: its readings are worth taking for a while."""
        self._moved_us[bay] = self._loop.bench.now_us

    def welcome(self, bay: int) -> None:
        """Another camera: it knows nothing of the bay's supply yet."""
        self._powered[bay] = False

    def _is_calm(self, bay: int) -> bool:
        return self._loop.bench.now_us - self._moved_us[bay] > CALM_US

    def free_bays(self) -> list[int]:
        """Bays without a camera."""
        return [bay for bay in self.contacts if bay not in self.occupants]

    def follow(self) -> None:
        """Cameras feel it when their bay's supply comes or goes."""
        for bay, camera in list(self.occupants.items()):
            powered = self.contacts[bay].is_powered()
            if powered != self._powered[bay]:
                self._powered[bay] = powered
                camera.follow()

    def _attach(self, turn: int) -> None:
        if turn == self._attaching and self.sim.is_on and not self._bus.is_attached(self.serial):
            location = location_of_controller(self.board, self.hub)
            self._bus.attach(self.serial, location, self.board.model, self.socket, self._seed)

    def _errand(self, app: DockApp, now_ms: int) -> int | None:
        """A dock samples its bays every few milliseconds; where no sample can tell anything new it is not stepped."""
        if not all(self._is_steady(bay) for bay in app.bays):
            return app.next_deadline_ms()
        waits = [app.cable.next_deadline_ms(), *(lamp.next_change_ms(now_ms) for lamp in app.lamps)]
        return min((wait for wait in waits if wait is not None), default=None)

    def _is_steady(self, bay: Any) -> bool:
        occupied = bay.number in self.occupants
        if bay.changed or bay.measured or occupied != self.contacts[bay.number].is_mated():
            return False
        if bay.state == bay_states.FREE:
            return not occupied
        if bay.state == bay_states.DOCKED:
            return occupied and bay.check.value_of(CHARGE_CURRENT) is not None
        return occupied and bay.state in (bay_states.FAULT, bay_states.OFF)

    def _make_ports(self, time: BoardTime) -> Ports:
        return Ports(
            clock=SimClock(time, Rtc(lambda: self._loop.world.now_us // US_PER_MS)),
            stream=self.socket,
            pins=_MovingPins(self.contacts, self._bench_ms, self.move),
            adc=CalmAdc(DockAdc(self.contacts, self._bench_ms), self._is_calm),
            entropy=ReplayEntropy(f"dock {self._seed} {self.serial} {self.sim.boots}"),
            watchdog=DeadlineWatchdog(self._bench_ms, self.board.firmware.watchdog_ms),
        )

    def _bench_ms(self) -> int:
        return self._loop.bench.now_us // US_PER_MS


class _MovingPins(DockPins):
    """Tells of every electrical change."""

    def __init__(
        self, bays: Mapping[int, BayContacts], now_ms: Callable[[], int], moved: Callable[[int], None]
    ) -> None:
        super().__init__(bays, now_ms)
        self._moved = moved

    def write(self, name: str, level: bool) -> None:
        if level != self.read(name) and name.endswith(("power", "drive")):
            self._moved(int(name[3 : name.index(".")]))
        super().write(name, level)


class SimCamera:
    """One camera: board, card, clock chip, sensor, and whoever holds it."""

    def __init__(
        self, loop: VirtualLoop, bus: SimBus, workshop: Workshop, board: Board, serial: str, seed: int, disk: Disk,
        fragment_bytes: int, crashed: Tell,
    ) -> None:  # fmt: skip
        self.serial = serial
        self.board = board
        self.disk = disk
        self.place: tuple[SimDock, int] | None = None
        self.wearer = ""  # who holds it; empty while it is in a bay
        self.rtc = Rtc(self._world_ms)
        self.sensor: SimSensor | None = None
        self.booted: Callable[[SimCamera], None] | None = None
        self._loop = loop
        self._bus = bus
        self._seed = seed
        self._fragment_bytes = fragment_bytes
        self._entropy = random.Random(f"encoder {seed} {serial}")
        self._pressed: set[str] = set()
        self._fed_us = -1
        self._attaching = 0
        self._keys = workshop.keys_of(serial, board, disk)
        workshop.provision(serial, disk, self._keys)
        data = board_data(board, serial=serial, firmware=VERSION)
        self.sim = SimBoard(loop, board, data, self._make_ports, self._errand, self._stepped, crashed)
        self.socket = BoardSocket(self.sim.wake)
        self.pins = {each.name: each.pin for each in board.buttons}
        disk.on_cut = self._died

    @property
    def app(self) -> CameraApp | None:
        """The application, while the camera is on."""
        app = self.sim.application
        return app if isinstance(app, CameraApp) else None

    @property
    def state(self) -> str:
        """A word of schema.CAMERA_STATES."""
        return self.app.state if self.app is not None else "off"

    def power_on(self) -> None:
        """Boot."""
        if not self.sim.is_on:
            self.disk.boot()
            self.sim.power_on()
            self.follow()
            if self.booted is not None and self.sim.is_on:
                self.booted(self)

    def power_off(self) -> None:
        """The battery is pulled."""
        self._detach("the camera has lost its power")
        self.sim.power_off()

    def cut_power(self, seed: int) -> None:
        """As a power cut in the middle of everything."""
        self.disk.cut_now(seed)
        self._detach("the camera has lost its power")
        self.sim.power_off()

    def lose_clock(self) -> None:
        """The clock chip forgets, from the next boot on."""
        self.rtc = Rtc(self._world_ms)

    def put_in(self, dock: SimDock, bay: int) -> None:
        """Into a bay."""
        self.place = (dock, bay)
        self.wearer = ""
        dock.occupants[bay] = self
        dock.welcome(bay)
        dock.contacts[bay].insert(self._bench_ms(), CameraSide())
        dock.move(bay)
        self.sim.move(self._loop.bench)
        self.follow()
        dock.sim.wake()

    def take_out(self) -> None:
        """Out of its bay."""
        if self.place is None:
            return
        dock, bay = self.place
        dock.contacts[bay].remove(self._bench_ms())
        dock.move(bay)
        self.place = None
        del dock.occupants[bay]
        self.follow()
        self.sim.move(self._loop.world)
        dock.sim.wake()
        self._loop.bench.after(PARTED_US, dock.sim.wake)

    def press(self, button: str, down: bool) -> None:
        """Hold a button down, or let it go."""
        if down:
            self._pressed.add(self.pins[button])
        else:
            self._pressed.discard(self.pins[button])
        self.follow()

    def follow(self) -> None:
        """Feel what the surroundings are now."""
        fed = self.is_fed()
        self._follow_charger(fed)
        ports = self.sim.ports
        if ports is not None and isinstance(ports.pins, LevelPins):
            self._drive(ports.pins, fed)
        if fed and self.sim.is_on:
            if not self._attaching and not self._bus.is_attached(self.serial):
                self.attach_later(ENUMERATION_US)
        else:
            self._detach("unplugged")

    def is_fed(self) -> bool:
        """Whether a dock supplies the camera."""
        if self.place is None:
            return False
        dock, bay = self.place
        return dock.contacts[bay].camera_supply_uv() >= PRESENT_UV_MIN

    def attach_later(self, delay_us: int) -> None:
        """Enumerate after some time, unless it is unplugged before."""
        self._attaching += 1
        turn = self._attaching
        self._loop.bench.after(delay_us, lambda: self._attach(turn))

    def lose_link(self, reason: str, back_us: int) -> None:
        """Its USB connection breaks for some time; power stays."""
        self._detach(reason)
        if self.is_fed() and self.sim.is_on:
            self.attach_later(back_us)

    def _attach(self, turn: int) -> None:
        if turn != self._attaching or self.place is None or not self.sim.is_on or not self.is_fed():
            return
        dock, bay = self.place
        location = location_of_bay(bay, dock.board, dock.hub)
        self._attaching = 0
        self._bus.attach(self.serial, location, self.board.model, self.socket, self._seed)

    def _detach(self, reason: str) -> None:
        self._attaching = 0
        self._bus.detach(self.serial, reason)

    def _follow_charger(self, fed: bool) -> None:
        if fed and self._fed_us < 0 and self.place is not None:
            dock, bay = self.place
            self._fed_us = self._loop.bench.now_us
            self._loop.bench.after(CHARGER_US, lambda: self._charge(dock, bay))
        elif not fed:
            self._fed_us = -1

    def _charge(self, dock: SimDock, bay: int) -> None:
        if self.place == (dock, bay) and self._fed_us >= 0:
            dock.contacts[bay].set_load(CHARGE_UA)
            dock.move(bay)

    def _drive(self, pins: LevelPins, fed: bool) -> None:
        changed = False
        for name, level in ((DOCK_PIN, fed), *((pin, pin in self._pressed) for pin in self.pins.values())):
            if pins.read(name) != level:
                pins.drive(name, level)
                changed = True
        if changed:
            self.sim.wake()

    def _errand(self, app: CameraApp, now_ms: int) -> int | None:
        """The encoder's next fragment, and the firmware's own deadline unless it is only there to feed the watchdog."""
        deadline_ms = app.next_deadline_ms()
        due_ms = self.sensor.due_ms() if self.sensor is not None else None
        if deadline_ms is None or deadline_ms >= now_ms + IDLE_MS_MAX:
            return due_ms
        return deadline_ms if due_ms is None else min(deadline_ms, due_ms)

    def _stepped(self) -> None:
        if self.disk.is_dead():  # the power went in the middle of the step
            self._detach("the camera has lost its power")
            self.sim.power_off()

    def _died(self) -> None:
        """The power goes now, in the middle of a step: what the step still says reaches nobody."""
        if self.socket.cable is not None:
            self.socket.cable.to_host.open = False

    def _make_ports(self, time: BoardTime) -> Ports:
        clock = SimClock(time, self.rtc)
        pins = LevelPins(frozenset(pin.name for pin in self.board.pins.soc))
        pins.drive(DOCK_PIN, self.is_fed())
        witness = self.disk.witness
        if isinstance(witness, CameraWitness):
            self.sensor = SimSensor(clock, self._entropy, self._fragment_bytes, witness)
        return Ports(
            clock=clock,
            stream=self.socket,
            pins=pins,
            adc=ModelAdc({"battery.cell": lambda: CELL_UV, "supply.input": self._supply_uv}),
            entropy=ReplayEntropy(f"camera {self._seed} {self.serial} {self.sim.boots}"),
            watchdog=DeadlineWatchdog(self._world_ms, self.board.firmware.watchdog_ms),
            files=self.disk,
            sensor=self.sensor,
            keystore=self._keys.keystore,
            board_secret=self._keys.board_secret,
            make_channel=SimChannel,
            wrap_key=sealing.wrap,
        )

    def _supply_uv(self) -> int:
        if self.place is None:
            return 0
        dock, bay = self.place
        return dock.contacts[bay].camera_supply_uv()

    def _bench_ms(self) -> int:
        return self._loop.bench.now_us // US_PER_MS

    def _world_ms(self) -> int:
        return self._loop.world.now_us // US_PER_MS


class SimBench:
    """All of them. ``stir`` wakes the bench before a hand or a fault touches it."""

    def __init__(self, loop: VirtualLoop, boards: Mapping[str, Board], seed: int, crashed: Tell) -> None:
        self.loop = loop
        self.bus = SimBus(loop)
        self.docks: list[SimDock] = []
        self.cameras: dict[str, SimCamera] = {}
        self.workshop = Workshop(entropy=ReplayEntropy(f"workshop {seed}"))
        self._boards = boards
        self._seed = seed
        self._crashed = crashed

    def add_dock(self) -> SimDock:
        """Another dock, with power."""
        dock = SimDock(self.loop, self.bus, self._boards[DOCK_MODEL], len(self.docks) + 1, self._seed, self._crashed)
        self.docks.append(dock)
        dock.power_on()
        return dock

    def add_camera(self, serial: str, disk: Disk, fragment_bytes: int) -> SimCamera:
        """Another camera, off, on a table."""
        board = self._boards[CAMERA_MODEL]
        camera = SimCamera(
            self.loop, self.bus, self.workshop, board, serial, self._seed, disk, fragment_bytes, self._crashed
        )
        self.cameras[serial] = camera
        return camera

    def free_bays(self) -> list[tuple[SimDock, int]]:
        """All bays without a camera, of docks with power or without."""
        return [(dock, bay) for dock in self.docks for bay in dock.free_bays()]

    def hold(self, camera: SimCamera, button: str, seconds: float) -> None:
        """Press a button for so long."""
        camera.press(button, True)
        camera.sim.timeline.after(round(seconds * US_PER_S), lambda: camera.press(button, False))
