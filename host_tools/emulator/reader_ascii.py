"""An emulated 125 kHz reader that talks ASCII: with the short frame again and again, or with the long one once.

Law: written from the datasheets of RDM6300 and ID-12LA; shares nothing with the driver.
"""

from __future__ import annotations

from collections.abc import Callable

REPEAT_MS = 65  # an RDM6300 sends a frame about every 65 ms while a badge is there


class EmulatedAsciiReader:
    """``long``: sixteen bytes, once for each badge; else fourteen, repeated. ``feels``: what its field makes of the
    number that is held to it, None for nothing."""

    def __init__(self, long: bool, feels: Callable[[bytes], bytes | None] = lambda number: number) -> None:
        self._long = long
        self._feels = feels
        self._number = b""
        self._next_ms = 0

    def hold(self, number: bytes, now_ms: int) -> None:
        """A person holds a badge to it."""
        self._number = number
        self._next_ms = now_ms

    def take_away(self) -> None:
        """And takes it away."""
        self._number = b""

    def has_more(self) -> bool:
        """Whether it will say something by itself."""
        return bool(self._number)

    def says(self, now_ms: int) -> bytes:
        """What it sends by now."""
        if not self._number or now_ms < self._next_ms:
            return b""
        self._next_ms = now_ms + REPEAT_MS
        felt = self._feels(self._number)
        if felt is None:
            return b""
        if self._long:
            self._number = b""
        return self._frame(felt)

    def _frame(self, number: bytes) -> bytes:
        digits = "".join(f"{byte:02X}" for byte in number)
        folded = 0
        for byte in number:
            folded ^= byte
        tail = "\r\n\x03" if self._long else "\x03"
        return f"\x02{digits}{folded:02X}{tail}".encode("ascii")
