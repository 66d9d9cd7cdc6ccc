"""What every destination must do: the suite that each implementation passes, the in-memory one included.

Law: plain coroutines over a fresh ``Subject``; no test framework, so that ``bwc`` can run them against a store
somewhere else. A case that fails raises SuiteFailure with one line.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import NamedTuple, Protocol

from host_tools.destinations.interface import (
    COMPLETE,
    STATUS,
    TRANSFERRING,
    ContainerMissing,
    Destination,
    DestinationError,
    DestinationRefused,
    Metadata,
    SourceMismatch,
)
from host_tools.destinations.memory import StoredContainer

# Whom a destination may parse: the API has UUIDs.
USER, OTHER_USER = "0d3b6a52-3c5f-5d0a-9a57-6f2f6a1c7e11", "0d3b6a52-3c5f-5d0a-9a57-6f2f6a1c7e12"
BOX = "W-7_CAM-1_20260101T000000Z"  # over HTTP under another name: see ``tests/destination_suite``
CLIP = "20260101_000000_7CF7.mp4"
CONTENT = bytes(range(256)) * 700  # 175 KiB: several pieces, none of a round length
PIECE_BYTES = 7_919


class SuiteFailure(AssertionError):
    """The destination did something else than it must."""


class Reader(Protocol):
    """A look into the store itself, past the destination under test."""

    async def read_container(self, name: str) -> StoredContainer | None:
        """A container as it stands; None if there is none."""
        ...

    async def read_object(self, container: str, name: str) -> bytes:
        """The bytes of an object."""
        ...


class Subject(NamedTuple):
    """A destination that holds nothing yet, and a look into it."""

    destination: Destination
    reader: Reader


class Pieces:
    """A source that can be read again, ``piece_bytes`` at a time through one reused buffer, as custody does it."""

    def __init__(self, content: bytes, piece_bytes: int = PIECE_BYTES, fault: Exception | None = None) -> None:
        self._content = content
        self._piece_bytes = piece_bytes
        self._fault = fault

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        buffer = bytearray(self._piece_bytes)
        for start in range(0, len(self._content), self._piece_bytes):
            piece = self._content[start : start + self._piece_bytes]
            buffer[: len(piece)] = piece
            yield memoryview(buffer)[: len(piece)]
            buffer[:] = bytes(self._piece_bytes)
        if self._fault is not None:
            raise self._fault


async def a_recording_goes_through(subject: Subject) -> None:
    """Container, clip, late metadata, completion."""
    destination = subject.destination
    await destination.open()
    await destination.check()
    await destination.ensure_container(BOX, {"UserID": USER, STATUS: TRANSFERRING})
    receipt = await destination.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {"ContainerType": "mp4"})
    expect(
        receipt.etag == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(), "the etag is the MD5 of the content"
    )
    expect(receipt.sha256 == hashlib.sha256(CONTENT).hexdigest(), "the receipt names the SHA-256 of the content")
    expect(receipt.length_bytes == len(CONTENT), "the receipt names the length")
    await destination.update_container(BOX, {"TriggerOff": "Button"})
    await destination.complete(BOX, {"StopTime": "1767225660"})
    await expect_container(
        subject, {"UserID": USER, "TriggerOff": "Button", "StopTime": "1767225660", STATUS: COMPLETE}
    )
    await expect_object(subject, CLIP, CONTENT, {"ContainerType": "mp4"})
    await destination.close()
    await destination.close()


async def repeating_every_call_changes_nothing(subject: Subject) -> None:
    """After a crash the caller does not know how far it came."""
    destination = subject.destination
    for _ in range(3):
        for _ in range(2):
            await destination.open()
            await destination.ensure_container(BOX, {"UserID": USER, STATUS: TRANSFERRING})
        for _ in range(2):
            await destination.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {"ContainerType": "mp4"})
        for _ in range(2):
            await destination.complete(BOX)
    await expect_container(subject, {"UserID": USER, STATUS: COMPLETE})
    await expect_object(subject, CLIP, CONTENT, {"ContainerType": "mp4"})


async def metadata_are_merged_by_name_without_case(subject: Subject) -> None:
    """As Swift does on containers; an empty value removes."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container(BOX, {"UserID": USER, "BWCModel": "zero", "TimeZone": "UTC"})
    await destination.update_container(BOX, {"userid": OTHER_USER, "BWCMODEL": "", "Extra": "Zoë, 50 %\u00a0+"})
    await destination.ensure_container(BOX, {"TimeZone": "Europe/Stockholm"})
    await expect_container(subject, {"UserID": OTHER_USER, "TimeZone": "Europe/Stockholm", "Extra": "Zoë, 50 %\u00a0+"})


