"""The ledger away from its controller: a copy of the folder, or an exported file, read and judged by anybody.

Law: reads only; whatever is wrong with a copy comes out as a verdict or as one line, never as a change. An exported
file has one link a line, ``<hash in hexadecimal> <the link's canonical line>``, after a first line that names the form:
what checks it in any language is a loop over SHA-256.
"""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.custody import ledger, states
from host_tools.custody.errors import CustodyFault
from host_tools.custody.heads import HeadJudge, SignedHead
from host_tools.custody.index import Index, open_index
from host_tools.custody.ledger import Link, Verdict, read_entry

EXPORT_HEADER = "openbwc-ledger 1"
INDEX_NAME = "index.sqlite"
_HASH_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Judgement:
    """``verdict`` of the chain; ``troubles``: what does not fit it elsewhere (index, heads at a destination), one line
    each. ``signed``, ``unsigned``: heads in the chain; ``kept``: heads from elsewhere that were compared."""

    verdict: Verdict
    troubles: list[str] = field(default_factory=list[str])
    signed: int = 0
    unsigned: int = 0
    kept: int = 0
    controllers: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong anywhere."""
        return self.verdict.holds and not self.troubles


@contextmanager
def open_copy(path: Path) -> Generator[Index]:
    """An index for reading: a controller's folder, also beside the running controller, a copy of it, or the file
    itself; also on a medium that cannot be written. CustodyFault names what is wrong."""
    file = path / INDEX_NAME if path.is_dir() else path
    if not file.is_file():
        raise CustodyFault(f"{path}: no ledger is here: name a controller's folder, its {INDEX_NAME} or an export")
    with _readable(file) as readable:
        index = open_index(str(readable), read_only=True)
        try:
            yield index
        finally:
            index.close()


def is_export(path: Path) -> bool:
    """Whether a file is an exported ledger."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(EXPORT_HEADER)) == EXPORT_HEADER.encode()


def export_lines(links: Iterable[Link]) -> Iterator[str]:
    """The lines of an export, each with its newline."""
    yield EXPORT_HEADER + "\n"
    for link in links:
        yield f"{link.hash.hex()} {link.line}\n"


def read_export(path: Path) -> Iterator[Link]:
    """The links of an export. A line that is none comes out as a link whose hash does not fit."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        if file.readline().rstrip("\n") != EXPORT_HEADER:
            raise CustodyFault(f"{path}: it is not an exported ledger of this form: export it again")
        sequence = 0
        while line := file.readline(ledger.LINE_BYTES_MAX + _HASH_CHARACTERS + 2):
            sequence += 1
            yield _exported(line.rstrip("\n"), sequence)


def judge_index(index: Index, kept: Iterable[SignedHead] = (), root: bytes = b"") -> Judgement:
    """Judge the chain of an index, whether the index tells the same story, and heads from elsewhere. Reads one
    committed state, also beside a running controller."""
    with index.snapshot():
        judgement = judge_links(index.ledger_links(), kept, root)
        if judgement.verdict.holds:
            judgement.troubles.extend(_story_faults(index))
        return judgement


def judge_links(links: Iterable[Link], kept: Iterable[SignedHead] = (), root: bytes = b"") -> Judgement:
    """Judge a chain and heads from elsewhere. ``root``: the system's root certificate, if it is known."""
    judge, heads = HeadJudge(root), list(kept)
    verdict = ledger.verify(links, [signed.head for signed in heads], judge)
    signed, unsigned = judge.signed, judge.unsigned
    troubles: list[str] = []
    for head in heads if verdict.holds else ():
        reason = judge.fault_of(head)
        if reason:
            troubles.append(f"the head kept for recording {head.recording.hex()}: {reason}")
    return Judgement(verdict, troubles, signed, unsigned, len(heads), tuple(sorted(judge.controllers)))


def _story_faults(index: Index) -> Iterator[str]:
    """Where the recordings' rows and the chain tell different stories; the chain itself holds."""
    stranger = index.stranger_link()
    if stranger is not None and stranger.recording is not None:
        yield (
            f"ledger entry {stranger.sequence} tells of recording {stranger.recording.hex()}, which this index has "
            "never had: ledger and index are not of the same controller"
        )
    words = frozenset(states.WORDS) - states.CHAIN_WORDS
    for row in index.recordings():
        link = index.last_link(row.recording, words)
        told = read_entry(link).word if link is not None else ""
        expected = states.LAST_WORDS[row.state]
        if (told or expected) and told not in expected:
            yield (
                f"recording {row.recording.hex()} is {row.state}, but the ledger's last word of it is "
                f"{told or 'missing'}: the ledger was cut short or exchanged"
            )


def _exported(line: str, sequence: int) -> Link:
    digest, text = line[:_HASH_CHARACTERS], line[_HASH_CHARACTERS + 1 :]
    try:
        hashed = bytes.fromhex(digest)
    except ValueError:
        hashed = b""
    recording = ledger.recording_of(text)
    number = ledger.sequence_of(text)
    return Link(sequence if number is None else number, recording, text, hashed)


@contextmanager
def _readable(file: Path) -> Generator[Path]:
    """The file where SQLite can read it: of a file with a write-ahead log it wants to write beside it even to read. So
    what lies on a medium that cannot be written is read from a copy of it."""
    if os.access(file.parent, os.W_OK):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="bwc-ledger-") as folder:
        for suffix in ("", "-wal"):
            if Path(f"{file}{suffix}").exists():
                shutil.copyfile(f"{file}{suffix}", Path(folder, INDEX_NAME + suffix))
        yield Path(folder, INDEX_NAME)
