"""After a power cut: what every folder on the card is, and what becomes of it.

Assumed of the card: what was synced is there, and what was not is there, missing or torn. A fragment counts when its
journal line holds and its chunks do. Chunk digests are checked over the last VERIFIED_TAIL_BYTES only, because a whole
long recording takes as long to read as to offload, and offload checks every chunk anyhow.
"""

from collections.abc import Generator
from hashlib import sha256
from typing import Literal, NamedTuple

from firmware.camera import card
from firmware.camera.assembly import Assembly
from firmware.camera.documents import Documents, MarksOf, no_marks
from firmware.camera.vault_errors import VaultError, storage_faults
from firmware.formats import header, manifest, recording_id
from firmware.formats.chunk import CHUNK_HEADER_BYTES, decode_header
from firmware.formats.errors import FormatError
from firmware.formats.journal import Ending, FragmentWritten, JournalReader, Stopped
from firmware.formats.manifest import ChunkEntry, Manifest
from firmware.formats.marks import Marks
from firmware.ports.errors import IoFault, NotFound
from firmware.ports.files import File, Files

VERIFIED_TAIL_BYTES = 32 << 20  # cards lose whole erase blocks at a power cut; the largest known are 16 MiB
READ_BYTES = 1 << 16  # of the journal at once

CAUSE_POWER_LOST = "power_lost"  # the journal simply ends
CAUSE_DAMAGED = "damaged"  # something that was synced is not there, or not as it was

Action = Literal["closed", "removed", "erased", "quarantined", "left"]


class Recovered(NamedTuple):
    """What was done with one folder. ``closed``: a manifest was written; ``removed``: nothing was recorded in it;
    ``erased``: a begun erasure was finished; ``quarantined``: kept, unexplained; ``left``: to be tried again."""

    name: str
    action: Action
    reason: str


class Found(NamedTuple):
    """A closed recording, as its manifest file has it."""

    manifest: Manifest
    data: bytes


def recover_folder(
    files: Files, name: str, documents: Documents = manifest, marks_of: MarksOf = no_marks
) -> "tuple[Found | None, Recovered | None]":
    """Make one folder of RECORDINGS whole: the recording in it, if any, and what had to be done."""
    try:
        with storage_faults(f"recovering {name}"):
            return _recover(files, name, documents, marks_of)
    except VaultError as error:
        return None, Recovered(name, "left", str(error))


def _recover(
    files: Files, name: str, documents: Documents, marks_of: MarksOf
) -> "tuple[Found | None, Recovered | None]":
    if name.startswith(card.ERASING_PREFIX):
        card.finish_removal(files, name)
        return None, Recovered(name, "erased", "an erasure had begun")
    try:
        recording_id.parse(name)
        files.list_folder(card.folder_of(name))
    except (FormatError, NotFound):
        return None, _quarantine(files, name, "not the folder of a recording")
    found = _read_closed(files, name, documents)
    return (found, None) if found else _close(files, name, documents, marks_of(bytes.fromhex(name)))


def _read_closed(files: Files, name: str, documents: Documents) -> "Found | None":
    """The recording if it has a manifest that holds and chunks of at least that length."""
    folder = card.folder_of(name)
    try:
        data = card.read_whole(files, f"{folder}/{card.MANIFEST}", manifest.MANIFEST_BYTES_MAX)
        closed = documents.decode(data)
    except (NotFound, FormatError):
        return None
    there = card.size_or_none(files, f"{folder}/{card.CHUNKS}") or 0
    if closed.recording.hex() != name or there < closed.chunks_bytes:
        return None
    return Found(closed, data)


def _close(files: Files, name: str, documents: Documents, marks: "Marks | None") -> "tuple[Found | None, Recovered]":
    folder = card.folder_of(name)
    try:
        head = header.decode(card.read_whole(files, f"{folder}/{card.HEADER}", header.HEADER_BYTES_MAX), marks)
        if head.recording.hex() != name:
            raise FormatError("header: of another recording")
    except (NotFound, FormatError) as error:
        if _holds_something(files, folder):
            return None, _quarantine(files, name, f"content without a header: {error}")
        return None, _remove(files, name, "power was cut before the header was whole")
    told = _read_journal(files, folder, head, marks)
    whole, damaged = _hold_against_chunks(files, folder, told.assembly)
    damaged = damaged or told.ending is Ending.DAMAGED
    if not whole.has_media():
        if damaged:
            return None, _quarantine(files, name, "nothing that was recorded can be read")
        return None, _remove(files, name, "power was cut before the first picture was whole")
    if not damaged:
        _cut_to(files, f"{folder}/{card.CHUNKS}", whole.chunks_bytes)
        _cut_to(files, f"{folder}/{card.JOURNAL}", told.good_bytes)
    return _write_manifest(files, name, whole, None if damaged else told.stopped, documents, damaged)


