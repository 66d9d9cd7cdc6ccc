"""The destination's catalogue in a real PostgreSQL: what is found and kept as in a file, and one that goes away."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces
from host_tools.destinations.swift import SwiftDestination
from host_tools.evidence import folder
from host_tools.evidence.catalogue import Catalogue, Container, StoredObject
from host_tools.evidence.errors import EvidenceError, StoreAway
from host_tools.evidence.folder import Destination
from tests.swift.parts import what_is_missing
from tests.swift.server_of_rows import RowServer
from tests.unit.evidence.running import OPEN_HOUSE, Running, running, wall_ms
from tests.unit.evidence.test_keeping import (
    NOW_MS,
    SETTINGS,
    Filled,
    test_bytes_that_changed_in_the_store_are_not_taken_out,
    test_places_are_near_across_the_date_line_and_at_the_pole,
    test_quarantine_is_red_and_ends,
    test_recordings_are_found_by_whatever_is_known_of_them,
    test_the_guarantee_counts_from_arrival_and_a_harsh_setting_is_told_before,
    test_what_is_kept_how_long,
    test_what_is_not_as_it_should_be_has_a_line,
    test_what_is_taken_out_is_what_was_received_and_says_so,
)

__all__ = [
    "test_bytes_that_changed_in_the_store_are_not_taken_out",
    "test_places_are_near_across_the_date_line_and_at_the_pole",
    "test_quarantine_is_red_and_ends",
    "test_recordings_are_found_by_whatever_is_known_of_them",
    "test_the_guarantee_counts_from_arrival_and_a_harsh_setting_is_told_before",
    "test_what_is_kept_how_long",
    "test_what_is_not_as_it_should_be_has_a_line",
    "test_what_is_taken_out_is_what_was_received_and_says_so",
]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def rows() -> Iterator[RowServer]:
    """Running. In a folder of its own, as another user runs it."""
    with tempfile.TemporaryDirectory(prefix="rows-") as place:
        Path(place).chmod(0o755)
        with what_is_missing():
            server = RowServer(Path(place))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def url_file(rows: RowServer, tmp_path: Path) -> Path:
    """Of a database that nobody has used."""
    path = tmp_path / f"url-{next(_numbers)}"
    path.write_text(rows.url(f"bwc{next(_numbers)}") + "\n")
    return path


@contextmanager
def opened(place: Path, told: list[str] | None = None) -> Generator[Destination]:
    names = itertools.count()
    tell = told.append if told is not None else print
    with folder.opened(place, LinuxFiles(place), lambda: NOW_MS, lambda: f"{next(names):032x}"[::-1], tell) as made:
        yield made


@pytest.fixture
def filled(tmp_path: Path, rows: RowServer) -> Iterator[Filled]:
    """As the tests of a file have it."""
    place, told = tmp_path / "d", list[str]()
    folder.create(place, SETTINGS, "secret", NOW_MS)
    folder.keep_rows_in(place, url_file(rows, tmp_path))
    with opened(place, told) as made:
        yield Filled(made, told)
    assert not (place / folder.CATALOGUE_NAME).exists()


@pytest.mark.req("DEST-02")
def test_it_is_chosen_when_a_destination_is_made(tmp_path: Path, rows: RowServer) -> None:
    bwc = [sys.executable, "-m", "host_tools.cli", "destination"]
    place, url = tmp_path / "d", url_file(rows, tmp_path)
    subprocess.run([*bwc, "create", str(place), "--database", str(url)], check=True, capture_output=True)
    assert (place / folder.DATABASE_NAME).stat().st_mode & 0o777 == 0o600
    told = subprocess.run([*bwc, "status", str(place)], check=True, capture_output=True, text=True)
    assert "0 recordings" in told.stdout
    moved = tmp_path / "moved"
    subprocess.run([*bwc, "migrate", str(place), str(moved)], check=True, capture_output=True)
    with opened(moved) as made:
        assert not made.store.catalogue.is_file


@pytest.mark.req("DEST-02")
def test_what_is_no_empty_database_is_refused_in_one_line_without_its_password(tmp_path: Path, rows: RowServer) -> None:
    others = url_file(rows, tmp_path)
    Catalogue("", others.read_text().strip()).close()
    for text, word in (
        ("postgresql+psycopg://me:hidden@127.0.0.1:1/none", "cannot be opened"),
        ("mysql://me:hidden@here/none", "is not known"),
        ("postgresql+nonsense://me:hidden@here/none", "no database that can be used"),
        ("hidden", "is no URL"),
        ("", "is not there, or empty"),
    ):
        path = tmp_path / "url"
        path.write_text(text)
        with pytest.raises(EvidenceError, match=word) as caught:
            folder.try_database(path)
        assert "hidden" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.req("DEST-02")
def test_a_server_that_ends_in_a_transaction_leaves_nothing_of_it(tmp_path: Path, rows: RowServer) -> None:
    catalogue = Catalogue("", url_file(rows, tmp_path).read_text().strip())
    row = StoredObject("System", "n", "f", "e", "s", 1 << 40, "t", {"Name": "Zoë"}, NOW_MS)
    with catalogue.change():
        catalogue.keep_container(Container("System", {}, NOW_MS, NOW_MS, None))
    with pytest.raises(StoreAway, match="takes nothing now"):
        cut_off(catalogue, row, rows)
    with pytest.raises(StoreAway, match="takes nothing now"):
        catalogue.objects("System")
    rows.start()
    assert catalogue.objects("System") == []
    with catalogue.change():
        catalogue.keep_object(row)
    assert catalogue.objects("System") == [row]
    catalogue.close()


@pytest.mark.req("DEST-02")
def test_after_a_server_came_back_each_statement_counts_at_once(tmp_path: Path, rows: RowServer) -> None:
    url = url_file(rows, tmp_path).read_text().strip()
    catalogue, beside = Catalogue("", url), Catalogue("", url)
    rows.stop()
    for each in (catalogue, beside):
        with pytest.raises(StoreAway):
            each.fact("one")
    rows.start()
    catalogue.keep_fact("one", "1")
    assert beside.fact("one") == "1"
    with catalogue.change():
        catalogue.keep_fact("one", "2")
    assert beside.fact("one") == "2"
    (state,) = beside.rows("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")
    assert state == (0,)
    settings = beside._database._connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    assert int(settings["tcp_user_timeout"]) <= 30_000, "a machine that is gone says nothing"
    assert beside.rows("SHOW default_transaction_isolation") == [("read committed",)]
    catalogue.close()
    beside.close()


@pytest.mark.req("DEST-02")
def test_a_server_that_lets_itself_only_be_read_is_away(tmp_path: Path, rows: RowServer) -> None:
    """As one is that was the first until another took over."""
    catalogue = Catalogue("", url_file(rows, tmp_path).read_text().strip())
    catalogue.rows("SELECT set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(StoreAway, match="read-only"), catalogue.change():
        catalogue.keep_fact("one", "1")
    with catalogue.change():
        catalogue.keep_fact("one", "1")
    assert catalogue.fact("one") == "1"
    catalogue.close()


@pytest.mark.req("DEST-02")
def test_a_database_without_the_catalogue_that_was_there_is_refused(tmp_path: Path, rows: RowServer) -> None:
    place = tmp_path / "d"
    folder.create(place, OPEN_HOUSE, "secret", NOW_MS)
    folder.keep_rows_in(place, url_file(rows, tmp_path))
    with opened(place):
        pass
    (place / folder.DATABASE_NAME).write_text(url_file(rows, tmp_path).read_text())
    with pytest.raises(EvidenceError, match="has no catalogue"), opened(place):
        pass


def cut_off(catalogue: Catalogue, row: StoredObject, rows: RowServer) -> None:
    with catalogue.change():
        catalogue.keep_object(row)
        rows.stop()


@pytest.mark.req("DEST-02")
def test_delivery_waits_for_a_database_that_is_down(tmp_path: Path, rows: RowServer) -> None:
    place = tmp_path / "d"
    folder.create(place, OPEN_HOUSE, "secret", wall_ms())
    folder.keep_rows_in(place, url_file(rows, tmp_path))

    async def run() -> None:
        async with running(place) as server:
            client = SwiftDestination(server.connection, wall_ms, run_in_thread)
            await client.open()
            await client.ensure_container(BOX, {})
            await run_in_thread(rows.stop)
            try:
                with pytest.raises(DestinationUnavailable, match="busy"):
                    await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
            finally:
                await run_in_thread(rows.start)
            await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
            await client.complete(BOX)
            await client.close()
            assert await stored(server) == CONTENT

    asyncio.run(run())


async def stored(server: Running) -> bytes:
    return await server.reader.read_object(BOX, CLIP)


@pytest.mark.req("DEST-02")
def test_a_text_that_a_server_does_not_take_is_kept_all_the_same(tmp_path: Path, rows: RowServer) -> None:
    """Else a controller would send for ever what has a NUL in a name."""
    catalogue = Catalogue("", url_file(rows, tmp_path).read_text().strip())
    row = Container("box", {"UserID": "a\0b"}, NOW_MS, NOW_MS, None, "a\0b", "CAM-1")
    catalogue.keep_container(row)
    found = catalogue.container("box")
    assert found is not None
    assert (found.metadata, found.wearer) == (row.metadata, "a\ufffdb")
    assert catalogue.container("bo\0x") is None
    catalogue.close()


@pytest.mark.req("DEST-02")
def test_of_two_copies_of_a_folder_on_one_database_one_serves(tmp_path: Path, rows: RowServer) -> None:
    """Over any outage: the first has it again at once, unless the second has taken it meanwhile."""
    url = url_file(rows, tmp_path).read_text().strip()
    first, second, looking = Catalogue("", url), Catalogue("", url), Catalogue("", url)
    first.hold()
    first.hold()
    with pytest.raises(EvidenceError, match="a server of this destination runs on it: end it first"):
        second.hold()
    assert looking.fact("one") == "", "whoever only looks is let in"
    rows.stop()
    rows.start()
    with pytest.raises(StoreAway):
        first.keep_fact("one", "1")
    first.keep_fact("one", "1")
    with pytest.raises(StoreAway):
        second.fact("one")
    assert second.fact("one") == "1"
    with pytest.raises(EvidenceError, match="end it first"):
        second.hold()
    first.close()
    second.hold()
    second.close()
    looking.close()


@pytest.mark.req("DEST-02")
def test_whoever_was_succeeded_while_the_database_was_away_writes_nothing_more(tmp_path: Path, rows: RowServer) -> None:
    url = url_file(rows, tmp_path).read_text().strip()
    first, second = Catalogue("", url), Catalogue("", url)
    first.hold()
    rows.stop()
    rows.start()
    with pytest.raises(StoreAway):
        second.fact("one")
    second.hold()
    for _ in range(2):
        with pytest.raises(StoreAway):
            first.keep_fact("one", "1")
    with pytest.raises(StoreAway, match="another server of this destination runs on it now: end one of the two"):
        first.keep_fact("one", "1")
    second.keep_fact("one", "2")
    second.close()
    first.keep_fact("one", "1")
    first.close()
