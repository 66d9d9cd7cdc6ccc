"""What a camera remembers of its battery: charge at the last docking and undocking, full cycles, empty shutdowns.

Law: one canonical document on the card, replaced whole; written when something worth remembering has happened, never
for a reading. It holds nothing of the wearer or of recordings, so it is not sealed. A card that does not take it loses
a figure, never a recording.

An empty battery leaves no time to write. So the camera notes beforehand that it has come low; if it then starts anew
without having been docked in between, it went out empty.
"""

from __future__ import annotations

from firmware.camera import card
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.link.schema import PERCENT_UNKNOWN
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import Files

FILE = "battery"
BYTES_MAX = 2048
LOW_PERMILLE = 30  # below, the note is written: some minutes are left
SHUTDOWNS_MAX = 31  # are remembered: one a day of the days that are asked for
SHUTDOWN_DAYS_MS = 30 * 86_400_000
WRITE_EVERY_PERMILLE = 100  # of charge put in: a tenth of a cycle is lost at most
CYCLES_MAX_PERMILLE = 1 << 30
_KEYS = frozenset({"format", "schema", "docked", "undocked", "cycles", "low", "shutdowns"})


class PowerLog:
    """``docked_percent``, ``undocked_percent``: PERCENT_UNKNOWN until seen; ``cycles_permille``: of all charge put in;
    ``went_empty``: the last time it was on, it went out for want of charge."""

    def __init__(self, files: Files) -> None:
        self.docked_percent = PERCENT_UNKNOWN
        self.undocked_percent = PERCENT_UNKNOWN
        self.cycles_permille = 0
        self.went_empty = False
        self._files = files
        self._low_since_unix_ms: int | None = None
        self._shutdowns_unix_ms: list[int] = []
        self._written_permille = 0
        self._charge_permille: int | None = None
        self._unwritten = False

    def load(self, now_unix_ms: int) -> None:
        """Read what was kept. A damaged file counts as none. ``now_unix_ms``: 0 where the board has no time."""
        try:
            kept = _decode(card.read_whole(self._files, FILE, BYTES_MAX))
        except (NotFound, FormatError, PortFault):
            return
        self.docked_percent, self.undocked_percent, self.cycles_permille, low, self._shutdowns_unix_ms = kept
        self._written_permille = self.cycles_permille
        if low:
            self.went_empty = True
            self._shutdowns_unix_ms = [*self._shutdowns_unix_ms, low[0] or now_unix_ms][-SHUTDOWNS_MAX:]
            self._unwritten = True

    def dock(self, charge_permille: int) -> None:
        """It has come into a bay with that charge."""
        self.docked_percent = charge_permille // 10
        self._low_since_unix_ms = None
        self._charge_permille = charge_permille
        self._unwritten = True

    def undock(self, charge_permille: int) -> None:
        """It was taken out with that charge."""
        self.undocked_percent = charge_permille // 10
        self._unwritten = True

    def follow(self, charge_permille: int, supplied: bool, unix_ms: int) -> None:
        """The charge now: what came in counts towards a cycle, and a low one on a belt is noted. ``unix_ms``: 0 where
        the board has no time."""
        before = self._charge_permille
        self._charge_permille = charge_permille
        if before is not None and supplied and charge_permille > before:
            self.cycles_permille = min(self.cycles_permille + charge_permille - before, CYCLES_MAX_PERMILLE)
            self._unwritten |= self.cycles_permille - self._written_permille >= WRITE_EVERY_PERMILLE
        if not supplied and charge_permille <= LOW_PERMILLE and self._low_since_unix_ms is None:
            self._low_since_unix_ms = unix_ms
            self._unwritten = True

    def empty_shutdowns(self, unix_ms: int) -> int:
        """In the last 30 days; all that are known while the board has no time."""
        since_ms = unix_ms - SHUTDOWN_DAYS_MS if unix_ms else 0
        return sum(1 for each in self._shutdowns_unix_ms if each >= since_ms)

    def write(self) -> bool:
        """Keep what has changed; False if the card did not take it, and it is to be tried again."""
        if not self._unwritten:
            return True
        low: list[int] = [] if self._low_since_unix_ms is None else [self._low_since_unix_ms]
        document = canonical.encode(
            {
                "format": "openbwc-battery",
                "schema": canonical.SCHEMA,
                "docked": self.docked_percent,
                "undocked": self.undocked_percent,
                "cycles": self.cycles_permille,
                "low": low,
                "shutdowns": self._shutdowns_unix_ms,
            }
        )
        try:
            card.replace(self._files, "", FILE, document)
        except PortFault:
            return False
        self._written_permille = self.cycles_permille
        self._unwritten = False
        return True


def _decode(data: bytes) -> tuple[int, int, int, list[int], list[int]]:
    fields = canonical.decode(data, FILE, BYTES_MAX)
    canonical.require_kind(fields, FILE)
    canonical.require_keys(fields, _KEYS, FILE)
    return (
        canonical.integer(fields["docked"], "battery.docked", PERCENT_UNKNOWN),
        canonical.integer(fields["undocked"], "battery.undocked", PERCENT_UNKNOWN),
        canonical.integer(fields["cycles"], "battery.cycles", CYCLES_MAX_PERMILLE),
        [canonical.integer(each, "battery.low") for each in canonical.rows(fields["low"], "battery.low", 1)],
        [
            canonical.integer(each, "battery.shutdowns")
            for each in canonical.rows(fields["shutdowns"], "battery.shutdowns", SHUTDOWNS_MAX)
        ],
    )