def _write_manifest(
    files: Files, name: str, whole: Assembly, stopped: "Stopped | None", documents: Documents, damaged: bool
) -> "tuple[Found, Recovered]":
    if stopped is not None:
        closed = whole.manifest(stopped.stopped, stopped.cause, stopped.interrupted)
        reason = "only the manifest was missing"
    else:
        cause = CAUSE_DAMAGED if damaged else CAUSE_POWER_LOST
        closed = whole.manifest(whole.last_moment(), cause, True)
        reason = "the journal or the chunks are damaged" if damaged else "power was cut while recording"
    data = documents.encode(closed)
    card.replace(files, card.folder_of(name), card.MANIFEST, data)
    return Found(closed, data), Recovered(name, "closed", reason)


class _Told(NamedTuple):
    """What the journal says."""

    assembly: Assembly
    stopped: "Stopped | None"
    ending: Ending
    good_bytes: int


def _read_journal(files: Files, folder: str, head: header.Header, marks: "Marks | None") -> _Told:
    assembly = Assembly(head)
    reader = JournalReader(marks)
    stopped: Stopped | None = None
    try:
        file = files.open(f"{folder}/{card.JOURNAL}")
    except NotFound:
        return _Told(assembly, None, Ending.WHOLE, 0)
    try:
        for event in _events(file, reader):
            if stopped is not None:
                return _Told(assembly, None, Ending.DAMAGED, reader.good_bytes)
            if isinstance(event, FragmentWritten):
                assembly.add(event)
            else:
                stopped = event
    except FormatError:
        return _Told(assembly, None, Ending.DAMAGED, reader.good_bytes)
    finally:
        file.close()
    return _Told(assembly, stopped, reader.finish(), reader.good_bytes)


def _events(file: File, reader: JournalReader) -> "Generator[FragmentWritten | Stopped]":
    buffer = memoryview(bytearray(READ_BYTES))
    offset = 0
    while count := file.read_at(offset, buffer):
        yield from reader.feed(buffer[:count])
        offset += count


def _hold_against_chunks(files: Files, folder: str, told: Assembly) -> "tuple[Assembly, bool]":
    """The fragments whose chunks are there, and whether any is missing or not as it was."""
    try:
        file = files.open(f"{folder}/{card.CHUNKS}")
    except NotFound:
        return told.cut(0), bool(told.events)
    try:
        count = _count_whole(file, told)
        return (told, _goes_on(file, told)) if count == len(told.events) else (told.cut(count), True)
    finally:
        file.close()


def _goes_on(file: File, told: Assembly) -> bool:
    """Whether the chunks go further than the journal by more than the one fragment that may have been in progress: then
    the journal has lost lines that were synced, as a card does that loses an erase block."""
    offset, index, ended = told.chunks_bytes, told.chunk_count, 0
    buffer = bytearray(CHUNK_HEADER_BYTES)
    size = file.size_bytes()
    while ended < 2 and file.read_at(offset, buffer) == len(buffer):
        try:
            head = decode_header(buffer)
        except FormatError:
            return False
        if head.recording != told.header.recording or head.index != index or offset + head.sealed_bytes > size:
            return False
        offset, index, ended = offset + head.sealed_bytes, index + 1, ended + head.last
    return ended == 2


def _count_whole(file: File, told: Assembly) -> int:
    """How many fragments from the first on are whole, looking back from the end until enough was good."""
    buffer = bytearray(READ_BYTES)
    size = file.size_bytes()
    count = len(told.events)
    verified_bytes = 0
    for number in range(len(told.events) - 1, -1, -1):
        event = told.events[number]
        if all(chunk.offset + chunk.length <= size and _chunk_holds(file, chunk, buffer) for chunk in event.chunks):
            verified_bytes += sum(chunk.length for chunk in event.chunks)
        else:
            count = number
            verified_bytes = 0
        if verified_bytes >= VERIFIED_TAIL_BYTES:
            break
    return count


def _chunk_holds(file: File, chunk: ChunkEntry, buffer: bytearray) -> bool:
    digest = sha256()
    offset = chunk.offset
    end = chunk.offset + chunk.length
    while offset < end:
        view = memoryview(buffer)[: min(len(buffer), end - offset)]
        try:
            if file.read_at(offset, view) != len(view):
                return False
        except IoFault:
            return False
        digest.update(view)
        offset += len(view)
    return digest.digest() == chunk.sealed_sha256


def _holds_something(files: Files, folder: str) -> bool:
    """Whether anything but a torn header is in the folder."""
    names = (card.CHUNKS, card.JOURNAL, card.MANIFEST)
    return any(card.size_or_none(files, f"{folder}/{name}") for name in names)


def _cut_to(files: Files, path: str, size_bytes: int) -> None:
    """Take a torn tail away. Not synced: should it come back, the manifest does not know it."""
    size = card.size_or_none(files, path)
    if size is None or size == size_bytes:
        return
    file = files.open(path, writable=True)
    try:
        file.truncate(size_bytes)
    finally:
        file.close()


def _remove(files: Files, name: str, reason: str) -> Recovered:
    card.finish_removal(files, card.begin_removal(files, name))
    return Recovered(name, "removed", reason)


def _quarantine(files: Files, name: str, reason: str) -> Recovered:
    card.set_aside(files, name)
    return Recovered(name, "quarantined", reason)
