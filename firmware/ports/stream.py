"""A byte stream to whoever is at the other end of the cable."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import Unprovided

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview


class Stream:
    """Non-blocking and unframed; may lose, garble or repeat bytes like any cable."""

    def is_open(self) -> bool:
        """Whether anybody can be at the other end now (cable in, port configured)."""
        raise Unprovided(self, "is_open")

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """Fill the front of ``buffer`` with what has arrived; returns the number of bytes, 0 if none has."""
        raise Unprovided(self, "read_into")

    def write(self, data: "Buffer") -> int:
        """Hand over bytes; returns how many were taken, from 0 (full, or nobody there) to all. Never blocks."""
        raise Unprovided(self, "write")
