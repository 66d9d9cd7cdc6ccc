"""Fuzz targets of what is written down: documents of recordings, captures, names at destinations."""

from __future__ import annotations

import io
import json
import re
from binascii import crc32
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from firmware.formats import authorisation, canonical, chunk, erasures, header, journal, manifest
from firmware.formats.errors import FormatError
from firmware.formats.marks import Marks
from host_tools.destinations import names
from host_tools.destinations.checks import check_metadata, check_name
from host_tools.destinations.interface import DestinationRefused
from host_tools.protocol.pcapng import CaptureFileError, Packet, PcapngReader, PcapngWriter

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors" / "formats"
_MARKED: Final = json.loads((VECTORS / "marks.json").read_text(encoding="utf-8"))
MARKS_KEY: Final = bytes.fromhex(_MARKED["key"])
MARKS_RECORDING: Final = bytes.fromhex(_MARKED["recording"])
FILE_NAME_BYTES_MAX: Final = 255  # of every file system a destination can be on
PACKETS_MAX: Final = 100_000  # more than any input of a fuzzer holds


def vectors(name: str) -> Iterator[bytes]:
    """Texts of the vectors of one format, good and refused."""
    document = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    for vector in (*document["vectors"], *document["refused"]):
        yield vector["text"].encode()


def manifest_decoder(data: bytes) -> None:
    """Any bytes: a manifest that is written as exactly those bytes, or FormatError."""
    for document in spellings(data):
        hold(document, manifest.decode, manifest.encode)


def header_decoder(data: bytes) -> None:
    """Any bytes: a header that is written as exactly those bytes, or FormatError."""
    for line in lines(data):
        hold(line, header.decode, header.encode)


def erasures_decoder(data: bytes) -> None:
    """Any bytes: erasures that are written as exactly those bytes, or FormatError."""
    for line in lines(data):
        hold(line, erasures.decode, erasures.encode)


def authorisation_decoder(data: bytes) -> None:
    """Any bytes: an authorisation that is written as exactly those bytes, or FormatError."""
    for document in spellings(data):
        hold(document, authorisation.decode, authorisation.encode)


def marked_decoder(data: bytes) -> None:
    """Any bytes, as header or first line of a camera that marks: what is believed is written as exactly those bytes,
    and nothing is believed that has not its mark."""
    for line in lines(data):
        hold(line, lambda text: header.decode(text, marks()), lambda found: header.encode(found, marks()))
        hold(line, lambda text: journal.decode(text, 0, marks()), lambda event: journal.encode(0, event, marks()))
    reader = journal.JournalReader(marks())
    found = reader.feed(data)
    fresh = marks()
    assert b"".join(journal.encode(n, event, fresh) for n, event in enumerate(found)) == data[: reader.good_bytes]


def marks() -> Marks:
    """Of the board and recording of the vectors, before their first line."""
    return Marks(MARKS_KEY, MARKS_RECORDING)


def journal_decoder(data: bytes) -> None:
    """Any bytes, however cut: the events of whole lines up to the first bad one, and the length of just these."""
    for line in lines(data):
        hold(line, lambda text: journal.decode(text, 0), lambda event: journal.encode(0, event))
    whole, pieces = journal.JournalReader(), journal.JournalReader()
    found = whole.feed(data)
    step = 1 + len(data) // 7
    assert [event for at in range(0, len(data), step) for event in pieces.feed(data[at : at + step])] == found
    assert (pieces.good_bytes, pieces.lines) == (whole.good_bytes, whole.lines) == (whole.good_bytes, len(found))
    assert whole.good_bytes <= len(data)
    assert pieces.finish() == whole.finish()
    again = b"".join(journal.encode(number, event) for number, event in enumerate(found))
    assert again == data[: whole.good_bytes]


