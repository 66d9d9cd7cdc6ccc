"""A tap on a cable: sees the bytes of both directions and counts what was really sent.

Law: listens only. It is a third reader of the wire beside the two ends, so that a test can hold them to what passed.
"""

from __future__ import annotations

from typing import NamedTuple

from firmware.link import bulk, codec, frames, opening, schema
from firmware.link.errors import PeerError

_KIND = {row[1]: row[0] for row in schema.FRAME_KINDS}
_ROWS = {row[0]: row[3] for row in schema.FRAME_KINDS}
PULLS_REMEMBERED_MAX = 4096  # of one session; the oldest go first


class Served(NamedTuple):
    """Bytes of a recording that a board has sent: from ``start`` up to ``end``."""

    recording: bytes
    part: int
    start: int
    end: int


class LinkTap:
    """Feed it everything; read ``served`` and the counters."""

    def __init__(self) -> None:
        self.served: list[Served] = []
        self.bytes_to_board = 0
        self.bytes_to_host = 0
        self.sessions = 0
        self.malformed_frames = 0
        self._to_board = _reader()
        self._to_host = _reader()
        self._host_nonce = -1
        self._pulls: dict[int, tuple[bytes, int]] = {}

    def plugged(self) -> None:
        """The cable was put in anew: what was under way is lost, and nothing follows it."""
        self._to_board = _reader()
        self._to_host = _reader()

    def to_board(self, data: bytes | memoryview, now_ms: int) -> None:
        """Bytes the board got."""
        self.bytes_to_board += len(data)
        self._read(self._to_board, data, now_ms)

    def to_host(self, data: bytes | memoryview, now_ms: int) -> None:
        """Bytes the board sent."""
        self.bytes_to_host += len(data)
        self._read(self._to_host, data, now_ms)

    def _read(self, reader: frames.FrameReader, data: bytes | memoryview, now_ms: int) -> None:
        while len(data):
            data = data[reader.take(data, now_ms) :]
            reader.tick(now_ms)
            while (frame := reader.next_frame()) is not None:
                try:
                    self._on_frame(frame)
                except PeerError:  # the ends must cope with it; a listener only counts it
                    self.malformed_frames += 1

    def _on_frame(self, frame: frames.Frame) -> None:
        if frame.kind == _KIND["data"] and len(frame.payload) > bulk.DATA_PREFIX_BYTES:
            self._on_data(frame.payload)
        elif frame.kind == _KIND["pull"]:
            values = codec.parse(_ROWS[frame.kind], frame.payload)
            self._pulls[values["request"]] = (values["recording"], values["part"])
            if len(self._pulls) > PULLS_REMEMBERED_MAX:
                self._pulls.pop(next(iter(self._pulls)))
        elif frame.kind == _KIND["open"]:
            nonce = codec.parse(_ROWS[frame.kind], frame.payload)["nonce"]
            if nonce != self._host_nonce:  # another host, or one anew: it does not wait for the rest of a frame
                self._host_nonce = nonce
                self._to_host = _reader()
        elif frame.kind == _KIND["accept"]:
            values = codec.parse(_ROWS[frame.kind], frame.payload)
            salt = opening.salt_of(values["nonce_seen"], values["nonce"])
            self._to_board.salt = self._to_host.salt = salt
            self._pulls.clear()
            self.sessions += 1

    def _on_data(self, payload: memoryview) -> None:
        prefix = codec.parse(_ROWS[_KIND["data"]], payload)
        pull = self._pulls.get(prefix["request"])
        if pull is None:
            return
        start, length = prefix["offset"], len(prefix["data"])
        last = self.served[-1] if self.served else None
        if last is not None and last[:2] == pull and last.end == start:
            self.served[-1] = last._replace(end=start + length)
        else:
            self.served.append(Served(*pull, start, start + length))


def _reader() -> frames.FrameReader:
    return frames.FrameReader(schema.PAYLOAD_BYTES_MAX, 1 << 16)
