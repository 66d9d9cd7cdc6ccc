"""The ledger: what happened to every recording, one hash chain a controller, append-only.

Law: the chain itself, and nothing of SQL or files: a link is made and judged here, ``index`` keeps it. A link's hash is
SHA-256 over the previous link's hash (32 zero bytes before the first) and the link's own line. The line is canonical
JSON (sorted keys, no blanks, UTF-8), one event with schema version, so that anybody can check a copy with a few lines
of any language.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

from firmware.formats import canonical
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.states import WORDS

LEDGER_SCHEMA = 1
GENESIS = bytes(32)
# One event's details; the longest real ones are the receipts of a recording split in some hundred clips.
LINE_BYTES_MAX = 256 * 1024

Details = Mapping[str, Any]


class Head(NamedTuple):
    """Where a chain ends. Two copies with the same head are the same chain. ``sequence`` 0: the empty chain."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as it is kept: ``line`` is the canonical text that ``hash`` covers."""

    sequence: int
    recording: bytes | None
    line: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as people read it. ``at_unix_ms``: when this controller wrote it."""

    sequence: int
    word: str
    recording: bytes | None
    at_unix_ms: int
    details: dict[str, Any]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """``bad_sequence`` and ``reason`` name the first bad link; both are empty when the chain holds."""

    entries: int
    head: Head
    bad_sequence: int | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether every link follows from the one before."""
        return self.bad_sequence is None

    def __str__(self) -> str:
        if self.holds:
            return f"ledger holds: {self.entries} entries, head {self.head.hash.hex()}"
        return f"ledger broken at entry {self.bad_sequence}: {self.reason}"


class LinkStore(Protocol):
    """What keeps the chain (the index)."""

    def ledger_links(self, recording: bytes | None = None) -> Iterator[Link]:
        """Links in order of sequence; of one recording only, if asked."""
        ...


class Judge(Protocol):
    """Looks at each entry of a chain that holds until there; an empty text finds nothing wrong."""

    def fault(self, before: Head, entry: Entry) -> str: ...


class Ledger:
    """Reading the chain. It grows only inside the index's transactions, together with what it tells of."""

    def __init__(self, store: LinkStore) -> None:
        self._store = store

    def entries(self, recording: bytes | None = None) -> Iterator[Entry]:
        """Entries in order; of one recording only, if asked. CustodyRefused names a line that is none."""
        return (read_entry(link) for link in self._store.ledger_links(recording))

    def verify(self, heads: Iterable[Head] = (), judge: Judge | None = None) -> Verdict:
        """Check the whole chain; ``heads`` are earlier heads (from delivered recordings) that it must contain."""
        return verify(self._store.ledger_links(), heads, judge)


def make_link(
    head: Head,
    word: str,
    recording: bytes | None,
    at_unix_ms: int,
    details: Details,
    words: Collection[str] = WORDS,
) -> Link:
    """The link that follows ``head``. CustodyRefused if the word is unknown or the details are too long.
    ``words``: what a chain speaks of; the audit trail of people has its own."""
    if word not in words:
        raise CustodyRefused(f"ledger word {word!r} is unknown; known words: {', '.join(words)}")
    sequence = head.sequence + 1
    document = {
        "schema": LEDGER_SCHEMA,
        "sequence": sequence,
        "event": word,
        "recording": recording.hex() if recording is not None else None,
        "at_unix_ms": at_unix_ms,
        "details": dict(details),
    }
    line = _canonical(document)
    if len(line.encode()) > LINE_BYTES_MAX:
        raise CustodyRefused(f"ledger entry {word!r} is longer than {LINE_BYTES_MAX} bytes: shorten its details")
    return Link(sequence, recording, line, hash_of(head.hash, line))


def hash_of(previous: bytes, line: str) -> bytes:
    """A link's hash."""
    return hashlib.sha256(previous + line.encode()).digest()


def read_entry(link: Link) -> Entry:
    """The entry a line tells. CustodyRefused if the line is not one of this schema."""
    fault = _line_fault(link)
    if fault:
        raise CustodyRefused(f"ledger entry {link.sequence}: {fault}")
    document = cast("dict[str, Any]", json.loads(link.line))
    return Entry(
        link.sequence, document["event"], link.recording, document["at_unix_ms"], document["details"], link.hash
    )


def sequence_of(line: str) -> int | None:
    """The place that a line names; None if it names none."""
    number = _members(line).get("sequence")
    return number if isinstance(number, int) else None


def recording_of(line: str) -> bytes | None:
    """The recording that a line names; None if it names none."""
    named = _members(line).get("recording")
    try:
        return bytes.fromhex(named) if isinstance(named, str) else None
    except ValueError:
        return None


def verify(links: Iterable[Link], heads: Iterable[Head] = (), judge: Judge | None = None) -> Verdict:
    """Walk the chain in one pass. Finds a rewritten, dropped, added or moved line; by ``heads`` taken earlier and kept
    elsewhere, a chain that was cut short or made anew; and what ``judge`` finds."""
    expected: dict[int, set[bytes]] = {}
    for kept in heads:
        if kept.sequence > 0:
            expected.setdefault(kept.sequence, set()).add(kept.hash)
    head = Head(0, GENESIS)
    for link in links:
        reason = _link_fault(head, link) or _head_fault(expected.pop(link.sequence, set()), link)
        if judge is not None and not reason:
            reason = judge.fault(head, read_entry(link))
        if reason:
            return Verdict(head.sequence, head, head.sequence + 1, reason)
        head = Head(link.sequence, link.hash)
    if expected:
        missing = min(expected)
        return Verdict(head.sequence, head, head.sequence + 1, f"cut short: a kept head knows entry {missing}")
    return Verdict(head.sequence, head)


def _link_fault(head: Head, link: Link) -> str:
    if link.sequence != head.sequence + 1:
        return f"entry {head.sequence + 1} is not there, {link.sequence} follows"
    if hash_of(head.hash, link.line) != link.hash:
        return "its hash does not follow from the entry before and its line"
    return _line_fault(link)


def _head_fault(expected: set[bytes], link: Link) -> str:
    if expected - {link.hash}:
        return "a kept head names another entry at this place: the chain was made anew"
    return ""


def _line_fault(link: Link) -> str:
    try:
        loaded: object = json.loads(link.line)
    except ValueError:
        return "its line is not JSON"
    if not isinstance(loaded, dict):
        return "its line is not a JSON object"
    document = cast("dict[str, object]", loaded)
    if document.get("schema") != LEDGER_SCHEMA:
        return f"schema {document.get('schema')!r} is not {LEDGER_SCHEMA}: use newer software to read it"
    named = link.recording.hex() if link.recording is not None else None
    if document.get("sequence") != link.sequence or document.get("recording") != named:
        return "its line tells of another entry than its place"
    if _canonical(document) != link.line:
        return "its line is not in canonical form"
    if set(document) != {"schema", "sequence", "event", "recording", "at_unix_ms", "details"}:
        return "its line has other fields than an entry"
    return ""


def _members(line: str) -> dict[str, object]:
    try:
        loaded: object = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, object]", loaded) if isinstance(loaded, dict) else {}


def _canonical(document: Mapping[str, object]) -> str:
    return canonical.encode(document).decode()
