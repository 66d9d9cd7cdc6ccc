"""The two ends of each contender, as processes: ``python -m benchmarks.link_ends END FD-OR-PATH FILE [SIZE]``.

``ours-send`` is a board: the firmware's cable over a file descriptor, stepped by poll. ``ours-receive`` is a host: the
connection of host_tools on asyncio, pulling a megabyte at a time and writing to a file; when the line is cut it opens
it again and asks for what is missing. ``loop-*`` are the barest loops; ``xmodem-*`` the PyPI package.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import select
import struct
import sys
import termios
import time
from pathlib import Path
from typing import Any

from firmware.drivers.cable import Cable
from firmware.link.session import BOARD, Session
from firmware.ports.stream import Stream
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.errors import LinkLost
from host_tools.transports.pipe import READS_PER_TURN, FdPipe

RECORDING = b"benchmark-object"
STEP_BYTES = 1 << 20
PULLS_AT_ONCE = 4
REOPEN_S = 0.05
PAYLOAD_BYTES = 65_536


def open_line(place: str) -> int:
    """A descriptor that was handed down (a number) or a tty by path, raw."""
    if place.isdigit():
        return int(place)
    deadline = time.monotonic() + 10
    while True:
        try:
            fd = os.open(place, os.O_RDWR | os.O_NOCTTY)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(REOPEN_S)
    attributes = termios.tcgetattr(fd)
    attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    return fd


class Stopwatch:
    """Seconds and CPU seconds since ``__init__``, which also says that this end is ready."""

    def __init__(self) -> None:
        print("ready", flush=True)
        self.started, self._cpu = time.perf_counter(), time.process_time()

    def tell(self, **more: float) -> None:
        """Print one line of JSON."""
        seconds, cpu = time.perf_counter() - self.started, time.process_time() - self._cpu
        print(json.dumps({"seconds": seconds, "cpu": cpu, **more}), flush=True)


class FdStream(Stream):
    """A board's stream over a descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lost = False
        os.set_blocking(fd, False)

    def is_open(self) -> bool:
        return not self.lost

    def read_into(self, buffer: bytearray | memoryview) -> int:
        try:
            count = os.readv(self.fd, [buffer])
        except BlockingIOError:
            return 0
        except OSError:
            self.lost = True
            return 0
        self.lost = count == 0
        return count

    def write(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            self.lost = True
            return 0


def ours_send(place: str, file: str) -> None:
    """A board that serves one file until the host closes the session in order."""
    with open(file, "rb") as source:
        content = memoryview(mmap.mmap(source.fileno(), 0, prot=mmap.PROT_READ))
    served = 0

    def read_piece(_recording: bytes, _part: int, offset: int, length: int) -> memoryview:
        nonlocal served
        served += length
        return content[offset : offset + length]

    done = False
    watch = Stopwatch()
    while not done:
        stream = FdStream(open_line(place))
        cable = Cable(stream, board_session, {}, read_piece)
        was_up = False
        while not stream.lost and not done:
            cable.pump(time.monotonic_ns() // 1_000_000)
            done = was_up and not cable.is_up() and not stream.lost
            was_up = cable.is_up()
            wait_turn(stream.fd, cable)
        os.close(stream.fd)
    watch.tell(served=served)


def board_session() -> Session:
    nonce: int = struct.unpack("<Q", os.urandom(8))[0]
    return Session(BOARD, nonce, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)


def wait_turn(fd: int, cable: Cable) -> None:
    deadline_ms = cable.next_deadline_ms()
    now_ms = time.monotonic_ns() // 1_000_000
    poller = select.poll()
    poller.register(fd, select.POLLIN | (select.POLLOUT if cable.wants_write() else 0))
    poller.poll(max(1, deadline_ms - now_ms) if deadline_ms is not None else 100)


async def ours_receive(place: str, file: str, size: int) -> None:
    """Pull everything; after a cut, what is missing."""
    output = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    missing = [(offset, min(STEP_BYTES, size - offset)) for offset in range(0, size, STEP_BYTES)]
    received = again = 0
    watch = Stopwatch()
    while missing:
        fd = open_line(place)
        connection = Connection(FdPipe(place, fd, lambda fd=fd: os.close(fd)), time.monotonic_ns(), ConstructCodec())
        try:
            await connection.open()
            await _pull_all(connection, output, missing)
        except* LinkLost:
            await asyncio.sleep(REOPEN_S)
        received += connection.session.pulls.bytes_in
        again += connection.session.pulls.bytes_asked_again
        if not missing:
            connection.close()
    os.close(output)
    watch.tell(received=received, asked_again=again)


async def ours_receive_many(places: str, size: int) -> None:
    """Pull one file from each of several boards at once, into nothing; with one codec for all, as a controller has."""
    loop = asyncio.get_running_loop()
    codec = ConstructCodec()
    watch = Stopwatch()
    times: list[float] = []

    async def one(place: str) -> None:
        fd = open_line(place)
        connection = Connection(FdPipe(place, fd, lambda: None), time.monotonic_ns(), codec)
        started = loop.time()
        await connection.open()
        missing = [(offset, min(STEP_BYTES, size - offset)) for offset in range(0, size, STEP_BYTES)]
        await _pull_all(connection, None, missing)
        times.append(loop.time() - started)
        connection.close()

    async with asyncio.TaskGroup() as boards:
        for place in places.split(","):
            boards.create_task(one(place))
    watch.tell(slowest=max(times), fastest=min(times))


async def _pull_all(connection: Connection, output: int | None, missing: list[tuple[int, int]]) -> None:
    """Ranges leave ``missing`` piece by piece, as a durable record would."""
    queue = list(missing)
    missing.clear()

    async def work() -> None:
        while queue:
            offset, length = queue.pop(0)
            arrived: list[tuple[int, int]] = []

            def sink(at: int, data: memoryview, arrived: list[tuple[int, int]] = arrived) -> None:
                if output is not None:
                    os.pwrite(output, data, at)
                arrived.append((at, len(data)))

            try:
                await connection.pull(RECORDING, 0, offset, length, sink)
            except LinkLost:
                missing.extend(_holes(offset, length, arrived))
                missing.extend(queue)
                queue.clear()
                raise

    async with asyncio.TaskGroup() as workers:
        for _ in range(PULLS_AT_ONCE):
            workers.create_task(work())


def _holes(offset: int, length: int, arrived: list[tuple[int, int]]) -> list[tuple[int, int]]:
    holes: list[tuple[int, int]] = []
    at = offset
    for start, count in sorted(arrived):
        if start > at:
            holes.append((at, start - at))
        at = max(at, start + count)
    if at < offset + length:
        holes.append((at, offset + length - at))
    return holes


def loop_send(place: str, file: str) -> None:
    """The barest sender."""
    fd = open_line(place)
    watch = Stopwatch()
    with open(file, "rb") as source:
        while block := source.read(PAYLOAD_BYTES):
            view = memoryview(block)
            while view:
                view = view[os.write(fd, view) :]
    os.read(fd, 1)  # until the receiver has it all
    watch.tell()


def loop_receive(place: str, file: str, size: int) -> None:
    """The barest receiver."""
    fd = open_line(place)
    buffer = bytearray(PAYLOAD_BYTES * 4)
    view = memoryview(buffer)
    watch = Stopwatch()
    with open(file, "wb") as output:
        while size:
            count = os.readv(fd, [view])
            output.write(view[:count])
            size -= count
    os.write(fd, b".")
    watch.tell()


def xmodem_send(place: str, file: str) -> None:
    """XMODEM-1K of the PyPI package."""
    modem = _xmodem(open_line(place))
    watch = Stopwatch()
    with open(file, "rb") as source:
        modem.send(source, quiet=True)
    watch.tell()


def xmodem_receive(place: str, file: str, size: int) -> None:
    """XMODEM pads the last block: cut to size, as its users do."""
    modem = _xmodem(open_line(place))
    watch = Stopwatch()
    with open(file, "wb") as output:
        modem.recv(output, crc_mode=1, quiet=True)
        output.truncate(size)
    watch.tell()


def _xmodem(fd: int) -> Any:
    from xmodem import XMODEM1k

    def getc(size: int, timeout: float = 1) -> bytes | None:
        data = b""
        deadline = time.monotonic() + timeout
        while len(data) < size:
            ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return data or None
            data += os.read(fd, size - len(data))
        return data

    def putc(data: bytes, timeout: float = 1) -> int:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        return len(data)

    return XMODEM1k(getc, putc)


def loop_receive_many(places: str, size: int) -> None:
    """The barest reader of several lines at once: epoll, and reads until there is nothing more."""
    left = {open_line(place): size for place in places.split(",")}
    ready = select.epoll()
    for fd in left:
        os.set_blocking(fd, False)
        ready.register(fd, select.EPOLLIN)
    buffer = [bytearray(1 << 18)]
    watch = Stopwatch()
    times: list[float] = []
    while left:
        for fd, _ in ready.poll():
            left[fd] -= _read_while_there(fd, buffer)
            if left[fd] <= 0:
                ready.unregister(fd)
                del left[fd]
                os.write(fd, b".")
                times.append(time.perf_counter())
    watch.tell(slowest=times[-1] - watch.started, fastest=times[0] - watch.started)


def _read_while_there(fd: int, buffer: list[bytearray]) -> int:
    count = 0
    for _ in range(READS_PER_TURN):
        try:
            count += os.readv(fd, buffer)
        except BlockingIOError:
            break
    return count


def main() -> None:
    """Run one end."""
    what, place, file, *rest = sys.argv[1:]
    if what == "ours-receive":
        asyncio.run(ours_receive(place, file, int(rest[0])))
        return
    if what == "loop-receive-many":
        loop_receive_many(place, int(rest[0]))
        return
    if what == "ours-receive-many":
        asyncio.run(ours_receive_many(place, int(rest[0])))
        return
    ends = {
        "ours-send": ours_send,
        "loop-send": loop_send,
        "loop-receive": loop_receive,
        "xmodem-send": xmodem_send,
        "xmodem-receive": xmodem_receive,
    }
    ends[what](place, file, *(int(each) for each in rest))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
