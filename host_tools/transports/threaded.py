"""A pipe over a library whose calls block: one thread that reads, one that writes, and the loop never waits for either.

Law: what is queued is bounded both ways, so a slow side holds up the other one and not the memory. Whatever a library
raises becomes one LinkLost. The thread that leaves last closes the port, and after ``close`` both leave soon.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from host_tools.transports.errors import LinkLost
from host_tools.transports.pipe import Buffer, Kind, Receiver, link_lost

POLL_S = 0.1  # for which a port may block: the end of a pipe is noticed after that much, and an idle one costs nothing
DRAIN_S = 0.5  # for what was written before ``close``; the goodbye of a session is a few bytes
ARRIVED_BYTES_MAX = 1 << 18  # read and not yet taken; a block more than that at the most
WAITING_BYTES_MAX = 1 << 18  # taken and not yet written
WRITE_BYTES_MAX = 1 << 16  # handed to the library at once


class BlockingPort(Protocol):
    """An open port of a library. ``read`` is called from one thread and ``write`` from another, at the same time."""

    def read(self) -> Buffer:
        """What has arrived, waiting for it about POLL_S at the most; empty if nothing came."""
        ...

    def write(self, data: bytes, last: bool) -> int:
        """Send, and return how many bytes were: fewer, or none, after about POLL_S in which no more could be.
        ``last``: nothing else waits to be sent."""
        ...

    def wake(self) -> None:
        """The pipe ends, and a ``write`` has not come back in time: make it, if the library can. From any thread."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...


