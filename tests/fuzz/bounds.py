"""What a session may keep in memory, whatever arrives: shared by the fuzz targets and the state machine."""

from __future__ import annotations

from firmware.link import bulk, control, outbox, schema
from firmware.link.session import Session

EVENTS_MAX = 4  # kept inside a session: what one frame or one call can cause


def check(end: Session) -> None:
    """AssertionError if a session keeps more than its limits say."""
    stream = end.stream
    segment_bytes = stream._segment_bytes_max
    assert len(stream._flight) <= control.WINDOW_SEGMENTS
    assert len(stream._early) < control.WINDOW_SEGMENTS
    assert len(stream._arrived) <= control.WINDOW_SEGMENTS
    waiting = sum(map(len, stream._outgoing)) + sum(len(each.data) for each in stream._flight)
    assert waiting <= max(control.QUEUE_BYTES_MIN, control.WINDOW_SEGMENTS * segment_bytes)
    assert len(end._conversation._reader._held) <= schema.MESSAGE_BYTES_MAX + end.payload_max
    assert len(end._events) <= EVENTS_MAX
    assert end.orders._waiting < schema.PULLS_MAX
    assert len(end.pulls._flights) <= bulk.ASKS_IN_FLIGHT_MAX
    assert len(end.outbox._pieces) <= outbox.OUTPUT_PIECES_MAX + bulk.ASKS_IN_FLIGHT_MAX + control.WINDOW_SEGMENTS
    assert end.outbox.waiting_bytes == sum(len(data) for data in end.outbox._pieces)
