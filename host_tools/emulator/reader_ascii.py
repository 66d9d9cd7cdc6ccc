"""An emulated 125 kHz reader that talks ASCII: with the short frame again and again, or with the long one once.

Law: written from the datasheets of RDM6300 and ID-12LA; shares nothing with the driver.
"""

from __future__ import annotations

REPEAT_MS = 65  # an RDM6300 sends a frame about every 65 ms while a badge is there


class EmulatedAsciiReader:
    """``long``: sixteen bytes, once for each badge; else fourteen, repeated."""

    def __init__(self, long: bool) -> None:
        self._long = long
        self._frame = b""
        self._next_ms = 0

    def hold(self, number: bytes, now_ms: int) -> None:
        """A person holds a badge to it."""
        digits = "".join(f"{byte:02X}" for byte in number)
        folded = 0
        for byte in number:
            folded ^= byte
        tail = "\r\n\x03" if self._long else "\x03"
        self._frame = f"\x02{digits}{folded:02X}{tail}".encode("ascii")
        self._next_ms = now_ms

    def take_away(self) -> None:
        """And takes it away."""
        self._frame = b""

    def says(self, now_ms: int) -> bytes:
        """What it sends by now."""
        if not self._frame or now_ms < self._next_ms:
            return b""
        frame = self._frame
        self._next_ms = now_ms + REPEAT_MS
        if self._long:
            self._frame = b""
        return frame
