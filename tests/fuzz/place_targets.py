"""Targets about where a camera is: blocks of places, and what a satellite receiver says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from firmware.drivers.nmea import ACCURACY_DM_MAX, DEGREE, QUALITIES, SENTENCE_BYTES_MAX, NmeaReader, checksum
from firmware.formats import track
from firmware.formats.errors import FormatError
from tests.fuzz.format_targets import check_text

VECTORS = Path(__file__).parents[1] / "vectors" / "formats" / "track.json"
SENTENCES = (
    b"GNRMC,120000.00,A,5128.66980,N,00000.09050,W,0.100,,010126,,,A,V",
    b"GNGGA,120000.00,5128.66980,N,00000.09050,W,1,11,0.85,45.0,M,47.0,M,,",
    b"GPRMC,235959.99,V,,,,,,,311299,,,N",
    b"GPGGA,,,,,,0,00,99.99,,,,,,",
)


def places_decoder(data: bytes) -> None:
    """Any bytes: places that are written as exactly those bytes, or FormatError."""
    try:
        found = track.unpack(data)
    except FormatError as error:
        check_text(error)
        return
    assert track.pack(found) == data


def places_seeds() -> Iterator[bytes]:
    """Blocks of the vectors."""
    document = json.loads(VECTORS.read_text(encoding="utf-8"))
    for vector in (*document["vectors"], *document["refused"]):
        yield bytes.fromhex(vector["hex"])


def receiver(data: bytes) -> None:
    """Any bytes from a receiver, and any text under checksums that fit: no exception, and no place but one on the
    Earth that says how good it is; what is kept is bounded."""
    signed = b"".join(b"$%s*%02X\r\n" % (line, checksum(line)) for line in data.split(b"\n"))
    for said in (data, signed, signed + data + signed):
        reader = NmeaReader()
        for fix in reader.feed(said):
            assert abs(fix.latitude) <= 90 * DEGREE
            assert abs(fix.longitude) <= 180 * DEGREE
            assert 0 < fix.accuracy_dm <= ACCURACY_DM_MAX
            assert fix.quality in QUALITIES
        assert len(reader._line) <= SENTENCE_BYTES_MAX


def receiver_seeds() -> Iterator[bytes]:
    """Two sentences that make a place, and some that do not."""
    yield b"\n".join(SENTENCES[:2])
    yield b"\n".join(SENTENCES)
    yield b"".join(b"$%s*%02X\r\n" % (line, checksum(line)) for line in SENTENCES)
