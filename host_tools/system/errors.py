"""What can go wrong with system data. Every text is one line that names the thing and the remedy.

``CONFLICTS`` names what can keep a table of wearers from being imported, for whoever says it in another language: a
refusal has one of these words and values by these names beside its text.
"""

from __future__ import annotations

from typing import Final

CONFLICTS: Final[dict[str, tuple[str, ...]]] = {
    "table_empty": (),
    "not_csv": (),
    "rows_too_many": ("most",),
    "cell_too_long": ("most",),
    "column_unknown": ("column",),
    "column_twice": ("column",),
    "column_missing": ("field",),
    "cells_too_many": ("cells", "columns"),
    "missing": ("field",),
    "not_yes_or_no": ("given",),
    "too_long": ("field", "most"),
    "too_many": ("field", "most"),
    "not_allowed": ("field",),
    "id_twice": ("id", "line"),
    "id_taken": ("id", "name"),
    "id_zeros": ("id", "known"),
    "badge_taken": ("tag", "name"),
    "badge_cut": ("tag",),
    "badge_changing": ("tag",),
    "badge_too_short": ("tag",),
    "badge_turned": ("tag", "known", "name"),
    "profile_unknown": ("profile",),
    "username_linked": (),
    "camera_cannot": ("camera", "name", "profile"),
    "wearers_too_many": ("most",),
}


class DomainError(Exception):
    """Anything that is asked of the domain and not done."""


class SystemRefused(DomainError):
    """It does not fit what is there, or is not allowed. ``code``, ``values``: of ``CONFLICTS``; empty if in none."""

    def __init__(self, text: str, code: str = "", **values: object) -> None:
        super().__init__(text)
        self.code = code
        self.values = values


class StaleWrite(SystemRefused):
    """Somebody else has changed it meanwhile. ``changed_by``, ``changed_unix_ms``: who, and when."""

    def __init__(self, text: str, changed_by: str, changed_unix_ms: int) -> None:
        super().__init__(text)
        self.changed_by = changed_by
        self.changed_unix_ms = changed_unix_ms


class SystemFault(DomainError):
    """The database cannot be read or written."""


class SystemTampered(DomainError):
    """The database does not fit its seal: something else than this software has written to it."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place}: wearers, assignments or settings were changed from outside: put a backup of the folder back, or "
            "look through them and have them believed with bwc system believe"
        )