def chunk_decoder(data: bytes) -> None:
    """Any bytes: a header whose lengths are within the limits, or FormatError; a chunk opens at its place alone."""
    try:
        found = chunk.decode_header(data)
    except FormatError as error:
        check_text(error)
        return
    assert found.sealed_bytes <= chunk.CHUNK_BYTES_MAX + chunk.CHUNK_HEADER_BYTES + 64
    opener = chunk.ClearOpener(found.recording)
    try:
        assert len(opener.open(found.index, data)) == len(data) - chunk.CHUNK_HEADER_BYTES
    except FormatError as error:
        check_text(error)


def chunk_seeds() -> Iterator[bytes]:
    """Chunks of the vectors."""
    document = json.loads((VECTORS / "chunk.json").read_text(encoding="utf-8"))
    for vector in (*document["vectors"], *document["refused"]):
        yield bytes.fromhex(vector["hex"])


def destination_names(data: bytes) -> None:
    """Any text: refused, or a plain name that stays in its folder; what is made of people's texts is never refused."""
    text = data.decode("utf-8", "surrogateescape" if data[:1] < b"\x80" else "replace")
    try:
        check_name(text)
    except DestinationRefused as error:
        check_text(error)
    else:
        assert text not in ("", ".", "..")
        assert len(text.encode()) <= FILE_NAME_BYTES_MAX
        assert PurePosixPath("folder", text).parts == ("folder", text)
        assert not re.search(r"[\0-\x1f\x7f/\\]", text)
    try:
        check_metadata({"Key": text})
    except DestinationRefused as error:
        check_text(error)
    else:
        assert "\n" not in text
        assert "\r" not in text
    made = names.slug(data.decode("utf-8", "replace"))
    assert 0 < len(made) <= names.SLUG_CHARACTERS_MAX
    check_name(f"{made}_{made}_{names.UNKNOWN_TIME}-00000000-1")


def name_seeds() -> Iterator[bytes]:
    """Names that have fooled somebody."""
    for text in (
        "Ada Åström",
        "w-7",
        "..",
        "a/../b",
        "C:\\x",
        "nul",
        ".meta.json",
        "a.",
        " a",
        "\u202ea",
        "\u2028",
        "x" * 101,
    ):
        yield text.encode()


def captures(data: bytes) -> None:
    """Any bytes: packets, or CaptureFileError; never more packets than bytes."""
    reader = PcapngReader(io.BytesIO(data), "fuzz")
    try:
        count = sum(1 for _ in reader)
    except CaptureFileError as error:
        check_text(error)
    else:
        assert count < min(PACKETS_MAX, len(data))


def capture_seeds() -> Iterator[bytes]:
    """A whole small capture."""
    file = io.BytesIO()
    writer = PcapngWriter(file, "fuzz", "a comment")
    interface = writer.add_interface("board", "a board")
    for number in range(3):
        writer.write(Packet(interface, number * 1000, "", bytes(number * 5), "a packet"))
    yield file.getvalue()


def spellings(data: bytes) -> Iterator[bytes]:
    """The bytes themselves and, where they are JSON of any spelling, their canonical form: a fuzzer rarely hits it."""
    yield data
    try:
        document = json.loads(data)
        if isinstance(document, dict):
            yield canonical.encode(document)
    except (ValueError, RecursionError, FormatError):
        return


def lines(data: bytes) -> Iterator[bytes]:
    """The bytes themselves, and what they hold as lines whose check is right."""
    yield data
    for body in spellings(data[9:-1] if data[8:9] == b" " else data):
        yield b"%08x %s\n" % (crc32(body), body)


def hold(data: bytes, decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]) -> None:
    """Decoding gives a value that is written as the same bytes, or FormatError in one line."""
    try:
        value = decode(data)
    except FormatError as error:
        check_text(error)
    else:
        assert encode(value) == data


def check_text(error: Exception) -> None:
    """One line, neither empty nor endless."""
    text = str(error)
    assert text
    assert "\n" not in text
    assert len(text) < 1000
