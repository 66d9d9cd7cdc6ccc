"""Who wears the camera, kept on the card so that it survives a reset: one canonical JSON document, replaced whole."""

from __future__ import annotations

from firmware.camera import card
from firmware.camera.recorder import Wearer
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.files import Files

FILE = "assignment"
ASSIGNMENT_BYTES_MAX = 4096  # three texts of at most 240 bytes, escaped
_KEYS = frozenset({"format", "schema", "wearer", "name", "profile"})


class Assignment:
    """``wearer`` is None while nobody is assigned; ``profile``: the system's word for what is recorded."""

    def __init__(self, files: Files) -> None:
        self.wearer: Wearer | None = None
        self.profile = ""
        self._files = files

    def load(self) -> None:
        """Read what was kept. A damaged file counts as nobody: a recording must never name the wrong wearer."""
        try:
            fields = canonical.decode(
                card.read_whole(self._files, FILE, ASSIGNMENT_BYTES_MAX), "assignment", ASSIGNMENT_BYTES_MAX
            )
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
        card.replace(self._files, "", FILE, document)
        self.wearer, self.profile = wearer, profile
