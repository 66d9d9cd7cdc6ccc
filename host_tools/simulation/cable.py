"""A cable between a board and the controller: bytes with delay, limited buffers, bit errors and breaks, from a seed.

The controller's end is a ``Pipe`` (host_tools.transports), the board's a ``Stream`` (firmware.ports). A cable lives
once, as a USB connection does: after ``cut`` both ends are dead; another is made when the board enumerates again.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence

from firmware.ports.stream import Stream
from host_tools.simulation.loop import VirtualLoop
from host_tools.transports.errors import LinkLost
from host_tools.transports.pipe import Buffer, Kind, Receiver, link_lost

CAPACITY_BYTES = 1 << 18  # under way or not yet read, each way: what a USB stack and a tty hold between them
DELAY_US = 250  # one way: two USB microframes
BYTES_PER_US = 2  # a worn hub at full load: an offload then takes seconds, and mishaps find it under way
KIND: Kind = "usb-serial"


class Lane:
    """One direction. ``wake`` is called when bytes have arrived, ``room`` when there is space again after a refusal."""

    def __init__(self, loop: VirtualLoop, seed: str) -> None:
        self.wake: Callable[[], None] = _nobody
        self.room: Callable[[], None] = _nobody
        self.open = True
        self.bytes_taken = 0
        self.bits_flipped = 0
        self._loop = loop
        self._random = random.Random(seed)
        self._queued: list[bytes] = []
        self._queued_bytes = 0
        self._under_way: list[bytes] = []
        self._arrived: deque[memoryview] = deque()
        self._held_bytes = 0
        self._travelling = False
        self._refused = False
        self._bytes_per_error = 0
        self._gap_bytes = 0

    def damage(self, bytes_per_error: int) -> None:
        """From now on a bit is wrong once in so many bytes, on average; 0: never."""
        self._bytes_per_error = bytes_per_error
        self._gap_bytes = self._draw_gap()

    def send(self, data: Buffer) -> int:
        """How many bytes were taken."""
        if not self.open:
            return 0
        room = CAPACITY_BYTES - self._held_bytes
        if len(data) > room:
            self._refused = True
            data = memoryview(data)[:room]
        count = len(data)
        if count:
            self._held_bytes += count
            self.bytes_taken += count
            self._queued.append(self._damaged(bytes(data)) if self._bytes_per_error else bytes(data))
            self._queued_bytes += count
            if not self._travelling:
                self._travelling = True
                self._loop.soon(self._depart)
        return count

    def read_into(self, buffer: bytearray | memoryview) -> int:
        """Fill the front of ``buffer``."""
        filled, size = 0, len(buffer)
        arrived = self._arrived
        while arrived and filled < size:
            piece = arrived[0]
            count = min(len(piece), size - filled)
            buffer[filled : filled + count] = piece[:count]
            filled += count
            if count == len(piece):
                arrived.popleft()
            else:
                arrived[0] = piece[count:]
        self._held_bytes -= filled
        if filled and self._refused:
            self._refused = False
            self.room()
        return filled

    def waiting(self) -> bool:
        """Whether anything has arrived that was not read."""
        return bool(self._arrived)

    def held_bytes(self) -> int:
        """Under way, or arrived and not read."""
        return self._held_bytes

    def flush(self) -> None:
        """Forget what has arrived and was not read."""
        self._held_bytes -= sum(len(piece) for piece in self._arrived)
        self._arrived.clear()

    def cut(self) -> None:
        """What is under way or unread is lost."""
        self.open = False
        self._queued, self._under_way = [], []
        self._arrived.clear()
        self._held_bytes = 0

    def _depart(self) -> None:
        """What was handed over until now travels as one."""
        self._under_way, self._queued = self._queued, []
        self._loop.bench.after(DELAY_US + self._queued_bytes // BYTES_PER_US, self._arrive)
        self._queued_bytes = 0

    def _arrive(self) -> None:
        if not self.open:
            return
        for piece in self._under_way:
            self._arrived.append(memoryview(piece))
        self._under_way = []
        self._travelling = bool(self._queued)
        if self._travelling:
            self._depart()
        self.wake()

    def _damaged(self, data: bytes) -> bytes:
        garbled = bytearray(data)
        while self._gap_bytes < len(garbled):
            garbled[self._gap_bytes] ^= 1 << self._random.randrange(8)
            self.bits_flipped += 1
            self._gap_bytes += 1 + self._draw_gap()
        self._gap_bytes -= len(garbled)
        return bytes(garbled)

    def _draw_gap(self) -> int:
        return self._random.randrange(2 * self._bytes_per_error + 1) if self._bytes_per_error else 0


class Cable:
    """Both directions and both ends."""

    def __init__(self, loop: VirtualLoop, url: str, seed: str) -> None:
        self.to_host = Lane(loop, f"{seed} to host")
        self.to_board = Lane(loop, f"{seed} to board")
        self._loop = loop
        self._url = url
        self._host: HostEnd | None = None

    def open_host(self) -> HostEnd:
        """The controller opens the port; who held it before holds nothing now, and old input is flushed, as a tty's."""
        if self._host is not None:
            self._host.close()
        self.to_host.flush()
        self._host = HostEnd(self._loop, self._url, self.to_board, self.to_host)
        return self._host

    def hang_up(self) -> None:
        """Whoever has the port open is dead: nothing passes to or from it any more."""
        if self._host is not None:
            self._host.hang_up()

    def damage(self, bytes_per_error: int) -> None:
        """Both directions."""
        self.to_host.damage(bytes_per_error)
        self.to_board.damage(bytes_per_error)

    def cut(self, reason: str) -> None:
        """Break it for good."""
        self.to_host.cut()
        self.to_board.cut()
        if self._host is not None:
            self._host.lose(reason)


