"""Two real sessions of a small board's size, and a seeded faulty line between them.

Portable, and the same to the byte under every interpreter: the faults come from a generator of our own, and ``crc``
runs over every byte that either end has sent.
"""

from binascii import crc32

from firmware.drivers import prbs
from firmware.link import events
from firmware.link.session import BOARD, HOST, Session

PAYLOAD_BYTES = 512  # as a Pico's
PIECE_BYTES = 64  # what one fault hits
CONTENT = prbs.make_table()  # what recordings hold, again and again


class Lcg:
    """Numerical Recipes' linear congruential generator; its upper half is random enough for faults."""

    def __init__(self, seed):
        self._state = seed

    def below(self, limit):
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 16) % limit


class Duo:
    """Host and board. Per thousand pieces so many are lost, sent twice, or get one bit flipped."""

    def __init__(self, seed, lost=0, doubled=0, flipped=0):
        self.host = Session(HOST, 11, payload_max=4096, slack_bytes=4096)
        self.board = Session(BOARD, 22, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)
        self.now_ms = 0
        self.is_cut = False
        self.crc = 0
        self.host_events = []
        self.board_events = []
        self.pulled_bytes = {}  # request -> bytes that have come
        self.done = []
        self._expected = {}  # request -> (offset, length)
        self._random = Lcg(seed)
        self._faults = (lost, lost + doubled, lost + doubled + flipped)

    def open(self):
        self.host.open(self.now_ms)
        self.run(lambda: self.host.state == "open" and self.board.state == "open")
        return self

    def pull(self, offset, length):
        request = self.host.pull(b"R" * 16, 0, offset, length)
        self.pulled_bytes[request] = 0
        self._expected[request] = (offset, length)
        return request

    def run(self, until, limit_ms=60000):
        """Move bytes and time until the condition holds."""
        end_ms = self.now_ms + limit_ms
        while not until():
            assert self.now_ms < end_ms, "not reached in %d ms" % limit_ms
            if not self.move():
                self.wait()

    def move(self):
        """One turn of each end; whether anything moved."""
        moved = self._shuttle(self.host, self.board, self.board_events)
        piece = self.board.next_piece()
        while piece is not None:
            data = bytearray(piece.length)
            prbs.fill(CONTENT, piece.offset, data)
            self.board.supply(data)
            moved = True
            piece = self.board.next_piece()
        return self._shuttle(self.board, self.host, self.host_events) or moved

    def wait(self):
        """Let time pass until one end has something to do."""
        deadlines = [self.host.next_deadline_ms(), self.board.next_deadline_ms()]
        known = [deadline for deadline in deadlines if deadline is not None]
        self.now_ms = max(self.now_ms + 1, min(known) if known else 0)
        for session, log in ((self.host, self.host_events), (self.board, self.board_events)):
            session.tick(self.now_ms)
            self._take(session, log)

    def messages(self, log):
        """Request numbers of the messages in a log, in order."""
        return [event.request for event in log if isinstance(event, events.Message)]

    def story(self):
        """What must be the same under every interpreter."""
        resent = (self.host.stream.resent, self.board.stream.resent)
        bad = (self.host.reader.bad_headers, self.host.reader.bad_payloads, self.host.pulls.bytes_asked_again)
        return "%08x %d ms, resent %s, bad %s" % (self.crc, self.now_ms, resent, bad)

    def _shuttle(self, source, sink, log):
        moved = False
        data = source.take_output()
        while data is not None:
            moved = True
            self.crc = crc32(data, self.crc)
            for start in range(0, len(data), PIECE_BYTES):
                self._carry(bytes(data[start : start + PIECE_BYTES]), sink, log)
            data = source.take_output()
        return moved

    def _carry(self, piece, sink, log):
        drawn = self._random.below(1000)
        if self.is_cut or drawn < self._faults[0]:
            return
        if drawn < self._faults[1]:
            piece = piece + piece
        elif drawn < self._faults[2]:
            spoilt = bytearray(piece)
            spoilt[self._random.below(len(piece))] ^= 1 << self._random.below(8)
            piece = bytes(spoilt)
        while piece:
            piece = piece[sink.receive(piece, self.now_ms) :]
            self._take(sink, log)

    def _take(self, session, log):
        event = session.next_event()
        while event is not None:
            if isinstance(event, events.Data):
                self._check(event)
            elif isinstance(event, events.PullDone):
                assert self.pulled_bytes[event.request] == self._expected[event.request][1]
                self.done.append(event.request)
            else:
                log.append(event)
            event = session.next_event()

    def _check(self, event):
        """Pulled bytes are those that the board holds, inside the range, and no byte comes twice."""
        offset, length = self._expected[event.request]
        assert offset <= event.offset
        assert event.offset + len(event.data) <= offset + length
        expected = bytearray(len(event.data))
        prbs.fill(CONTENT, event.offset, expected)
        assert event.data == expected
        self.pulled_bytes[event.request] += len(event.data)


def varied(case, name, **faults):
    """The case over the same line with several seeds."""

    def run():
        return [case(seed, **faults) for seed in (1, 2)]

    return "%s, %s" % (case.__name__, name), lambda: str(run())
