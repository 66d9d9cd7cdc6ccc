"""What a content destination is to the controller: containers with metadata, objects in them, completion last.

Law: the words of the public Body Worn Integration API (a small part of OpenStack Swift), without its transport.
Metadata are texts by name, names compared without regard to case, values plain: percent-encoding belongs to HTTP. Every
call may be repeated after a crash with the same arguments and then changes nothing. One-way: nothing is ever asked back
or removed.
"""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from host_tools.custody.blocking import Buffer

Metadata = Mapping[str, str]
# Each ``aiter`` starts at the first byte again, so that a failed attempt can be repeated; an item is valid until the
# next is asked for. A plain async iterator also serves, but can be sent only once.
Source = AsyncIterable[Buffer]

STATUS = "Status"
TRANSFERRING = "Transferring"
COMPLETE = "Complete"


class DestinationError(Exception):
    """Anything a destination could not do; one line that names the thing and the remedy."""


class DestinationUnavailable(DestinationError):
    """Not now: unreachable, busy, full, not mounted. The same call may succeed later, and nothing was refused."""


class ContainerMissing(DestinationUnavailable):
    """The container is not there (any more): begin again with ``ensure_container``."""


class DestinationRefused(DestinationError):
    """Never: the destination has judged what it was given. The same call is not repeated."""


class SourceMismatch(DestinationError):
    """The source gave another number of bytes than was promised; nothing of it was stored."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the destination confirms of an object. ``etag``: MD5 in hexadecimal, as Swift answers; so is ``sha256``."""

    etag: str
    sha256: str
    length_bytes: int


@dataclass(frozen=True, slots=True)
class Description:
    """``kind``: word for the implementation; ``location``: where, for people; ``container_type``: of clips, ``mp4`` or
    ``mkv``; ``capabilities``: names the destination has declared (StoreBookmarks, …); ``clock_ahead_ms``: by how much
    its clock is before (negative: behind) ours, None while that is not known; ``time_zone``: its own, if it tells."""

    kind: str
    location: str
    container_type: str = "mp4"
    capabilities: frozenset[str] = frozenset()
    clock_ahead_ms: int | None = None
    time_zone: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.location}"


class Destination(Protocol):
    """Every call may raise DestinationUnavailable or DestinationRefused. Names and metadata are checked by everyone
    (``checks``): DestinationRefused."""

    async def open(self) -> None:
        """Connect, authenticate, read what the destination can. Called again after it was unavailable."""
        ...

    async def close(self) -> None:
        """Give connections back; a second call does nothing."""
        ...

    async def check(self) -> None:
        """Whether a recording could be delivered now; returns if so."""
        ...

    def describe(self) -> Description:
        """What and where it is."""
        ...

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        """Make the container, or add ``metadata`` to one that exists. A complete container stays complete."""
        ...

    async def update_container(self, name: str, metadata: Metadata) -> None:
        """Add ``metadata``; an empty value removes its name. ContainerMissing if it is not there."""
        ...

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """Store an object whole or not at all, in place of one of that name and all its metadata. What the source
        raises comes through, SourceMismatch if its length is another. ContainerMissing if the container is not there.
        Into a complete container only what is there already goes (DestinationRefused otherwise)."""
        ...

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """Everything has been sent: late ``metadata``, then Status Complete. ContainerMissing if it is not there."""
        ...
