"""What waits to go out: frames of one session, in pieces, in order.

Law: pure; knows how frames are put together and how much waits, not why anything is sent. Bulk bytes are kept as the
views they came as: they are copied by nobody before the cable takes them.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct
from binascii import crc32

from firmware.link import bulk, codec, frames, schema

if TYPE_CHECKING:
    from typing import Any

    Buffer = bytes | bytearray | memoryview

OUTPUT_HIGH_PAYLOADS = 8  # no more is taken in while so many largest frames wait: pings cannot fill the memory
OUTPUT_PIECES_MAX = 64  # nor while there are so many pieces: the smallest take three times their bytes in memory

KIND = {row[1]: row[0] for row in schema.FRAME_KINDS}
ROWS = {row[0]: row[3] for row in schema.FRAME_KINDS}
_DATA = KIND["data"]


class Outbox:
    """``salt`` and ``version``: of the session that frames are made for."""

    def __init__(self) -> None:
        self.salt = frames.SALT_NONE
        self.version = schema.PROTOCOL_VERSION
        self.waiting_bytes = 0
        self.bytes_out = 0
        self._pieces = []  # type: list[Buffer]

    def begin(self, salt: int, version: int) -> None:
        """A new session: what waited for the last one is dropped."""
        self.salt = salt
        self.version = version
        self.waiting_bytes = 0
        self._pieces = []

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._pieces

    def has_room(self) -> bool:
        """Whether another small frame may be kept."""
        return len(self._pieces) < OUTPUT_PIECES_MAX

    def is_high(self, payload_max: int) -> bool:
        """Whether so much waits that nothing more should be taken in."""
        return self.waiting_bytes >= OUTPUT_HIGH_PAYLOADS * payload_max or len(self._pieces) >= OUTPUT_PIECES_MAX

    def put(self, kind: int, sequence: int, payload: "Buffer") -> None:
        """A small frame, in one piece."""
        self._push(frames.frame(kind, sequence, payload, self.salt, self.version))

    def put_values(self, name: str, sequence: int, values: "dict[str, Any]") -> None:
        """A small frame of the table."""
        kind = KIND[name]
        self.put(kind, sequence, codec.pack(ROWS[kind], values))

    def put_data(self, sequence: int, request: int, offset: int, data: "Buffer") -> None:
        """A data frame; ``data`` is not copied: leave it alone until it has gone out."""
        prefix = struct.pack(bulk.DATA_PREFIX, request, offset)
        front = frames.header(_DATA, sequence, len(prefix) + len(data), self.salt, self.version)
        self._push(front + prefix)
        self._push(data)
        self._push(struct.pack("<I", crc32(data, crc32(prefix))))

    def take(self) -> "Buffer | None":
        """The next bytes for the cable, or None."""
        if not self._pieces:
            return None
        data = self._pieces.pop(0)
        self.waiting_bytes -= len(data)
        self.bytes_out += len(data)
        return data

    def _push(self, data: "Buffer") -> None:
        self._pieces.append(data)
        self.waiting_bytes += len(data)
