"""Who wears the camera, kept on the card so that it survives a reset: one canonical JSON document, replaced whole.

A wearer is written for always, or lent to for one time out of the dock. A loan is offered, taken and over by what the
camera itself sees, so that nothing which befalls a controller leaves the camera in the name of somebody who did not
take it: not pulled out in time, docked again, or started anew while it was offered, it is nobody's.
"""

from __future__ import annotations

from firmware.camera import card
from firmware.camera.recorder import Wearer
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import Files
from firmware.secure.sealing_file import FileSealer

FILE = "assignment"
ASSIGNMENT_BYTES_MAX = 8192  # three texts of at most 240 bytes, escaped
FILE_BYTES_MAX = 16384  # the same, sealed
RETRY_MS = 10_000  # before the end of a loan that the card did not take is written again
_KEYS = frozenset({"format", "schema", "wearer", "name", "profile", "loan"})

ALWAYS, OFFERED, TAKEN = "", "offered", "taken"
LOANS = (ALWAYS, OFFERED, TAKEN)
UNDOCKED, DOCKED, OVER, STARTED_DOCKED, STARTED_AWAY = "undocked", "docked", "over", "started_docked", "started_away"
NOBODY = "nobody"

# (loan, what the camera sees) -> loan, or NOBODY. What is missing changes nothing.
LENDING = {
    (OFFERED, UNDOCKED): TAKEN,
    (OFFERED, DOCKED): NOBODY,
    (OFFERED, OVER): NOBODY,
    (OFFERED, STARTED_DOCKED): NOBODY,
    (OFFERED, STARTED_AWAY): NOBODY,  # taken or not, and when: nobody knows
    (TAKEN, DOCKED): NOBODY,
    (TAKEN, STARTED_DOCKED): NOBODY,
}


class Assignment:
    """``wearer`` is None while nobody is assigned; ``profile``: what is recorded, by the system's word; ``loan``:
    one of LOANS; ``sealer``: for the file, where the board has a secret of its own."""

    def __init__(self, files: Files, sealer: FileSealer | None = None) -> None:
        self.wearer: Wearer | None = None
        self.profile = ""
        self.loan = ALWAYS
        self._files = files
        self._sealer = sealer
        self._until_ms = 0
        self._rewrite_ms: int | None = None
        self._was_docked = False  # since the card was last written; it may hold a loan that this has ended

    def load(self, docked: bool = False) -> None:
        """Read what was kept. A damaged file counts as nobody: a recording must never name the wrong wearer. What the
        card has not taken yet is newer than what it holds."""
        if self._rewrite_ms is not None:
            return
        try:
            kept = card.read_whole(self._files, FILE, FILE_BYTES_MAX)
            document = self._sealer.open(FILE, kept) if self._sealer else kept
            fields = canonical.decode(document, "assignment", ASSIGNMENT_BYTES_MAX)
            canonical.require_kind(fields, "assignment")
            canonical.require_keys(fields, _KEYS, "assignment")
            wearer_id = canonical.text(fields["wearer"], "assignment.wearer")
            name = canonical.text(fields["name"], "assignment.name")
            self.profile = canonical.text(fields["profile"], "assignment.profile")
            self.loan = canonical.text(fields["loan"], "assignment.loan")
            if self.loan not in LOANS:
                raise FormatError(f"assignment.loan: {self.loan[:20]!r} is no loan")
        except (NotFound, FormatError):
            self.wearer, self.profile, self.loan = None, "", ALWAYS
            return
        self.wearer = Wearer(wearer_id, name) if wearer_id else None
        self.see(STARTED_DOCKED if docked or self._was_docked else STARTED_AWAY, 0)

    def keep(self, wearer: Wearer | None, profile: str) -> None:
        """Change it for always, durably before it counts. PortFault if the card does not take it."""
        self._write(wearer, profile, ALWAYS)

    def offer(self, wearer: Wearer, profile: str, until_ms: int) -> None:
        """Lend it, durably before it counts, if it is taken out of its dock before then. PortFault."""
        self._write(wearer, profile, OFFERED)
        self._until_ms = until_ms

    def is_kept(self) -> bool:
        """Whether the card holds what counts, so that a restart would find the same."""
        return self._rewrite_ms is None

    def is_offered(self) -> bool:
        """Whether whoever takes the camera now takes it as its wearer, for one time."""
        return self.loan == OFFERED

    def see(self, happened: str, now_ms: int) -> None:
        """A word of LENDING has happened. It counts at once; what the card does not take now, it gets later. Until then
        it has an offer, which is worth nothing after a reset, or a loan that the next docking ends."""
        self._was_docked = self._was_docked or happened == DOCKED
        following = LENDING.get((self.loan, happened))
        if following is None:
            return
        if following == NOBODY:
            self.wearer, self.profile, self.loan = None, "", ALWAYS
        else:
            self.loan = following
        self._rewrite_ms = now_ms
        self.follow(now_ms)

    def follow(self, now_ms: int) -> None:
        """End an offer whose time is over; write what the card did not take."""
        if self.loan == OFFERED and now_ms >= self._until_ms:
            self.see(OVER, now_ms)
        if self._rewrite_ms is not None and now_ms >= self._rewrite_ms:
            try:
                self._write(self.wearer, self.profile, self.loan)
            except PortFault:
                self._rewrite_ms = now_ms + RETRY_MS

    def next_deadline_ms(self) -> int | None:
        """When ``follow`` has something to do."""
        if self._rewrite_ms is not None:
            return self._rewrite_ms
        return self._until_ms if self.loan == OFFERED else None

    def _write(self, wearer: Wearer | None, profile: str, loan: str) -> None:
        document = canonical.encode(
            {
                "format": "openbwc-assignment",
                "schema": canonical.SCHEMA,
                "wearer": wearer.wearer_id if wearer else "",
                "name": wearer.name if wearer else "",
                "profile": profile,
                "loan": loan,
            }
        )
        card.replace(self._files, "", FILE, self._sealer.seal(FILE, document) if self._sealer else document)
        self.wearer, self.profile, self.loan = wearer, profile, loan
        self._rewrite_ms, self._was_docked = None, False
