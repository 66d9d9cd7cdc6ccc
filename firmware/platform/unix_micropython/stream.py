"""The stream port over files that can be polled: standard input and output, a pipe, a socket, a pseudo-terminal.

MicroPython's files block until they have all that was asked for, so bytes are read one at a time, each after a poll,
as on a Pico's USB serial port. Whoever opens the other end sets a terminal to raw mode.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import select
import sys

from firmware.ports.stream import Stream

if TYPE_CHECKING:
    from typing import Any

    Buffer = bytes | bytearray | memoryview

WRITE_BYTES_MAX = 256  # after a poll that says "writable" a pipe takes 4096 without blocking, a pseudo-terminal 256


def standard_stream() -> "FileStream":
    """Standard input and output. Nothing may be printed beside it: what people should read goes to standard error."""
    return FileStream(sys.stdin.buffer, sys.stdout.buffer)


def stream_of(place: "str | int") -> "FileStream":
    """A terminal by its path, or a descriptor that this process was started with by its number."""
    file = open(place, "r+b")  # noqa: SIM115  open as long as the process
    return FileStream(file, file)


class FileStream(Stream):
    """Open until the other end hangs up; then for good."""

    def __init__(self, source: "Any", sink: "Any") -> None:
        self._source = source
        self._sink = sink
        self._open = True
        self._one = bytearray(1)
        self._to_read = select.poll()
        self._to_read.register(source, select.POLLIN)
        self._to_write = select.poll()
        self._to_write.register(sink, select.POLLOUT)

    def is_open(self) -> bool:
        """See Stream."""
        return self._open

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream."""
        count = 0
        while count < len(buffer) and self._open and self._to_read.poll(0):
            try:
                got = self._source.readinto(self._one)
            except OSError:  # a terminal whose other end was closed
                got = 0
            if got is None:  # not blocking, and what was polled has gone
                break
            if got == 0:
                self._open = False
                break
            buffer[count] = self._one[0]
            count += 1
        return count

    def write(self, data: "Buffer") -> int:
        """See Stream."""
        view = memoryview(data)
        taken = 0
        while taken < len(view) and self._open and self._is_writable():
            try:
                count = self._sink.write(view[taken : taken + WRITE_BYTES_MAX])
            except OSError:  # nobody is left to read it
                self._open = False
                break
            if not count:
                break
            taken += count
        return taken

    def wait(self, limit_ms: int, to_write: bool) -> None:
        """Return when bytes have come (or can go), or after ``limit_ms``."""
        if not to_write:
            self._to_read.poll(limit_ms)
            return
        both = select.poll()
        both.register(self._source, select.POLLIN)
        both.register(self._sink, select.POLLIN | select.POLLOUT if self._sink is self._source else select.POLLOUT)
        both.poll(limit_ms)

    def _is_writable(self) -> bool:
        for _, flags in self._to_write.poll(0):
            return bool(flags & select.POLLOUT)
        return False
