"""An asynchronous serial line: how long bytes take, and how much waits before the line.

    rate = baud / 10 bytes a second          (a start bit, eight data bits, a stop bit)
    level(t) = max(0, level(t0) - (t - t0) * rate),    room = fifo - level

Source: the definition of the 8N1 frame; a common UART's hardware buffer is 16 to 64 bytes (16550, PL011: 16 or 32),
with a driver's buffer of some kilobytes above. Error: baud rates are met within 2 %, and gaps between bytes are left
out, so a real line is a few percent slower.
"""

from __future__ import annotations

BITS_PER_BYTE = 10
FIFO_BYTES = 4_096  # a terminal driver's buffer, and the hardware's


class Uart:
    """One direction."""

    def __init__(self, baud: int, fifo_bytes: int = FIFO_BYTES) -> None:
        self.bytes_per_s = baud / BITS_PER_BYTE
        self._fifo_bytes = fifo_bytes
        self._level_bytes = 0.0
        self._at_s = 0.0

    def room_bytes(self, now_s: float) -> int:
        """How much a writer can hand over now."""
        return int(self._fifo_bytes - self._level(now_s))

    def take(self, count_bytes: int, now_s: float) -> float:
        """Hand over so much; returns when the last byte of it is at the other end."""
        self._level_bytes = self._level(now_s) + count_bytes
        self._at_s = now_s
        return now_s + self._level_bytes / self.bytes_per_s

    def wait_s(self, now_s: float, room_bytes: int) -> float:
        """Until there is room for so much (never more than the whole buffer)."""
        wanted = self._fifo_bytes - min(room_bytes, self._fifo_bytes)
        return max(0.0, (self._level(now_s) - wanted) / self.bytes_per_s)

    def _level(self, now_s: float) -> float:
        return max(0.0, self._level_bytes - (now_s - self._at_s) * self.bytes_per_s)
