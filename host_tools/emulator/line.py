"""A board's cable with faults on it: a wrapper around any plug, the board's Stream port on the other side.

Law: a good line costs nothing: every call goes straight through. A faulty one carries both directions through a
queue, in which each kind of fault is one function from bytes to (delay, bytes) pieces. All chance is the seed's.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

from firmware.ports.stream import Stream
from host_tools.emulator.models.uart import BITS_PER_BYTE, Uart

Buffer = bytes | bytearray | memoryview
Piece = tuple[float, bytes]  # seconds of delay, bytes

READ_BYTES = 4_096
FIFO_S, FIFO_BYTES_MIN = 0.02, 64
RING_S_MIN = 0.0005  # an appointment sooner than this would come before what it is for, by rounding
RETRY_S = 0.002  # the soonest at which a refused write is tried again
QUEUE_BYTES_MAX = 1 << 16  # under way each way; then the writer must wait
SLOW_BAUD = 115_200  # what a slow line has
DELAY_S = 0.4  # of a delayed line, one way
REORDER_S = 0.02  # how much later a piece comes that is overtaken
BYTES_PER_FAULT = 2_000  # on average between two faults that hit single bytes or pieces
BYTES_PER_FLIP = 20_000  # a bit error rate of 6e-6: some frames a second are lost on a busy line
NOISE_BYTES = (1, 24)
DROPOUT_S = (0.2, 0.8)  # an intermittent line: how long it carries nothing, and how long it does

HELD = ("stuck",)  # nothing is taken any more: writers must wait
SILENT = ("off",)  # all is taken, nothing arrives


class Plug(Protocol):
    """The board's end of a cable, with a bell for when it takes bytes again."""

    def is_open(self) -> bool: ...

    def read_into(self, buffer: bytearray | memoryview) -> int: ...

    def write(self, data: Buffer) -> int: ...

    def want_write(self, wanted: bool) -> None: ...


class FaultyLine(Stream):
    """``now_s``: the loop's time; ``wake_in``: steps the board after so many seconds. ``bytes_to_board``,
    ``bytes_to_host``: what the board has taken in and given out since it was made."""

    def __init__(self, plug: Plug, seed: str, now_s: Callable[[], float], wake_in: Callable[[float], None]) -> None:
        self._plug = plug
        self._now_s = now_s
        self._wake_in = wake_in
        self._random = random.Random(f"line {seed}")
        self.faults: set[str] = set()
        self.limit_bytes_per_s: int | None = None
        self.bytes_to_board = 0
        self.bytes_to_host = 0
        self._in = _Direction(self._random)
        self._out = _Direction(self._random)
        self._scratch = bytearray(READ_BYTES)

    def set_fault(self, kind: str) -> None:
        """From now on. KINDS."""
        self.faults.add(kind)
        self._clock_line()

    def clear_fault(self, kind: str) -> None:
        """No more. What is under way still arrives."""
        self.faults.discard(kind)
        self._clock_line()

    def limit(self, bytes_per_s: int | None) -> None:
        """Both directions carry so much from now on; None: as much as the plug does."""
        self.limit_bytes_per_s = bytes_per_s
        self._clock_line()

    def forget(self) -> None:
        """The plug was pulled: nothing is under way any more."""
        self._in.clear()
        self._out.clear()

    # -- the board's Stream port

    def is_open(self) -> bool:
        return self._plug.is_open()

    def read_into(self, buffer: bytearray | memoryview) -> int:
        count = self._take_in(buffer)
        self.bytes_to_board += count
        return count

    def write(self, data: Buffer) -> int:
        count = self._give_out(data)
        self.bytes_to_host += count
        return count

    def want_write(self, wanted: bool) -> None:
        """Whether the board is to be stepped when the line takes bytes again."""
        if self._is_good() and self._out.is_empty():
            self._plug.want_write(wanted)
            return
        self._plug.want_write(False)
        if wanted and self.faults.isdisjoint(HELD):
            self._wake_in(max(self._out.wait_s(self._now_s()), RETRY_S))

    # -- with faults or without

    def _take_in(self, buffer: bytearray | memoryview) -> int:
        if self._is_good() and self._in.is_empty() and self._out.is_empty():
            return self._plug.read_into(buffer)
        self._flush()
        if self.faults.isdisjoint(HELD):
            while (room := self._in.room_bytes(self._now_s())) > 0:
                count = self._plug.read_into(memoryview(self._scratch)[:room])
                if not count:
                    break
                self._in.carry(bytes(self._scratch[:count]), self.faults, self._now_s())
        taken = self._in.take(buffer, self._now_s())
        self._ring()
        return taken

    def _give_out(self, data: Buffer) -> int:
        if self._is_good() and self._out.is_empty():
            return self._plug.write(data)
        if not self._plug.is_open():
            self.forget()
            return 0
        if not self.faults.isdisjoint(HELD):
            return 0
        count = min(len(data), self._out.room_bytes(self._now_s()))
        if count:
            self._out.carry(bytes(memoryview(data)[:count]), self.faults, self._now_s())
        self._flush()
        self._ring()
        return count

    def _is_good(self) -> bool:
        return not self.faults and self.limit_bytes_per_s is None

    def _clock_line(self) -> None:
        limit = self.limit_bytes_per_s
        baud = SLOW_BAUD if "slow" in self.faults else None if limit is None else limit * BITS_PER_BYTE
        for way in (self._in, self._out):
            way.uart = None if baud is None else Uart(baud, _fifo_bytes(baud))
        self._wake_in(0.0)

    def _flush(self) -> None:
        """Hand on to the plug what has gone its way."""
        while (piece := self._out.due(self._now_s())) is not None:
            taken = self._plug.write(piece)
            if taken < len(piece):
                self._out.put_back(piece[taken:])
                return

    def _ring(self) -> None:
        due = [at_s for way in (self._in, self._out) if (at_s := way.next_s()) is not None]
        if due:
            self._wake_in(max(RING_S_MIN, min(due) - self._now_s()))


