"""Reading a recording back: sealed chunks in, plaintext out, every digest checked again.

Law: streams through one fixed buffer, never a whole recording. Damage of a sealed chunk and contradiction between
content and manifest are told apart, because only the first can be healed by fetching again.
"""

import hashlib
from collections.abc import Generator

from firmware.formats.chunk import Opener
from firmware.formats.errors import FormatError
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest
from firmware.ports.errors import PortFault
from firmware.ports.files import File
from host_tools.custody.errors import ContentMismatch, SpoolDamage
from host_tools.custody.shelf import SEALED_BYTES_MAX, read_sealed

# A generator that is closed when its reader stops early, so that its file is given back.
Plaintext = Generator[memoryview, None, None]


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
