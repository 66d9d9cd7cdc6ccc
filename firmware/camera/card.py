"""How the card is laid out, and the durable steps that everything on it is made of.

recordings/<id>/header chunks journal manifest     a recording; no manifest: it was not closed
recordings/erasing-<id>/                           an erasure that has begun and must be finished
quarantine/<name>/                                 what recovery could not explain; never removed by itself
erasures                                           the erase counter and the latest erasures
*.new                                              a file being replaced; worthless until renamed
"""

from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.files import Files

RECORDINGS = "recordings"
QUARANTINE = "quarantine"
ERASURES = "erasures"
HEADER = "header"
CHUNKS = "chunks"
JOURNAL = "journal"
MANIFEST = "manifest"
ERASING_PREFIX = "erasing-"
NEW_SUFFIX = ".new"


def folder_of(name: str) -> str:
    """The folder of a recording, by its name in RECORDINGS."""
    return f"{RECORDINGS}/{name}"


def read_whole(files: Files, path: str, bytes_max: int) -> bytes:
    """A small file. FormatError if it is longer than its format allows."""
    file = files.open(path)
    try:
        size = file.size_bytes()
        if size > bytes_max:
            raise FormatError(f"{path}: {size} bytes, at most {bytes_max} are allowed")
        buffer = bytearray(size)
        return bytes(memoryview(buffer)[: file.read_at(0, buffer)])
    finally:
        file.close()


def write_new(files: Files, path: str, data: bytes) -> None:
    """Make a file whose content is durable; its name is not yet."""
    file = files.create(path)
    try:
        file.write_at(0, data)
        file.sync()
    finally:
        file.close()


def replace(files: Files, folder: str, name: str, data: bytes) -> None:
    """Give a file a new content at once and durably: after a power cut it has the old one or the new one."""
    path = f"{folder}/{name}" if folder else name
    if files.exists(path + NEW_SUFFIX):
        files.remove(path + NEW_SUFFIX)
    write_new(files, path + NEW_SUFFIX, data)
    files.rename(path + NEW_SUFFIX, path)
    files.sync_folder(folder)


def make_folder_durably(files: Files, parent: str, name: str) -> None:
    """Make a folder if it is not there."""
    path = f"{parent}/{name}" if parent else name
    if not files.exists(path):
        files.make_folder(path)
        files.sync_folder(parent)


def begin_removal(files: Files, name: str) -> str:
    """The point of no return: from here on recovery finishes the removal. Returns the new name of the folder."""
    erasing = ERASING_PREFIX + name
    files.rename(folder_of(name), folder_of(erasing))
    files.sync_folder(RECORDINGS)
    return erasing


def finish_removal(files: Files, erasing: str) -> None:
    """Remove a folder that ``begin_removal`` renamed, whatever of it is still there."""
    folder = folder_of(erasing)
    for name in files.list_folder(folder):
        files.remove(f"{folder}/{name}")
    files.remove_folder(folder)
    files.sync_folder(RECORDINGS)


def set_aside(files: Files, name: str) -> None:
    """Move a folder of RECORDINGS into quarantine, both folders durable afterwards."""
    make_folder_durably(files, "", QUARANTINE)
    number = 0
    target = f"{QUARANTINE}/{name}"
    while files.exists(target):
        number += 1
        target = f"{QUARANTINE}/{name}.{number}"
    files.rename(folder_of(name), target)
    files.sync_folder(QUARANTINE)
    files.sync_folder(RECORDINGS)


def size_or_none(files: Files, path: str) -> "int | None":
    """Length of a file, or None if there is no such file."""
    try:
        file = files.open(path)
    except NotFound:
        return None
    try:
        return file.size_bytes()
    finally:
        file.close()
