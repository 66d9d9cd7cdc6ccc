"""A Raspberry Pi as a camera or a dock: its ports put together from board_data, and the loop around the application.

Law: the only place of this platform that knows which port stands on which device. Nothing is done at import.
"""

import os
import select
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware.platform.linux.adc import LinuxAdc
from firmware.platform.linux.clock import LinuxClock
from firmware.platform.linux.device_key import read_device_key
from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.platform.linux.functionfs import BulkStream
from firmware.platform.linux.gadget import Gadget
from firmware.platform.linux.host_chosen import HostChosenStream
from firmware.platform.linux.i2c import LinuxI2c
from firmware.platform.linux.identity import LinuxIdentity
from firmware.platform.linux.pins import LinuxPins
from firmware.platform.linux.radio import radio_or_none
from firmware.platform.linux.receiver import receiver_or_none
from firmware.platform.linux.terminal import TerminalStream
from firmware.platform.linux.watchdog import LinuxWatchdog
from firmware.ports.adc import Adc
from firmware.ports.application import Application
from firmware.ports.clock import WALL_RTC, Clock
from firmware.ports.entropy import Entropy
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import Files
from firmware.ports.files_keystore import FilesKeystore
from firmware.ports.i2c import I2c
from firmware.ports.keystore import Keystore
from firmware.ports.pins import Pins
from firmware.ports.radio import Radio
from firmware.ports.sensor import Sensor
from firmware.ports.stream import Stream
from firmware.ports.watchdog import Watchdog
from firmware.secure.certificates_keys import P256, DeviceKeyWrap
from firmware.version import VERSION

EVIDENCE = "/var/lib/openbwc"  # where the evidence partition is mounted
LINK = "link"  # the serial function that the link runs over
WAIT_MS_MAX = 1_000  # also without a deadline
FUNCTIONS_FOLDER = "/run/openbwc"  # where FunctionFS is mounted, a folder a function
RTC_UNCERTAINTY_MS = 60_000  # a DS3231 within 2 ppm is a minute off after a year without a controller
BUSY_WAIT_MS = 20  # between two looks at pins and sensor, none of which wakes a program

Compose = Callable[[Any, "dict[str, Any]"], Application]


@dataclass
class Ports:
    """What ``compose(ports, board)`` gets. A dock has no files, no sensor and no keys."""

    clock: Clock
    stream: Stream
    pins: Pins
    adc: Adc
    entropy: Entropy
    watchdog: Watchdog
    files: "Files | None" = None
    sensor: "Sensor | None" = None
    buses: "dict[str, I2c]" = field(default_factory=dict[str, I2c])
    keystore: "Keystore | None" = None
    board_secret: bytes = field(default=b"", repr=False)
    make_channel: "Callable[..., Any] | None" = None
    wrap_key: "Callable[..., bytes] | None" = None
    gnss: "Stream | None" = None
    radio: "Radio | None" = None


class Wakeup:
    """Ends a wait from another thread or a signal's handler."""

    def __init__(self) -> None:
        self.stopped = False
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def wake(self, *_: object) -> None:
        """From anywhere."""
        try:
            os.write(self._write, b"\0")
        except BlockingIOError:  # it is full of wakes already
            return

    def stop(self, *_: object) -> None:
        """No more turns."""
        self.stopped = True
        self.wake()

    def close(self) -> None:
        """Nobody wakes any more."""
        os.close(self._read)
        os.close(self._write)

    def wait(self, stream: "TerminalStream", limit_ms: int, to_write: bool) -> None:
        """Until bytes have come (or can go), somebody wakes, or the time is over."""
        writers = [stream] if to_write else []
        ready, _, _ = select.select([self._read, stream], writers, [], limit_ms / 1000)
        if self._read in ready:
            os.read(self._read, 4096)


MakePorts = Callable[["dict[str, Any]", Stream, Wakeup], Ports]


def main(compose: Compose, data: "dict[str, Any]") -> None:
    """Be this board until SIGTERM."""
    serial = LinuxIdentity().serial()
    board: dict[str, Any] = {**data, "serial": serial, "firmware": VERSION}
    wakeup = Wakeup()
    signal.signal(signal.SIGTERM, wakeup.stop)
    run(compose, board, Gadget(data["usb"], serial), wakeup, camera_ports if board["kind"] == "camera" else _dock)


