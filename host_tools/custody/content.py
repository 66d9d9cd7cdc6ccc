"""Reading a recording back: sealed chunks in, plaintext out, every digest checked again.

Law: streams through fixed buffers, never a whole recording. Damage of a sealed chunk and contradiction between content
and manifest are told apart, because only the first can be healed by fetching again. There are two ways through: one
that digests thrice and gives out only what is proven, and one for whoever digests what he takes by himself.
"""

import hashlib
from collections.abc import Generator, Iterator, Sequence
from itertools import cycle

from firmware.formats.chunk import Opener
from firmware.formats.errors import FormatError
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest
from firmware.ports.errors import PortFault
from firmware.ports.files import File
from host_tools.custody.blocking import Tap
from host_tools.custody.errors import ContentMismatch, SpoolDamage
from host_tools.custody.shelf import SEALED_BYTES_MAX, read_sealed

# A generator that is closed when its reader stops early, so that its file is given back.
Plaintext = Generator[memoryview, None, None]
Batches = Generator[Sequence[memoryview], None, None]
BATCH_BYTES = 2 * SEALED_BYTES_MAX  # a change of threads costs as much as reading some hundred kilobytes


def read_content(file: File, manifest: Manifest, opener: Opener) -> Plaintext:
    """The playable file, piece by piece; a piece is valid until the next is asked for. Closes ``file`` at the end.

    SpoolDamage names a chunk that reads back wrong; ContentMismatch what the manifest contradicts. Whoever reads to
    the end without an error has seen exactly ``content_bytes`` with ``content_sha256``.
    """
    buffer = bytearray(SEALED_BYTES_MAX)
    whole = hashlib.sha256()
    try:
        for fragment in manifest.fragments:
            for piece in _read_fragment(file, manifest, fragment, opener, buffer):
                whole.update(piece)
                yield piece
        if whole.digest() != manifest.content_sha256:
            raise ContentMismatch(manifest.recording, "the content's digest is not the manifest's")
    finally:
        file.close()


def read_tapped(file: File, manifest: Manifest, opener: Opener, tap: Tap) -> Batches:
    """The same, digested by ``tap`` alone, some chunks at a time; they are valid until the batch after the next is
    asked for. Closes ``file`` at the end.

    SpoolDamage for a chunk that does not open and reads back wrong. Whoever has come to the end compares the tap's
    digest with ``content_sha256``, and finds with ``read_content`` what is wrong if they differ.
    """
    room_bytes = min(BATCH_BYTES, manifest.chunks_bytes)
    buffers = cycle((memoryview(bytearray(room_bytes)), memoryview(bytearray(room_bytes))))
    buffer, used_bytes, pieces = next(buffers), 0, list[memoryview]()
    try:
        for chunk in _chunks_in_order(manifest):
            entry = manifest.chunks[chunk]
            if used_bytes + entry.length > room_bytes and pieces:
                yield pieces
                buffer, used_bytes, pieces = next(buffers), 0, list[memoryview]()
            sealed = buffer[used_bytes : used_bytes + entry.length]
            pieces.append(_open_undigested(file, manifest, chunk, opener, sealed))
            tap.feed(pieces[-1])
            used_bytes += entry.length
        if pieces:
            yield pieces
    finally:
        file.close()


def _chunks_in_order(manifest: Manifest) -> Iterator[int]:
    for fragment in manifest.fragments:
        yield from range(fragment.first_chunk, fragment.first_chunk + fragment.chunk_count)


def _open_undigested(file: File, manifest: Manifest, chunk: int, opener: Opener, sealed: memoryview) -> memoryview:
    try:
        is_whole = file.read_at(manifest.chunks[chunk].offset, sealed) == manifest.chunks[chunk].length
    except PortFault as fault:
        raise SpoolDamage(manifest.recording, chunk, f"cannot be read ({fault})") from fault
    try:
        if is_whole:
            return opener.open(chunk, sealed)
    except FormatError as error:
        if hashlib.sha256(sealed).digest() == manifest.chunks[chunk].sealed_sha256:
            raise ContentMismatch(manifest.recording, str(error)) from error
    raise SpoolDamage(manifest.recording, chunk, "reads back with another digest")


def _read_fragment(
    file: File, manifest: Manifest, fragment: FragmentEntry, opener: Opener, buffer: bytearray
) -> Plaintext:
    digest = hashlib.sha256()
    for chunk in range(fragment.first_chunk, fragment.first_chunk + fragment.chunk_count):
        sealed = _read_chunk(file, manifest, chunk, manifest.chunks[chunk], buffer)
        try:
            piece = opener.open(chunk, sealed)
        except FormatError as error:
            raise ContentMismatch(manifest.recording, str(error)) from error
        digest.update(piece)
        yield piece
    if digest.digest() != fragment.content_sha256:
        first = fragment.first_chunk
        raise ContentMismatch(manifest.recording, f"the digest of the fragment at chunk {first} is not the manifest's")


def _read_chunk(file: File, manifest: Manifest, chunk: int, entry: ChunkEntry, buffer: bytearray) -> memoryview:
    try:
        sealed = read_sealed(file, entry, buffer)
    except PortFault as fault:
        raise SpoolDamage(manifest.recording, chunk, f"cannot be read ({fault})") from fault
    if sealed is None:
        raise SpoolDamage(manifest.recording, chunk, "reads back with another digest")
    return sealed
