"""Two real sessions and the seeded line between them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from firmware.link import events
from firmware.link.session import BOARD, HOST, Session


@dataclass
class Faults:
    """Per thousand pieces of at most ``piece_bytes``: how many are lost, sent twice, or get one bit flipped."""

    lost: int = 0
    doubled: int = 0
    flipped: int = 0
    piece_bytes: int = 64


@dataclass
class Pair:
    """A host and a board session over a faulty line, on a clock that the test moves."""

    seed: int
    faults: Faults
    host: Session = field(default_factory=lambda: Session(HOST, 11, payload_max=4096, slack_bytes=4096))
    board: Session = field(default_factory=lambda: Session(BOARD, 22, payload_max=4096, slack_bytes=4096))
    now_ms: int = 0
    cut: bool = False

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.content = random.Random(self.seed + 1).randbytes(300_000)
        self.host_events: list[events.Event] = []
        self.board_events: list[events.Event] = []
        self.received: dict[int, bytearray] = {}
        self.starts: dict[int, int] = {}
        self.done: set[int] = set()
        self.wire_bytes = 0

    def pull(self, offset: int, length: int) -> int:
        request = self.host.pull(b"R" * 16, 0, offset, length)
        self.received[request] = bytearray(length)
        self.starts[request] = offset
        return request

    def run(self, until: Callable[[], bool], limit_ms: int = 60_000) -> None:
        """Move bytes and time until the condition holds; fails when it does not in ``limit_ms``."""
        end_ms = self.now_ms + limit_ms
        while not until():
            assert self.now_ms < end_ms, f"not reached in {limit_ms} ms (seed {self.seed})"
            if not self._move():
                self._wait()

    def settle(self) -> None:
        """Move bytes until nothing moves, without letting time pass."""
        while self._move():
            pass

    def _move(self) -> bool:
        moved = self._shuttle(self.host, self.board, self.board_events)
        while (piece := self.board.next_piece()) is not None:
            self.board.supply(memoryview(self.content)[piece.offset : piece.offset + piece.length])
            moved = True
        return self._shuttle(self.board, self.host, self.host_events) or moved

    def _wait(self) -> None:
        deadlines = [session.next_deadline_ms() for session in (self.host, self.board)]
        known = [deadline for deadline in deadlines if deadline is not None]
        self.now_ms = max(self.now_ms + 1, min(known, default=self.now_ms + 1))
        for session, log in ((self.host, self.host_events), (self.board, self.board_events)):
            session.tick(self.now_ms)
            self._take(session, log)

    def _shuttle(self, source: Session, sink: Session, log: list[events.Event]) -> bool:
        moved = False
        while (data := source.take_output()) is not None:
            moved = True
            self.wire_bytes += len(data)
            for piece in self._spoil(bytes(data)):
                while piece:
                    piece = piece[sink.receive(piece, self.now_ms) :]
                    self._take(sink, log)
        return moved

    def _spoil(self, data: bytes) -> Iterator[bytes]:
        if self.cut:
            return
        for start in range(0, len(data), self.faults.piece_bytes):
            piece = data[start : start + self.faults.piece_bytes]
            draw = self.random.randrange(1000)
            if draw < self.faults.lost:
                continue
            if draw < self.faults.lost + self.faults.doubled:
                yield piece
            elif draw < self.faults.lost + self.faults.doubled + self.faults.flipped:
                place = self.random.randrange(len(piece))
                piece = piece[:place] + bytes([piece[place] ^ 1 << self.random.randrange(8)]) + piece[place + 1 :]
            yield piece

    def _take(self, session: Session, log: list[events.Event]) -> None:
        while (event := session.next_event()) is not None:
            if isinstance(event, events.Data):
                start = event.offset - self.starts[event.request]
                self.received[event.request][start : start + len(event.data)] = event.data
            elif isinstance(event, events.PullDone):
                self.done.add(event.request)
            else:
                log.append(event)


@pytest.fixture
def make_pair() -> Callable[..., Pair]:
    """A pair that is already open."""

    def make(seed: int = 1, faults: Faults | None = None) -> Pair:
        print(f"seed {seed}")
        pair = Pair(seed, faults or Faults())
        pair.host.open(0)
        pair.run(lambda: pair.host.state == "open" and pair.board.state == "open")
        return pair

    return make


@pytest.fixture
def make_faults() -> type[Faults]:
    return Faults


@pytest.fixture
def make_closed_pair() -> Callable[[], Pair]:
    return lambda: Pair(1, Faults())