class ThreadedPipe:
    """A Pipe over a BlockingPort, which it owns."""

    def __init__(self, url: str, port: BlockingPort, kind: Kind, nominal_bytes_per_s: float | None = None) -> None:
        self._url = url
        self._port = port
        self._kind: Kind = kind
        self._nominal_bytes_per_s = nominal_bytes_per_s
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver | None = None
        self._started = False
        self._closed = False
        # All below is shared with the two threads and touched under the lock.
        self._lock = threading.Lock()
        self._may_read = threading.Condition(self._lock)
        self._may_write = threading.Condition(self._lock)
        self._arrived: deque[memoryview] = deque()
        self._arrived_bytes = 0
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._room_wanted = False
        self._turn_due = False
        self._ends_at_s: float | None = None  # after which nothing more is written; None while the pipe is open
        self._loss: LinkLost | None = None
        self._inside = 0

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
        self._started = True
        self._inside = 2
        for work, name in ((self._read_on, "reader"), (self._write_on, "writer")):
            threading.Thread(target=self._thread, args=(work,), name=f"{name} of {self._url}").start()

    def write(self, buffers: Sequence[Buffer]) -> int:
        with self._lock:
            if self._ends_at_s is not None:
                return 0
            room = WAITING_BYTES_MAX - self._waiting_bytes
            taken = 0
            for buffer in buffers:
                if taken == room:
                    break
                piece = bytes(memoryview(buffer)[: room - taken])
                self._waiting.append(piece)
                taken += len(piece)
            self._waiting_bytes += taken
            self._room_wanted = taken < sum(len(buffer) for buffer in buffers)
            self._may_write.notify()
        return taken

    def resume(self) -> None:
        with self._lock:
            if self._arrived:
                self._call_turn()

    def close(self) -> None:
        self._receiver = None
        if self._closed:
            return
        self._closed = True
        with self._lock:
            self._end(DRAIN_S)
        if not self._started:
            threading.Thread(target=self._quietly, args=(self._port.close,), name=f"end of {self._url}").start()

    # -- in the loop

    def _turn(self) -> None:
        """Hand over what has arrived, then say that there is room to write, then that the pipe has gone."""
        with self._lock:
            self._turn_due = False
            loss = self._loss
        if self._receiver is not None:
            self._hand_over(self._receiver)
        if self._receiver is not None and loss is None:
            self._receiver.turn_over()
        receiver = self._receiver
        if receiver is not None and loss is not None:
            self.close()
            receiver.lost(loss)

    def _hand_over(self, receiver: Receiver) -> None:
        left = ARRIVED_BYTES_MAX  # then other tasks of the loop get their turn
        while left > 0 and self._receiver is not None and self._arrived:
            room = receiver.space()
            if not len(room):
                return
            count = self._take(room)
            receiver.filled(count)
            left -= count
        with self._lock:
            if self._arrived:
                self._call_turn()

    def _take(self, room: memoryview) -> int:
        """Move bytes from what has arrived into ``room``; how many those were."""
        with self._lock:
            data = self._arrived.popleft()
            count = min(len(room), len(data))
            if count < len(data):
                self._arrived.appendleft(data[count:])
            self._arrived_bytes -= count
            self._may_read.notify()
        room[:count] = data[:count]
        return count

    # -- in the threads

    def _thread(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  the thread's edge: a library may raise anything; it ends the pipe
            self._fail(str(error) or type(error).__name__)
        self._leave()

    def _read_on(self) -> None:
        while not self._is_over():
            data = self._port.read()
            if len(data):
                self._keep(memoryview(data))
        # What still goes out may only do so while what comes in is read: a loop://, or a peer that is as busy writing.
        while self._inside == 2:
            if self._is_late():
                self._port.wake()
            self._port.read()

    def _keep(self, data: memoryview) -> None:
        with self._lock:
            while self._arrived_bytes >= ARRIVED_BYTES_MAX and self._ends_at_s is None and not self._loop.is_closed():
                self._may_read.wait(POLL_S)
            if self._ends_at_s is None:
                self._arrived.append(data)
                self._arrived_bytes += len(data)
                self._call_turn()

    def _write_on(self) -> None:
        while data := self._next_to_write():
            rest = data
            while rest and not self._is_late():
                rest = rest[self._port.write(rest, not self._waiting) :]
            self._written(len(data))

    def _next_to_write(self) -> bytes:
        """Empty when there will be no more."""
        with self._lock:
            while not self._waiting and self._ends_at_s is None:
                self._may_write.wait()
            pieces: list[bytes] = []
            size = 0
            while self._waiting and size < WRITE_BYTES_MAX:
                pieces.append(self._waiting.popleft())
                size += len(pieces[-1])
        return b"" if self._is_late() else b"".join(pieces)

    def _written(self, count_bytes: int) -> None:
        with self._lock:
            self._waiting_bytes -= count_bytes
            if self._room_wanted:
                self._room_wanted = False
                self._call_turn()

    def _is_over(self) -> bool:
        """Whether the pipe was closed or has failed, or its loop has ended with nobody closing it."""
        if self._loop.is_closed():
            with self._lock:
                self._end(0)
        return self._ends_at_s is not None

    def _is_late(self) -> bool:
        return self._ends_at_s is not None and time.monotonic() >= self._ends_at_s

    def _fail(self, reason: str) -> None:
        with self._lock:
            if self._ends_at_s is None:
                self._loss = link_lost(self._url, reason)
                self._end(0)
                self._call_turn()

    def _leave(self) -> None:
        if self._loss is not None:
            self._quietly(self._port.wake)
        with self._lock:
            self._inside -= 1
            last = not self._inside
        if last:
            self._quietly(self._port.close)

    def _quietly(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001  the pipe has ended, or is about to; nobody can do more about its port
            return

    # -- under the lock

    def _end(self, drain_s: float) -> None:
        if self._ends_at_s is None:
            self._ends_at_s = time.monotonic() + drain_s
        self._may_read.notify_all()
        self._may_write.notify_all()

    def _call_turn(self) -> None:
        if self._turn_due:
            return
        self._turn_due = True
        try:
            self._loop.call_soon_threadsafe(self._turn)
        except RuntimeError:
            self._end(0)  # the loop has ended: nobody is left to tell