async def complete_stays_complete(subject: Subject) -> None:
    """Nothing is changed or added after completion; what is there already may be sent again."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container(BOX, {STATUS: TRANSFERRING})
    await destination.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
    await destination.complete(BOX)
    await destination.ensure_container(BOX, {STATUS: TRANSFERRING})
    await destination.update_container(BOX, {STATUS: TRANSFERRING})
    await destination.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
    for name in (CLIP, "20260101_000100_7CF7.mp4"):
        await expect_raises(DestinationRefused, destination.put_object(BOX, name, Pieces(b"other"), 5, {}))
    await expect_container(subject, {STATUS: COMPLETE})
    await expect_object(subject, CLIP, CONTENT, {})


async def an_object_is_replaced_whole_before_completion(subject: Subject) -> None:
    """Content and all metadata."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container(BOX, {})
    about = {"StartTime": "1767225600", "StopTime": "1767225601"}
    await destination.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), about)
    await destination.put_object(BOX, CLIP, Pieces(b"new"), 3, {"StartTime": "1767225602"})
    await expect_object(subject, CLIP, b"new", {"StartTime": "1767225602"})


async def an_empty_object_is_an_object(subject: Subject) -> None:
    """Wearers and devices are objects without a body."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container("Users", {})
    receipt = await destination.put_object("Users", USER, Pieces(b""), 0, {"Name": "Zoë Example", "Active": "True"})
    expect(receipt.etag == hashlib.md5(b"", usedforsecurity=False).hexdigest(), "the etag of nothing")
    stored = await subject.reader.read_container("Users")
    expect(stored is not None and stored.objects[USER].metadata["Name"] == "Zoë Example", "metadata keep every letter")


async def a_missing_container_is_said(subject: Subject) -> None:
    """The caller begins again."""
    destination = subject.destination
    await destination.open()
    await expect_raises(ContainerMissing, destination.put_object(BOX, CLIP, Pieces(b"x"), 1, {}))
    await expect_raises(ContainerMissing, destination.update_container(BOX, {}))
    await expect_raises(ContainerMissing, destination.complete(BOX))
    expect(await subject.reader.read_container(BOX) is None, "nothing was made")


async def a_source_of_another_length_stores_nothing(subject: Subject) -> None:
    """Neither too little nor too much; what was there stays."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container(BOX, {})
    for length in (len(CONTENT) - 1, len(CONTENT) + 1, 0):
        await expect_raises(SourceMismatch, destination.put_object(BOX, CLIP, Pieces(CONTENT), length, {}))
    await expect_objects(subject, [])
    await destination.put_object(BOX, CLIP, Pieces(b"first"), 5, {})
    await expect_raises(SourceMismatch, destination.put_object(BOX, CLIP, Pieces(CONTENT), 5, {}))
    await expect_object(subject, CLIP, b"first", {})


async def a_source_that_breaks_stores_nothing(subject: Subject) -> None:
    """Its own error comes through, and the next attempt succeeds."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container(BOX, {})
    broken = Pieces(CONTENT, fault=LookupError("a chunk is damaged"))
    await expect_raises(LookupError, destination.put_object(BOX, CLIP, broken, len(CONTENT), {}))
    await expect_objects(subject, [])
    await destination.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
    await expect_objects(subject, [CLIP])


async def names_that_lead_elsewhere_are_refused(subject: Subject) -> None:
    """For containers and objects alike."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container(BOX, {})
    bad_names = ("", ".", "..", "../x", "/etc", "a/b", "a\\b", ".hidden", "a\x00b", "a\nb", " a", "a.", "x" * 101)
    for name in (*bad_names, "container", "x.meta.json", "destination.toml"):
        await expect_raises(DestinationRefused, destination.ensure_container(name, {}))
        await expect_raises(DestinationRefused, destination.put_object(BOX, name, Pieces(b"x"), 1, {}))
        await expect_raises(DestinationRefused, destination.put_object(name, CLIP, Pieces(b"x"), 1, {}))
        await expect_raises(DestinationRefused, destination.complete(name))
    await expect_objects(subject, [])


