"""Recording what passes on cables: as a listener beside an end, or as a man in the middle of a live line.

Law: what it records is what passed, in the order in which it passed. It changes nothing on the line and never holds
more of it back than one buffer in each direction. A recorder that can write no more stops to record; the line goes on.
"""

from __future__ import annotations

import asyncio
import os
import time
import tty
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from firmware.version import VERSION
from host_tools.protocol.connection import drop_front
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST, CaptureFileError, Packet, PcapngWriter
from host_tools.transports.errors import LinkLost, PortError
from host_tools.transports.pipe import Buffer, FdPipe, Kind, Pipe, Receiver

BUFFER_BYTES = 65_536  # read at once from one side
WAITING_BYTES_MAX = 1 << 20  # for a side that does not take them; then the other one is not read
LAST_TURNS = 4  # of the loop: read from one side, written to the other, and the answer
REOPEN_S = 0.25  # between looks whether a port that has vanished is there again

Listen = Callable[[bytes], None]
Opener = Callable[[str], Awaitable[Pipe]]


def steady_wall_us() -> Callable[[], int]:
    """A clock that tells the time of day in microseconds and never jumps."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    return lambda: (offset_ns + time.monotonic_ns()) // 1000


class CaptureFile:
    """A pcapng file that recorders of any number of boards write to."""

    def __init__(self, path: Path, comment: str = "", wall_us: Callable[[], int] | None = None) -> None:
        """CaptureFileError if it cannot be written."""
        self.path = path
        self.packets = 0
        self.failure: CaptureFileError | None = None
        self.on_failure: Callable[[], object] = lambda: None
        self._wall_us = wall_us or steady_wall_us()
        try:
            # Not buffered: a block is one write, so that what a crash leaves behind is whole up to the last packet.
            file = path.open("wb", buffering=0)
        except OSError as error:
            raise _cannot_write(path, error) from error
        try:
            self._writer = PcapngWriter(file, f"OpenBWC {VERSION}", comment)
        except OSError as error:
            file.close()
            raise _cannot_write(path, error) from error

    def recorder(self, board: str, description: str = "") -> Recorder:
        """A listener for one board's cable."""
        number = -1
        try:
            number = self._writer.add_interface(board, description)
        except OSError as error:
            self._fail(error)
        return Recorder(self, number)

    def write(self, interface: int, direction: str, data: bytes, comment: str = "") -> None:
        """Bytes that have passed now. Does nothing once writing has failed; ``failure`` says why."""
        if self.failure is not None:
            return
        try:
            self._writer.write(Packet(interface, self._wall_us(), direction, data, comment))
        except OSError as error:
            self._fail(error)
        else:
            self.packets += 1

    def close(self) -> None:
        """Close the file; a second call does nothing. What is still recorded is dropped."""
        self._writer.close()
        self.failure = self.failure or CaptureFileError(f"{self.path} is closed")

    def _fail(self, error: OSError) -> None:
        self.failure = self.failure or _cannot_write(self.path, error)
        self.on_failure()


class Recorder:
    """Takes the bytes of one cable, like ``tap.LinkTap``; times are the file's own."""

    def __init__(self, file: CaptureFile, interface: int) -> None:
        self.bytes_to_board = 0
        self.bytes_to_host = 0
        self._file = file
        self._interface = interface

    def to_board(self, data: bytes | memoryview, now_ms: int = 0) -> None:
        """Bytes the board got."""
        self.bytes_to_board += len(data)
        self._file.write(self._interface, TO_BOARD, bytes(data))

    def to_host(self, data: bytes | memoryview, now_ms: int = 0) -> None:
        """Bytes the board sent."""
        self.bytes_to_host += len(data)
        self._file.write(self._interface, TO_HOST, bytes(data))

    def note(self, text: str) -> None:
        """Something that happened between two packets: an empty one with a comment."""
        self._file.write(self._interface, "", b"", text)


class ListeningPipe:
    """A pipe that tells what passes through it. Whoever uses the pipe does not notice."""

    def __init__(self, pipe: Pipe, to_board: Listen, to_host: Listen) -> None:
        self._pipe = pipe
        self._to_board = to_board
        self._to_host = to_host

    @property
    def url(self) -> str:
        return self._pipe.url

    @property
    def kind(self) -> Kind:
        return self._pipe.kind

    @property
    def nominal_bytes_per_s(self) -> float | None:
        return self._pipe.nominal_bytes_per_s

    def start(self, receiver: Receiver) -> None:
        self._pipe.start(_ListeningReceiver(receiver, self._to_host))

    def write(self, buffers: Sequence[Buffer]) -> int:
        taken = self._pipe.write(buffers)
        left = taken
        for buffer in buffers:
            if left <= 0:
                break
            self._to_board(bytes(memoryview(buffer)[:left]))
            left -= len(buffer)
        return taken

    def resume(self) -> None:
        self._pipe.resume()

    def close(self) -> None:
        self._pipe.close()


