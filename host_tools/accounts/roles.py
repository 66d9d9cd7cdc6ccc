"""What people can be here, and who stands behind a command. Plain data; what each role may do is a table elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["root", "administrator", "local_administrator", "viewer", "demo"]
ROLES: tuple[Role, ...] = get_args(Role)

# The roles that can be given. There is one root and, in evaluation mode, one demo account; both come with the system.
GIVEN: tuple[Role, ...] = ("administrator", "local_administrator", "viewer")

MEANING: dict[Role, str] = {
    "root": "the first account: an administrator that cannot be removed",
    "administrator": "everything",
    "local_administrator": "adds and removes cameras and wearers, assigns, pairs phones, exports logs and reports",
    "viewer": "reads, changes nothing",
    "demo": "evaluation mode's own account: looks, backs up, restores, removes hardware, retrieves recordings",
}

LOCAL = "local"  # the origin of whoever asks over the socket in the controller's folder


@dataclass(frozen=True, slots=True)
class Actor:
    """Who gives a command. ``account``: a name; people on the machine itself have one with a colon, which no account
    can have (``local:pi``). ``origin``: an address, or ``local``."""

    account: str
    role: Role
    origin: str

    def __str__(self) -> str:
        return f"{self.account} ({self.role}) from {self.origin}"


@dataclass(frozen=True, slots=True)
class Stranger:
    """Whoever has not proved to be somebody; can be in the audit trail and cannot give a command."""

    account: str
    origin: str
    role: str = "nobody"
