"""What delivery goes by beside custody and destination: notes, names, the time zone, and what is kept up meanwhile.

Law: plain values and seams; ``Around()`` is that of a controller that is alone with a folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from host_tools.controller.delivery_notes import NoteBook
from host_tools.destinations.capabilities import Category
from host_tools.destinations.names import WearerNames
from host_tools.destinations.time_watch import Told as TimeTold


class Upkeep(Protocol):
    """What a destination is to be told beside recordings, and what it says of itself. ``destinations.attached``."""

    refused_people: dict[str, str]
    known_by_name: dict[str, str]  # who is taken without the ID that people see

    @property
    def categories(self) -> tuple[Category, ...] | None:
        """Its categories; None where it leaves them to us."""
        ...

    @property
    def missing_capabilities(self) -> tuple[str, ...]:
        """What it cannot do."""
        ...

    def wearer_names(self) -> WearerNames:
        """What wearers are called there."""
        ...

    @property
    def time_told(self) -> TimeTold | None:
        """What it says of our clock as our time server; None where it is none."""
        ...

    def is_due(self) -> bool:
        """Whether there is something to tell."""
        ...

    async def upkeep(self) -> None:
        """Tell some of it. DestinationUnavailable."""
        ...

    async def holds(self, container: str) -> bool | None:
        """Whether it still has what it acknowledged; None where it does not say. DestinationUnavailable."""
        ...

    def forget_refusals(self) -> None:
        """A person wants everything tried again."""
        ...


def utc() -> str:
    """The zone of whoever has said none."""
    return "UTC"


def by_serial(serial: str) -> str:
    """What a camera is called that has no name."""
    return serial


@dataclass(frozen=True, slots=True)
class Around:
    """``time_zone``: IANA, of the system; ``camera_name``: by serial; ``keep_ms``: so long a copy stays in the spool
    after its delivery, as long as there is room."""

    notes: NoteBook = field(default_factory=NoteBook)
    upkeep: Upkeep | None = None
    time_zone: Callable[[], str] = utc
    camera_name: Callable[[str], str] = by_serial
    keep_ms: int = 0

    def wearers(self) -> WearerNames:
        """What they are called at the destination of now."""
        return self.upkeep.wearer_names() if self.upkeep is not None else WearerNames()


# What people miss where the destination lacks a capability.
LACKS: Mapping[str, str] = {
    "ReadCategories": "categories are this system's own",
    "StoreBookmarks": "categories and notes stay behind",
    "StoreGNSSTrackRecording": "locations stay behind",
    "StoreReadSystemID": "nothing tells whether it is still the same destination",
    "StoreRejectedContent": "rejected recordings can only be downloaded",
    "StoreSignedVideo": "signatures inside the video are not shown there",
    "StoreUserIDKey": "wearers' IDs are not shown there",
}