class _ListeningReceiver:
    """A receiver whose bytes are told before it gets them."""

    def __init__(self, receiver: Receiver, listen: Listen) -> None:
        self._receiver = receiver
        self._listen = listen
        self._space = memoryview(b"")

    def space(self) -> memoryview:
        self._space = self._receiver.space()
        return self._space

    def filled(self, count_bytes: int) -> None:
        self._listen(bytes(self._space[:count_bytes]))
        self._receiver.filled(count_bytes)

    def turn_over(self) -> None:
        self._receiver.turn_over()

    def lost(self, error: LinkLost) -> None:
        self._receiver.lost(error)


class Relay:
    """A man in the middle: has the real port, offers a pseudo-terminal in its place and copies both ways.

    When the port vanishes, so does the pseudo-terminal, as the port's own would; when it is back, both are.
    """

    def __init__(self, url: str, opener: Opener, recorder: Recorder, link: Path | None = None) -> None:
        """``opener`` opens ``url`` again whenever it has been lost."""
        self._url = url
        self._open = opener
        self._recorder = recorder
        self._link = link
        self.on_change: Callable[[str], None] = lambda path: None  # path of the offered port; empty while there is none

    async def run(self, pipe: Pipe) -> None:
        """Until cancelled, beginning with the port that is open already. PortError if ``link`` cannot be made."""
        while True:
            error = await self._copy(pipe)
            self._recorder.note(str(error))
            self.on_change("")
            pipe = await self._reopened()
            self._recorder.note(f"{self._url} is back")

    async def _reopened(self) -> Pipe:
        while True:
            await asyncio.sleep(REOPEN_S)
            try:
                return await self._open(self._url)
            except PortError:
                continue  # not plugged in yet

    async def _copy(self, board: Pipe) -> LinkLost:
        """Both ways, until one side is lost."""
        lost: asyncio.Future[LinkLost] = asyncio.get_running_loop().create_future()
        try:
            host, path = offer_port(self._link)
        except PortError:
            board.close()
            raise
        board_side = _Side(board, self._recorder.to_host, lost)
        host_side = _Side(host, self._recorder.to_board, lost)
        board_side.other, host_side.other = host_side, board_side
        try:
            board.start(board_side)
            host.start(host_side)
            self.on_change(path)
            return await lost
        except asyncio.CancelledError:
            for _ in range(LAST_TURNS):  # what an end has said before it was told to stop still passes
                await asyncio.sleep(0)
            raise
        finally:
            board.close()
            host.close()


def offer_port(link: Path | None) -> tuple[Pipe, str]:
    """A new pseudo-terminal: our side of it, and the path under which others open theirs. PortError if ``link`` is
    something else than a link."""
    if link is not None and link.exists() and not link.is_symlink():
        raise PortError(f"{link}: there is something already; name a path that is free")
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)

    def release() -> None:
        os.close(master)
        os.close(slave)
        if link is not None:
            link.unlink(missing_ok=True)

    if link is not None:
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        except OSError as error:
            os.close(master)
            os.close(slave)
            raise PortError(f"{link}: cannot be made ({error.strerror}); name a folder you may write to") from error
    return FdPipe(path, master, release, "pty"), str(link or path)


class _Side:
    """One side of a relay: reads from its pipe, hands over to the other side."""

    def __init__(self, pipe: Pipe, listen: Listen, lost: asyncio.Future[LinkLost]) -> None:
        self.other: _Side = self
        self._pipe = pipe
        self._listen = listen
        self._lost = lost
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._paused = False
        self._waiting: list[Buffer] = []  # for this pipe
        self._waiting_bytes = 0

    def space(self) -> memoryview:
        self._paused = self.other.is_full()
        return self._buffer[:0] if self._paused else self._buffer

    def filled(self, count_bytes: int) -> None:
        data = bytes(self._buffer[:count_bytes])
        self._listen(data)
        self.other.take(data)

    def turn_over(self) -> None:
        self.other.flush()
        self.flush()

    def lost(self, error: LinkLost) -> None:
        if not self._lost.done():
            self._lost.set_result(error)

    def is_full(self) -> bool:
        """Whether so much waits for this side that no more should come."""
        return self._waiting_bytes >= WAITING_BYTES_MAX

    def take(self, data: bytes) -> None:
        """Bytes for this side."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)

    def flush(self) -> None:
        """Hand over as much as this side takes now."""
        if self._waiting:
            taken = self._pipe.write(self._waiting)
            self._waiting_bytes -= taken
            drop_front(self._waiting, taken)
        self.other.resume_if(not self.is_full())

    def resume_if(self, room: bool) -> None:
        """Read on if reading stopped for want of room."""
        if self._paused and room:
            self._paused = False
            self._pipe.resume()


def _cannot_write(path: Path, error: OSError) -> CaptureFileError:
    return CaptureFileError(f"{path}: cannot be written ({error.strerror}); choose a path with room that you may write")