async def metadata_that_cannot_be_sent_are_refused(subject: Subject) -> None:
    """They would break a header line or a limit of a real store."""
    destination = subject.destination
    await destination.open()
    await destination.ensure_container(BOX, {})
    too_many = {f"Key{number}": "x" for number in range(91)}
    for bad in ({"A B": "x"}, {"": "x"}, {"Key": "a\r\nX: b"}, {"Key": "ö" * 43}, {"K" * 65: "x"}, too_many):
        await expect_raises(DestinationRefused, destination.ensure_container(BOX, bad))
        await expect_raises(DestinationRefused, destination.update_container(BOX, bad))
        await expect_raises(DestinationRefused, destination.put_object(BOX, CLIP, Pieces(b"x"), 1, bad))
    await expect_container(subject, {})


async def it_says_what_it_is(subject: Subject) -> None:
    """In one line, before and after it was opened."""
    for _ in range(2):
        described = subject.destination.describe()
        expect(described.container_type in ("mp4", "mkv"), "a container type of the API")
        expect("\n" not in str(described) and described.kind in str(described), "one line that names the kind")
        await subject.destination.open()


Case = Callable[[Subject], Coroutine[None, None, None]]

CASES: tuple[Case, ...] = (
    a_recording_goes_through,
    repeating_every_call_changes_nothing,
    metadata_are_merged_by_name_without_case,
    complete_stays_complete,
    an_object_is_replaced_whole_before_completion,
    an_empty_object_is_an_object,
    a_missing_container_is_said,
    a_source_of_another_length_stores_nothing,
    a_source_that_breaks_stores_nothing,
    names_that_lead_elsewhere_are_refused,
    metadata_that_cannot_be_sent_are_refused,
    it_says_what_it_is,
)


def expect(holds: bool, what: str) -> None:
    """SuiteFailure unless it holds."""
    if not holds:
        raise SuiteFailure(f"not so: {what}")


async def expect_raises(kind: type[Exception], call: Awaitable[object]) -> None:
    """SuiteFailure unless the call raises ``kind``, with a text of one line where it is an error of ours."""
    try:
        await call
    except kind as error:
        one_line = not isinstance(error, DestinationError) or ("\n" not in str(error) and len(str(error)) > 10)
        expect(one_line, f"{error!r} is one line that names the thing")
        return
    raise SuiteFailure(f"{kind.__name__} was expected")


async def expect_container(subject: Subject, metadata: Metadata) -> None:
    """SuiteFailure unless the container has exactly these metadata, names without regard to case."""
    stored = await subject.reader.read_container(BOX)
    found = {key.lower(): value for key, value in stored.metadata.items()} if stored else None
    expect(found == {key.lower(): value for key, value in metadata.items()}, f"the container has {dict(metadata)}")


async def expect_objects(subject: Subject, names: list[str]) -> None:
    """SuiteFailure unless the container holds exactly these objects."""
    stored = await subject.reader.read_container(BOX)
    expect(stored is not None and sorted(stored.objects) == names, f"the container holds {names}")


async def expect_object(subject: Subject, name: str, content: bytes, metadata: Metadata) -> None:
    """SuiteFailure unless the object is stored like this."""
    stored = await subject.reader.read_container(BOX)
    expect(stored is not None and name in stored.objects, f"object {name} is there")
    if stored is not None:
        expect(dict(stored.objects[name].metadata) == dict(metadata), f"object {name} has {dict(metadata)}")
    expect(await subject.reader.read_object(BOX, name) == content, f"object {name} has the content that was sent")
