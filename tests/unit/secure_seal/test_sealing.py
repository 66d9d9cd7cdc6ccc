"""Chunks and private parts under a recording's key: what opens, what does not, and that no nonce comes twice."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats.chunk import CHUNK_BYTES_MAX, CHUNKS_MAX, decode_header, sealed_bytes
from firmware.formats.errors import FormatError
from firmware.formats.manifest import PRIVATE_BYTES_MAX
from firmware.secure import document_private, sealing_padding
from firmware.secure.document_private import PrivatePart
from firmware.secure.sealing import SUITE_SEALED, GcmOpener, GcmSealer
from tests.unit.secure_seal.parts import OTHER, RECORDING, pair

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("size", [0, 1, 15, 16, 70_000, CHUNK_BYTES_MAX])
def test_a_chunk_opens_again(size: int):
    plaintext = bytes(range(256)) * (size // 256 + 1)
    sealer, opener = pair()
    sealed = sealer.seal(0, memoryview(plaintext)[:size], True)
    assert len(sealed) == sealed_bytes(SUITE_SEALED, size)
    assert opener.open(0, sealed) == plaintext[:size]
    assert opener.open(0, memoryview(bytearray(sealed))) == plaintext[:size]
    header = decode_header(sealed)
    assert (header.suite, header.recording, header.index, header.last) == (SUITE_SEALED, RECORDING, 0, True)


@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), min_size=1, max_size=8), st.randoms())
def test_chunks_open_in_any_order(pieces: list[tuple[bytes, bool]], random: Random):
    sealer, opener = pair()
    sealed = [sealer.seal(index, data, last) for index, (data, last) in enumerate(pieces)]
    order = list(range(len(pieces)))
    random.shuffle(order)
    assert all(opener.open(index, sealed[index]) == pieces[index][0] for index in order)


def test_an_index_is_sealed_once():
    sealer, _ = pair()
    sealer.seal(0, b"first", True)
    sealer.seal(5, b"gaps are the caller's affair", True)
    for index in (0, 3, 5):
        with pytest.raises(FormatError, match="an index is sealed once"):
            sealer.seal(index, b"again", True)
    sealer.seal(CHUNKS_MAX - 1, b"last of all", True)
    with pytest.raises(FormatError, match="not below"):
        sealer.seal(CHUNKS_MAX, b"beyond", True)


def test_a_refused_chunk_uses_no_index_up():
    sealer, opener = pair()
    with pytest.raises(FormatError, match="at most"):
        sealer.seal(0, bytes(CHUNK_BYTES_MAX + 1), True)
    assert opener.open(0, sealer.seal(0, b"now", True)) == b"now"


def test_equal_plaintexts_look_different_everywhere():
    sealer, _ = pair()
    other, _ = pair(OTHER, bytes(31) + b"\x01")
    bodies = {sealer.seal(index, bytes(64), True)[32:] for index in range(50)}
    bodies |= {other.seal(index, bytes(64), True)[32:] for index in range(50)}
    bodies.add(sealer.conceal(bytes(64))[:64])
    assert len({body[:16] for body in bodies}) == 101


@pytest.mark.req("CAM-19")
def test_after_forget_there_is_no_key():
    sealer, opener = pair()
    sealed = sealer.seal(0, b"kept", True)
    sealer.forget()
    for attempt in (lambda: sealer.seal(1, b"more", True), lambda: sealer.conceal(b"names")):
        with pytest.raises(FormatError, match="its key is gone"):
            attempt()
    assert opener.open(0, sealed) == b"kept"
    sealer.forget()


def test_every_flipped_bit_shows():
    sealer, opener = pair()
    sealed = sealer.seal(7, b"twenty bytes of this", False)
    for bit in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            opener.open(7, flipped)


def test_every_length_but_the_right_one_shows():
    sealer, opener = pair()
    sealed = sealer.seal(0, b"twenty bytes of this", True)
    for length in range(len(sealed)):
        with pytest.raises(FormatError):
            opener.open(0, sealed[:length])
    with pytest.raises(FormatError, match="69 bytes instead of 68"):
        opener.open(0, sealed + b"\x00")


def test_a_chunk_opens_at_its_own_place_only():
    sealer, opener = pair()
    sealed = [sealer.seal(index, bytes(10), True) for index in range(3)]
    with pytest.raises(FormatError, match="another place"):
        opener.open(1, sealed[2])
    moved = bytearray(sealed[2])
    moved[24] = 1  # the header says so too now
    with pytest.raises(FormatError, match="damaged"):
        opener.open(1, moved)
    renamed = bytearray(sealed[2])
    renamed[8:24] = OTHER
    with pytest.raises(FormatError, match="damaged"):
        GcmOpener(OTHER, bytes(32)).open(2, renamed)


def test_ends_of_fragments_are_where_the_manifest_has_them():
    sealer, _ = pair()
    sealed = [sealer.seal(index, bytes(10), index in (0, 2)) for index in range(3)]
    opener = GcmOpener(RECORDING, bytes(32), frozenset({0, 2}))
    assert all(opener.open(index, one) == bytes(10) for index, one in enumerate(sealed))
    for ends in (frozenset({0, 1}), frozenset[int](), frozenset({0, 1, 2})):
        opener = GcmOpener(RECORDING, bytes(32), ends)
        with pytest.raises(FormatError, match="ends a fragment where its manifest does not"):
            _ = [opener.open(index, one) for index, one in enumerate(sealed)]


@pytest.mark.parametrize("recording", [b"", bytes(15), bytes(17)])
def test_a_recording_has_sixteen_bytes(recording: bytes):
    for made in (GcmSealer, GcmOpener):
        with pytest.raises(FormatError, match="instead of 16"):
            made(recording, bytes(32))


# -- the private part


@pytest.mark.req("CAM-19")
@given(TEXTS, TEXTS, TEXTS)
def test_a_private_part_comes_back(wearer_id: str, wearer_name: str, profile: str):
    part = PrivatePart(wearer_id, wearer_name, profile)
    sealer, opener = pair()
    private = sealer.conceal(document_private.encode(part))
    assert len(private) <= PRIVATE_BYTES_MAX
    assert document_private.decode(opener.reveal(private)) == part


def test_the_longest_private_part_fits():
    part = PrivatePart(*["\x01" * 240] * 3)
    sealer, opener = pair()
    assert document_private.decode(opener.reveal(sealer.conceal(document_private.encode(part)))) == part


def test_a_private_part_is_sealed_once_and_shows_no_length():
    parts = [PrivatePart("w-7", "Ada Åström", "standard"), PrivatePart("", "", ""), PrivatePart("w-1234", "Bo", "x")]
    sealed = [pair()[0].conceal(document_private.encode(part)) for part in parts]
    assert {len(one) for one in sealed} == {256 + 16}
    sealer, _ = pair()
    sealer.conceal(b"once")
    with pytest.raises(FormatError, match="sealed already"):
        sealer.conceal(b"twice")


def test_a_changed_private_part_shows():
    sealer, opener = pair()
    private = sealer.conceal(document_private.encode(PrivatePart("w-7", "Ada", "standard")))
    for position in range(len(private)):
        changed = bytearray(private)
        changed[position] ^= 0x10
        with pytest.raises(FormatError, match="damaged or of another recording"):
            opener.reveal(changed)
    for wrong in (b"", private[:-1], private + b"\x00", private[:16]):
        with pytest.raises(FormatError, match="damaged or of another recording"):
            opener.reveal(wrong)
    with pytest.raises(FormatError, match="another recording"):
        GcmOpener(OTHER, bytes(32)).reveal(private)
    with pytest.raises(FormatError, match="a private part of 5121 bytes"):
        opener.reveal(bytes(PRIVATE_BYTES_MAX + 1))


def test_a_chunk_is_no_private_part():
    sealer, opener = pair()
    sealed = sealer.seal(0, sealing_padding.pad(b"names"), True)
    with pytest.raises(FormatError, match="damaged"):
        opener.reveal(sealed[32:])


def test_a_private_part_too_long_is_refused():
    sealer, _ = pair()
    with pytest.raises(FormatError, match="a private part of 5000 bytes"):
        sealer.conceal(bytes(5000))
    sealer.conceal(b"it was not sealed")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "not JSON"),
        (b'{"format":"openbwc-private","schema":1}', "profile is missing"),
        (b'{"format":"openbwc-private","profile":"","schema":2,"wearer_id":"","wearer_name":""}', "schema is not 1"),
        (b'{"format":"openbwc-private","profile":"","schema":1,"wearer_id":1,"wearer_name":""}', "not a text"),
        (b" " * 5000, "at most 4608"),
    ],
)
def test_a_private_part_has_its_form(data: bytes, error: str):
    with pytest.raises(FormatError, match=error):
        document_private.decode(data)


def test_a_private_part_has_limits():
    with pytest.raises(FormatError, match="wearer_name: 241 bytes"):
        document_private.encode(PrivatePart("", "x" * 241, ""))


# -- padding


@given(st.binary(max_size=700))
def test_padding_comes_off_again(data: bytes):
    padded = sealing_padding.pad(data)
    assert len(padded) % 256 == 0
    assert sealing_padding.unpad(padded, "it") == data


@pytest.mark.parametrize("padded", [b"", bytes(256), b"\x80", b"\x80" + bytes(511), b"x" * 256])
def test_padding_has_one_form(padded: bytes):
    with pytest.raises(FormatError, match="it: not padded"):
        sealing_padding.unpad(padded, "it")
