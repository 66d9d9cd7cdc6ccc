"""Marks on header and journal: whose lines they are, and that they stand where they were written."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import canonical, header, journal
from firmware.formats.errors import FormatError
from firmware.formats.journal import Ending, Event, JournalReader
from firmware.formats.marks import MARK_KEY, Marks, UncheckedMarks
from firmware.formats.moment import Moment
from tests.unit.formats import strategies

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/formats/marks.json").read_text())
KEY = bytes(range(32))
RECORDING = bytes(range(16))


def written(events: list[Event], key: bytes = KEY, recording: bytes = RECORDING) -> tuple[bytes, list[bytes]]:
    """A header and its journal, as a camera with a secret writes them."""
    marks = Marks(key, recording)
    first = header.encode(_header(), marks)
    return first, [journal.encode(number, event, marks) for number, event in enumerate(events)]


def read(first: bytes, lines: bytes, key: bytes = KEY, recording: bytes = RECORDING) -> tuple[list[Event], Ending]:
    marks = Marks(key, recording)
    header.decode(first, marks)
    reader = JournalReader(marks)
    return reader.feed(lines), reader.finish()


@given(st.lists(strategies.EVENTS, max_size=4))
def test_what_is_written_is_read(events: list[Event]) -> None:
    first, lines = written(events)
    assert read(first, b"".join(lines)) == (events, Ending.WHOLE)
    assert header.decode(first, UncheckedMarks()) == _header()
    with pytest.raises(FormatError, match="unknown field"):
        header.decode(first)  # a mark that nobody looks at must not pass unseen
    for number, line in enumerate(lines):
        assert journal.decode(line, number, UncheckedMarks()) == events[number]


def test_every_changed_line_ends_the_journal() -> None:
    events = _stops(4)
    first, lines = written(events)
    for number in range(4):
        fields = dict(canonical.decode_line(lines[number], "journal", 1 << 14))
        fields["cause"] = "forged"
        forged = [*lines[:number], canonical.encode_line(fields), *lines[number + 1 :]]
        assert read(first, b"".join(forged)) == (events[:number], Ending.DAMAGED)


def test_lines_that_are_dropped_moved_or_of_another_do_not_fit() -> None:
    events = _stops(3)
    first, lines = written(events)
    _, elsewhere = written(events, recording=RECORDING[::-1])
    for forged in (lines[1:], [lines[0], lines[2]], [lines[1], lines[0]], elsewhere):
        found, ending = read(first, b"".join(forged))
        assert len(found) < len(events)
        assert ending in (Ending.DAMAGED, Ending.TORN)
    assert read(first, b"".join(lines[:2])) == (events[:2], Ending.WHOLE)  # the limit: a cut at the end


def test_another_board_or_recording_wrote_another_header() -> None:
    first, _ = written([])
    for key, recording in ((KEY[::-1], RECORDING), (KEY, RECORDING[::-1])):
        with pytest.raises(FormatError, match="header: not written by this camera in this place"):
            header.decode(first, Marks(key, recording))
    unmarked = header.encode(_header())
    with pytest.raises(FormatError, match="header: not written by this camera in this place"):
        header.decode(unmarked, Marks(KEY, RECORDING))


def test_the_vectors() -> None:
    """Each refused line stands in the place of line 1."""
    key, recording = bytes.fromhex(VECTORS["key"]), bytes.fromhex(VECTORS["recording"])
    marks = Marks(key, recording)
    lines = [entry["text"].encode() for entry in VECTORS["vectors"]]
    for line in lines:
        fields = canonical.decode_line(line, "line", 1 << 16)
        assert canonical.encode_line({**marks.check(fields, "line"), MARK_KEY: fields[MARK_KEY]}) == line
    for entry in VECTORS["refused"]:
        marks = Marks(key, recording)
        header.decode(lines[0], marks)
        journal.decode(lines[1], 0, marks)
        with pytest.raises(FormatError, match=entry["error"]):
            journal.decode(entry["text"].encode(), entry["line"], marks)


def _header() -> header.Header:
    info = header.RecordingInfo(
        "OB-000042", "zero2w", "0.1.0", "", "w-7", "Ada", "standard", "00112233445566aa", "button", _moment()
    )
    return header.Header(RECORDING, "clear", (), info)


def _moment() -> Moment:
    return Moment(5_000, 1_750_000_000_000, "controller", 40)


def _stops(count: int) -> list[Event]:
    return [journal.Stopped(f"cause-{number}", _moment(), False) for number in range(count)]
