"""Places come out as they were said, and nothing else does, whatever the bytes."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynmeagps import GET, NMEAMessage

from firmware.drivers.nmea import DEGREE, SENTENCE_BYTES_MAX, Fix, NmeaReader
from host_tools.emulator.models.gnss import angle, sentence

NOON = 1_767_268_800_000
STEP = 2  # 1e-7 degrees: half a step of 1e-5 minutes is 0.8 of them
LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
INSTANTS = st.integers(946_684_800, 4_102_444_799)  # 2000 to 2099, seconds


class Reader(NmeaReader):
    """As one listens to it."""

    def hear(self, data: bytes | bytearray) -> Fix | None:
        """The newest place."""
        found = self.feed(data)
        return found[-1] if found else None


def said(
    latitude: float, longitude: float, unix_s: int, hdop: str = "0.85", talker: str = "GN", tenths: int = 0
) -> bytes:
    """As a receiver says it."""
    moment = datetime.fromtimestamp(unix_s, UTC)
    time, date = moment.strftime(f"%H%M%S.{tenths}0"), moment.strftime("%d%m%y")
    where = f"{angle(latitude, 2, 'NS')},{angle(longitude, 3, 'EW')}"
    rmc = sentence(f"{talker}RMC,{time},A,{where},0.1,,{date},,,A,V")
    return rmc + sentence(f"{talker}GGA,{time},{where},1,11,{hdop},45.0,M,47.0,M,,")


HERE = said(51.47783, -0.00150833, NOON // 1000)
FIX = Fix(NOON, 514_778_300, -15_083, 43, 1, 11)


@pytest.mark.req("CAM-09")
@given(st.lists(st.tuples(LATITUDES, LONGITUDES, INSTANTS), max_size=8, unique_by=lambda one: one[2]))
def test_any_track_comes_back_within_what_its_decimals_say(track: list[tuple[float, float, int]]):
    reader = Reader()
    for latitude, longitude, unix_s in track:
        fix = reader.hear(said(latitude, longitude, unix_s))
        assert fix is not None
        assert fix.unix_ms == unix_s * 1000
        assert abs(fix.latitude - latitude * DEGREE) <= STEP
        assert abs(fix.longitude - longitude * DEGREE) <= STEP
    assert (reader.garbage, reader.sentences) == (0, 2 * len(track))


@given(st.floats(-89.99, 89.99), st.floats(-179.99, 179.99), st.sampled_from(["GP", "GN", "GL", "GA"]))
def test_sentences_that_somebody_elses_package_writes_are_read(latitude: float, longitude: float, talker: str):
    sides = {"NS": "N" if latitude >= 0 else "S", "EW": "E" if longitude >= 0 else "W"}
    moment = datetime.fromtimestamp(NOON // 1000, UTC)
    where: dict[str, Any] = {"lat": latitude, "lon": longitude, "time": moment.time(), **sides}
    gga = NMEAMessage(talker, "GGA", GET, quality=2, numSV=7, HDOP=1.2, **where)
    rmc = NMEAMessage(talker, "RMC", GET, status="A", date=moment.date(), posMode="D", **where)
    fix = Reader().hear(gga.serialize() + rmc.serialize())
    assert fix is not None
    assert (fix.unix_ms, fix.quality, fix.satellites, fix.accuracy_dm) == (NOON, 2, 7, 60)
    assert abs(fix.latitude - latitude * DEGREE) <= STEP
    assert abs(fix.longitude - longitude * DEGREE) <= STEP


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 30))
def test_pieces_and_noise_around_do_not_matter(before: bytes, after: bytes, piece_bytes: int):
    reader = Reader()
    data = before.replace(b"$", b"#") + b"\r\n" + HERE + after
    found = [fix for at in range(0, len(data), piece_bytes) for fix in reader.feed(data[at : at + piece_bytes])]
    assert found == [FIX]


@pytest.mark.req("CAM-09")
@given(st.binary(max_size=300))
def test_no_bytes_are_an_exception_or_a_place(data: bytes):
    assert Reader().hear(data) is None


@pytest.mark.req("CAM-09")
@given(st.integers(0, len(HERE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_no_place_or_the_same(at: int, change: int):
    """A checksum of one byte does not see two changes, but always one."""
    data = bytearray(HERE)
    data[at] ^= change
    assert Reader().hear(data) in (None, FIX)


def test_any_bytes_with_a_good_checksum_are_no_exception_and_within_the_earth():
    """What a lying receiver can say: seeded changes of fields, under checksums that fit."""
    seed = 5
    print(f"seed {seed}")
    chance = random.Random(seed)
    words = ["", "0", "9", "-1", "1e3", "nan", "A", "V", "N", "S", "E", "W", "99.99", "120000.00", "5128.6", "9000.0"]
    words += ["18000.00000", "9000.00001", "240000", "310299", "320126", "010126", "²", "1_0", " 1", "." * 9, "1" * 20]
    found = 0
    for _ in range(2_000):
        reader = Reader()
        for line in HERE.decode().splitlines():
            fields = line[1:-3].split(",")
            for _ in range(chance.randrange(3)):
                fields[chance.randrange(1, len(fields))] = chance.choice(words)
            fix = reader.hear(sentence(",".join(fields).encode("ascii", "replace").decode()))
            if fix is not None:
                found += 1
                assert abs(fix.latitude) <= 90 * DEGREE
                assert abs(fix.longitude) <= 180 * DEGREE
                assert 0 < fix.accuracy_dm <= 65_535
                assert fix.unix_ms > 0
    assert found > 20


@pytest.mark.req("CAM-09")
@pytest.mark.parametrize(
    ("sound", "unsound"),
    [
        (",A,5128", ",V,5128"),  # RMC: void
        (",,,A,V*", ",,,N,V*"),  # and its mode: none
        (",,,A,V*", ",,,E,V*"),  # dead reckoning
        (",,,A,V*", ",,,S,V*"),  # simulated
        (",1,11,0.85", ",0,11,0.85"),  # GGA: no fix
        (",1,11,0.85", ",6,11,0.85"),  # dead reckoning
        (",1,11,0.85", ",7,11,0.85"),  # typed in
        (",1,11,0.85", ",8,11,0.85"),  # made up
        (",1,11,0.85", ",1,11,"),  # it does not say how good
        (",1,11,0.85", ",1,11,0.00"),
        (",1,11,0.85", ",1,,0.85"),
        (",010126,", ",,"),  # no date
        (",010126,", ",001326,"),
        ("120000.00,A", "120001.00,A"),  # of another instant than the other sentence
        ("5128.66980,N", "5160.66980,N"),
        ("5128.66980,N", "9128.66980,N"),
        ("5128.66980,N", "5128.66980,E"),
        ("5128.66980,N", "128.66980,N"),
        ("00000.09050,W", "18000.00001,W"),
        ("120000.00,5", "250000.00,5"),
    ],
)
def test_what_is_not_said_to_be_a_place_is_none(sound: str, unsound: str):
    lines = HERE.decode().splitlines()
    changed = [line.replace(sound, unsound) for line in lines]
    assert changed != lines
    data = b"".join(sentence(line[1:-3]) for line in changed)
    reader = Reader()
    assert reader.hear(data) is None
    assert (reader.sentences, reader.garbage) == (2, 0), "it was well said"


def test_a_place_is_told_once_and_a_receiver_that_repeats_itself_says_nothing_new():
    reader = Reader()
    assert reader.hear(HERE) == FIX
    assert reader.hear(HERE * 5) is None
    assert reader.hear(said(51.47783, -0.00150833, NOON // 1000 + 1)) == FIX._replace(unix_ms=NOON + 1000)


def test_several_places_are_told_in_their_order_and_any_talker_may_tell_them():
    reader = Reader()
    data = b"".join(said(51.0, 1.0, NOON // 1000 + n, talker="GP") for n in range(3))
    assert [fix.unix_ms for fix in reader.feed(data)] == [NOON, NOON + 1000, NOON + 2000]


def test_what_was_said_before_is_forgotten():
    reader = Reader()
    first, second = HERE.splitlines(keepends=True)
    reader.hear(first + second[:20])
    reader.forget()
    assert reader.hear(second[20:]) is None
    assert reader.hear(second) is None, "one half is no place"
    assert reader.hear(first) == FIX


def test_garbage_is_counted_and_never_kept():
    reader = Reader()
    reader.hear(b"$" + bytes([0x41]) * 100_000)
    reader.hear(b"noise" * 1_000 + b"\n" + HERE[:-3] + b"0\r\n")
    assert reader.garbage == 3, "too long a line, noise, and a checksum that does not fit"
    assert len(reader._line) <= SENTENCE_BYTES_MAX


@pytest.mark.parametrize(
    ("hdop", "accuracy_dm"), [("0.85", 43), ("1.0", 50), ("12", 600), ("0.01", 1), ("9999", 65_535)]
)
def test_accuracy_follows_the_receivers_own_word(hdop: str, accuracy_dm: int):
    fix = Reader().hear(said(1, 2, NOON // 1000, hdop))
    assert fix is not None
    assert fix.accuracy_dm == accuracy_dm
