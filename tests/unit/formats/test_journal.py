"""A journal is read as far as it holds: a torn tail is dropped, and nothing behind a bad line is believed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.formats import journal
from firmware.formats.errors import FormatError
from firmware.formats.journal import LINE_BYTES_MAX, Ending, JournalReader, Stopped
from firmware.formats.manifest import FRAGMENT_CHUNKS_MAX, ChunkEntry, FragmentEntry
from firmware.formats.moment import Moment
from firmware.formats.track import BLOCK_BYTES_MAX
from tests.unit.formats.strategies import STOPS, fragments

STOP = Stopped("button", Moment(9000, 0, "none", 0), False)
EVENTS = st.tuples(fragments(), STOPS).map(lambda parts: [*parts[0], parts[1]])
unhurried = settings(deadline=None, print_blob=True)


@unhurried
@given(EVENTS, st.integers(1, 700))
def test_events_come_back_whatever_the_pieces(events: list[journal.Event], piece_bytes: int) -> None:
    data = written(events)
    assert read(data, piece_bytes) == (events, Ending.WHOLE, len(data))


@pytest.mark.req("CAM-19")
@unhurried
@given(EVENTS, st.data())
def test_a_torn_tail_is_dropped_and_nothing_before_it(events: list[journal.Event], data: st.DataObject) -> None:
    whole = written(events)
    cut = data.draw(st.integers(0, len(whole)))
    found, ending, good_bytes = read(whole[:cut], 64)
    lines = [journal.encode(number, event) for number, event in enumerate(events)]
    assert found == events[: len(found)]
    assert good_bytes == sum(len(line) for line in lines[: len(found)]) <= cut
    assert len(found) == len(lines) or good_bytes + len(lines[len(found)]) > cut, "a whole line was dropped"
    assert ending is (Ending.WHOLE if good_bytes == cut else Ending.TORN)


@pytest.mark.req("CAM-19")
@unhurried
@given(EVENTS, st.data())
def test_nothing_behind_a_bad_line_is_believed(events: list[journal.Event], data: st.DataObject) -> None:
    whole = bytearray(written(events))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    found, ending, good_bytes = read(bytes(whole), data.draw(st.integers(1, 300)))
    assert found == events[: len(found)]
    assert good_bytes <= at
    assert ending is not Ending.WHOLE


@unhurried
@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_are_a_journal_without_what_does_not_hold(data: bytes, piece_bytes: int) -> None:
    found, ending, good_bytes = read(data, piece_bytes)
    assert good_bytes <= len(data)
    assert (ending is Ending.WHOLE) == (good_bytes == len(data))
    assert written(found) == data[:good_bytes]


def test_a_missing_line_ends_the_reading() -> None:
    data = journal.encode(0, STOP) + journal.encode(2, STOP)
    assert read(data, 1000) == ([STOP], Ending.DAMAGED, len(journal.encode(0, STOP)))
    assert read(data + journal.encode(1, STOP), 1000)[1] is Ending.DAMAGED


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
def test_garbage_with_line_ends_in_it_is_a_torn_tail(piece_bytes: int) -> None:
    data = journal.encode(0, STOP)
    for tail in (b"\n", b"torn\n\n more\r", bytes(journal.TORN_BYTES_MAX - 1) + b"\n"):
        assert read(data + tail, piece_bytes) == ([STOP], Ending.TORN, len(data))
    too_long = bytes(journal.TORN_BYTES_MAX) + b"\n"
    assert read(data + too_long, piece_bytes)[1] is Ending.DAMAGED
    assert read(data + b"torn\n" + journal.encode(2, STOP) + b"torn", piece_bytes)[1] is Ending.DAMAGED


def test_an_endless_line_is_not_kept_in_memory() -> None:
    reader = JournalReader()
    for _ in range(100):
        assert reader.feed(bytes(LINE_BYTES_MAX)) == []
    assert reader.finish() is Ending.DAMAGED
    assert reader.good_bytes == 0


def test_the_largest_fragment_fits_a_line() -> None:
    huge = (1 << 63) - 1
    chunks = tuple(ChunkEntry(huge, huge, bytes(32)) for _ in range(FRAGMENT_CHUNKS_MAX))
    entry = FragmentEntry(1, huge, FRAGMENT_CHUNKS_MAX, huge, huge, huge, 0, bytes(32))
    event = journal.FragmentWritten(entry, chunks, bytes(32), bytes(BLOCK_BYTES_MAX))
    assert len(journal.encode(1 << 40, event)) < LINE_BYTES_MAX


def test_a_line_must_name_its_chunks() -> None:
    entry = FragmentEntry(1, 0, 2, 0, 0, 0, 0, bytes(32))
    with pytest.raises(FormatError, match="1 chunks instead of 2"):
        journal.encode(0, journal.FragmentWritten(entry, (ChunkEntry(0, 40, bytes(32)),), bytes(32)))


def written(events: list[journal.Event]) -> bytes:
    return b"".join(journal.encode(number, event) for number, event in enumerate(events))


def read(data: bytes, piece_bytes: int) -> tuple[list[journal.Event], Ending, int]:
    reader = JournalReader()
    events: list[journal.Event] = []
    for start in range(0, len(data), piece_bytes):
        events += reader.feed(data[start : start + piece_bytes])
    return events, reader.finish(), reader.good_bytes
