"""A destination in memory: for tests and the simulation, with the behaviour of all others."""

from dataclasses import dataclass, field

from host_tools.destinations.checks import check_metadata, check_name, is_complete, merged
from host_tools.destinations.interface import (
    COMPLETE,
    STATUS,
    ContainerMissing,
    Description,
    DestinationRefused,
    Metadata,
    Receipt,
    Source,
)
from host_tools.destinations.receiving import Intake, reading


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was received."""

    metadata: dict[str, str]
    receipt: Receipt


@dataclass(slots=True)
class StoredContainer:
    """A container as it stands."""

    metadata: dict[str, str] = field(default_factory=dict[str, str])
    objects: dict[str, StoredObject] = field(default_factory=dict[str, StoredObject])


class MemoryDestination:
    """Keeps all that it is given, whole; not for long recordings. Without ``keeps_contents`` it keeps receipts alone,
    so that a simulated year fits into memory."""

    def __init__(self, container_type: str = "mp4", *, keeps_contents: bool = True) -> None:
        self._container_type = container_type
        self._keeps_contents = keeps_contents
        self._containers: dict[str, StoredContainer] = {}
        self._contents: dict[tuple[str, str], bytes] = {}

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def check(self) -> None:
        """Always ready."""

    def describe(self) -> Description:
        """See Destination."""
        return Description("memory", "of this process", self._container_type)

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        check_name(name)
        check_metadata(metadata)
        container = self._containers.setdefault(name, StoredContainer())
        container.metadata = merged(container.metadata, metadata)

    async def update_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        check_metadata(metadata)
        container = self._container(name)
        container.metadata = merged(container.metadata, metadata)

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination."""
        check_name(name)
        check_metadata(metadata)
        box = self._container(container)
        intake, content = Intake(name, length_bytes), bytearray()
        async with reading(source) as pieces:
            async for piece in pieces:
                intake.feed(piece)
                if self._keeps_contents:
                    content += piece
        receipt = intake.receipt()
        known = box.objects.get(name)
        if is_complete(box.metadata):
            if known is None or known.receipt != receipt:
                raise DestinationRefused(f"container {container} is complete: object {name} cannot be added or changed")
            return receipt
        box.objects[name] = StoredObject(dict(metadata), receipt)
        self._contents[container, name] = bytes(content)
        return receipt

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """See Destination."""
        await self.update_container(container, {**(metadata or {}), STATUS: COMPLETE})

    async def read_container(self, name: str) -> StoredContainer | None:
        """What has been received, for whoever looks into the store itself."""
        return self._containers.get(name)

    async def read_object(self, container: str, name: str) -> bytes:
        """The bytes of an object that ``read_container`` named."""
        return self._contents[container, name]

    def _container(self, name: str) -> StoredContainer:
        check_name(name)
        container = self._containers.get(name)
        if container is None:
            raise ContainerMissing(f"container {name} is not there: make it first")
        return container
