"""How the system wants the camera to behave: the settings of its wearer's profile, kept on the card.

Law: one canonical document, replaced whole. A setting that this firmware knows is obeyed from the next recording on;
what it does not know is kept for a newer one. A damaged document counts as none: then the board's own defaults hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from firmware.camera import card
from firmware.drivers.cable import Refusal
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.link.schema import SETTINGS_BYTES_MAX
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import Files

FILE = "settings"
DOCUMENT_BYTES_MAX = SETTINGS_BYTES_MAX + 1024
_KEYS = frozenset({"format", "schema", "profile", "settings"})

Fields = dict[str, Any]


class Behaviour:
    """``profile``: the system's word for all of it; empty while none was given."""

    def __init__(self, files: Files) -> None:
        self.profile = ""
        self._files = files
        self._settings: Mapping[str, Any] = {}

    def load(self) -> None:
        """Read what was kept. PortFault."""
        self.profile, self._settings = "", {}
        try:
            fields = canonical.decode(card.read_whole(self._files, FILE, DOCUMENT_BYTES_MAX), FILE, DOCUMENT_BYTES_MAX)
            canonical.require_kind(fields, FILE)
            canonical.require_keys(fields, _KEYS, FILE)
            profile = canonical.text(fields["profile"], "settings.profile")
            self._settings = canonical.members(fields["settings"], "settings.settings")
            self.profile = profile
        except (NotFound, FormatError):
            return

    def is_on(self, name: str, otherwise: bool) -> bool:
        """A setting that is on or off."""
        value = self._settings.get(name)
        return value if isinstance(value, bool) else otherwise

    def word(self, name: str, otherwise: str) -> str:
        """A setting that is a word."""
        value = self._settings.get(name)
        return value if isinstance(value, str) else otherwise

    def all(self) -> Mapping[str, Any]:
        """Everything that was given, known or not."""
        return self._settings

    def forget(self) -> None:
        """The camera is nobody's any more. PortFault."""
        self.profile, self._settings = "", {}
        if self._files.exists(FILE):
            self._files.remove(FILE)
            self._files.sync_folder("")

    def keep(self, profile: str, settings: Mapping[str, Any]) -> None:
        """Obey these from now on, durably before they count. FormatError; PortFault if the card does not take them."""
        document = canonical.encode(
            {"format": "openbwc-settings", "schema": canonical.SCHEMA, "profile": profile, "settings": settings}
        )
        if (profile, settings) == (self.profile, self._settings):
            return
        card.replace(self._files, "", FILE, document)
        self.profile, self._settings = profile, settings

    def handlers(self) -> dict[str, Callable[[Fields], None]]:
        """Message name -> function, for the cable."""
        return {"configure": self._configure}

    def _configure(self, fields: Fields) -> None:
        try:
            self.keep(fields["profile"], canonical.decode(fields["settings"], FILE, SETTINGS_BYTES_MAX))
        except FormatError as error:
            raise Refusal("malformed", str(error)) from error
        except PortFault as fault:
            raise Refusal("storage", f"the settings cannot be kept ({fault})") from fault
