"""A camera in the USB guest: the application of ``pi_zero_2w_camera`` behind a gadget of its own, in its own process.

Law: real are the gadget, both its functions, the loop, the files, the clock and the application. Pins, cell and picture
are not there on a PC: pins and cell are memory, the picture is seeded bytes. Hands are lines on a pipe; what the camera
tells of itself are lines on another.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

from boards.pi_zero_2w_camera import board_data
from firmware.camera import compose
from firmware.platform.linux import board as linux_board
from firmware.platform.linux.clock import LinuxClock
from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.platform.linux.gadget import Gadget
from firmware.ports.memory_adc import MemoryAdc
from firmware.ports.memory_pins import MemoryPins
from firmware.ports.memory_watchdog import MemoryWatchdog
from firmware.ports.stream import Stream
from firmware.version import VERSION
from host_tools.emulator.workshop import BoardKeys
from tests.guests.seeded_sensor import SeededSensor

BOARD: dict[str, Any] = board_data.BOARD
FRAGMENT_BYTES = 256 << 10
CELL_UV, SUPPLY_UV = 3_900_000, 5_000_000
PRESS_S = 0.5
LOOK_MS = 200  # at the sensor; hands and hosts wake the board: three that look often take half of the emulated machine
DOCK_PIN, RECORD_PIN = "dock.present", BOARD["buttons"]["record"]["pin"]


class CountingStream(Stream):
    """A stream that counts what goes out."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.sent_bytes = 0

    def is_open(self) -> bool:
        """See Stream."""
        return self._stream.is_open()

    def read_into(self, buffer: bytearray | memoryview) -> int:
        """See Stream."""
        return self._stream.read_into(buffer)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """See Stream."""
        count = self._stream.write(data)
        self.sent_bytes += count
        return count


class GuestCamera:
    """``number``: of the device controller, from 0. ``run`` lasts until SIGTERM."""

    def __init__(self, number: int, serial: str, card: Path, keys: BoardKeys, fragments: int, reports: int) -> None:
        self._serial = serial
        self._card = card
        self._keys = keys
        self._fragments = fragments
        self._reports = reports
        self._board: dict[str, Any] = {**BOARD, "serial": serial, "firmware": VERSION}
        self._gadget = Gadget(BOARD["usb"], serial, name=f"camera{number}", controller=f"dummy_udc.{number}")
        self._wakeup = linux_board.Wakeup()
        names = {
            word: [pin for pin, facts in BOARD["pins"].items() if facts["function"] == word] for word in ("in", "out")
        }
        self._pins = MemoryPins(tuple(names["in"]), tuple(names["out"]))
        self._pins.drive(DOCK_PIN, True)
        self._stream: CountingStream | None = None

    def run(self, commands: int) -> None:
        """Be a camera; ``commands``: where words of hands are read."""
        signal.signal(signal.SIGTERM, self._wakeup.stop)
        threading.Thread(target=self._follow_hands, args=(commands,), daemon=True).start()
        linux_board.run(compose, self._board, self._gadget, self._wakeup, self._ports, LOOK_MS)
        self._tell("ended")

    def _ports(self, board: dict[str, Any], stream: Stream, wakeup: linux_board.Wakeup) -> linux_board.Ports:
        clock = LinuxClock()
        self._stream = CountingStream(stream)
        return linux_board.Ports(
            clock=clock,
            stream=self._stream,
            pins=self._pins,
            adc=MemoryAdc({"battery.cell": CELL_UV, "supply.input": SUPPLY_UV}),
            entropy=LinuxEntropy(),
            watchdog=MemoryWatchdog(clock, board["watchdog_ms"]),
            files=LinuxFiles(self._card),
            sensor=SeededSensor(clock, self._serial, self._fragments, self._tell, FRAGMENT_BYTES),
            keystore=self._keys.keystore,
            board_secret=self._keys.board_secret,
        )

    def _follow_hands(self, commands: int) -> None:
        hands = {"plug": self._plug, "unplug": self._unplug, "press": self._press}
        with os.fdopen(commands, encoding="ascii") as words:
            for word in words:
                hands[word.strip()]()
                self._wakeup.wake()
                self._tell(f"done {word.strip()}")

    def _plug(self) -> None:
        if self._stream is not None:
            self._stream.sent_bytes = 0
        self._pins.drive(DOCK_PIN, True)
        self._gadget.bind()

    def _unplug(self) -> None:
        self._gadget.unbind()
        self._pins.drive(DOCK_PIN, False)
        self._tell(f"sent {self._stream.sent_bytes if self._stream is not None else 0}")

    def _press(self) -> None:
        self._pins.drive(RECORD_PIN, True)
        self._wakeup.wake()
        threading.Event().wait(PRESS_S)
        self._pins.drive(RECORD_PIN, False)

    def _tell(self, line: str) -> None:
        os.write(self._reports, line.encode() + b"\n")
