"""Marks on the lines of a recording in progress: that this camera has written them, in this order, to this recording.

A manifest is signed, but only when a recording ends; until then header and journal are all there is, and after a power
cut the camera makes the manifest out of them and signs that. Without marks, whoever has the card in hand for an hour
could write a header and a journal of his own and have the camera sign them. A mark is HMAC-SHA-256 under a key of the
board over the mark before it and the line without its mark. What marks cannot show is that lines are missing at the
end, because that is what a power cut looks like.
"""

import hmac
from hashlib import sha256

from firmware.formats import canonical
from firmware.formats.errors import FormatError

MARK_KEY = "mark"  # of a line; there if and only if the board has a secret to mark with
MARK_BYTES = 32
MARKS_PREFIX = b"openbwc-marks-1\x00"


class Marks:
    """The chain of marks of one recording: its header's first, then its journal's, line by line."""

    def __init__(self, key: bytes, recording: bytes) -> None:
        self._key = key
        self._last = sha256(MARKS_PREFIX + recording).digest()

    def add(self, fields: canonical.Document) -> canonical.Document:
        """The next line, with its mark."""
        self._last = self._mark(fields)
        return {**fields, MARK_KEY: self._last.hex()}

    def check(self, fields: canonical.Document, what: str) -> canonical.Document:
        """The next line, read back, without its mark. FormatError unless this camera wrote it here."""
        rest = without_mark(fields)
        expected = self._mark(rest)
        written = canonical.binary(fields.get(MARK_KEY, ""), f"{what}.mark", bytes_max=MARK_BYTES)
        if not hmac.compare_digest(written, expected):
            raise FormatError(f"{what}: not written by this camera in this place")
        self._last = expected
        return rest

    def _mark(self, fields: canonical.Document) -> bytes:
        return hmac.digest(self._key, self._last + canonical.encode(fields), "sha256")


class UncheckedMarks(Marks):
    """For whoever must read a card without its camera, knows that anybody may have written it, and says so."""

    def __init__(self) -> None:
        super().__init__(b"", b"")

    def check(self, fields: canonical.Document, what: str) -> canonical.Document:
        """The line without its mark, whatever that is."""
        return without_mark(fields)


def add_mark(marks: "Marks | None", fields: canonical.Document) -> canonical.Document:
    """A line as it is written, marked where there are marks."""
    return fields if marks is None else marks.add(fields)


def take_mark(marks: "Marks | None", fields: canonical.Document, what: str) -> canonical.Document:
    """A line as it was before it was marked. Without ``marks`` none is expected."""
    return fields if marks is None else marks.check(fields, what)


def without_mark(fields: canonical.Document) -> canonical.Document:
    """A line but for its mark."""
    return {name: value for name, value in fields.items() if name != MARK_KEY}
