"""Everything around one emulated camera: battery, card, clock chip, sensor, buttons, and its cable when docked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firmware.drivers.chip_adc import ChipAdc
from firmware.ports.files import Files
from firmware.ports.i2c import I2c
from firmware.version import VERSION
from host_tools.emulator.air import Air, AirRadio
from host_tools.emulator.bench_file import CameraPart, Picture
from host_tools.emulator.board import EmulatedBoard
from host_tools.emulator.gnss_port import WornReceiver, bus_baud
from host_tools.emulator.lane import Lane
from host_tools.emulator.line import FaultyLine
from host_tools.emulator.memory_plug import MemoryPlug
from host_tools.emulator.models import Battery, BatteryTraits, BayContacts, CameraSide
from host_tools.emulator.models.buttons import PushButton
from host_tools.emulator.models.card import Card
from host_tools.emulator.models.charging import CameraBus
from host_tools.emulator.models.imu import Motion
from host_tools.emulator.models.imu_chip import MotionChip
from host_tools.emulator.models.oscillator import CRYSTAL, TCXO, Oscillator
from host_tools.emulator.models.radio import Spot
from host_tools.emulator.platform import BoardClock, DeadlineWatchdog, LevelPins, Ports, Rtc
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.port_faults import FaultyAdc, FaultySensor
from host_tools.emulator.scene import SceneFactory
from host_tools.emulator.truth import SaidPlace, Truth, TruthSensor
from host_tools.emulator.walk import Walk
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import Board, board_data

PRESENT_UV_MIN = 4_000_000  # the divider at the charger's input reads "present" above this
DOCK_PIN = "dock.present"
MOTION_PART = "LSM6DSO"
CAMERA_MODE = "bench"  # the name under which a bench's picture size appears among the board's modes


@dataclass(frozen=True)
class Surroundings:
    """What a bench gives each of its cameras. ``workshop``: where it was made; ``files``: what its card holds;
    ``unix_ms``: UTC when the bench began; ``walk``: where its wearer goes."""

    lane: Lane
    world_ms: Callable[[], int]
    files: Files
    card_bytes: int
    workshop: Workshop
    scene: SceneFactory | None
    picture: Picture
    truth: Truth
    booted: Callable[[], None]
    unix_ms: int
    walk: Walk
    air: Air


class CameraWorld:
    """One camera and its physics. ``follow`` is called by the bench whenever its surroundings have changed."""

    def __init__(
        self, part: CameraPart, board: Board, plug: PtyPlug | MemoryPlug, around: Surroundings, seed: int
    ) -> None:
        self.part = part
        self.board = board
        self.plug = plug
        self.bay: tuple[str, int] | None = None
        self.contacts: BayContacts | None = None
        self.side = CameraSide.drawn(seed)
        self.battery = Battery(seed, part.battery_percent, BatteryTraits(capacity_mah=_capacity_mah(board)))
        self.card = Card(around.files, around.card_bytes, f"{seed}")
        self.rtc_oscillator = Oscillator(f"rtc {seed}", TCXO)
        self.adc_faults: set[tuple[str, int]] = set()
        self.sensor_faults: set[str] = set()
        self.dead_cell = False
        self.ahead_ms = 0  # what its crystal has counted of hours that were not waited for
        self.chips = CameraBus(seed, self.battery, self.supply_uv, around.world_ms)
        self.gnss = _receiver(part, board, around, seed)
        self.spot: Spot = (0.0, 0.0)
        self.has_radio = any(chip.kind == "radio" for chip in board.peripherals)
        self.radio: AirRadio | None = None
        self.radio_faults: set[str] = set()
        self.motion = Motion(f"{seed}")
        self.motion_chip: MotionChip | None = None
        self.motion_address = _motion_address(board)
        if self.motion_address:
            self.motion_chip = MotionChip(f"{seed}", self.motion, around.world_ms)
            self.chips.bus.plug(self.motion_address, self.motion_chip)
        self.line = FaultyLine(plug, f"{seed}", asyncio.get_running_loop().time, self._wake_in)
        self.buttons = {each.name: PushButton(f"{seed} {each.name}") for each in board.buttons}
        self._button_pins = {each.name: each.pin for each in board.buttons}
        self._contacts_closed: set[str] = set()
        self._around = around
        self._seed = seed
        self._crystal = Oscillator(f"crystal {seed}", CRYSTAL)
        self._rtc = Rtc(around.world_ms, self.rtc_oscillator)
        self._line_timer: asyncio.TimerHandle | None = None
        self._maker_keys = around.workshop.keys_of(part.name, board, around.files)
        self._keys = around.workshop.keys_of(part.name, board, self.card)
        self._data = data = board_data(board, serial=part.serial, firmware=VERSION)
        data["video"] = _with_picture(data["video"], around.picture)
        self.emulated = EmulatedBoard(
            part.name,
            board,
            data,
            self.line,
            self._make_ports,
            self._close_ports,
            rests=lambda: True,  # every pin that it reads wakes it when it changes
            busy_ms=self.card.take_busy_ms,
            booted=around.booted,
        )

    def power_on(self) -> None:
        """Boot; before its first boot its maker gives it its IDevID. Does nothing when it is on, or has no power."""
        if self.emulated.is_on or not self.has_power():
            return
        self._around.workshop.provision(self.part.serial, self._around.files, self._maker_keys)
        self.emulated.power_on()

    def power_off(self) -> None:
        """The battery is pulled."""
        was_on = self.emulated.is_on
        self.emulated.power_off()
        if was_on:
            self.card.power_cut()

    def has_power(self) -> bool:
        """Whether cell or dock can carry the board."""
        return self.is_fed() or not (self.dead_cell or self.battery.is_empty())

    def draw_uw(self) -> float:
        """What the board takes now, of its board file."""
        battery = self.board.battery
        if battery is None or not self.emulated.is_on:
            return 0.0
        ports = self.emulated.ports
        recording = ports is not None and isinstance(ports.sensor, TruthSensor) and ports.sensor.is_running
        return 1000.0 * (battery.recording_mw if recording else battery.idle_mw)

    def supply_uv(self) -> int:
        """What arrives at the charger's input."""
        return self.contacts.camera_supply_uv() if self.contacts is not None else 0

    def is_fed(self) -> bool:
        """Whether a dock supplies the camera."""
        return self.supply_uv() >= PRESENT_UV_MIN

    def press(self, button: str, down: bool) -> None:
        """Hold a button down, or let it go; its contact bounces. KeyError if the camera has no such button."""
        loop = asyncio.get_running_loop()
        for after_ms, level in self.buttons[button].move(down):
            if after_ms:
                loop.call_later(after_ms / 1000, self._touch, button, level)
            else:
                self._touch(button, level)

    def go(self, spot: Spot) -> None:
        """Be there from now on: radio carries from there."""
        self.spot = spot
        self.retune()

    def retune(self) -> None:
        """Its radio is elsewhere, or has other faults: what it hears is drawn anew."""
        if self.radio is not None:
            self._around.air.follow(self.radio)
            self.emulated.wake()

    def follow(self) -> None:
        """Tell the board what its surroundings are now."""
        if self.gnss is not None:
            self.gnss.follow(self.bay is not None)
        self._drive_pins()

    def lamps(self) -> dict[str, bool]:
        """Which lamps are lit."""
        pins = self._pins()
        return {name: pins.read(f"lamp.{name}") for name in ("green", "red")} if pins is not None else {}

    def _touch(self, button: str, level: bool) -> None:
        if level:
            self._contacts_closed.add(button)
        else:
            self._contacts_closed.discard(button)
        self._drive_pins()

    def _pins(self) -> LevelPins | None:
        ports = self.emulated.ports
        return ports.pins if ports is not None and isinstance(ports.pins, LevelPins) else None

    def _drive_pins(self) -> None:
        pins = self._pins()
        if pins is None:
            return
        changed = False
        for name, level in self._levels():
            if pins.read(name) != level:
                pins.drive(name, level)
                changed = True
        if changed:
            self.emulated.wake()

    def _levels(self) -> list[tuple[str, bool]]:
        """Every input pin with what it reads."""
        pressed = [
            (self._button_pins[name], button.pin(name in self._contacts_closed))
            for name, button in self.buttons.items()
        ]
        return [(DOCK_PIN, self.is_fed()), *pressed]

    def _wake_in(self, delay_s: float) -> None:
        """The line has something for the board then."""
        if self._line_timer is not None:
            self._line_timer.cancel()
        self._line_timer = asyncio.get_running_loop().call_later(delay_s, self.emulated.wake)

    def _said_places(self) -> list[SaidPlace]:
        return self.gnss.said_places() if self.gnss is not None else []

    def _crystal_ms(self) -> int:
        return self._crystal.count_ms(self._around.world_ms()) + self.ahead_ms

    def _make_ports(self, wake: Callable[[], None]) -> Ports:
        around, lane = self._around, self._around.lane
        seed = f"{self._seed} {self.emulated.boots}"
        clock = BoardClock(self._crystal_ms, self._rtc)
        sensor = lane.sensor(around.scene, wake, clock, self._seed * 1000 + self.emulated.boots)
        pins = LevelPins(frozenset(pin.name for pin in self.board.pins.soc))
        for name, level in self._levels():
            pins.drive(name, level)
        buses: dict[str, I2c] = {"i2c1": self.chips.bus}
        adc = ChipAdc(buses, self._data)  # the real drivers over the chips' registers
        return Ports(
            clock=clock,
            stream=self.line,
            pins=pins,
            adc=FaultyAdc(adc, seed, self.adc_faults),
            entropy=lane.entropy(f"{self.part.name} {self.emulated.boots}"),
            watchdog=DeadlineWatchdog(around.world_ms, self.board.firmware.watchdog_ms),
            files=self.card,
            sensor=TruthSensor(
                FaultySensor(sensor, seed, self.sensor_faults), around.truth, self.part.serial, self._said_places
            ),
            keystore=self._keys.keystore,
            board_secret=self._keys.board_secret,
            buses=buses,
            make_channel=lane.make_channel,
            wrap_key=lane.wrap_key,
            radio=self._new_radio(),
            gnss=self.gnss.boot() if self.gnss is not None else None,
        )

    def _new_radio(self) -> AirRadio | None:
        if self.has_radio:
            self.radio = self._around.air.radio(lambda: self.spot, self.emulated.wake, self.radio_faults)
        return self.radio

    def _close_ports(self, ports: Ports) -> None:
        if self.radio is not None:
            self._around.air.remove(self.radio)
            self.radio = None
        self.line.forget()
        if self._line_timer is not None:
            self._line_timer.cancel()
        if isinstance(ports.sensor, TruthSensor):
            ports.sensor.close()
        if self.gnss is not None:
            self.gnss.line.power_off()


def _receiver(part: CameraPart, board: Board, around: Surroundings, seed: int) -> WornReceiver | None:
    """None where the board has none."""
    baud = bus_baud(board)
    if not baud:
        return None
    return WornReceiver(f"{seed}", around.walk, part.gnss_start, baud, around.unix_ms, around.world_ms)


def _motion_address(board: Board) -> int:
    """Of its motion sensor; 0 where it has none that is emulated."""
    return next((chip.address or 0 for chip in board.peripherals if chip.part == MOTION_PART), 0)


def _capacity_mah(board: Board) -> int:
    return board.battery.capacity_mah if board.battery is not None else BatteryTraits().capacity_mah


def _with_picture(video: dict[str, Any], picture: Picture) -> dict[str, Any]:
    """Every mode encodes the bench's picture, whichever a profile asks for: a laptop carries several cameras."""
    size = picture.model_dump()
    modes = [{**mode, **size} for mode in video["modes"]]
    return {**video, "default": CAMERA_MODE, "modes": [*modes, {"name": CAMERA_MODE, **size}]}
