"""Somebody has the sealed chunks in hand and may rewrite anything that needs no key, digests in the manifest included.

Every attack is tried on the way a controller reads: ``custody.content`` over the manifest. First with the manifest as
its camera signed it, then with one that the attacker has made fit as far as that can be done; of that one only the
signature can tell that it is not the camera's, and where the seal still tells, that is shown too.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from firmware.formats import manifest
from firmware.formats.chunk import ClearSealer
from firmware.formats.errors import FormatError
from firmware.formats.manifest import ChunkEntry, Manifest
from firmware.ports.memory_files import MemoryFiles
from firmware.secure import document
from firmware.secure.document import Announced
from firmware.secure.document_trust import EvidenceTrust
from firmware.secure.hpke_keys import KeyRing
from firmware.secure.suite import opener_for
from host_tools.custody.content import read_content
from host_tools.custody.errors import ContentMismatch, SpoolDamage
from tests.unit.secure_seal.parts import (
    OTHER,
    RECEIVED_MS,
    RECORDING,
    ROOT,
    SERIAL,
    SIGNER,
    STRANGER,
    SYSTEM_KEY,
    seal,
)

RING = KeyRing([SYSTEM_KEY])
SIZES = ((700,), (100, 100), (100, 100, 100), (100,))  # so that pieces of equal length can take each other's place
WHOLE = seal(sizes=SIZES)
FOREIGN = seal(recording=OTHER, sizes=SIZES)
SAME_ID = seal(sizes=SIZES, seed="another recording under the same identity")
PIECES = [WHOLE.chunk(index) for index in range(len(WHOLE.manifest.chunks))]

Attack = Callable[[list[bytes]], list[bytes]]


def swap(first: int, second: int) -> Attack:
    def attack(pieces: list[bytes]) -> list[bytes]:
        pieces[first], pieces[second] = pieces[second], pieces[first]
        return pieces

    return attack


def swap_and_renumber(first: int, second: int) -> Attack:
    """The headers are made to fit their new places."""

    def attack(pieces: list[bytes]) -> list[bytes]:
        one, other = pieces[first], pieces[second]
        pieces[first], pieces[second] = one[:32] + other[32:], other[:32] + one[32:]
        return pieces

    return attack


def put(index: int, sealed: bytes) -> Attack:
    return lambda pieces: [*pieces[:index], sealed, *pieces[index + 1 :]]


def foreign(index: int, renamed: bool) -> Attack:
    taken = FOREIGN.chunk(index)
    return put(index, PIECES[index][:32] + taken[32:] if renamed else taken)


def flip(index: int, position: int) -> Attack:
    def attack(pieces: list[bytes]) -> list[bytes]:
        changed = bytearray(pieces[index])
        changed[position] ^= 0x01
        pieces[index] = bytes(changed)
        return pieces

    return attack


ATTACKS: dict[str, Attack] = {
    "swapped in a fragment": swap(3, 4),
    "swapped between fragments": swap(1, 3),
    "swapped and renumbered": swap_and_renumber(3, 4),
    "swapped, ends exchanged": swap(4, 5),
    "from another recording": foreign(3, renamed=False),
    "from another recording, renamed": foreign(3, renamed=True),
    "from a recording of the same identity": put(3, SAME_ID.chunk(3)),
    "repeated": lambda pieces: [*pieces[:4], pieces[3], *pieces[5:]],
    "inserted": lambda pieces: [*pieces[:4], pieces[3], *pieces[4:]],
    "first dropped": lambda pieces: pieces[1:],
    "middle dropped": lambda pieces: [*pieces[:4], *pieces[5:]],
    "last of a fragment dropped": lambda pieces: [*pieces[:5], *pieces[6:]],
    "last dropped": lambda pieces: pieces[:-1],
    "cut short": lambda pieces: [*pieces[:-1], pieces[-1][:-1]],
    "tag cut off": lambda pieces: [*pieces[:-1], pieces[-1][:-16]],
    "made longer": lambda pieces: [*pieces[:4], pieces[4] + b"\x00", *pieces[5:]],
    "end mark taken away": flip(5, 6),
    "end mark added": flip(4, 6),
    "said to be in the clear": flip(3, 5),
    "replaced in the clear": put(3, ClearSealer(RECORDING).seal(3, bytes(100), False)),
    "length changed": flip(3, 28),
    "body changed": flip(3, 60),
    "tag changed": flip(3, 147),
}
each_attack = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)


def read(pieces: list[bytes], closed: Manifest, ring: KeyRing = RING) -> bytes:
    """The content as a controller reads it."""
    files = MemoryFiles()
    file = files.create("chunks")
    file.write_at(0, b"".join(pieces))
    return b"".join(bytes(piece) for piece in read_content(file, closed, opener_for(closed, ring)))


def fitting(pieces: list[bytes]) -> Manifest:
    """The manifest with chunk rows made anew for these chunks, and the last fragment as long as there are chunks."""
    chunks: list[ChunkEntry] = []
    for piece in pieces:
        chunks.append(ChunkEntry(sum(entry.length for entry in chunks), len(piece), sha256(piece).digest()))
    *others, last = WHOLE.manifest.fragments
    left = len(chunks) - last.first_chunk
    fragments = (*others, replace(last, chunk_count=left)) if left else tuple(others)
    return replace(
        WHOLE.manifest,
        chunks=tuple(chunks),
        chunks_bytes=sum(entry.length for entry in chunks),
        fragments=fragments,
        content_bytes=sum(entry.content_bytes for entry in fragments),
    )


def test_without_an_attack_it_reads():
    assert read(PIECES, WHOLE.manifest) == b"".join(WHOLE.plaintexts)
    assert read(PIECES, fitting(PIECES)) == b"".join(WHOLE.plaintexts)


@pytest.mark.req("CAM-19")
@each_attack
def test_against_the_signed_manifest(attack: Attack):
    with pytest.raises((SpoolDamage, ContentMismatch)):
        read(attack(list(PIECES)), WHOLE.manifest)


@pytest.mark.req("CAM-19")
@each_attack
def test_with_every_digest_made_to_fit(attack: Attack):
    """The seal holds where the attacker can rewrite the digests of sealed chunks."""
    pieces = attack(list(PIECES))
    closed = fitting(pieces)
    manifest.encode(closed)
    with pytest.raises(ContentMismatch):
        read(pieces, closed)


@pytest.mark.req("CAM-19")
def test_fragments_cut_off_at_the_end_show_by_the_signature_alone():
    """The journal tells the digest of everything up to each fragment, so the shorter recording is sound in itself."""
    fragments = WHOLE.manifest.fragments[:-1]
    pieces = PIECES[: fragments[-1].first_chunk + fragments[-1].chunk_count]
    content = b"".join(WHOLE.plaintexts[: len(pieces)])
    shorter = replace(
        WHOLE.manifest,
        chunks=WHOLE.manifest.chunks[: len(pieces)],
        chunks_bytes=sum(map(len, pieces)),
        fragments=fragments,
        content_bytes=len(content),
        content_sha256=sha256(content).digest(),
    )
    assert read(pieces, shorter) == content
    signature = document.encode(WHOLE.manifest, SIGNER).splitlines()[1]
    forged = manifest.encode(shorter) + b"\n" + signature + b"\n"
    told = Announced(RECORDING, sha256(forged).digest(), SERIAL)
    with pytest.raises(FormatError, match="the signature does not fit its manifest"):
        document.judge(forged, told, EvidenceTrust([ROOT]), RECEIVED_MS)


@pytest.mark.req("CAM-19")
def test_a_fragment_cut_inside_shows_by_its_end_mark():
    """Even a digest of the shorter fragment, if somebody knew it, would not do."""
    first, second, third, _ = WHOLE.manifest.fragments
    shorter = replace(third, chunk_count=2, content_bytes=200, content_sha256=sha256(_plain(3, 5)).digest())
    content = _plain(0, 5)
    closed = replace(
        WHOLE.manifest,
        chunks=WHOLE.manifest.chunks[:5],
        chunks_bytes=sum(map(len, PIECES[:5])),
        fragments=(first, second, shorter),
        content_bytes=len(content),
        content_sha256=sha256(content).digest(),
    )
    manifest.encode(closed)
    with pytest.raises(ContentMismatch, match="chunk 4: ends a fragment where its manifest does not"):
        read(PIECES[:5], closed)


@pytest.mark.req("CAM-19")
def test_somebody_elses_recording_opens_with_nothing():
    with pytest.raises(FormatError, match="no key of this system opens it"):
        read(PIECES, WHOLE.manifest, KeyRing([STRANGER]))


@pytest.mark.req("CAM-19")
def test_the_key_of_another_recording_does_not_help():
    exchanged = replace(WHOLE.manifest, wrapped_keys=FOREIGN.manifest.wrapped_keys)
    with pytest.raises(FormatError, match="damaged or of another recording"):
        read(PIECES, exchanged)
    same_id = replace(WHOLE.manifest, wrapped_keys=SAME_ID.manifest.wrapped_keys)
    with pytest.raises(ContentMismatch, match="chunk 0: damaged, or not sealed by the camera of this recording"):
        read(PIECES, same_id)


@pytest.mark.req("CAM-19")
def test_another_recordings_identity_does_not_help():
    renamed = replace(WHOLE.manifest, recording=OTHER)
    with pytest.raises(FormatError, match="damaged or of another recording"):
        read(PIECES, renamed)


def _plain(first: int, behind: int) -> bytes:
    return b"".join(WHOLE.plaintexts[first:behind])
