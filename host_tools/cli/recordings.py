"""Which recording is meant: by its whole identity, or by its first digits, as tables show them.

Law: the one place where a verb finds that out, so that a command is asked for, and the audit trail names, the whole
identity. Digits that begin several recordings, or none, are never guessed at.
"""

from __future__ import annotations

from typing import Annotated

import typer

from host_tools.cli.asking import Asked
from host_tools.controller.commands import CommandError

NAME_DIGITS = 32  # of a whole one
ALIKE_SHOWN_MAX = 5  # of those that begin with the same digits

Recording = Annotated[str, typer.Argument(help="A recording: its identity, or the first digits of it.")]


def whole(controller: Asked, recording: str) -> str:
    """The identity of the recording that begins with these digits. CommandError if there is none, or several."""
    digits = require_digits(recording)
    if len(digits) == NAME_DIGITS:
        return digits
    page = controller.call("list_recordings", recording=digits, limit=ALIKE_SHOWN_MAX + 1)
    found = [str(row["recording"]) for row in page["rows"]]
    if not found:
        raise CommandError(f"no recording begins with {recording}: bwc status shows them")
    if len(found) > 1:
        more = ", …" if len(found) > ALIKE_SHOWN_MAX else ""
        alike = ", ".join(sorted(found[:ALIKE_SHOWN_MAX]))
        raise CommandError(f"several recordings begin with {recording}: {alike}{more}: name one of them")
    return found[0]


def require_digits(recording: str) -> str:
    """The digits that a recording is named by. CommandError if these cannot be any."""
    digits = recording.lower()
    if not 0 < len(digits) <= NAME_DIGITS or digits.strip("0123456789abcdef"):
        raise CommandError(f"{recording[:60]!r} names no recording: take the digits that bwc status shows")
    return digits
