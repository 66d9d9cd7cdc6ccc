"""Cuts the muxer's byte stream into whole fragments: ``ftyp + moov``, then each ``moof + mdat``.

Law: pure; knows boxes (ISO/IEC 14496-12, 4.2) by their size and type only. Holds at most one fragment.
"""

from __future__ import annotations

HEADER_BYTES = 8  # size u32 and type, both big-endian
FRAGMENT_BYTES_MAX = 16 << 20  # 16 MiB a second is 134 Mbit/s: beyond every profile; bounds what is held here
LAST_BOXES = (b"moov", b"mdat")  # the box that completes a fragment; boxes before it belong to the same fragment


class BoxError(ValueError):
    """What came from the muxer is no run of boxes, or a fragment is too large."""


class BoxSplitter:
    """A write-only object for a muxer. ``take`` hands out fragments as they become whole, and says what is wrong."""

    def __init__(self, fragment_bytes_max: int = FRAGMENT_BYTES_MAX) -> None:
        self._bytes_max = fragment_bytes_max
        self._held = bytearray()
        self._box_start = 0  # where the box begins that is not whole yet
        self._fragments: list[bytes] = []
        self._failure: BoxError | None = None

    def write(self, data: bytes) -> int:
        """Take bytes of any length. Never raises, as the text of an error would be lost inside FFmpeg."""
        if self._failure is None:
            self._held += data
            try:
                self._finish_boxes()
            except BoxError as error:
                self._failure = error
                self._held.clear()
        return len(data)

    def take(self) -> list[bytes]:
        """The fragments that are whole since the last call, in order. BoxError once there can be no more."""
        if self._failure is not None and not self._fragments:
            raise self._failure
        fragments, self._fragments = self._fragments, []
        return fragments

    def held_bytes(self) -> int:
        """Bytes of the fragment that is not whole yet."""
        return len(self._held)

    def _finish_boxes(self) -> None:
        while self._finish_box():
            pass
        if len(self._held) > self._bytes_max:
            raise BoxError(f"a fragment is larger than {self._bytes_max} bytes: lower the bit rate of the profile")

    def _finish_box(self) -> bool:
        start = self._box_start
        if len(self._held) - start < HEADER_BYTES:
            return False
        size = int.from_bytes(self._held[start : start + 4], "big")
        kind = bytes(self._held[start + 4 : start + HEADER_BYTES])
        if size < HEADER_BYTES:  # 0 (to the end) and 1 (64-bit size) never come in a stream of fragments
            raise BoxError(f"box {kind!r} has the size {size}, which no fragment has")
        if len(self._held) - start < size:
            return False
        self._box_start = start + size
        if kind in LAST_BOXES:
            self._fragments.append(bytes(self._held[: self._box_start]))
            del self._held[: self._box_start]
            self._box_start = 0
        return True
