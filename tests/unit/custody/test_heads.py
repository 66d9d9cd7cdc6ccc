"""Signed heads: what a copy of the ledger shows of history that was rewritten, cut short or exchanged."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from firmware.ports.memory_files import MemoryFiles
from firmware.secure.signing import P256Signer
from host_tools.custody import offline
from host_tools.custody.errors import CustodyFault
from host_tools.custody.heads import HeadSigner, SignedHead
from host_tools.custody.index import Index, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.ledger import GENESIS, LINE_BYTES_MAX, Head, Link, hash_of, make_link, read_entry
from host_tools.custody.offline import Judgement, judge_index, judge_links, open_copy
from host_tools.custody.spool import Spool
from host_tools.destinations.metadata import completion_metadata, read_head
from host_tools.trust.system import SystemTrust
from tests.unit.custody.recordings import Sample, sample
from tests.unit.trust.parts import World

pytestmark = pytest.mark.req("CTRL-24")


def signer_of(trust: SystemTrust) -> HeadSigner:
    own = trust.record.controller
    return HeadSigner("controller-1", P256Signer(trust.controller_key()), own.chain)


class Book:
    """A controller's folder with some recordings delivered, and the heads that went with them."""

    def __init__(self, folder: Path, trust: SystemTrust, seeds: range) -> None:
        folder.mkdir()
        self.folder = folder
        self.trust = trust
        self.index: Index = open_index(str(folder / "index.sqlite"))
        self.journey = Journey(self.index, lambda: 5_000)
        self.spool = Spool(MemoryFiles(), self.index, lambda: 5_000, spare_bytes=4_096)
        self.heads: list[SignedHead] = []
        self.given: list[Sample] = []
        for seed in seeds:
            self.deliver(sample(seed))

    def deliver(self, given: Sample) -> None:
        """Take in and deliver a recording."""
        self.given.append(given)
        self.spool.accept(given.manifest_bytes, "CAM-0001", given.digest)
        self.spool.write(given.recording, 0, given.chunks)
        self.spool.commit()
        self.journey.start_delivery(given.recording, given.recording.hex())
        self.heads.append(self.journey.sign_head(given.recording, signer_of(self.trust)))
        self.journey.delivered(given.recording, "memory", [])

    def close(self) -> None:
        self.spool.close()
        self.index.close()

    def judge(self, kept: list[SignedHead] | None = None, root: bytes | None = None) -> Judgement:
        """As somebody far away with a copy and the root certificate."""
        with open_copy(self.folder) as index:
            return judge_index(index, kept or (), self.trust.record.root if root is None else root)

    def tamper(self, *statements: str) -> None:
        """As somebody who can write the file."""
        self.close()
        connection = apsw.Connection(str(self.folder / "index.sqlite"))
        connection.execute("DROP TRIGGER ledger_keeps_lines; DROP TRIGGER ledger_keeps_length; PRAGMA foreign_keys=OFF")
        for statement in statements:
            connection.execute(statement)
        connection.close()


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def book(tmp_path: Path, world: World) -> Iterator[Book]:
    made = Book(tmp_path / "controller", world.trust, range(1, 4))
    yield made
    made.close()


def test_a_whole_book_holds_and_says_who_signed(book: Book) -> None:
    judgement = book.judge(book.heads)
    assert judgement.holds, judgement
    assert (judgement.signed, judgement.unsigned, judgement.kept) == (3, 0, 3)
    assert judgement.controllers == ("controller-1",)
    words = [read_entry(link).word for link in book.index.ledger_links()]
    assert words.count("signer") == 1
    assert words.count("head_signed") == 3


def test_a_head_is_signed_once_for_as_long_as_nothing_else_is_told(book: Book, world: World) -> None:
    given = sample(9)
    book.spool.accept(given.manifest_bytes, "CAM-0001", given.digest)
    signer = signer_of(world.trust)
    first = book.journey.sign_head(given.recording, signer)
    assert book.journey.sign_head(given.recording, signer) == first
    book.spool.write(given.recording, 0, given.chunks)
    book.spool.commit()
    assert book.journey.sign_head(given.recording, signer).head.sequence > first.head.sequence


def test_an_old_line_rewritten_is_found(book: Book) -> None:
    book.tamper("UPDATE ledger SET line = replace(line, 'CAM-0001', 'CAM-0002') WHERE sequence = 3")
    assert book.judge().verdict.bad_sequence == 3