class _Direction:
    """One way: pieces with the time at which they arrive."""

    def __init__(self, chance: random.Random) -> None:
        self.uart: Uart | None = None
        self._random = chance
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._gap_bytes = 0
        self._dropout_until_s = 0.0
        self._carries_until_s = 0.0

    def is_empty(self) -> bool:
        return not self._pieces

    def room_bytes(self, now_s: float) -> int:
        room = QUEUE_BYTES_MAX - self._held_bytes
        return min(room, self.uart.room_bytes(now_s)) if self.uart is not None else room

    def wait_s(self, now_s: float) -> float:
        return self.uart.wait_s(now_s, FIFO_BYTES_MIN) if self.uart is not None else 0.0

    def clear(self) -> None:
        self._pieces.clear()
        self._held_bytes = 0

    def next_s(self) -> float | None:
        return self._pieces[0][0] if self._pieces else None

    def due(self, now_s: float) -> bytes | None:
        """The next piece that has arrived."""
        if not self._pieces or self._pieces[0][0] > now_s:
            return None
        piece = self._pieces.popleft()[1]
        self._held_bytes -= len(piece)
        return piece

    def put_back(self, piece: bytes) -> None:
        self._pieces.appendleft((0.0, piece))
        self._held_bytes += len(piece)

    def take(self, buffer: bytearray | memoryview, now_s: float) -> int:
        filled = 0
        while filled < len(buffer) and (piece := self.due(now_s)) is not None:
            count = min(len(piece), len(buffer) - filled)
            buffer[filled : filled + count] = piece[:count]
            filled += count
            if count < len(piece):
                self.put_back(piece[count:])
        return filled

    def carry(self, data: bytes, faults: set[str], now_s: float) -> None:
        """What becomes of bytes that were handed over now."""
        arrives_s = self.uart.take(len(data), now_s) if self.uart is not None else now_s
        if not faults.isdisjoint(SILENT) or ("intermittent" in faults and self._drops(now_s)):
            return
        pieces: list[Piece] = [(0.0, data)]
        for kind, damage in DAMAGES:
            if kind in faults:
                pieces = [out for delay_s, piece in pieces for out in damage(self, delay_s, piece)]
        last_s = self._pieces[-1][0] if self._pieces else 0.0
        for delay_s, piece in pieces:
            if piece:
                at_s = arrives_s + delay_s
                self._pieces.append((at_s if "reordered" in faults else max(at_s, last_s), piece))
                self._held_bytes += len(piece)
        if "reordered" in faults:
            self._pieces = deque(sorted(self._pieces, key=lambda each: each[0]))

    # -- kinds of damage

    def flip(self, delay_s: float, data: bytes) -> list[Piece]:
        garbled = bytearray(data)
        for place in self._places(len(data), BYTES_PER_FLIP):
            garbled[place] ^= 1 << self._random.randrange(8)
        return [(delay_s, bytes(garbled))]

    def tear(self, delay_s: float, data: bytes) -> list[Piece]:
        """Runs of bytes are missing: a receiver that was too slow."""
        kept = bytearray(data)
        for place in reversed(self._places(len(data), BYTES_PER_FAULT)):
            del kept[place : place + self._random.randint(*NOISE_BYTES)]
        return [(delay_s, bytes(kept))]

    def noise(self, delay_s: float, data: bytes) -> list[Piece]:
        """Bytes that nobody sent."""
        garbled = bytearray(data)
        for place in reversed(self._places(len(data), BYTES_PER_FAULT)):
            garbled[place:place] = self._random.randbytes(self._random.randint(*NOISE_BYTES))
        return [(delay_s, bytes(garbled))]

    def double(self, delay_s: float, data: bytes) -> list[Piece]:
        return [(delay_s, data)] * (1 + (self._random.randrange(4) == 0))

    def overtake(self, delay_s: float, data: bytes) -> list[Piece]:
        return [(delay_s + REORDER_S * (self._random.randrange(4) == 0), data)]

    def delay(self, delay_s: float, data: bytes) -> list[Piece]:
        return [(delay_s + DELAY_S, data)]

    def _drops(self, now_s: float) -> bool:
        if now_s < self._dropout_until_s:
            return True
        if now_s >= self._carries_until_s:
            self._dropout_until_s = now_s + self._random.uniform(*DROPOUT_S)
            self._carries_until_s = self._dropout_until_s + self._random.uniform(*DROPOUT_S)
            return True
        return False

    def _places(self, count: int, mean: int) -> list[int]:
        """Where in the next ``count`` bytes a fault falls, one in ``mean`` bytes on average."""
        places: list[int] = []
        at = self._gap_bytes
        while at < count:
            places.append(at)
            at += 1 + self._random.randrange(2 * mean)
        self._gap_bytes = at - count
        return places


def _fifo_bytes(baud: int) -> int:
    """What waits before the line: a hardware buffer at least, and no more than goes out in FIFO_S."""
    return max(FIFO_BYTES_MIN, int(baud / BITS_PER_BYTE * FIFO_S))


DAMAGES: tuple[tuple[str, Callable[[_Direction, float, bytes], list[Piece]]], ...] = (
    ("torn", _Direction.tear),
    ("bitflip", _Direction.flip),
    ("garbage", _Direction.noise),
    ("duplicated", _Direction.double),
    ("reordered", _Direction.overtake),
    ("delayed", _Direction.delay),
)
KINDS = ("off", "stuck", "slow", "intermittent", *(kind for kind, _damage in DAMAGES))
