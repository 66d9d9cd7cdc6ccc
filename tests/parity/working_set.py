"""Measures what one session of a small board keeps on the heap at its fullest, and what its modules take.

Portable; run under MicroPython. Prints ``name bytes`` lines: what each step adds to the live heap, after collection.
With an argument the session gets no more heap than that many KiB, in one piece, and every allocation must find its
place in it: that is what a board needs, garbage and holes included.
"""

import gc
import sys

before_bytes = 0


def live_bytes():
    gc.collect()
    return gc.mem_alloc()


if __name__ == "__main__":
    before_bytes = live_bytes()

from firmware.link import bulk, codec, frames, opening, schema  # noqa: E402  the modules are measured
from firmware.link.control import WINDOW_SEGMENTS  # noqa: E402
from firmware.link.errors import LocalError  # noqa: E402
from firmware.link.session import BOARD, Session  # noqa: E402

PAYLOAD_BYTES = 512
GC_THRESHOLD_BYTES = 4096  # of garbage, then it is collected: in a heap so tight holes must not spread
LOOK_EVERY_MESSAGES = 50
HOST_NONCE = 11
BOARD_NONCE = 22
KIND = {row[1]: row[0] for row in schema.FRAME_KINDS}
SHORTEST = codec.TableCodec().encode("identify", {}, 0)
LONGEST = codec.TableCodec().encode("erase", {"authorisation": bytes(2048)}, 0)


class Meter:
    """Live heap since the session was made, step by step, and the most that it ever was."""

    def __init__(self):
        self.rows = []
        self.most_bytes = 0
        self._zero_bytes = live_bytes()
        self._last_bytes = 0

    def step(self, name):
        used = self.look()
        self.rows.append("%s %d" % (name, used - self._last_bytes))
        self._last_bytes = used

    def look(self):
        used = live_bytes() - self._zero_bytes
        self.most_bytes = max(self.most_bytes, used)
        return used


def salt():
    return opening.salt_of(HOST_NONCE, opening.next_nonce(BOARD_NONCE))


def frame(name, sequence, payload):
    return frames.frame(KIND[name], sequence, payload, salt(), schema.PROTOCOL_VERSION)


def opening_frame():
    values = opening.offer(PAYLOAD_BYTES, 3, HOST_NONCE)
    payload = codec.pack(codec.FRAME_BY_NAME["open"][3], values)
    return frames.frame(KIND["open"], 0, payload, frames.SALT_NONE, schema.PROTOCOL_VERSION)


def window_frames():
    """A whole window of segments, full of messages of the longest and then of the shortest kind."""
    stream = LONGEST + SHORTEST * (WINDOW_SEGMENTS * PAYLOAD_BYTES // len(SHORTEST))
    step = PAYLOAD_BYTES - 4
    pieces = [stream[start : start + step] for start in range(0, WINDOW_SEGMENTS * step, step)]
    return [frame("segment", number, bytes(4) + piece) for number, piece in enumerate(pieces)]


def pull_frame(number):
    ask = bulk.Ask(number + 1, bytes([number]) * 16, 0, number << 33, 1 << 20, PAYLOAD_BYTES)
    return frame("pull", number, codec.pack(codec.FRAME_BY_NAME["pull"][3], bulk.ask_values(ask)))


def take_in(session, data):
    """All of ``data``; fails if the session has no room for it."""
    assert session.receive(data, 0) == len(data)
    while session.next_event() is not None:
        pass


def fill(limit_kib):
    window = window_frames()
    hello, ping = opening_frame(), frame("ping", 0, bytes(4))
    ballast = ballast_beside(limit_kib * 1024) if limit_kib else None
    gc.threshold(GC_THRESHOLD_BYTES)
    meter = Meter()
    session = Session(BOARD, BOARD_NONCE, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)
    take_in(session, hello)
    while session.take_output() is not None:
        pass
    meter.step("session as opened")
    fill_outgoing(session)
    meter.step("control stream, outgoing")
    for early in window[1:]:
        take_in(session, early)
    meter.step("control stream, incoming out of order")
    for number in range(schema.PULLS_MAX):
        take_in(session, pull_frame(number))
    meter.step("pull queue")
    while session.receive(ping, 0) == len(ping):
        while session.next_event() is not None:
            pass
    meter.step("output and input that wait")
    while session.take_output() is not None:
        pass
    deliver(session, window[0], meter)
    meter.rows.append("most at once %d" % meter.most_bytes)
    assert (ballast is None) == (limit_kib == 0)  # held until here
    return meter.rows


def ballast_beside(free_bytes):
    """Takes all of the heap but ``free_bytes`` in one piece, as a board's heap is when its firmware has started."""
    gc.collect()
    reserve = bytearray(free_bytes)
    chain = None
    try:
        while True:
            chain = (chain, len(reserve))
    except MemoryError:
        pass
    return chain


def fill_outgoing(session):
    """Unacknowledged messages up to the limit."""
    try:
        while True:
            session.send("error", {"about": 1, "code": 1, "text": "x" * 100})
    except LocalError:
        pass
    while session.take_output() is not None:
        pass


def deliver(session, first, meter):
    """The missing segment comes, and with it a window of messages, which are taken one after another."""
    while session.next_event() is not None:
        pass
    assert session.receive(first, 0) == len(first)
    messages = 0
    event = session.next_event()
    while event is not None:
        if messages % LOOK_EVERY_MESSAGES == 0:
            meter.look()
        messages += 1
        event = session.next_event()
    assert messages > WINDOW_SEGMENTS * PAYLOAD_BYTES // len(SHORTEST) // 2, messages


if __name__ == "__main__":
    print("modules %d" % (live_bytes() - before_bytes))
    for row in fill(int(sys.argv[1]) if len(sys.argv) > 1 else 0):
        print(row)
