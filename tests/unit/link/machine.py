"""Two sessions over a line whose every fault is chosen by hypothesis: what may happen in any order, and what must hold.

The line is a first-in-first-out pipe each way. Frames in it, or parts of them, are lost, doubled or garbled, and noise
comes in between. Messages are known by the salt of the session in which they were sent: a session delivers, in order
and once, what was sent in it, and nothing of any other.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware.link import events, frames, schema
from firmware.link.errors import LocalError
from firmware.link.session import BOARD, HOST, Session
from tests.fuzz import bounds

HOST_PAYLOAD: Final = 2048
BOARD_PAYLOAD: Final = 512
CONTENT: Final = random.Random(5).randbytes(20_000)
HEAL_MS_MAX: Final = 30_000
HEAL_TURNS_MAX: Final = 20_000

UPSETS: Final = ("the line is cut", "host opens anew", "host closes", "board closes", "host restarts", "board restarts")

Fault = tuple[str, str, int, int]
FAULTS: Final = st.lists(
    st.tuples(
        st.sampled_from(["lost", "twice", "part lost", "part twice", "end lost", "flipped", "flipped", "noise"]),
        st.sampled_from(["to board", "to host"]),
        st.integers(0, 30),  # which frame of those that go out in this turn
        st.integers(0, 1 << 20),  # which bit or part, or what noise
    ),
    max_size=5,
)


class TwoSessions(RuleBasedStateMachine):
    """Host, board, and the line between them."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.starts = 0
        self.host = self.new_host()
        self.board = self.new_board()
        self.line: dict[str, deque[bytes]] = {"to board": deque(), "to host": deque()}
        self.sent: dict[tuple[str, int], list[int]] = {}
        self.got: dict[tuple[str, int], list[int]] = {}
        self.pulls: dict[int, tuple[int, int, bytearray]] = {}
        self.counter = 0

    # -- what may happen

    @initialize()
    def begin(self) -> None:
        self.host.open(self.now_ms)
        self.move([])

    @rule(host_count=st.integers(0, 40), board_count=st.integers(0, 40))
    def both_talk(self, host_count: int, board_count: int) -> None:
        self.send(self.host, "set_lamp", host_count)
        self.send(self.board, "erased", board_count)

    @precondition(lambda self: self.host.state == "open")
    @rule(ranges=st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(1, 8000)), min_size=1, max_size=4))
    def host_pulls(self, ranges: list[tuple[int, int]]) -> None:
        for start, length in ranges:
            length = min(length, len(CONTENT) - start)
            request = self.host.pull(b"R" * 16, 0, start, length)
            assert request not in self.pulls
            self.pulls[request] = (start, length, bytearray())

    @rule(turns=st.integers(1, 3), faults=FAULTS, read_code=st.sampled_from([0, 0, 0, 5]))
    def bytes_move(self, turns: int, faults: list[Fault], read_code: int) -> None:
        for _ in range(turns):
            self.supply(read_code)
            self.move(faults)
            faults = []

    @rule(turns=st.integers(1, 20), faults=FAULTS, milliseconds=st.sampled_from([1, 20, 60, 100, 250, 600]))
    def time_passes(self, turns: int, faults: list[Fault], milliseconds: int) -> None:
        for _ in range(turns):
            self.pass_time(milliseconds)
            self.move(faults)
            faults = []

    @rule(upset=st.sampled_from(UPSETS))
    def something_happens(self, upset: str) -> None:
        """To one end, or to both."""
        if upset == "the line is cut":
            self.collect()
            for pieces in self.line.values():
                pieces.clear()
        elif upset == "host opens anew":
            self.host.open(self.now_ms)
        elif upset == "host closes":
            self.host.close()
        elif upset == "board closes":
            self.board.close()
        elif upset == "host restarts":
            self.host = self.new_host()
        else:
            self.board = self.new_board()
            self.board.announce(self.now_ms)
        if upset.startswith("host"):
            self.pulls.clear()
        self.take_events(self.host)
        self.take_events(self.board)

    @rule()
    def the_line_heals(self) -> None:
        """Whatever has happened: on a good line a session opens, and all that is said in it arrives."""
        self.run_until(lambda: self.host.state == self.board.state == "open" and self.salts_agree())
        self.run_until(self.all_is_done)
        self.send(self.host, "set_lamp", 1)
        self.send(self.board, "erased", 1)
        self.run_until(self.all_is_done)
        assert self.host.pulls.outstanding_bytes == 0

    # -- what must hold

    @invariant()
    def messages_arrive_in_order_and_once(self) -> None:
        for key, got in self.got.items():
            assert got == self.sent.get(key, [])[: len(got)], key

    @invariant()
    def memory_is_bounded(self) -> None:
        for end in (self.host, self.board):
            bounds.check(end)

    # -- how

    def new_host(self) -> Session:
        self.starts += 1
        return Session(HOST, 1000 + self.starts, payload_max=HOST_PAYLOAD, slack_bytes=HOST_PAYLOAD)

    def new_board(self) -> Session:
        self.starts += 1
        return Session(BOARD, 2000 + self.starts, payload_max=BOARD_PAYLOAD, slack_bytes=BOARD_PAYLOAD)

    def send(self, end: Session, name: str, count: int) -> None:
        log = self.sent.setdefault((end.role, end.salt), [])
        for _ in range(count):
            number = self.counter % 65_536
            fields = {"bay": 1, "pattern": 2} if name == "set_lamp" else {"recording": b"R" * 16, "counter": number}
            try:
                end.send(name, fields, number)
            except LocalError:
                assert end.state != "open" or not end.stream.idle()
                return
            self.counter += 1
            log.append(number)

    def supply(self, code: int = 0) -> bool:
        piece = self.board.next_piece()
        if piece is None:
            return False
        if code:
            self.board.fail(code)
        else:
            self.board.supply(memoryview(CONTENT)[piece.offset : piece.offset + piece.length])
        return True

    def collect(self) -> bool:
        moved = False
        for end, direction in ((self.host, "to board"), (self.board, "to host")):
            line = self.line[direction]
            while (data := end.take_output()) is not None:
                moved = True
                if bytes(data[:2]) == frames.SYNC_BYTES and len(data) >= schema.HEADER_BYTES:
                    line.append(bytes(data))
                else:  # the rest of a data frame
                    line.append(line.pop() + bytes(data) if line else bytes(data))
        return moved

    def move(self, faults: list[Fault]) -> None:
        """Everything that both ends have to say goes out, is spoilt, and arrives."""
        self.collect()
        for kind, direction, place, detail in faults:
            pieces = self.line[direction]
            if pieces:
                self.spoil(pieces, kind, place % len(pieces), detail)
        for direction, pieces in self.line.items():
            for _ in range(len(pieces)):
                self.deliver(direction)

    def spoil(self, line: deque[bytes], kind: str, place: int, detail: int) -> None:
        whole = line[place]
        if not whole:
            return
        start = detail % len(whole)
        end = min(start + 1 + detail // 1024, len(whole))
        if kind == "flipped":
            spoilt = bytearray(whole)
            spoilt[start] ^= 1 << detail // 1024 % 8
            line[place] = bytes(spoilt)
            return
        line[place] = {
            "lost": b"",
            "twice": whole + whole,
            "part lost": whole[:start] + whole[end:],
            "part twice": whole[:end] + whole[start:],
            "end lost": whole[:start],
            "noise": random.Random(detail).randbytes(1 + detail % 40) + whole,
        }[kind]

    def deliver(self, direction: str) -> None:
        end = self.board if direction == "to board" else self.host
        rest = self.line[direction].popleft()
        stuck = 0
        while rest and stuck < 2:
            taken = end.receive(rest, self.now_ms)
            stuck = 0 if taken else stuck + 1
            rest = rest[taken:]
            self.take_events(end)
        if rest:  # it is let in when that end's own output has been taken
            self.line[direction].appendleft(rest)

    def pass_time(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        for end in (self.host, self.board):
            end.tick(self.now_ms)
            self.take_events(end)

    def take_events(self, end: Session) -> None:
        while (event := end.next_event()) is not None:
            if isinstance(event, events.Message):
                other = HOST if end.role == BOARD else BOARD
                self.got.setdefault((other, end.salt), []).append(event.request)
            elif isinstance(event, events.Data):
                self.take_data(event)
            elif isinstance(event, events.PullDone):
                start, length, arrived = self.pulls.pop(event.request)
                assert len(arrived) == length, (start, length, len(arrived))
            elif isinstance(event, events.PullFailed):
                self.pulls.pop(event.request)
            elif isinstance(event, events.Closed | events.Opened) and end is self.host:
                self.pulls.clear()

    def take_data(self, event: events.Data) -> None:
        start, length, arrived = self.pulls[event.request]
        assert start <= event.offset
        assert event.offset + len(event.data) <= start + length
        assert event.data == CONTENT[event.offset : event.offset + len(event.data)]
        arrived += event.data

    def run_until(self, done: object) -> None:
        assert callable(done)
        end_ms = self.now_ms + HEAL_MS_MAX
        for _ in range(HEAL_TURNS_MAX):
            if done():
                return
            if self.host.state == "closed":
                self.host.open(self.now_ms)
                self.pulls.clear()
            moved = self.collect() | self.supply()
            for direction, pieces in self.line.items():
                moved = moved or bool(pieces)
                while pieces:
                    self.deliver(direction)
                    self.collect()
            if not moved:
                self.pass_time(self.wait_ms())
            assert self.now_ms < end_ms, f"not healed in {HEAL_MS_MAX} ms: {self.host.state}, {self.board.state}"
        raise AssertionError(f"bytes move for ever: {self.host.state}, {self.board.state}")

    def wait_ms(self) -> int:
        deadlines = [deadline for end in (self.host, self.board) if (deadline := end.next_deadline_ms()) is not None]
        return max(1, min(deadlines, default=0) - self.now_ms)

    def salts_agree(self) -> bool:
        return self.host.salt == self.board.salt

    def all_is_done(self) -> bool:
        keys = [(end, self.host.salt) for end in (HOST, BOARD)]
        return not self.pulls and all(self.got.get(key, []) == self.sent.get(key, []) for key in keys)
