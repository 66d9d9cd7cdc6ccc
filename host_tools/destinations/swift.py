"""A destination over the public API: a plain OpenStack Swift store, or a server of any maker.

Law: asks only for what the API has. A store without logic of its own keeps what it is told last, so what completion
means is seen to here: a complete container stays complete, and into it goes only what is there. Where the store
answers HEAD, that is asked of it; where it does not, this process remembers what it sent.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from host_tools.custody.blocking import RunBlocking
from host_tools.destinations import capabilities
from host_tools.destinations.capabilities import (
    CAPABILITIES_OBJECT,
    CATEGORIES_OBJECT,
    READ_CATEGORIES,
    SYSTEM,
    Category,
    parse_capabilities,
    parse_categories,
    plain_etag,
)
from host_tools.destinations.checks import check_metadata, check_name, is_complete
from host_tools.destinations.clock_check import CLOCK_TOLERANCE_MS, check_clock
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.headers import SHA256_HEADER, from_headers, to_headers
from host_tools.destinations.http_status import ContainerRefused, fault
from host_tools.destinations.interface import (
    COMPLETE,
    STATUS,
    ContainerMissing,
    Description,
    DestinationRefused,
    DestinationUnavailable,
    Metadata,
    Receipt,
    Source,
)
from host_tools.destinations.receiving import Intake, reading
from host_tools.destinations.swift_session import Answer, SwiftSession, spoken
from host_tools.destinations.uploading import Upload

REMEMBERED_CONTAINERS_MAX = 256  # recordings under way and just sent; older ones are asked for again
OTHER_BYTES = 422  # than their digest says
NOT_THERE = (400, 404, 405, 501)  # to HEAD: no such object, or no such request
CONTENT_TYPES = {"mp4": "video/mp4", "mkv": "video/x-matroska", "json": "application/json", "key": "application/json"}


@dataclass(frozen=True, slots=True)
class SwiftOptions:
    """How strict to be. ``time_zone``: asked for ours, IANA, each time; ``requires_etag``: an object counts only if the
    destination answers its MD5."""

    clock_tolerance_ms: int = CLOCK_TOLERANCE_MS
    time_zone: Callable[[], str] = str  # not known
    requires_etag: bool = True


@dataclass(slots=True)
class _Known:
    """What this process knows of a container."""

    is_complete: bool = False
    receipts: dict[str, Receipt] = field(default_factory=dict[str, Receipt])


class SwiftDestination:
    """``session`` is this destination's own, and closed with it."""

    def __init__(
        self,
        connection: ConnectionFile,
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
        options: SwiftOptions | None = None,
    ) -> None:
        self.session = SwiftSession(connection, wall_ms)
        self._connection = connection
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._options = options or SwiftOptions()
        self._capabilities: frozenset[str] = frozenset()
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def open(self) -> None:
        """See Destination: a new token, the clocks compared, the capabilities read."""
        await self.session.open()
        self._check_clock()
        body = await self.read_document(CAPABILITIES_OBJECT)
        declared = parse_capabilities(body) if body is not None else frozenset[str]()
        self._capabilities = declared | (capabilities.ALL if self._connection.has_full_support else frozenset())

    async def close(self) -> None:
        """See Destination."""
        await self.session.close()

    async def check(self) -> None:
        """See Destination: it answers, lets us in, and its clock agrees with ours."""
        await self.read_document(CAPABILITIES_OBJECT)
        self._check_clock()

    def describe(self) -> Description:
        """See Destination."""
        clock = self.session.clock
        return Description(
            "swift",
            self.session.location,
            self._connection.container_type,
            self._capabilities,
            clock.ahead_ms if clock is not None else None,
            clock.time_zone if clock is not None else "",
        )

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        """See Destination. Before each, the clocks are compared by the answer that has just come."""
        check_name(name)
        check_metadata(metadata)
        known = await self._look(name)
        self._check_clock()
        if known is not None and known.is_complete:
            metadata = {key: value for key, value in metadata.items() if key.lower() != STATUS.lower()}
        answer = await self.session.request("PUT", (name,), to_headers("Container", metadata))
        if answer.status == 400:
            raise ContainerRefused(str(fault(self.session.location, f"making {name}", 400, spoken(answer))))
        self._require(answer, f"making container {name}", 201, 202, 204)
        self._remember(name, known or _Known())

    async def update_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        check_name(name)
        check_metadata(metadata)
        known = self._known.get(name) or await self._look(name)
        if known is not None and known.is_complete:
            metadata = {key: value for key, value in metadata.items() if key.lower() != STATUS.lower()}
        answer = await self.session.request("POST", (name,), to_headers("Container", metadata))
        self._require(answer, f"describing container {name}", 200, 202, 204)
        known = self._remember(name, known or _Known())
        known.is_complete = known.is_complete or is_complete(metadata)

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination. A source that can be read only once is not sent again when the token had run out."""
        check_name(container)
        check_name(name)
        check_metadata(metadata)
        known = self._known.get(container) or await self._look(container) or _Known()
        if known.is_complete:
            return await self._compare(container, name, source, length_bytes, known)
        upload = Upload(source, name, length_bytes, self._run_blocking, lambda: self.session.confirms_sha256)
        headers = {**to_headers("Object", metadata), "Content-Type": content_type(name)}
        if upload.sha256:
            headers[SHA256_HEADER] = upload.sha256
        if length_bytes == 0:
            await upload.require_empty()
        body = upload.pieces if length_bytes else None
        answer = await self.session.request("PUT", (container, name), headers, body, length_bytes)
        if answer.status == OTHER_BYTES and upload.sha256:
            await upload.examine()
            raise self._unproven(name, "got other bytes than were sent")
        self._require(answer, f"storing object {name} of {container}", 200, 201, 202)
        receipt = self._confirmed(name, upload.receipt(), answer)
        self._remember(container, known).receipts[name] = receipt
        return receipt

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """See Destination."""
        await self.update_container(container, {**(metadata or {}), STATUS: COMPLETE})

    # -- beyond the interface

    async def update_object(self, container: str, name: str, metadata: Metadata) -> None:
        """Give an object these metadata in place of all that it had. ContainerMissing if it is not there."""
        check_name(container)
        check_name(name)
        check_metadata(metadata)
        answer = await self.session.request("POST", (container, name), to_headers("Object", metadata))
        self._require(answer, f"describing object {name} of {container}", 200, 202, 204)

    async def object_metadata(self, container: str, name: str) -> dict[str, str] | None:
        """What HEAD tells of an object; None if it is not there, or the destination has no HEAD."""
        check_name(container)
        check_name(name)
        answer = await self.session.request("HEAD", (container, name))
        if answer.status in NOT_THERE:
            return None
        self._require(answer, f"looking at {name} of {container}", 200, 204)
        return from_headers(answer.headers.items(), "Object")

    async def holds(self, container: str) -> bool | None:
        """Whether a container is there and complete; None where the destination has no HEAD. DestinationUnavailable."""
        check_name(container)
        answer = await self.session.request("HEAD", (container,))
        if answer.status == 404:
            self._known.pop(container, None)
            return False
        if answer.status in NOT_THERE:
            return None
        self._require(answer, f"looking at container {container}", 200, 204)
        return is_complete(from_headers(answer.headers.items(), "Container"))

    async def read_document(self, name: str) -> bytes | None:
        """An object of ``System``, its Etag checked; None if there is none. DestinationUnavailable."""
        answer = await self.session.request("GET", (SYSTEM, name))
        if answer.status == 404:
            return None
        self._require(answer, f"reading {name}", 200)
        capabilities.check_etag(
            f"destination {self.session.location}: {name}", answer.body, answer.headers.get("etag", "")
        )
        return answer.body

    async def read_categories(self) -> tuple[Category, ...] | None:
        """What people choose from; None where the destination leaves that to us."""
        if READ_CATEGORIES not in self._capabilities:
            return None
        body = await self.read_document(CATEGORIES_OBJECT)
        return parse_categories(body) if body is not None else None

    # -- helpers

    async def _look(self, container: str) -> _Known | None:
        """What HEAD tells of a container; what we remember where there is no HEAD; None if nothing is known."""
        answer = await self.session.request("HEAD", (container,))
        if answer.status not in (200, 204):
            return self._known.get(container)
        known = self._known.get(container) or _Known()
        known.is_complete = is_complete(from_headers(answer.headers.items(), "Container"))
        return self._remember(container, known)

    async def _compare(self, container: str, name: str, source: Source, length_bytes: int, known: _Known) -> Receipt:
        """Into a complete container only goes what is there: read the source, send nothing. Each encryption gives other
        bytes, so an encrypted object is known by its length; it was compared before it was completed."""
        intake = Intake(name, length_bytes)
        async with reading(source) as pieces:
            async for piece in pieces:
                await self._run_blocking(partial(intake.feed, piece))
        receipt = intake.receipt()
        if known.receipts.get(name) == receipt:
            return receipt
        answer = await self.session.request("HEAD", (container, name))
        same_length = answer.headers.get("content-length", "") == str(length_bytes)
        same_etag = plain_etag(answer.headers.get("etag", "")) == receipt.etag
        if answer.status not in (200, 204) or not same_length or not (same_etag or self._connection.wants_encryption):
            raise DestinationRefused(f"container {container} is complete: object {name} cannot be added or changed")
        return receipt

    def _remember(self, container: str, known: _Known) -> _Known:
        self._known[container] = known
        self._known.move_to_end(container)
        while len(self._known) > REMEMBERED_CONTAINERS_MAX:
            self._known.popitem(last=False)
        return known

    def _require(self, answer: Answer, action: str, *good: int) -> None:
        if answer.status not in good:
            error = fault(self.session.location, action, answer.status, spoken(answer))
            if isinstance(error, ContainerMissing):
                self._known.clear()
            raise error

    def _confirmed(self, name: str, sent: Receipt, answer: Answer) -> Receipt:
        """What was sent, once the answer tells its digest: MD5 as the API has it, or SHA-256 where that was offered."""
        etag = answer.headers.get("etag", "")
        if not sent.etag:
            said = answer.headers.get(SHA256_HEADER.lower(), "")
            if said != sent.sha256:
                raise self._unproven(name, f"answers another SHA-256 ({said[:64]})" if said else "answers no SHA-256")
            return replace(sent, etag=plain_etag(etag))
        if plain_etag(etag) != sent.etag and (etag or self._options.requires_etag):
            raise self._unproven(name, f"answers another Etag ({etag[:64]})" if etag else "answers no Etag")
        return sent

    def _unproven(self, name: str, what: str) -> DestinationUnavailable:
        return DestinationUnavailable(
            f"destination {self.session.location} {what} for {name}, so nothing says that it has these bytes: check "
            "its storage and the network"
        )

    def _check_clock(self) -> None:
        options = self._options
        zone = options.time_zone()
        check_clock(self.session.location, self.session.clock, options.clock_tolerance_ms, zone, self._wall_ms())


def content_type(name: str) -> str:
    """By the end of an object's name."""
    return CONTENT_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
