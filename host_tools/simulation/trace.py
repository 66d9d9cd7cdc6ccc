"""What happened, in words that matter: numbered, hashed, and the last of it kept for whoever reads a failure.

Law: semantic events only (hands, mishaps, what the controller told, what reached card and destination), in canonical
JSON; no address, no timing of the machine. Two runs of a seed have the same hash, on any machine and under any
PYTHONHASHSEED.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable

TAIL_LINES = 40  # kept for a report of failure

Value = str | int | bool | None


class Trace:
    """``step``: number of the last event, from 1. ``until``: the step at which the run is to stop, 0 for none."""

    def __init__(self, now_ms: Callable[[], int], until: int = 0, sink: Callable[[str], None] | None = None) -> None:
        self.step = 0
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.counts: Counter[str] = Counter()
        self._now_ms = now_ms
        self._until = until
        self._sink = sink
        self._hash = hashlib.sha256()

    def note(self, what: str, **details: Value) -> None:
        """Something has happened."""
        self.step += 1
        self.counts[what] += 1
        details = {"at_ms": self._now_ms(), "what": what, **details}
        line = json.dumps(details, sort_keys=True, separators=(",", ":"))
        self._hash.update(line.encode() + b"\n")
        shown = f"{self.step:>7} {line}"
        self.tail.append(shown)
        if self._sink is not None:
            self._sink(shown)

    def is_over(self) -> bool:
        """Whether the wanted step has been reached."""
        return 0 < self._until <= self.step

    def digest(self) -> str:
        """Hash of everything so far."""
        return self._hash.hexdigest()
