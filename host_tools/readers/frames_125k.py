"""Frames of 125 kHz readers that send ASCII: ``02``, ten hexadecimal digits, two of check, ``03``.

Two lengths: 14 bytes (RDM6300 and its like) and 16, with carriage return and line feed before the end (ID-2, ID-12,
ID-20). The check is the exclusive or of the five bytes. Law: pure; bytes in, numbers out; whatever does not fit is
skipped and counted.
"""

from __future__ import annotations

from host_tools.readers.tags import EM4100, EM4100_BYTES, Tag

START, END = 0x02, 0x03
DIGITS = 2 * (EM4100_BYTES + 1)  # with the check
FRAME_BYTES_MAX = DIGITS + 4
_ENDS = (bytes([END]), b"\r\n" + bytes([END]))


class Frames125k:
    """``feed`` gives the tags of the frames that are whole. ``bad_frames``: begun and not fitting."""

    def __init__(self) -> None:
        self.bad_frames = 0
        self._held = b""

    def feed(self, data: bytes) -> list[Tag]:
        """The next bytes."""
        self._held += data
        found: list[Tag] = []
        while (start := self._held.find(START)) >= 0:
            self._held = self._held[start:]
            end = self._held.find(END)
            if end < 0 and len(self._held) < FRAME_BYTES_MAX:
                return found
            tag = _tag_of(self._held[: end + 1]) if 0 <= end < FRAME_BYTES_MAX else None
            if tag is None:
                self.bad_frames += 1
                self._held = self._held[1:]
            else:
                found.append(tag)
                self._held = self._held[end + 1 :]
        self._held = b""
        return found


def frame_of(uid: bytes, long: bool) -> bytes:
    """A reader's frame for a number."""
    check = 0
    for byte in uid:
        check ^= byte
    digits = (uid + bytes([check])).hex().upper().encode()
    return bytes([START]) + digits + _ENDS[long]


def _tag_of(frame: bytes) -> Tag | None:
    digits, end = frame[1 : 1 + DIGITS], frame[1 + DIGITS :]
    if end not in _ENDS:
        return None
    try:
        numbers = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None
    check = 0
    for byte in numbers:
        check ^= byte
    if check or len(numbers) != EM4100_BYTES + 1:
        return None
    return Tag(EM4100, 8 * EM4100_BYTES, numbers[:EM4100_BYTES])
