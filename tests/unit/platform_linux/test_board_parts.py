"""Identity, watchdog, device key and terminal of a Linux board, each over files that stand for the kernel's."""

from __future__ import annotations

import errno
import os
import struct
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.platform.linux.board import Wakeup, evidence_folder
from firmware.platform.linux.device_key import GET_PRIVATE_KEY, KEY_BYTES, PROPERTY, read_device_key
from firmware.platform.linux.identity import BootState, LinuxIdentity
from firmware.platform.linux.terminal import TerminalStream
from firmware.platform.linux.watchdog import WDIOC_SETTIMEOUT, LinuxWatchdog
from firmware.ports import stream_suite
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.stream import Stream


def tree(root: Path, name: str, data: bytes) -> None:
    path = root / "proc/device-tree" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_a_board_is_what_its_device_tree_says(tmp_path: Path) -> None:
    tree(tmp_path, "model", b"Raspberry Pi Zero 2 W Rev 1.0\0")
    tree(tmp_path, "serial-number", b"00000000a1b2c3d4\0")
    tree(tmp_path, "chosen/bootloader/partition", struct.pack(">I", 3))
    tree(tmp_path, "chosen/bootloader/tryboot", struct.pack(">I", 1))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    board = LinuxIdentity(tmp_path)
    assert board.model() == "Raspberry Pi Zero 2 W Rev 1.0"
    assert board.serial() == "00000000A1B2C3D4"
    assert board.boot() == BootState(3, True)
    assert board.machine() == "0123456789abcdef0123456789abcdef"


def test_a_serial_number_may_be_in_cpuinfo_alone_and_must_be_somewhere(tmp_path: Path) -> None:
    board = LinuxIdentity(tmp_path)
    assert (board.model(), board.boot()) == ("", BootState(0, False))
    with pytest.raises(NotFound, match="no serial number"):
        board.serial()
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nHardware\t: BCM2835\nSerial\t\t: 00000000feedbeef\n")
    assert board.serial() == "00000000FEEDBEEF"
    (tmp_path / "proc/cpuinfo").write_text("Serial\t\t: 0000000000000000\n")
    with pytest.raises(NotFound):
        board.serial()


def test_a_watchdog_is_armed_fed_and_disarmed(tmp_path: Path) -> None:
    device = tmp_path / "watchdog"
    device.write_bytes(b"")
    asked: list[tuple[int, int]] = []

    def control(file: int, request: int, argument: bytes) -> None:
        asked.append((request, struct.unpack("i", argument)[0]))

    watchdog = LinuxWatchdog(10_999, str(device), control)
    assert asked == [(WDIOC_SETTIMEOUT, 10)]
    watchdog.feed()
    watchdog.feed()
    assert device.read_bytes() == b"\0\0"
    watchdog.disarm()
    assert device.read_bytes() == b"\0\0V"
    with pytest.raises(PortFault, match="cannot be fed"):
        watchdog.feed()


def test_a_watchdog_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    def refuse(file: int, request: int, argument: bytes) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    with pytest.raises(PortFault, match="dtparam=watchdog=on"):
        LinuxWatchdog(10_000, str(tmp_path / "none"))
    device = tmp_path / "watchdog"
    device.write_bytes(b"")
    with pytest.raises(PortFault, match="does not take 60 s"):
        LinuxWatchdog(60_000, str(device), refuse)
    assert device.read_bytes() == b"V"  # not left running
    with pytest.raises(PortFault, match="less than the second"):
        LinuxWatchdog(999, str(device), refuse)


def firmware_of(key: bytes, code: int) -> Callable[[int, int, bytearray], None]:
    def control(file: int, request: int, message: bytearray) -> None:
        size, asked, tag, room, _, first, rows = struct.unpack_from("<7I", message)
        assert (request, tag, first, rows, asked) == (PROPERTY, GET_PRIVATE_KEY, 0, 8, 0)
        assert (size, room) == (len(message), 8 + KEY_BYTES)
        struct.pack_into("<I", message, 4, code)
        message[28 : 28 + KEY_BYTES] = key

    return control


