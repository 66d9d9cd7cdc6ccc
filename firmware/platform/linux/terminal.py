"""The stream port over a terminal: the gadget's /dev/ttyGS0, or a UART."""

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
        try:
            self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise PortFault(f"{path} cannot be opened: {error.strerror}") from None
        tty.setraw(self._file)
        if baud is not None:
            modes = termios.tcgetattr(self._file)
            modes[4] = modes[5] = _SPEEDS[baud]
            termios.tcsetattr(self._file, termios.TCSANOW, modes)

    def is_open(self) -> bool:
        """See Stream."""
        return self._is_connected()

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream. A host that has gone reads as silence: it may come back."""
        try:
            return os.readv(self._file, [buffer])
        except OSError:
            return 0

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
