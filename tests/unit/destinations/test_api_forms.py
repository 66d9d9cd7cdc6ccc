"""Headers, documents, status codes and clocks of the API."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.destinations import capabilities, clock_check, http_status
from host_tools.destinations.clock_check import ClockReading, ClocksDisagree, check_clock, read_date
from host_tools.destinations.headers import from_headers, to_headers
from host_tools.destinations.interface import ContainerMissing, DestinationRefused, DestinationUnavailable

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
DATE_MS = NOW_MS = 1_767_225_600_000


@pytest.mark.req("DEST-02")
def test_headers_are_as_the_description_shows_them():
    assert to_headers("Container", {"BWCSerialNumber": "B8A44F", "TriggerOnTimeISO": "2026-01-01T00:00:00Z"}) == {
        "X-Container-Meta-Bwcserialnumber": "B8A44F",
        "X-Container-Meta-Triggerontimeiso": "2026-01-01T00%3A00%3A00Z",
    }
    assert to_headers("Object", {"Some-Key": "a+b ö"}) == {"X-Object-Meta-Some-Key": "a%2Bb%20%C3%B6"}
    plain = {"X-Object-Meta-A": "A-Z_0.~", "X-Object-Meta-B": "a%2Bb", "X-Object-Meta-C": "a%3Bb%25"}
    assert to_headers("Object", {"A": "A-Z_0.~", "B": "a+b", "C": "a;b%"}) == plain


def test_a_plus_is_a_plus_and_keys_are_spelt_as_the_api_does():
    raw = [("x-container-meta-bwcserialnumber", "a+b"), ("X-OBJECT-META-USERID", "%C3%B6"), ("x-object-meta-", "no")]
    assert from_headers(raw) == {"BWCSerialNumber": "a+b", "UserID": "ö"}
    assert from_headers(raw, "Object") == {"UserID": "ö"}
    assert from_headers([("x-object-meta-own-key", "%ff")]) == {"Own-Key": "�"}


@given(st.dictionaries(st.sampled_from(["UserID", "Name", "Status", "Tags", "Own-Key"]), st.text(max_size=20)))
def test_metadata_survive_the_wire(metadata: dict[str, str]):
    metadata = {key: value.encode(errors="ignore").decode() for key, value in metadata.items()}
    sent = to_headers("Object", metadata)
    assert all(value.isascii() and value.isprintable() for value in sent.values())
    assert from_headers(((name.lower(), value) for name, value in sent.items()), "Object") == metadata


@pytest.mark.req("DEST-02")
def test_a_capability_counts_in_whichever_group_it_stands():
    body = b'{"Store":{"StoreBookmarks":true,"X":"true"},"StoreAndRead":{"StoreGNSSTrackRecording":true},"Read":7}'
    assert capabilities.parse_capabilities(body) == {"StoreBookmarks", "StoreGNSSTrackRecording"}
    for malformed in (b"", b"[]", b"{", b'{"Store":{"StoreBookmarks":1}}', b"\xff"):
        assert capabilities.parse_capabilities(malformed) == frozenset()


def test_what_is_declared_is_read_again():
    some = frozenset({"StoreBookmarks", "ReadCategories"})
    assert capabilities.parse_capabilities(capabilities.write_capabilities(some)) == some


@pytest.mark.req("DEST-06")
def test_categories_are_read_as_far_as_they_can_be():
    body = b'[{"Name":"Traffic","Id":"5"},{"Name":"Twice","Id":5},{"Id":"6"},7,{"Name":"Zo\xc3\xab","Id":7}]'
    rows = capabilities.parse_categories(body)
    assert [tuple(row) for row in rows] == [("Traffic", "5"), ("Zoë", "7")]
    assert capabilities.parse_categories(capabilities.write_categories(rows)) == rows
    assert capabilities.parse_categories(b'[{"Name":"A","Id":"1"},]') == ()


def test_an_etag_is_the_md5_quoted_or_not():
    digest = hashlib.md5(b"x").hexdigest()
    for good in (digest, f'"{digest}"', digest.upper()):
        capabilities.check_etag("it", b"x", good)
    for bad in ("", digest[:-1] + "0"):
        with pytest.raises(DestinationUnavailable, match="object corrupt"):
            capabilities.check_etag("it", b"x", bad)


@pytest.mark.req("CTRL-09")
def test_only_what_can_never_be_stored_is_refused():
    never = {code for code in range(300, 600) if isinstance(http_status.fault("d", "a", code, ""), DestinationRefused)}
    assert never == {400, 411, 413}
    assert isinstance(http_status.fault("d", "a", 404, ""), ContainerMissing)
    assert isinstance(http_status.fault("d", "a", 402, ""), http_status.LicenceExhausted)
    assert isinstance(http_status.fault("d", "a", 507, ""), http_status.DestinationFull)
    text = str(http_status.fault("d", "a", 503, "come\nback\x00"))
    assert text == "destination d is busy: it is tried again soon; a: 503"
    assert "(no user W-7)" in str(http_status.fault("d", "a", 400, " no user\n W-7 "))


@pytest.mark.req("CTRL-10")
@pytest.mark.parametrize(
    ("asked_ms", "answered_ms", "ahead_ms"),
    [
        (DATE_MS, DATE_MS + 900, 0),
        (DATE_MS + 900, DATE_MS + 5_000, 0),  # asked within the second that Date names
        (DATE_MS - 5_000, DATE_MS - 2_000, 2_000),
        (DATE_MS + 61_000, DATE_MS + 99_000, -60_000),
    ],
)
def test_a_date_tells_the_least_by_which_clocks_differ(asked_ms: int, answered_ms: int, ahead_ms: int):
    assert read_date(DATE, asked_ms, answered_ms) == ClockReading(ahead_ms)


@pytest.mark.req("CTRL-10")
def test_clocks_and_zones_must_agree_as_far_as_they_are_known():
    for unreadable in ("", "yesterday", "Thu, 99 Jan 2026 00:00:00 GMT"):
        assert read_date(unreadable, 0, 0) is None
    check_clock("d", None, 0, "UTC", NOW_MS)
    check_clock("d", ClockReading(60_000), clock_check.CLOCK_TOLERANCE_MS, "", NOW_MS)
    check_clock("d", ClockReading(0, "UTC"), 1, "Etc/UTC", NOW_MS)
    with pytest.raises(ClocksDisagree, match="61 s ahead of ours"):
        check_clock("d", ClockReading(61_000), clock_check.CLOCK_TOLERANCE_MS, "", NOW_MS)
    with pytest.raises(ClocksDisagree, match="behind"):
        check_clock("d", ClockReading(-61_000), clock_check.CLOCK_TOLERANCE_MS, "", NOW_MS)
    with pytest.raises(ClocksDisagree, match="time zone"):
        check_clock("d", ClockReading(0, "Asia/Tokyo"), 60_000, "Europe/Stockholm", NOW_MS)