class HostEnd:
    """A Pipe."""

    def __init__(self, loop: VirtualLoop, url: str, out: Lane, into: Lane) -> None:
        self._loop = loop
        self._url = url
        self._out = out
        self._in = into
        self._receiver: Receiver | None = None
        self._loss: LinkLost | None = None
        self._open = True
        into.wake = self._readable
        out.room = self._writable

    @property
    def url(self) -> str:
        return self._url

    @property
    def kind(self) -> Kind:
        return KIND

    @property
    def nominal_bytes_per_s(self) -> float | None:
        return None

    def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._loss is not None:
            self._loop.soon(self._tell_loss)
        else:
            self._loop.soon(self._readable)

    def write(self, buffers: Sequence[Buffer]) -> int:
        if not self._open:
            return 0
        taken = 0
        for buffer in buffers:
            count = self._out.send(buffer)
            taken += count
            if count < len(buffer):
                break
        return taken

    def resume(self) -> None:
        self._loop.soon(self._readable)

    def close(self) -> None:
        """What the board sees of it is silence, as over a tty."""
        self.hang_up()

    def hang_up(self) -> None:
        """See Cable."""
        self._open = False
        self._receiver = None

    def lose(self, reason: str) -> None:
        """The device has gone from the bus."""
        if self._loss is None:
            self._loss = link_lost(self._url, reason)
            self._loop.soon(self._tell_loss)

    def _readable(self) -> None:
        while self._receiver is not None and self._in.waiting():
            room = self._receiver.space()
            if not len(room):
                break
            self._receiver.filled(self._in.read_into(room))
        if self._receiver is not None:
            self._receiver.turn_over()

    def _writable(self) -> None:
        self._loop.soon(self._turn)

    def _turn(self) -> None:
        if self._receiver is not None:
            self._receiver.turn_over()

    def _tell_loss(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and self._loss is not None:
            receiver.lost(self._loss)


class BoardSocket(Stream):
    """The board's plug: the same object for the board's whole life, with a cable in it now and then."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._cable: Cable | None = None

    @property
    def cable(self) -> Cable | None:
        """What is plugged in."""
        return self._cable

    def put_in(self, cable: Cable) -> None:
        """Plug it in; the board is told."""
        self._cable = cable
        cable.to_board.wake = self._wake
        cable.to_host.room = self._wake
        self._wake()

    def pull_out(self, reason: str) -> None:
        """Unplug; both ends see it. Nothing if nothing is plugged in."""
        cable, self._cable = self._cable, None
        if cable is not None:
            cable.cut(reason)
            self._wake()

    def is_open(self) -> bool:
        return self._cable is not None

    def read_into(self, buffer: bytearray | memoryview) -> int:
        return self._cable.to_board.read_into(buffer) if self._cable is not None else 0

    def write(self, data: Buffer) -> int:
        return self._cable.to_host.send(data) if self._cable is not None else 0


def _nobody() -> None:
    return