def test_an_old_line_rewritten_with_every_hash_after_it_is_found_by_the_next_signed_head(book: Book) -> None:
    links = list(book.index.ledger_links())
    links[2] = replace(links[2], line=links[2].line.replace("CAM-0001", "CAM-0002"))
    statements: list[str] = []
    before = GENESIS
    for link in links:
        before = hash_of(before, link.line)
        line = link.line.replace("'", "''")
        statements.append(
            f"UPDATE ledger SET line = '{line}', hash = x'{before.hex()}' WHERE sequence = {link.sequence}"
        )
    book.tamper(*statements)
    verdict = book.judge().verdict
    signed_at = next(link.sequence for link in links if read_entry_word(link.line) == "head_signed")
    assert (verdict.bad_sequence, verdict.reason) == (signed_at, "its signed head is not the entry before it")


def read_entry_word(line: str) -> str:
    return "head_signed" if '"event":"head_signed"' in line else ""


def test_a_dropped_line_is_found(book: Book) -> None:
    book.tamper("DELETE FROM ledger WHERE sequence = 4")
    assert book.judge().verdict.bad_sequence == 4


def test_a_tail_cut_off_is_found_by_the_index_and_by_a_delivered_head(book: Book) -> None:
    last = book.heads[-1].head.sequence
    book.tamper(f"DELETE FROM ledger WHERE sequence >= {last}")
    judgement = book.judge()
    assert judgement.verdict.holds
    assert "the ledger was cut short" in judgement.troubles[0]
    kept = book.judge(book.heads).verdict
    assert (kept.bad_sequence, kept.reason) == (last, f"cut short: a kept head knows entry {last}")


def test_a_tail_cut_off_together_with_its_recordings_is_found_by_a_delivered_head(book: Book) -> None:
    gone = book.given[-1].recording.hex()
    first = next(link.sequence for link in book.index.ledger_links(book.given[-1].recording))
    book.tamper(
        f"DELETE FROM ledger WHERE sequence >= {first}",
        f"DELETE FROM transfers WHERE recording = x'{gone}'",
        f"DELETE FROM chunks WHERE recording = x'{gone}'",
        f"DELETE FROM recordings WHERE recording = x'{gone}'",
    )
    assert book.judge().holds, "nothing that is left could show it"
    assert "cut short" in book.judge(book.heads).verdict.reason


def test_two_chains_swapped_are_found(book: Book, tmp_path: Path, world: World) -> None:
    other = Book(tmp_path / "other", world.trust, range(11, 14))
    links = list(other.index.ledger_links())
    other.close()
    book.close()
    connection = apsw.Connection(str(book.folder / "index.sqlite"))
    connection.execute("DROP TRIGGER ledger_keeps_length")
    connection.execute("DELETE FROM ledger")
    rows = [(link.sequence, link.recording, link.line, link.hash) for link in links]
    connection.executemany("INSERT INTO ledger (sequence, recording, line, hash) VALUES (?, ?, ?, ?)", rows)
    connection.close()
    judgement = book.judge()
    assert judgement.verdict.holds, "the other chain itself is in order"
    assert "are not of the same controller" in judgement.troubles[0]
    assert not book.judge(book.heads).verdict.holds


def test_a_chain_signed_by_a_stranger_is_found(tmp_path: Path, world: World) -> None:
    stranger = World(seed=2)
    forged = Book(tmp_path / "forged", stranger.trust, range(1, 3))
    forged.close()
    verdict = forged.judge(root=world.trust.record.root).verdict
    assert "does not lead to this system's root" in verdict.reason


def test_a_chain_that_is_not_signed_any_more_is_found(tmp_path: Path, world: World) -> None:
    bare = Book(tmp_path / "bare", world.trust, range(0))
    bare.journey.sign_head(bytes(16), HeadSigner("controller-1"))
    bare.close()
    assert bare.judge(root=b"").verdict.holds
    assert "is not signed" in bare.judge().verdict.reason


def test_a_delivered_head_that_was_forged_is_found(book: Book) -> None:
    forged = replace(book.heads[0], recording=book.given[1].recording)
    assert "signature of its head does not hold" in book.judge([forged]).troubles[0]


