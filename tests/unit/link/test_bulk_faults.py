"""Two sessions and the faults that other transfers are known to stumble over, one test each.

Truncated frame, lost first and last frame, lost orderly close, left-overs and look-alikes in the line, a slow board.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from firmware.link import bulk, events, frames, schema, session
from firmware.link.session import BOARD, HOST, SILENCE_MS, Session

CONTENT = random.Random(9).randbytes(40_000)
RECORDING = b"R" * 16
PAYLOAD_BYTES = 1024


class Bench:
    """Host and board; each frame on its way is shown to ``spoil`` first, which gives back what arrives."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.now_ms = 0
        self.host = Session(HOST, 5, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)
        self.board = Session(BOARD, 6, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)
        self.log: list[events.Event] = []
        self.got = bytearray(len(content))
        self.board_reads = True
        self.host.open(0)
        self.turn()
        assert self.host.state == self.board.state == "open"

    def spoil(self, frame: bytes) -> bytes:
        return frame

    def turn(self) -> bool:
        """All that can move without time, moves once; whether anything did."""
        moved = self._carry(self.host, self.board)
        while self.board_reads and (piece := self.board.next_piece()) is not None:
            self.board.supply(self.content[piece.offset : piece.offset + piece.length])
        return self._carry(self.board, self.host) or moved

    def run(self, duration_ms: int) -> None:
        end_ms = self.now_ms + duration_ms
        while True:
            while self.turn():
                pass
            if self.now_ms >= end_ms:
                return
            deadlines = [each.next_deadline_ms() or end_ms for each in (self.host, self.board)]
            self.now_ms = min(max(self.now_ms + 1, *deadlines[:1], min(deadlines)), end_ms)
            for each in (self.host, self.board):
                each.tick(self.now_ms)
                self._take(each)

    def said(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.log if isinstance(event, kind)]

    def _carry(self, source: Session, sink: Session) -> bool:
        line: list[bytes] = []
        while (data := source.take_output()) is not None:
            if bytes(data[:2]) == frames.SYNC_BYTES and len(data) >= schema.HEADER_BYTES:
                line.append(b"")
            line[-1] += bytes(data)
        for frame in line:
            rest = self.spoil(frame)
            while rest:
                rest = rest[sink.receive(rest, self.now_ms) :]
                self._take(sink)
        return bool(line)

    def _take(self, sink: Session) -> None:
        while (event := sink.next_event()) is not None:
            if isinstance(event, events.Data):
                self.got[event.offset : event.offset + len(event.data)] = event.data
            elif sink is self.host:
                self.log.append(event)


def kind_of(frame: bytes) -> int:
    return frame[3]


class SpoilOnce(Bench):
    """Spoils the frame of a kind and number (from 0, -1: the last that would come) by a function."""

    def __init__(self, kind: int, number: int, how: Callable[[bytes], bytes], content: bytes = CONTENT) -> None:
        self.armed = False
        self.kind, self.number, self.how = kind, number, how
        self.seen = 0
        self.spoilt = 0
        super().__init__(content)
        self.armed = True

    def spoil(self, frame: bytes) -> bytes:
        if not self.armed or kind_of(frame) != self.kind:
            return frame
        self.seen += 1
        if self.spoilt or self.seen - 1 != self.number:
            return frame
        self.spoilt += 1
        return self.how(frame)


