"""What can go wrong at a bench. Each is one line for a person: the thing, then the remedy."""

from __future__ import annotations

from host_tools.hardware.said import printable


class BenchTrouble(Exception):
    """Anything of this room that a person puts right."""


class BenchFileError(BenchTrouble):
    """The bench file does not hold: file, line and key."""

    def __init__(self, line: str) -> None:
        super().__init__(printable(line))


class BoardMissing(BenchTrouble):
    """A board of the bench is not there, or not to be told from another."""


class LockError(BenchTrouble):
    """A board cannot be locked: who holds it, or what is wrong."""


class LockLost(LockError):
    """A lock was not renewed in time, and somebody else may have it now."""


class HandsFailed(BenchTrouble):
    """Whatever moves the boards could not do what was asked."""


class Unsupported(BenchTrouble):
    """This bench, or this board, cannot do that at all: said, and never silently nothing."""


class RecordError(BenchTrouble):
    """A record cannot be written or read."""
