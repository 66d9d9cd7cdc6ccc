"""The stream port over a terminal: the gadget's /dev/ttyGS0, or a UART.

When a host goes, the kernel hangs a gadget's terminal up: whoever has it open reads an end of file from then on, and
must open it anew to hear the next host. Source: Linux, drivers/usb/gadget/function/u_serial.c, gserial_disconnect.
"""

import os
import termios
import tty
from collections.abc import Callable

from firmware.ports.errors import PortFault
from firmware.ports.stream import Stream

_SPEEDS = {9600: termios.B9600, 115200: termios.B115200, 921600: termios.B921600, 1000000: termios.B1000000}


class TerminalStream(Stream):
    """``is_connected``: whether anybody can be at the other end, where the terminal itself cannot tell (a gadget's
    does not show whether the host has configured it). ``baud``: for a UART; a gadget's terminal has none."""

    def __init__(self, path: str, is_connected: "Callable[[], bool]" = lambda: True, baud: "int | None" = None) -> None:
        if baud is not None and baud not in _SPEEDS:
            raise PortFault(f"{path}: {baud} baud is none of {', '.join(map(str, sorted(_SPEEDS)))}")
        self._path = path
        self._is_connected = is_connected
        self._baud = baud
        try:
            self._file = self._opened()
        except OSError as error:
            raise PortFault(f"{path} cannot be opened: {error.strerror}") from None

    def is_open(self) -> bool:
        """See Stream."""
        return self._is_connected()

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream. A host that has gone reads as silence: it may come back."""
        try:
            count = os.readv(self._file, [buffer])
        except BlockingIOError:
            return 0
        except OSError:
            count = 0
        if count == 0 and len(buffer):
            self._open_anew()
        return count

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """See Stream."""
        try:
            return os.write(self._file, data)
        except OSError:
            return 0

    def fileno(self) -> int:
        """For whoever waits."""
        return self._file

    def close(self) -> None:
        """Give the terminal back."""
        os.close(self._file)

    def _opened(self) -> int:
        file = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            tty.setraw(file)
            if self._baud is not None:
                modes = termios.tcgetattr(file)
                modes[4] = modes[5] = _SPEEDS[self._baud]
                termios.tcsetattr(file, termios.TCSANOW, modes)
        except termios.error as error:  # it went between the two
            os.close(file)
            raise OSError(*error.args) from None
        return file

    def _open_anew(self) -> None:
        """It was hung up. One that cannot be had now is tried for again at the next look."""
        try:
            file = self._opened()
        except OSError:
            return
        os.close(self._file)
        self._file = file