DATA, SEGMENT, PULL, CLOSE = 33, 16, 32, 20
PIECES = -(-len(CONTENT) // (PAYLOAD_BYTES - bulk.DATA_PREFIX_BYTES))


@pytest.mark.req("LINK-02", "LINK-05")
@pytest.mark.parametrize("number", [0, 1, PIECES // 2, PIECES - 2, PIECES - 1])
@pytest.mark.parametrize("keep", [0, 1, 15, 16, 40, -1], ids=lambda keep: f"{keep} bytes kept")
def test_a_data_frame_is_lost_or_cut_short(number, keep):
    bench = SpoilOnce(DATA, number, lambda frame: frame[:keep])
    bench.host.pull(RECORDING, 0, 0, len(CONTENT))
    bench.run(2000)
    assert bench.spoilt == 1
    assert bench.said(events.PullDone) == [events.PullDone(1)]
    assert bytes(bench.got) == CONTENT
    assert bench.host.state == "open"
    assert bench.host.pulls.bytes_asked_again <= 3 * PAYLOAD_BYTES


@pytest.mark.req("LINK-02", "LINK-05")
@pytest.mark.parametrize("keep", [0, 10, 30])
def test_the_only_pull_frame_is_lost_or_cut_short(keep):
    bench = SpoilOnce(PULL, 0, lambda frame: frame[:keep])
    bench.host.pull(RECORDING, 0, 0, 3000)
    bench.run(1000)
    assert (bench.spoilt, bench.said(events.PullDone)) == (1, [events.PullDone(1)])


@pytest.mark.req("LINK-02")
@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_first_and_the_last_segment_of_the_control_stream_are_lost(number):
    bench = SpoilOnce(SEGMENT, number, lambda frame: b"")
    for request in range(3):
        bench.board.send("camera_changed", {"state": 1, "recordings": request}, request)
        bench.turn()
    bench.run(1500)
    assert bench.spoilt == 1
    assert [event.request for event in bench.said(events.Message) if isinstance(event, events.Message)] == [0, 1, 2]


@pytest.mark.req("LINK-02", "LINK-05")
def test_a_last_frame_is_found_missing_while_pings_and_messages_go_on():
    bench = SpoilOnce(DATA, 0, lambda frame: b"")
    bench.host.pull(RECORDING, 0, 0, 100)
    for _ in range(40):
        bench.board.send("camera_changed", {"state": 1, "recordings": 0})
        bench.run(50)
    assert bench.said(events.PullDone) == [events.PullDone(1)]


@pytest.mark.req("LINK-03")
def test_an_orderly_close_that_is_lost_is_noticed_by_silence():
    bench = SpoilOnce(CLOSE, 0, lambda frame: b"")
    bench.board.close()
    bench.board._announce_ms = -1  # and the announcements after it too
    bench.run(SILENCE_MS + 1000)
    assert bench.spoilt == 1
    assert next(event for event in bench.log if isinstance(event, events.Closed)).reason == schema.CLOSE_LOST


@pytest.mark.req("LINK-03")
def test_an_accept_that_is_lost_is_given_again():
    """The side that lives longer answers a repeated question, however often it comes."""
    bench = Bench()
    bench.host.open(bench.now_ms)
    bench.board.receive(bytes(bench.host.take_output() or b""), 0)
    assert isinstance(bench.board.next_event(), events.Opened)
    assert bench.board.take_output() is not None  # into the void
    bench.run(session.OPEN_RETRY_MS + 10)
    assert bench.host.state == bench.board.state == "open"
    assert bench.host.salt == bench.board.salt


@pytest.mark.req("LINK-02", "LINK-03")
@pytest.mark.parametrize("name", ["announce", "close", "open", "data"])
def test_content_that_looks_like_frames_is_content(name):
    """Frames of kinds without a salt, and salted ones of sessions that are over, stand in what is pulled; one bit of
    each data frame is flipped once, so that the reader searches in the content itself."""
    old = Bench()
    salt = old.host.salt
    number = {"announce": 4, "close": CLOSE, "open": 1, "data": DATA}[name]
    payload = {"announce": b"", "close": b"\0", "open": bytes(18), "data": bytes(50)}[name]
    carrier = frames.frame(number, 0, payload, salt, 1) * 40
    content = (b"\0" * 77 + carrier) * 12
    bench = SpoilOnce(DATA, 3, lambda frame: frame[:18] + bytes([frame[18] ^ 4]) + frame[19:], content)
    bench.host.open(bench.now_ms)
    bench.run(1)
    bench.host.pull(RECORDING, 0, 0, len(content))
    bench.run(3000)
    assert bench.spoilt == 1
    assert bench.host.state == bench.board.state == "open"
    assert bytes(bench.got) == content
    assert not bench.said(events.Closed)
    assert not bench.said(events.Announced)


@pytest.mark.req("LINK-05")
def test_a_board_that_reads_slowly_is_waited_for():
    """Asked again and again it gets more pulls than it keeps; none is given up for that."""
    bench = Bench()
    bench.board_reads = False
    requests = [bench.host.pull(RECORDING, 0, start, 1000) for start in range(0, 40_000, 1000)]
    bench.run(4000)
    assert len(bench.said(events.PullDone)) == 0
    bench.board_reads = True
    bench.run(6000)
    assert bench.said(events.PullFailed) == []
    assert (
        sorted(event.request for event in bench.said(events.PullDone) if isinstance(event, events.PullDone)) == requests
    )
    assert bytes(bench.got) == CONTENT


@pytest.mark.req("LINK-03")
def test_a_port_that_nobody_reads_does_not_fill_a_boards_memory():
    board = Session(BOARD, 6, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)
    board.announce(0)
    for now_ms in range(0, 600_000, 100):
        board.tick(now_ms)
    assert len(board.outbox._pieces) <= 2


@pytest.mark.req("LINK-03")
def test_a_window_of_the_shortest_messages_is_told_one_at_a_time():
    bench = Bench()
    bench.host.stream.write(b"\x04\x00\x03\x00\x05\x00" * 1000)
    sink, most, count = bench.board, 0, 0
    while (data := bench.host.take_output()) is not None:
        sink.receive(data, 0)
        while sink.next_event() is not None:
            count += 1
            most = max(most, len(sink._events))
    assert (count, most) == (1000, 0)
