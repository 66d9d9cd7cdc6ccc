"""Who wears the camera, kept on the card so that it survives a reset: one canonical JSON document, replaced whole."""

from __future__ import annotations

from firmware.camera import card
from firmware.camera.recorder import Wearer
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.secure.sealing_file import FileSealer

FILE = "assignment"
ASSIGNMENT_BYTES_MAX = 8192  # three texts of at most 240 bytes, escaped
FILE_BYTES_MAX = 16384  # the same, sealed
_KEYS = frozenset({"format", "schema", "wearer", "name", "profile"})


class Assignment:
    """``wearer`` is None while nobody is assigned; ``profile``: the system's word for what is recorded; ``sealer``: for
    the file, where the board has a secret of its own."""

    def __init__(self, files: Files, sealer: FileSealer | None = None) -> None:
        self.wearer: Wearer | None = None
        self.profile = ""
        self._files = files
        self._sealer = sealer

    def load(self) -> None:
        """Read what was kept. A damaged file counts as nobody: a recording must never name the wrong wearer."""
        try:
            kept = card.read_whole(self._files, FILE, FILE_BYTES_MAX)
            document = self._sealer.open(FILE, kept) if self._sealer else kept
            fields = canonical.decode(document, "assignment", ASSIGNMENT_BYTES_MAX)
            canonical.require_kind(fields, "assignment")
            canonical.require_keys(fields, _KEYS, "assignment")
            wearer_id = canonical.text(fields["wearer"], "assignment.wearer")
            name = canonical.text(fields["name"], "assignment.name")
            self.profile = canonical.text(fields["profile"], "assignment.profile")
        except (NotFound, FormatError):
            self.wearer, self.profile = None, ""
            return
        self.wearer = Wearer(wearer_id, name) if wearer_id else None

    def keep(self, wearer: Wearer | None, profile: str) -> None:
        """Change it, durably before it counts. PortFault if the card does not take it."""
        document = canonical.encode(
            {
                "format": "openbwc-assignment",
                "schema": canonical.SCHEMA,
                "wearer": wearer.wearer_id if wearer else "",
                "name": wearer.name if wearer else "",
                "profile": profile,
            }
        )
        card.replace(self._files, "", FILE, self._sealer.seal(FILE, document) if self._sealer else document)
        self.wearer, self.profile = wearer, profile
