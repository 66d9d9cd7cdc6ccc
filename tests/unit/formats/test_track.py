"""Places as blocks and in manifests: what reads back, what is refused, and that the largest track has room."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import canonical, manifest, track
from firmware.formats.chunk import CHUNKS_MAX, ClearOpener, ClearSealer
from firmware.formats.errors import FormatError
from firmware.formats.track import BLOCK_BYTES_MAX, PLACE_BYTES, PLACES_BLOCK_MAX, PLACES_MAX, Place, TrackEntry
from firmware.secure.sealing import TAG_BYTES, GcmOpener, GcmSealer
from tests.unit.formats.strategies import PLACES
from tests.unit.formats.test_manifest import GOOD

HERE = Place(0, 1_750_000_000_000, 514_778_300, -15_083, 38, 1, 11)
RECORDING = bytes(range(16))


@pytest.mark.req("CAM-09")
@given(st.lists(PLACES, max_size=PLACES_BLOCK_MAX))
def test_places_come_back(places: list[Place]):
    assert track.unpack(track.pack(places)) == places


@given(st.binary(max_size=100))
def test_any_bytes_are_places_or_a_format_error(data: bytes):
    try:
        found = track.unpack(data)
    except FormatError:
        return
    assert track.pack(found) == data


@pytest.mark.parametrize(
    "changes",
    [
        {"latitude": -track.LATITUDE_MAX - 1},
        {"longitude": track.LONGITUDE_MAX + 1},
        {"source": 8},
        {"at_ms": -1},
        {"at_ms": 1 << 32},
        {"accuracy_dm": 1 << 16},
        {"satellites": 256},
        {"unix_ms": -1},
    ],
)
def test_what_is_no_place_is_not_written(changes: dict[str, int]):
    with pytest.raises(FormatError, match="is no place"):
        track.pack([HERE._replace(**changes)])


@pytest.mark.req("CAM-09")
def test_a_manifest_without_places_has_no_such_key():
    data = manifest.encode(GOOD)
    assert b"track" not in data
    with_places = replace(GOOD, track=(TrackEntry(1, track.pack([HERE])),))
    again = manifest.decode(manifest.encode(with_places))
    assert again == with_places
    assert manifest.encode(replace(again, track=())) == data


@pytest.mark.req("CAM-09", "CAM-19")
def test_sealed_places_open_for_their_fragment_and_recording_alone():
    sealer, block = GcmSealer(RECORDING, bytes(32)), track.pack([HERE])
    sealed = sealer.conceal_places(3, block)
    assert len(sealed) == PLACE_BYTES + TAG_BYTES
    assert GcmOpener(RECORDING, bytes(32)).reveal_places(3, sealed) == block
    for opener, fragment, data in (
        (GcmOpener(RECORDING, bytes(32)), 2, sealed),
        (GcmOpener(bytes(16), bytes(32)), 3, sealed),
        (GcmOpener(RECORDING, bytes([1] * 32)), 3, sealed),
        (GcmOpener(RECORDING, bytes(32)), 3, sealed[:-1]),
    ):
        with pytest.raises(FormatError, match="the places of fragment"):
            opener.reveal_places(fragment, data)


@pytest.mark.req("CAM-19")
def test_no_nonce_comes_twice():
    sealer = GcmSealer(RECORDING, bytes(32))
    sealer.conceal_places(3, b"once")
    for fragment in (3, 2):
        with pytest.raises(FormatError, match="sealed already"):
            sealer.conceal_places(fragment, b"again")
    same = bytes(PLACE_BYTES)
    sealed = {sealer.seal(4, same, False)[32:], sealer.conceal_places(4, same)}
    assert len(sealed) == 2, "a chunk and the places of one number are sealed under two nonces"
    sealer.forget()
    with pytest.raises(FormatError, match="its key is gone"):
        sealer.conceal_places(5, b"late")


def test_in_the_clear_they_are_as_they_are():
    assert ClearSealer(RECORDING).conceal_places(0, b"places") == b"places"
    assert ClearOpener(RECORDING).reveal_places(0, b"places") == b"places"


def test_the_longest_recording_with_the_longest_track_is_no_longer_than_a_manifest_may_be():
    """By the length of one row each: a chunk of a megabyte a second, and a place each."""
    second = GOOD.fragments[1]
    chunk = canonical.encode({"": manifest.chunk_row(replace(GOOD.chunks[0], offset=CHUNKS_MAX << 20, length=1 << 20))})
    fragment = canonical.encode({"": manifest.fragment_row(replace(second, first_chunk=CHUNKS_MAX, start_ms=1 << 28))})
    place = canonical.encode({"": track.row(TrackEntry(CHUNKS_MAX, bytes(PLACE_BYTES + TAG_BYTES)))})
    whole = CHUNKS_MAX * (len(chunk) + len(fragment) - 10) + PLACES_MAX * (len(place) - 5)
    assert whole + (1 << 20) < manifest.MANIFEST_BYTES_MAX


def test_a_block_is_as_long_as_it_may_be():
    assert (
        len(GcmSealer(RECORDING, bytes(32)).conceal_places(0, track.pack([HERE] * PLACES_BLOCK_MAX))) <= BLOCK_BYTES_MAX
    )
