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


class Receiver(Protocol):
    """Who uses a pipe. All three are called from the loop, never re-entered."""

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
        """The pipe is gone; nothing more will be called."""
        ...


class Pipe(Protocol):
    """A two-way byte pipe that is already open."""

    @property
    def url(self) -> str:
        """What it was opened as."""
        ...

    @property
    def kind(self) -> str:
        """``pty``, ``uart``, ``usb-serial``, ``usb-bulk``, ``socket``, ``rfc2217`` or ``other``."""
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
        """Give the pipe back; a second call does nothing."""
        ...


class FdPipe:
    """A pipe over a non-blocking file descriptor (tty, pty, socket). Owns what ``release`` gives back."""

    def __init__(
        self,
        url: str,
        fd: int,
        release: Callable[[], None],
        kind: str = "other",
        nominal_bytes_per_s: float | None = None,
    ) -> None:
        self._url = url
        self._kind = kind
        self._nominal_bytes_per_s = nominal_bytes_per_s
        self._fd = fd
        self._release = release
        self._receiver: Receiver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reading = False
        self._writing = False
        self._closed = False
        os.set_blocking(fd, False)

    @property
    def url(self) -> str:
        return self._url

    @property
    def kind(self) -> str:
        return self._kind

    @property
    def nominal_bytes_per_s(self) -> float | None:
        return self._nominal_bytes_per_s

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self.resume()

    def write(self, buffers: Sequence[Buffer]) -> int:
        if self._closed:
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
        if not self._reading and not self._closed and self._loop is not None:
            self._loop.add_reader(self._fd, self._readable)
            self._reading = True

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stop_reading()
        self._want_write(False)
        self._release()

    def _readable(self) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        for _ in range(READS_PER_TURN):
            room = receiver.space()
            if not len(room):
                self._stop_reading()
                break
            try:
                count = os.readv(self._fd, [room])
            except BlockingIOError:
                break
            except OSError as error:
                self._lose(error)
                return
            if count == 0:
                self._lose(OSError(errno.EIO, "hung up"))
                return
            receiver.filled(count)
        receiver.turn_over()

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
        reason = error.strerror or str(error)
        receiver = self._receiver
        loop = self._loop
        self.close()
        if receiver is not None and loop is not None:
            # Later, not now: a write that fails must not call back into the code that is writing.
            loop.call_soon(receiver.lost, LinkLost(f"{self._url} is gone ({reason}); plug it in again"))
