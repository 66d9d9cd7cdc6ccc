"""How manifests are written down: plain (``firmware.formats.manifest`` itself) or signed (``SignedDocuments``); and how
the lines before them are marked, if they are."""

from collections.abc import Callable
from typing import Protocol

from firmware.formats.chunk import Bytes
from firmware.formats.manifest import Manifest
from firmware.formats.marks import Marks


class Documents(Protocol):
    """Both may raise FormatError; a signing one PortFault."""

    def encode(self, closed: Manifest, /) -> bytes: ...

    def decode(self, data: Bytes, /) -> Manifest: ...


MarksOf = Callable[[bytes], "Marks | None"]  # a recording -> the marks of its header and journal, from the first on


def no_marks(recording: bytes) -> "Marks | None":
    """Of a board without a secret."""
    return None
