"""``bwc ledger``: offline, on a folder, a copy, an export; the first bad link by name."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from firmware.platform.linux.files import LinuxFiles
from host_tools.custody.blocking import run_inline
from host_tools.destinations.directory import DirectoryDestination, create
from host_tools.destinations.metadata import completion_metadata
from tests.unit.cli.parts import Bwc
from tests.unit.custody.test_heads import Book
from tests.unit.trust.parts import World

pytestmark = pytest.mark.req("CTRL-24")


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def book(tmp_path: Path, world: World) -> Iterator[Book]:
    """A controller that runs: its write-ahead log is there."""
    made = Book(tmp_path / "controller", world.trust, range(1, 4))
    (made.folder / "trust").mkdir()
    data = bytearray(100_000)
    file = world.files.open("trust")
    (made.folder / "trust" / "trust").write_bytes(data[: file.read_at(0, data)])
    file.close()
    yield made
    made.close()


@pytest.fixture
def evidence(book: Book, tmp_path: Path) -> Path:
    """The destination that the recordings went to."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    create(LinuxFiles(folder), str(folder), "1")

    async def deliver() -> None:
        destination = DirectoryDestination(lambda: LinuxFiles(folder), str(folder), run_inline)
        await destination.open()
        for head in book.heads:
            await destination.ensure_container(head.recording.hex(), {"Status": "Transferring"})
            await destination.complete(head.recording.hex(), completion_metadata(head))

    asyncio.run(deliver())
    return folder


def test_a_running_controllers_ledger_is_verified_up_to_the_root(book: Book, evidence: Path, bwc: Bwc) -> None:
    ended = bwc("ledger", "verify", book.folder, "--destination", evidence)
    assert ended.code == 0, ended
    assert "ledger holds: 25 entries" in ended.out
    assert "3 signed by controller-1 (checked up to the root), 0 not signed" in ended.out
    assert "heads from destinations: 3 compared" in ended.out


def test_a_copy_and_its_root_certificate_are_enough(book: Book, tmp_path: Path, bwc: Bwc, world: World) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in book.folder.glob("index.sqlite*"):
        shutil.copy(path, copy)
    pem = tmp_path / "root.pem"
    pem.write_text(ssl.DER_cert_to_PEM_cert(world.trust.record.root), encoding="ascii")
    assert "checked up to the root" in bwc("ledger", "verify", copy, "--root", pem).out
    ended = bwc("ledger", "verify", copy)
    assert (ended.code, "the root is not known here" in ended.out) == (0, True)
    other = tmp_path / "other.der"
    other.write_bytes(World(seed=9).trust.record.root)
    ended = bwc("ledger", "verify", copy, "--root", other)
    assert ended.code == 1
    assert "does not lead to this system's root" in ended.out


def test_an_export_says_the_same_and_is_plain_text(book: Book, evidence: Path, tmp_path: Path, bwc: Bwc) -> None:
    path = tmp_path / "ledger.txt"
    assert bwc("ledger", "export", book.folder, "--output", path).code == 0
    ended = bwc("ledger", "verify", path, "--destination", evidence, "--trust", book.folder / "trust")
    assert ended.code == 0, ended
    assert "ledger holds: 25 entries" in ended.out
    lines = path.read_text(encoding="utf-8").splitlines()
    assert bwc("ledger", "export", book.folder).out.splitlines() == lines
    assert json.loads(lines[1][65:])["event"] == "recorded"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE ledger SET line = replace(line, 'CAM-0001', 'CAM-0002') WHERE sequence = 3", "broken at entry 3"),
        ("DELETE FROM ledger WHERE sequence = 7", "entry 7 is not there, 8 follows"),
        ("DELETE FROM ledger WHERE sequence > 22", "the ledger was cut short or exchanged"),
    ],
)
def test_the_first_bad_link_is_named(book: Book, bwc: Bwc, statement: str, said: str) -> None:
    book.tamper(statement)
    ended = bwc("ledger", "verify", book.folder)
    assert ended.code == 1
    assert said in ended.out


def test_a_tail_that_was_cut_with_its_recordings_is_found_by_what_was_delivered(
    book: Book, evidence: Path, bwc: Bwc
) -> None:
    book.tamper(
        "DELETE FROM ledger WHERE sequence > 9",
        *(f"DELETE FROM {table} WHERE recording <> x'{book.given[0].recording.hex()}'" for table in ("recordings",)),
    )
    assert bwc("ledger", "verify", book.folder).code == 0, "nothing here could show it"
    ended = bwc("ledger", "verify", book.folder, "--destination", evidence)
    assert ended.code == 1
    assert "cut short: a kept head knows entry" in ended.out


def test_swapped_chains_are_found(book: Book, tmp_path: Path, bwc: Bwc, world: World) -> None:
    other = Book(tmp_path / "other", world.trust, range(11, 13))
    other.close()
    book.close()
    connection = apsw.Connection(str(book.folder / "index.sqlite"))
    connection.execute("DROP TRIGGER ledger_keeps_length; DELETE FROM ledger")
    connection.execute("ATTACH ? AS other", (str(other.folder / "index.sqlite"),))
    connection.execute("INSERT INTO ledger SELECT * FROM other.ledger")
    connection.close()
    ended = bwc("ledger", "verify", book.folder)
    assert ended.code == 1
    assert "ledger and index are not of the same controller" in ended.out


def test_it_shows_one_recording_or_the_last_entries(book: Book, bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> None:
    name = book.given[1].recording.hex()
    told = [
        json.loads(line)
        for line in bwc("ledger", "show", book.folder, "--recording", name[:8], "--json").out.splitlines()
    ]
    assert [each["event"] for each in told][:3] == ["recorded", "sealed", "docked"]
    assert {each["recording"] for each in told} == {name}
    monkeypatch.setattr("host_tools.cli.ledger_commands.ENTRIES_SHOWN", 5)
    assert "earlier entries: --all shows them" in bwc("ledger", "show", book.folder).out
    assert "earlier entries" not in bwc("ledger", "show", book.folder, "--all").out


def test_what_cannot_be_read_is_one_line(tmp_path: Path, bwc: Bwc, book: Book) -> None:
    bwc("ledger", "verify", tmp_path).must_be_one_line("no ledger is here")
    bwc("ledger", "verify", book.folder, "--destination", tmp_path / "nowhere").must_be_one_line("no such folder")
    bwc("ledger", "verify", book.folder, "--root", tmp_path / "nowhere").must_be_one_line("no certificate")
    box = tmp_path / "evidence" / "box"
    box.mkdir(parents=True)
    (box / "container.meta.json").write_text('{"metadata": {"LedgerHash": "zz"}}')
    bwc("ledger", "verify", book.folder, "--destination", tmp_path / "evidence").must_be_one_line("cannot be read")
    (tmp_path / "there").write_text("")
    bwc("ledger", "export", book.folder, "--output", tmp_path / "there").must_be_one_line("there")