def run(
    compose: Compose,
    board: "dict[str, Any]",
    gadget: Gadget,
    wakeup: Wakeup,
    make_ports: MakePorts,
    busy_wait_ms: int = BUSY_WAIT_MS,
) -> None:
    """Be a board behind its gadget until ``wakeup`` is stopped. The watchdog is armed last: what cannot be opened is
    told, not reset over."""
    pairs: dict[str, BulkStream] = {}
    names = [gadget.instance_of(each["name"]) for each in board["usb"]["functions"] if each["kind"] == "ffs"]
    for name in names:
        unmount_pair(name)  # what a crash left: a function that is mounted cannot be made anew
    gadget.build()
    terminal = TerminalStream(gadget.terminal_of(LINK), gadget.is_configured)
    for name in names:
        pairs[name] = bulk_pair(name, wakeup)
    ports = make_ports(board, HostChosenStream([terminal, *pairs.values()]), wakeup)
    gadget.bind()
    try:
        serve(compose(ports, board), ports, terminal, wakeup, busy_wait_ms)
    finally:
        gadget.unbind()
        for name, pair in pairs.items():
            pair.close()
            unmount_pair(name)
        terminal.close()  # the kernel waits for that before it takes a serial function away
        gadget.remove()
    if isinstance(ports.watchdog, LinuxWatchdog):
        ports.watchdog.disarm()


def serve(
    application: Application,
    ports: Ports,
    terminal: TerminalStream,
    wakeup: Wakeup,
    busy_wait_ms: int = BUSY_WAIT_MS,
) -> None:
    """Turn after turn until ``wakeup`` is stopped. ``busy_wait_ms``: longer where whoever moves pins does wake it."""
    while not wakeup.stopped:
        turn(application, ports, terminal, wakeup, busy_wait_ms)


def bulk_pair(name: str, wakeup: Wakeup) -> BulkStream:
    """The user's half of a function of the kind ffs. PortFault if it cannot be mounted."""
    folder = Path(FUNCTIONS_FOLDER) / name
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "functionfs", name, str(folder))
    return BulkStream(folder, name, wakeup.wake)


def unmount_pair(name: str) -> None:
    """Undo ``bulk_pair``; nothing mounted is no error."""
    folder = Path(FUNCTIONS_FOLDER) / name
    if folder.is_mount():
        _run("umount", str(folder))


def turn(
    application: Application, ports: Ports, stream: TerminalStream, wakeup: Wakeup, busy_wait_ms: int = BUSY_WAIT_MS
) -> None:
    """One step, and the wait until the next is due."""
    application.step(ports.clock.now_ms())
    deadline_ms = application.next_deadline_ms()
    left_ms = WAIT_MS_MAX if deadline_ms is None else deadline_ms - ports.clock.now_ms()
    wakeup.wait(stream, max(0, min(left_ms, busy_wait_ms)), application.wants_write())


def dock_ports(board: "dict[str, Any]", stream: Stream) -> Ports:
    """A dock's: nothing that is kept, nothing that is secret."""
    has_clock_chip = any(chip["kind"] == "rtc" for chip in board["chips"].values()) and Path("/dev/rtc0").exists()
    return Ports(
        clock=LinuxClock(WALL_RTC, RTC_UNCERTAINTY_MS) if has_clock_chip else LinuxClock(),
        stream=stream,
        pins=LinuxPins(board),
        adc=LinuxAdc(board, open_buses(board)),
        entropy=LinuxEntropy(),
        watchdog=LinuxWatchdog(board["watchdog_ms"]),
    )


def camera_ports(board: "dict[str, Any]", stream: Stream, wakeup: Wakeup) -> Ports:
    """A camera's. Without a device key its keys are as safe as the card: NotFound is no reason not to record."""
    from firmware.platform.linux.sensor import CameraSensor  # PyAV comes with it, which a dock does not have

    entropy = LinuxEntropy()
    files = LinuxFiles(evidence_folder())
    try:
        secret = read_device_key()
    except NotFound:
        secret = b""
    ports = dock_ports(board, stream)
    ports.files = files
    ports.sensor = CameraSensor(wakeup.wake)
    ports.buses = open_buses(board)
    ports.keystore = FilesKeystore(files, P256(entropy), DeviceKeyWrap(secret, entropy) if secret else None)
    ports.board_secret = secret
    ports.gnss = receiver_or_none(board)
    ports.radio = radio_or_none(board, entropy)
    return ports


def open_buses(board: "dict[str, Any]") -> "dict[str, I2c]":
    """The I2C buses of a board by name."""
    return {name: LinuxI2c(bus["unit"]) for name, bus in board["buses"].items() if bus["kind"] == "i2c"}


def evidence_folder(path: str = EVIDENCE) -> Path:
    """Where recordings go. NotFound if nothing is mounted there: they would fill the system's own partition."""
    folder = Path(path)
    if not folder.is_mount():
        raise NotFound(f"nothing is mounted at {path}: the evidence partition belongs there")
    return folder


def _dock(board: "dict[str, Any]", stream: Stream, wakeup: Wakeup) -> Ports:
    return dock_ports(board, stream)


def _run(*command: str) -> None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, our own words
    if answer.returncode != 0:
        raise PortFault(f"{' '.join(answer.stderr.split())}; load the module usb_f_fs, and run as root")
