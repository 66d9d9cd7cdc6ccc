"""Where a camera was while it recorded: places, packed for the journal and the manifest.

A place is what the satellite receiver said, with the moment at which it said so; none is ever made up, carried on or
smoothed. Each fragment of a recording may have a block of places, noted since the fragment before it; in a recording
that is sealed the block is, too, because where somebody was is for the recipients alone.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.formats.moment import UNIX_MS_MAX

PLACES_BLOCK_MAX = 64  # of one fragment: a minute of places, should a card or an encoder stall for so long
PLACES_MAX = 86_400  # of a recording: a day of a place a second; what goes on for longer has none after that
SEAL_BYTES_MAX = 32  # what sealing adds to a block, at most
DEGREE = 10_000_000  # a step of 1e-7 degrees is 11 mm: finer than what any receiver says
LATITUDE_MAX = 90 * DEGREE
LONGITUDE_MAX = 180 * DEGREE
ACCURACY_DM_MAX = 65_535  # 6.5 km, or worse
# How a receiver found the place: the numbers of NMEA 0183's quality indicator. Others (0 no fix, 6 dead reckoning,
# 7 typed in, 8 simulated) are no places.
SOURCES = {1: "satellites", 2: "differential", 3: "precise", 4: "rtk", 5: "rtk_float"}

_PLACE = struct.Struct("<IQiiHBB")
PLACE_BYTES = _PLACE.size
BLOCK_BYTES_MAX = PLACES_BLOCK_MAX * PLACE_BYTES + SEAL_BYTES_MAX
_ROW_WIDTH = 2


class Place(NamedTuple):
    """``at_ms``: since the recording's start, when the receiver said so; ``unix_ms``: the receiver's own time of it;
    latitude and longitude in DEGREE-ths; ``accuracy_dm``: within that radius 19 times of 20; ``source``: of SOURCES."""

    at_ms: int
    unix_ms: int
    latitude: int
    longitude: int
    accuracy_dm: int
    source: int
    satellites: int


@dataclass(frozen=True, slots=True)
class TrackEntry:
    """The block of one fragment, sealed where the recording is."""

    fragment: int
    places: bytes


def pack(places: Iterable[Place]) -> bytes:
    """A block in the clear. FormatError beyond a limit."""
    return b"".join(_PLACE.pack(*_checked(place)) for place in places)


def unpack(block: "bytes | bytearray | memoryview") -> "list[Place]":
    """The places of a block in the clear. FormatError unless it is one."""
    if len(block) % PLACE_BYTES or len(block) > PLACES_BLOCK_MAX * PLACE_BYTES:
        raise FormatError(f"track: a block of {len(block)} bytes")
    return [_checked(Place(*row)) for row in _PLACE.iter_unpack(block)]


def block(value: object, what: str) -> bytes:
    """A block as documents write it."""
    found = canonical.binary(value, what, bytes_max=BLOCK_BYTES_MAX)
    if not found:
        raise FormatError(f"{what}: empty; leave it out")
    return found


def row(entry: TrackEntry) -> "list[int | str]":
    """An entry as documents write it."""
    return [entry.fragment, entry.places.hex()]


def entries(value: object, what: str, fragment_count: int) -> "tuple[TrackEntry, ...]":
    """The entries of a manifest. FormatError unless each is of a later fragment than the one before it."""
    found: list[TrackEntry] = []
    for number, one in enumerate(canonical.rows(value, what, PLACES_MAX, _ROW_WIDTH)):
        fragment = canonical.integer(one[0], f"{what}[{number}]")
        if fragment >= fragment_count or (found and fragment <= found[-1].fragment):
            raise FormatError(f"{what}[{number}]: of no later fragment of the recording")
        found.append(TrackEntry(fragment, block(one[1], f"{what}[{number}]")))
    if not found:
        raise FormatError(f"{what}: empty; leave it out")
    return tuple(found)


def _checked(place: Place) -> Place:
    """The place, if there can be one like it."""
    if not (
        0 <= place.at_ms < 1 << 32
        and 0 <= place.unix_ms <= UNIX_MS_MAX
        and abs(place.latitude) <= LATITUDE_MAX
        and abs(place.longitude) <= LONGITUDE_MAX
        and 0 <= place.accuracy_dm <= ACCURACY_DM_MAX
        and place.source in SOURCES
        and 0 <= place.satellites < 1 << 8
    ):
        raise FormatError(f"track: {place} is no place")
    return place
