"""The interface of a byte pipe, and its implementation over a file descriptor in the asyncio loop."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from host_tools.transports.errors import LinkLost

Buffer = bytes | bytearray | memoryview
Kind = Literal["pty", "uart", "usb-serial", "usb-bulk", "socket", "rfc2217", "other"]

READS_PER_TURN = 64  # then other tasks of the loop get their turn; a tty gives at most 4 KiB a read
WRITE_BUFFERS_MAX = 64  # pieces handed to one writev; the kernel takes up to 1024
REASON_CHARACTERS_MAX = 200  # of what a library says went wrong; the rest of it helps nobody


class Receiver(Protocol):
    """Who uses a pipe. All four are called from the loop, and none before ``start`` or after ``close`` has returned."""

    def space(self) -> memoryview:
        """Room to read into. An empty view pauses reading until ``Pipe.resume``."""
        ...

    def filled(self, count_bytes: int) -> None:
        """That many bytes are now at the front of ``space``."""
        ...

    def turn_over(self) -> None:
        """All that was there has been read for now, or the pipe takes bytes again."""
        ...

    def lost(self, error: LinkLost) -> None:
        """The pipe is gone, and closed; nothing more will be called. Never called from within ``write``."""
        ...


class Pipe(Protocol):
    """A two-way byte pipe that is already open. Used from the loop's thread only."""

    @property
    def url(self) -> str:
        """What it was opened as."""
        ...

    @property
    def kind(self) -> Kind:
        """What the bytes run over, as far as is known: what may be expected of it depends on that."""
        ...

    @property
    def nominal_bytes_per_s(self) -> float | None:
        """What the line could carry at best, where that is known (a UART: a tenth of its baud rate)."""
        ...

    def start(self, receiver: Receiver) -> None:
        """Begin to deliver what arrives."""
        ...

    def write(self, buffers: Sequence[Buffer]) -> int:
        """Hand over bytes; returns how many were taken. If not all, ``turn_over`` is called when more can be."""
        ...

    def resume(self) -> None:
        """There is room again after an empty ``space``."""
        ...

    def close(self) -> None:
        """Give the pipe back; what was taken is still sent where that can be done soon. A second call does nothing."""
        ...


def link_lost(url: str, reason: str) -> LinkLost:
    """The one line for every open pipe that has gone, whoever noticed."""
    line = " ".join(reason.split())[:REASON_CHARACTERS_MAX] or "no reason given"
    return LinkLost(f"{url} is gone ({line}); plug it in again")


class FdPipe:
    """A pipe over a non-blocking file descriptor (tty, pty, socket). Owns what ``release`` gives back."""

    def __init__(
        self,
        url: str,
        fd: int,
        release: Callable[[], None],
        kind: Kind = "other",
        nominal_bytes_per_s: float | None = None,
    ) -> None:
        self._url = url
        self._kind: Kind = kind
        self._nominal_bytes_per_s = nominal_bytes_per_s
        self._fd = fd
        self._release = release
        self._receiver: Receiver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reading = False
        self._writing = False
        self._released = False
        self._loss: LinkLost | None = None
        os.set_blocking(fd, False)

    @property
    def url(self) -> str:
        return self._url

    @property
    def kind(self) -> Kind:
        return self._kind

    @property
    def nominal_bytes_per_s(self) -> float | None:
        return self._nominal_bytes_per_s

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        if self._loss is not None:  # a write before the start has found out
            self._loop.call_soon(self._tell_loss)
        self.resume()

    def write(self, buffers: Sequence[Buffer]) -> int:
        if self._released:
            return 0
        try:
            taken = os.writev(self._fd, buffers[:WRITE_BUFFERS_MAX])
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self._lose(error)
            return 0
        if taken < sum(len(buffer) for buffer in buffers):
            self._want_write(True)
        return taken

    def resume(self) -> None:
        if not self._reading and not self._released and self._loop is not None:
            self._loop.add_reader(self._fd, self._readable)
            self._reading = True

    def close(self) -> None:
        self._receiver = None
        self._give_back()

    def _readable(self) -> None:
        reads_left = READS_PER_TURN
        while reads_left > 0 and self._receiver is not None:
            room = self._receiver.space()
            if not len(room):
                self._stop_reading()
                break
            count, reads, error = _read_all(self._fd, room, reads_left)
            reads_left -= reads
            if count:
                self._receiver.filled(count)
            if error is not None:
                if not isinstance(error, BlockingIOError):
                    self._lose(error)
                break
        if self._receiver is not None:
            self._receiver.turn_over()

    def _writable(self) -> None:
        self._want_write(False)
        if self._receiver is not None:
            self._receiver.turn_over()

    def _want_write(self, wanted: bool) -> None:
        if self._loop is None or wanted == self._writing:
            return
        self._writing = wanted
        if wanted:
            self._loop.add_writer(self._fd, self._writable)
        else:
            self._loop.remove_writer(self._fd)

    def _stop_reading(self) -> None:
        if self._reading and self._loop is not None:
            self._loop.remove_reader(self._fd)
            self._reading = False

    def _lose(self, error: OSError) -> None:
        if self._released:  # the receiver closed the pipe while it was being read
            return
        self._loss = link_lost(self._url, error.strerror or str(error))
        self._give_back()
        if self._loop is not None:
            # Later, not now: a write that fails must not call back into the code that is writing.
            self._loop.call_soon(self._tell_loss)

    def _tell_loss(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and self._loss is not None:
            receiver.lost(self._loss)

    def _give_back(self) -> None:
        if self._released:
            return
        self._stop_reading()
        self._want_write(False)
        self._released = True
        self._release()


def _read_all(fd: int, room: memoryview, reads_max: int) -> tuple[int, int, OSError | None]:
    """Fill ``room`` as far as bytes are there: how many, in how many reads, and why it ended before it was full.

    Filled up before anybody looks into it: a tty gives 4 KiB a read, and a look costs more than such a read does.
    """
    count, reads = 0, 0
    while count < len(room) and reads < reads_max:
        reads += 1
        try:
            more = os.readv(fd, (room[count:],))
        except OSError as error:
            return count, reads, error
        if more == 0:
            return count, reads, OSError(errno.EIO, "hung up")
        count += more
    return count, reads, None
