"""Hypothesis strategies for the documents of firmware.formats."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.chunk import CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES
from firmware.formats.erasures import ERASED_MAX, Erased, Erasures
from firmware.formats.header import Header, RecordingInfo
from firmware.formats.journal import Event, FragmentWritten, Stopped
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest
from firmware.formats.moment import SOURCES, UNIX_MS_MAX, Moment
from firmware.formats.track import ACCURACY_DM_MAX, BLOCK_BYTES_MAX, LATITUDE_MAX, LONGITUDE_MAX, Place, TrackEntry
from firmware.formats.track import SOURCES as PLACE_SOURCES

INTEGERS = st.integers(0, (1 << 63) - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)  # 240 bytes at most, whatever the alphabet
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=32)
IDS = st.binary(min_size=16, max_size=16)
DIGESTS = st.binary(min_size=32, max_size=32)
BOOTS = st.binary(min_size=8, max_size=8).map(bytes.hex)
KEYS = st.lists(st.binary(max_size=100), max_size=3).map(tuple)
UNIX_TIMES = st.integers(0, UNIX_MS_MAX)
KNOWN_MOMENTS = st.builds(Moment, INTEGERS, UNIX_TIMES, st.sampled_from(sorted(SOURCES - {"none"})), INTEGERS)
MOMENTS = st.one_of(KNOWN_MOMENTS, st.builds(Moment, INTEGERS, st.just(0), st.just("none"), INTEGERS))

INFOS = st.builds(
    RecordingInfo,
    camera_serial=TEXTS,
    camera_model=TEXTS,
    firmware=TEXTS,
    system=TEXTS,
    wearer_id=TEXTS,
    wearer_name=TEXTS,
    profile=TEXTS,
    boot=BOOTS,
    cause_start=WORDS,
    started=MOMENTS,
    container=WORDS,
)
PRIVATE = st.binary(min_size=1, max_size=100)
HIDDEN = INFOS.map(lambda shown: replace(shown, wearer_id="", wearer_name="", profile=""))
HEADERS = st.builds(Header, recording=IDS, suite=WORDS, wrapped_keys=KEYS, info=INFOS) | st.builds(
    Header, recording=IDS, suite=WORDS, wrapped_keys=KEYS, info=HIDDEN, private=PRIVATE
)
AUTHORISATIONS = st.builds(EraseAuthorisation, TEXTS, IDS, DIGESTS, WORDS, INTEGERS, INTEGERS)
ERASURES = st.builds(
    Erasures, INTEGERS, st.lists(st.builds(Erased, INTEGERS, IDS, DIGESTS), max_size=ERASED_MAX).map(tuple)
)
PLACES = st.builds(
    Place,
    at_ms=st.integers(0, (1 << 32) - 1),
    unix_ms=UNIX_TIMES,
    latitude=st.integers(-LATITUDE_MAX, LATITUDE_MAX),
    longitude=st.integers(-LONGITUDE_MAX, LONGITUDE_MAX),
    accuracy_dm=st.integers(0, ACCURACY_DM_MAX),
    source=st.sampled_from(sorted(PLACE_SOURCES)),
    satellites=st.integers(0, 255),
)
BLOCKS = st.just(b"") | st.binary(min_size=1, max_size=100) | st.just(bytes(BLOCK_BYTES_MAX))
STOPS = st.builds(Stopped, WORDS, MOMENTS, st.booleans())


@st.composite
def fragments(draw: st.DrawFn, count_max: int = 5) -> tuple[FragmentWritten, ...]:
    """Fragments that follow one another from the beginning of a recording."""
    written: list[FragmentWritten] = []
    chunk, offset = 0, 0
    for number in range(draw(st.integers(0, count_max))):
        lengths = draw(st.lists(st.integers(CHUNK_HEADER_BYTES, CHUNK_BYTES_MAX), min_size=1, max_size=3))
        chunks: list[ChunkEntry] = []
        for length in lengths:
            chunks.append(ChunkEntry(offset, length, draw(DIGESTS)))
            offset += length
        entry = FragmentEntry(
            kind=1 if number else 0,
            first_chunk=chunk,
            chunk_count=len(lengths),
            start_ms=draw(INTEGERS),
            duration_ms=draw(INTEGERS),
            frames=draw(INTEGERS),
            content_bytes=draw(st.integers(0, len(lengths) * CHUNK_BYTES_MAX)),
            content_sha256=draw(DIGESTS),
        )
        chunk += len(lengths)
        written.append(FragmentWritten(entry, tuple(chunks), draw(DIGESTS), draw(BLOCKS)))
    return tuple(written)


EVENTS: st.SearchStrategy[Event] = st.one_of(
    STOPS, fragments().filter(bool).map(lambda written: written[-1]).filter(lambda last: last.chunks != ())
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Manifests that contradict themselves nowhere."""
    written = draw(fragments())
    private = draw(st.just(b"") | PRIVATE)
    info = draw(HIDDEN if private else INFOS)
    chunks = tuple(chunk for event in written for chunk in event.chunks)
    return Manifest(
        recording=draw(IDS),
        suite=draw(WORDS),
        camera_serial=info.camera_serial,
        camera_model=info.camera_model,
        firmware=info.firmware,
        system=info.system,
        wearer_id=info.wearer_id,
        wearer_name=info.wearer_name,
        profile=info.profile,
        boot=info.boot,
        cause_start=info.cause_start,
        cause_stop=draw(WORDS),
        started=info.started,
        stopped=draw(MOMENTS),
        interrupted=draw(st.booleans()),
        chunks=chunks,
        fragments=tuple(event.entry for event in written),
        content_sha256=draw(DIGESTS),
        content_bytes=sum(event.entry.content_bytes for event in written),
        chunks_bytes=sum(chunk.length for chunk in chunks),
        container=info.container,
        wrapped_keys=draw(KEYS),
        private=private,
        track=tuple(TrackEntry(number, event.places) for number, event in enumerate(written) if event.places),
    )


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS | DIGESTS.map(bytes.hex),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def with_one_change(document: Any, draw: "Callable[[st.SearchStrategy[Any]], Any]") -> Any:
    """The document with one of its values, at any depth, replaced, removed or added."""
    if isinstance(document, dict) and document and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(document)))
        return {**document, key: with_one_change(document[key], draw)}
    if isinstance(document, list) and document and draw(st.booleans()):
        at = draw(st.integers(0, len(document) - 1))
        return [*document[:at], with_one_change(document[at], draw), *document[at + 1 :]]
    if isinstance(document, dict) and document and draw(st.booleans()):
        return {key: document[key] for key in document if key != draw(st.sampled_from(sorted(document)))}
    if isinstance(document, dict):
        return {**document, draw(st.text(max_size=8)): draw(JSON_VALUES)}
    return draw(JSON_VALUES)