def test_a_renewed_certificate_is_named_once_more_and_old_heads_still_hold(tmp_path: Path) -> None:
    world = World(seed=3)
    book = Book(tmp_path / "renewed", world.trust, range(1, 3))
    own = world.trust.record.controller.chain
    world.trust.confirm_clock(world.now_ms + 80 * 7 * 24 * 3600 * 1000)
    assert world.trust.record.controller.chain != own
    book.deliver(sample(3))
    book.close()
    judgement = book.judge(book.heads)
    assert judgement.holds, judgement
    assert judgement.signed == 3


def test_a_head_travels_as_metadata(book: Book) -> None:
    for head in book.heads:
        assert read_head(completion_metadata(head)) == head
    bare = HeadSigner("controller-1").sign(Head(1, bytes(32)), bytes(16), 7)
    assert read_head({key: value for key, value in completion_metadata(bare).items() if value}) == bare
    assert read_head({"Status": "Complete"}) is None
    with pytest.raises(ValueError, match="lacks ledgersequence"):
        read_head({"LedgerHash": "00"})


def test_an_export_is_the_same_chain(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "ledger.txt"
    path.write_text("".join(offline.export_lines(book.index.ledger_links())), encoding="utf-8")
    assert offline.is_export(path)
    assert list(offline.read_export(path)) == list(book.index.ledger_links())
    judgement = judge_links(offline.read_export(path), book.heads, book.trust.record.root)
    assert (judgement.holds, judgement.signed) == (True, 3)


def test_an_export_with_the_longest_line_there_may_be_is_read_whole(tmp_path: Path) -> None:
    blank = len(make_link(Head(0, GENESIS), "held", bytes(16), 1, {"text": ""}).line)
    longest = make_link(Head(0, GENESIS), "held", bytes(16), 1, {"text": "x" * (LINE_BYTES_MAX - blank)})
    links = [longest, make_link(Head(1, longest.hash), "held", bytes(16), 2, {})]
    path = tmp_path / "ledger.txt"
    path.write_text("".join(offline.export_lines(links)), encoding="utf-8")
    assert list(offline.read_export(path)) == links


def without(number: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines[:number], *lines[number + 1 :]]


@pytest.mark.parametrize(
    ("tamper", "bad"),
    [
        (without(3), 3),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], 2),
        (lambda lines: [lines[0], lines[1].replace("CAM-0001", "CAM-0002"), *lines[2:]], 1),
        (lambda lines: [*lines[:5], "rubbish", *lines[6:]], 5),
        (lambda lines: [*lines[:5], ""], 5),
    ],
)
def test_a_changed_export_is_found(
    book: Book, tmp_path: Path, tamper: Callable[[list[str]], list[str]], bad: int
) -> None:
    path = tmp_path / "ledger.txt"
    lines = "".join(offline.export_lines(book.index.ledger_links())).splitlines()
    path.write_text("\n".join(tamper(lines)) + "\n", encoding="utf-8")
    assert judge_links(offline.read_export(path)).verdict.bad_sequence == bad


def test_a_copy_taken_while_the_controller_runs_can_be_read_where_nothing_can_be_written(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("index.sqlite", "index.sqlite-wal"):
        shutil.copy(book.folder / name, copy / name)
    before = sorted(copy.iterdir())
    monkeypatch.setattr(os, "access", lambda *_: False)  # as on a disk mounted read-only; tests may run as root
    with open_copy(copy) as index:
        assert judge_index(index, book.heads, book.trust.record.root).holds
    assert sorted(copy.iterdir()) == before, "nothing was written beside it"


def test_a_folder_without_a_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(CustodyFault, match="no ledger is here"), open_copy(tmp_path):
        pass
    text = tmp_path / "text"
    text.write_text("something else")
    assert not offline.is_export(text)
    with pytest.raises(CustodyFault, match="not an exported ledger"):
        list(offline.read_export(text))


def test_a_signed_head_of_no_recording_does_not_hold(book: Book) -> None:
    links: list[Link] = []
    for link in book.index.ledger_links():
        entry = read_entry(link)
        nobodys = None if entry.word == "head_signed" else entry.recording
        before = Head(len(links), links[-1].hash if links else GENESIS)
        links.append(make_link(before, entry.word, nobodys, entry.at_unix_ms, entry.details))
        if nobodys is None and entry.word == "head_signed":
            break
    assert judge_links(links).verdict.reason == "the signature of its head does not hold"


def test_a_head_that_says_nothing_readable_is_named() -> None:
    link = make_link(Head(0, GENESIS), "head_signed", bytes(16), 1, {"sequence": "x"})
    assert judge_links([link]).verdict.reason == "its signed head cannot be read"
