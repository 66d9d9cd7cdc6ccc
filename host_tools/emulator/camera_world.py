"""Everything around one emulated camera: battery, card, clock chip, sensor, and the cable when it is docked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firmware.ports.files import Files
from firmware.version import VERSION
from host_tools.emulator.bench_file import CameraPart, Picture
from host_tools.emulator.board import EmulatedBoard
from host_tools.emulator.models import Battery, BayContacts
from host_tools.emulator.platform import (
    BoardClock,
    DeadlineWatchdog,
    LevelPins,
    ModelAdc,
    Ports,
    Rtc,
    SystemEntropy,
)
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.scene import SceneFactory
from host_tools.emulator.truth import Truth, TruthSensor
from host_tools.emulator.video_sensor import EncodingSensor
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import Board, board_data

PRESENT_UV_MIN = 4_000_000  # the divider at the charger's input reads "present" above this
DOCK_PIN = "dock.present"
CAMERA_MODE = "bench"  # the name under which a bench's picture size appears among the board's modes


@dataclass(frozen=True)
class Surroundings:
    """What a bench gives each of its cameras. ``workshop``: where it was made."""

    world_ms: Callable[[], int]
    files: Files
    workshop: Workshop
    scene: SceneFactory
    picture: Picture
    truth: Truth


class CameraWorld:
    """One camera and its physics. ``sit``/``leave`` are called by the bench, ``follow`` on its every tick."""

    def __init__(self, part: CameraPart, board: Board, plug: PtyPlug, around: Surroundings, seed: int) -> None:
        self.part = part
        self.board = board
        self.plug = plug
        self.bay: tuple[str, int] | None = None
        self.contacts: BayContacts | None = None
        self.battery = Battery(seed, part.battery_percent)
        self._around = around
        self._rtc = Rtc(around.world_ms)
        self._pressed: set[str] = set()
        self._keys = around.workshop.keys_of(part.name, board, around.files)
        data = board_data(board, serial=part.serial, firmware=VERSION)
        data["video"] = _with_picture(data["video"], around.picture)
        self.emulated = EmulatedBoard(part.name, board, data, plug, self._make_ports, self._close_ports)

    def power_on(self) -> None:
        """Boot; before its first boot its maker gives it its IDevID. Does nothing when it is on."""
        if not self.emulated.is_on:
            self._around.workshop.provision(self.part.serial, self._around.files, self._keys)
        self.emulated.power_on()

    def supply_uv(self) -> int:
        """What arrives at the charger's input."""
        return self.contacts.camera_supply_uv() if self.contacts is not None else 0

    def is_fed(self) -> bool:
        """Whether a dock supplies the camera."""
        return self.supply_uv() >= PRESENT_UV_MIN

    def press(self, button: str, down: bool) -> None:
        """Hold a button down, or let it go. KeyError if the camera has no such button."""
        pins = {each.name: each.pin for each in self.board.buttons}
        if down:
            self._pressed.add(pins[button])
        else:
            self._pressed.discard(pins[button])
        self._drive_pins()

    def follow(self) -> None:
        """Tell the board what its surroundings are now."""
        self._drive_pins()

    def lamps(self) -> dict[str, bool]:
        """Which lamps are lit."""
        pins = self._pins()
        return {name: pins.read(f"lamp.{name}") for name in ("green", "red")} if pins is not None else {}

    def _pins(self) -> LevelPins | None:
        ports = self.emulated.ports
        return ports.pins if ports is not None and isinstance(ports.pins, LevelPins) else None

    def _drive_pins(self) -> None:
        pins = self._pins()
        if pins is None:
            return
        changed = False
        for name, level in [(DOCK_PIN, self.is_fed())] + [
            (each.pin, each.pin in self._pressed) for each in self.board.buttons
        ]:
            if pins.read(name) != level:
                pins.drive(name, level)
                changed = True
        if changed:
            self.emulated.wake()

    def _make_ports(self, wake: Callable[[], None]) -> Ports:
        around = self._around
        clock = BoardClock(around.world_ms, self._rtc)
        sensor = EncodingSensor(around.scene, wake, clock)
        pins = LevelPins(frozenset(pin.name for pin in self.board.pins.soc))
        pins.drive(DOCK_PIN, self.is_fed())
        return Ports(
            clock=clock,
            stream=self.plug,
            pins=pins,
            adc=ModelAdc({"battery.cell": self.battery.terminal_uv, "supply.input": self.supply_uv}),
            entropy=SystemEntropy(),
            watchdog=DeadlineWatchdog(around.world_ms, self.board.firmware.watchdog_ms),
            files=around.files,
            sensor=TruthSensor(sensor, around.truth, self.part.serial),
            keystore=self._keys.keystore,
            board_secret=self._keys.board_secret,
        )

    def _close_ports(self, ports: Ports) -> None:
        if isinstance(ports.sensor, TruthSensor):
            ports.sensor.close()


def _with_picture(video: dict[str, Any], picture: Picture) -> dict[str, Any]:
    mode = {"name": CAMERA_MODE, **picture.model_dump()}
    return {**video, "default": CAMERA_MODE, "modes": [*video["modes"], mode]}