def test_a_device_key_is_read_or_missed(tmp_path: Path) -> None:
    device = tmp_path / "vcio"
    device.write_bytes(b"")
    key = bytes(range(KEY_BYTES))
    assert read_device_key(str(device), firmware_of(key, 0x80000000)) == key
    with pytest.raises(NotFound, match="no device key was burnt"):
        read_device_key(str(device), firmware_of(bytes(KEY_BYTES), 0x80000000))
    with pytest.raises(PortFault, match="knows no device key"):
        read_device_key(str(device), firmware_of(key, 0x80000001))
    with pytest.raises(PortFault, match="a Raspberry Pi has it"):
        read_device_key(str(tmp_path / "none"), firmware_of(key, 0x80000000))


class OtherEnd(Stream):
    """The host's end of a pseudo-terminal."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self._file = file

    def is_open(self) -> bool:
        return True

    def read_into(self, buffer: bytearray | memoryview) -> int:
        try:
            return os.readv(self._file, [buffer])
        except BlockingIOError:
            return 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return os.write(self._file, data)
        except BlockingIOError:
            return 0


@pytest.fixture
def new_pair() -> Iterator[Callable[[], tuple[Stream, Stream]]]:
    closing: list[Callable[[], None]] = []

    def make() -> tuple[Stream, Stream]:
        master, slave = os.openpty()
        board = TerminalStream(os.ttyname(slave))
        closing.extend((board.close, lambda: os.close(master), lambda: os.close(slave)))
        return board, OtherEnd(master)

    yield make
    for close in closing:
        close()


@pytest.mark.parametrize("case", stream_suite.CASES, ids=lambda case: case.__name__)
def test_a_terminal_is_a_stream(case: Callable[..., None], new_pair: Callable[[], tuple[Stream, Stream]]) -> None:
    case(new_pair)


def test_a_terminal_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with pytest.raises(PortFault, match="cannot be opened"):
        TerminalStream(str(tmp_path / "ttyGS0"))
    with pytest.raises(PortFault, match="1200 baud is none of 9600"):
        TerminalStream(str(tmp_path / "ttyGS0"), baud=1200)


def test_a_wait_ends_when_bytes_come_or_somebody_wakes() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    stream = TerminalStream(os.ttyname(slave))
    wakeup = Wakeup()
    try:
        os.write(master, b"x")
        wakeup.wait(stream, 60_000, False)
        assert stream.read_into(bytearray(5)) == 1
        wakeup.wake()
        wakeup.wait(stream, 60_000, False)
        wakeup.wait(stream, 60_000, True)  # it can be written
        for _ in range(100_000):
            wakeup.wake()  # never blocks
        wakeup.wait(stream, 60_000, False)
        wakeup.stop()
        assert wakeup.stopped
    finally:
        stream.close()
        wakeup.close()
        os.close(master)
        os.close(slave)


def test_recordings_do_not_go_where_nothing_is_mounted(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing is mounted"):
        evidence_folder(str(tmp_path))
    assert evidence_folder("/proc") == Path("/proc")


def test_a_terminal_that_was_hung_up_is_opened_anew_for_the_next_host(tmp_path: Path) -> None:
    """As the kernel does it with a gadget's terminal when its host goes."""
    path = tmp_path / "ttyGS0"
    first, first_slave = os.openpty()
    path.symlink_to(os.ttyname(first_slave))
    stream = TerminalStream(str(path), baud=115200)
    os.close(first_slave)
    os.close(first)
    buffer = bytearray(8)
    path.unlink()
    assert (stream.read_into(buffer), stream.write(b"x")) == (0, 0)
    second, second_slave = os.openpty()
    path.symlink_to(os.ttyname(second_slave))
    assert stream.read_into(buffer) == 0
    os.write(second, b"hello")
    assert (stream.read_into(buffer), bytes(buffer[:5])) == (5, b"hello")
    assert stream.write(b"you") == 3
    assert os.read(second, 8) == b"you"
    for file in (second, second_slave):
        os.close(file)
    stream.close()
