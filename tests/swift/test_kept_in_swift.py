"""Our destination with a real Swift as its store, and everything that can happen to either."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks.swift_node import SwiftNode, made_environment
from firmware.ports.errors import NoSpace
from host_tools.bench.programs import free_port
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.connection_file import ConnectionFile, parse
from host_tools.destinations.interface import STATUS, TRANSFERRING, DestinationUnavailable
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces
from host_tools.destinations.swift import SwiftDestination
from host_tools.destinations.swift_session import SwiftSession
from host_tools.evidence import folder, retention
from host_tools.evidence.errors import EvidenceError, StoreAway, StoreDamaged
from host_tools.evidence.export import export
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import health
from host_tools.evidence.reconciling import reconcile
from host_tools.evidence.search import Query, search
from host_tools.evidence.store import Upload
from tests.destination_suite.test_api import Blank, peak_mib
from tests.swift.parts import ENVIRONMENT, Box, fresh_box, kept_in
from tests.unit.evidence.running import OPEN_HOUSE, wall_ms
from tests.unit.evidence.takers import taker
from tests.unit.evidence.test_killed import Stopping

pytestmark = pytest.mark.req("DEST-02")
BWC = [sys.executable, "-m", "host_tools.cli", "destination"]
FILM = os.urandom(5 << 20)  # some segments of a million bytes, the last of them short
SHORT = b"a note"
CLIPS, CLIP_MIB = 8, 48
SPARE_MIB = 16 * CLIPS  # what is on its way of a clip: gathered, waiting, being sent, in the sockets


class Served:
    """A destination as a process of its own."""

    def __init__(self, place: Path, port: int, connection: ConnectionFile) -> None:
        self.place, self.port, self.connection = place, port, connection
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [*BWC, "serve", str(self.place), "--listen", "127.0.0.1"]
        with (self.place / "output").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        assert b"destination" in await self.process.stdout.readline(), (self.place / "output").read_text()

    async def stop(self, number: int = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            await process.communicate()


@asynccontextmanager
async def served(tmp_path: Path, box: Box, segment_mb: int = 100) -> AsyncGenerator[Served]:
    """Running; what it has told is in its log."""
    port = free_port()
    place = tmp_path / "destination"
    with kept_in(
        box, place, settings=f"{OPEN_HOUSE}full_support = true\nport = {port}\n", segment_mb=segment_mb
    ) as made:
        connection = parse(folder.connection_text(made, port))
    server = Served(place, port, connection)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def client_of(server: Served) -> AsyncGenerator[SwiftDestination]:
    client = SwiftDestination(server.connection, wall_ms, run_in_thread)
    try:
        await client.open()
        await client.ensure_container(BOX, {STATUS: TRANSFERRING})
        yield client
    finally:
        await client.close()


def put(made: Destination, name: str, content: bytes, container: str = BOX) -> str:
    """As a controller's request does; where it lies."""
    made.intake.put_container(container, {})
    upload = made.store.begin(0)
    for start in range(0, len(content), 300_000):
        upload.feed(content[start : start + 300_000])
    return made.intake.finish_object(upload, container, name, {}, "video/mp4").file


def content(made: Destination, name: str) -> bytes:
    row = made.store.catalogue.object(BOX, name)
    assert row is not None
    return b"".join(made.store.read(row, 0, row.length_bytes))


def test_killed_in_the_middle_of_a_clip_nothing_is_there_and_it_comes_again(tmp_path: Path, box: Box) -> None:
    async def run() -> None:
        async with served(tmp_path, box) as server:
            source = Stopping(CONTENT)
            async with client_of(server) as client:
                sending = asyncio.create_task(client.put_object(BOX, CLIP, source, len(CONTENT), {}))
                await source.is_half.wait()
                await server.stop(signal.SIGKILL)
                source.may_go_on.set()
                with pytest.raises(DestinationUnavailable):
                    await sending
            assert box.names() == []
            await server.start()
            async with client_of(server) as client:
                receipt = await client.put_object(BOX, CLIP, source, len(CONTENT), {})
                await client.complete(BOX)
            assert receipt.sha256 == hashlib.sha256(CONTENT).hexdigest()
            (name,) = box.names()
            assert box.ask("GET", name) == CONTENT

    asyncio.run(run())


async def delivered(client: SwiftDestination) -> None:
    """As a controller does it: again, until it is taken."""
    while True:
        try:
            await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
        except DestinationUnavailable:
            continue
        return


async def one_piece() -> AsyncGenerator[bytes]:
    yield SHORT


def test_a_store_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    """Down, and killed in the middle of a clip: a node of its own."""
    node = SwiftNode(tmp_path / "node", made_environment(ENVIRONMENT))
    box = fresh_box(node)

    async def run() -> None:
        async with served(tmp_path, box) as server:
            session = SwiftSession(server.connection, wall_ms)
            async with client_of(server) as client:
                node.stop()
                with pytest.raises(DestinationUnavailable, match="busy"):
                    await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
                answer = await session.request("PUT", (BOX, CLIP), {}, one_piece, len(SHORT))
                assert answer.status == 503
                assert int(answer.headers["retry-after"]) > 0
                asked = [*BWC, "status", str(server.place)]
                told = await run_in_thread(lambda: subprocess.run(asked, capture_output=True, text=True))
                assert told.stdout.startswith("red"), told
                assert "cannot be reached" in told.stdout
                node.start()
                await delivered(client)
            await session.close()
            assert [box.ask("GET", name) for name in box.names()] == [CONTENT]

    try:
        node.start()
        asyncio.run(run())
        killed_in_the_middle(tmp_path / "d", fresh_box(node))
    finally:
        node.stop()


def feed(upload: Upload, mib: int) -> None:
    for _ in range(mib):
        upload.feed(FILM[: 1 << 20])


def killed_in_the_middle(place: Path, box: Box) -> None:
    with kept_in(box, place, segment_mb=100) as made:
        upload = made.store.begin(0)
        feed(upload, 4)
        box.node.stop(signal.SIGKILL)
        with pytest.raises(StoreAway, match="cannot be reached"):
            feed(upload, 64)
        made.store.discard(upload)
        with pytest.raises(StoreAway, match="cannot be reached"):
            made.store.begin(0)  # at once: it is not asked again and again
        assert health(made.intake, None, wall_ms()).light == "red"
        box.node.start()
        assert made.store.swift is not None
        assert made.store.swift.look() == ""
        put(made, CLIP, FILM)
        assert content(made, CLIP) == FILM
        assert health(made.intake, None, wall_ms()).light == "green"


def test_a_token_that_ends_between_segments_is_renewed_and_one_on_the_way_is_an_attempt_lost(
    tmp_path: Path, box: Box
) -> None:
    with kept_in(box, tmp_path / "d") as made:
        swift = made.store.swift
        assert swift is not None

        def expire() -> None:
            swift._session._token = "expired"

        upload = made.store.begin(0)
        for start in range(0, len(FILM), 250_000):
            expire()
            upload.feed(FILM[start : start + 250_000])
        made.intake.put_container(BOX, {})
        row = made.intake.finish_object(upload, BOX, CLIP, {}, "video/mp4")
        assert row.file.startswith("swift-large/")
        assert content(made, CLIP) == FILM
        expire()
        put(made, "short.mp4", SHORT)
        expire()
        assert content(made, "short.mp4") == SHORT


@pytest.mark.req("DEST-11")
def test_ranges_are_of_the_very_bytes_and_segments_do_not_show(tmp_path: Path, box: Box) -> None:
    async def run() -> None:
        async with served(tmp_path, box, segment_mb=1) as server:
            async with client_of(server) as client:
                await client.put_object(BOX, CLIP, Pieces(FILM, 1 << 20), len(FILM), {})
            session = SwiftSession(server.connection, wall_ms)
            for start, end in ((0, 0), (999_999, 1_000_001), (1_048_575, 3_000_000), (5_000_000, len(FILM) - 1)):
                answer = await session.request("GET", (BOX, CLIP), {"Range": f"bytes={start}-{end}"})
                assert (answer.status, answer.body) == (206, FILM[start : end + 1])
                assert answer.headers["etag"] == hashlib.md5(FILM).hexdigest()
            assert (await session.request("GET", (BOX, CLIP), {"Range": f"bytes={len(FILM)}-"})).status == 416
            assert (await session.request("GET", (BOX, CLIP))).body == FILM
            await session.close()
        assert len(box.names()) > 4

    asyncio.run(run())


def test_bytes_that_changed_in_the_store_are_never_given_as_whole(tmp_path: Path, box: Box, node: SwiftNode) -> None:
    with kept_in(box, tmp_path / "d", segment_mb=100) as made:
        put(made, CLIP, FILM)
        (data,) = (path for path in node.objects() if path.read_bytes() == FILM)
        with data.open("r+b") as file:
            file.seek(4_500_000)
            file.write(b"other")
        with pytest.raises((EvidenceError, StoreDamaged)):
            export(made.store, BOX, tmp_path / "out", taker())
        put(made, "b.mp4", SHORT)
        (name,) = (each for each in box.names() if box.ask("GET", each) == SHORT)
        box.ask("PUT", name, b"forged")
        with pytest.raises(StoreDamaged, match="as it was received"):
            content(made, "b.mp4")
        box.ask("DELETE", name)
        with pytest.raises(StoreDamaged, match="not in the store any more"):
            content(made, "b.mp4")


def test_what_changed_in_the_store_ends_an_answer_early(tmp_path: Path, box: Box, node: SwiftNode) -> None:
    async def run() -> None:
        async with served(tmp_path, box) as server:
            async with client_of(server) as client:
                await client.put_object(BOX, CLIP, Pieces(FILM, 1 << 20), len(FILM), {})
            (data,) = (path for path in node.objects() if path.read_bytes() == FILM)
            with data.open("r+b") as file:
                file.seek(100)
                file.write(b"other")
            session = SwiftSession(server.connection, wall_ms)
            with pytest.raises(DestinationUnavailable):
                await session.request("GET", (BOX, CLIP))
            await session.close()

    asyncio.run(run())


def test_a_full_store_is_out_of_storage_and_nothing_is_kept(tmp_path: Path, box: Box) -> None:
    with kept_in(box, tmp_path / "d") as made:
        box.ask("POST", X_Container_Meta_Quota_Bytes="4000000")
        put(made, "b.mp4", FILM[:3_000_000])
        for length in (5 << 20, 1_500_000):
            with pytest.raises(NoSpace, match="takes no more"):
                put(made, CLIP, FILM[:length])
        problems = health(made.intake, None, wall_ms()).problems
        assert any("takes no more" in each for each in problems), problems
        box.ask("POST", X_Container_Meta_Quota_Bytes="40000000")
        put(made, CLIP, FILM)
        assert content(made, CLIP) == FILM
        assert health(made.intake, None, wall_ms()).light == "green"


def test_credentials_are_tried_before_anything_is_made_and_can_be_changed(tmp_path: Path, box: Box) -> None:
    place, wrong, right = tmp_path / "d", box.keys(tmp_path, key="wrong"), box.keys(tmp_path)
    refused = subprocess.run([*BWC, "create", str(place), "--swift", str(wrong)], capture_output=True, text=True)
    assert refused.returncode != 0
    assert "refuses the credentials" in refused.stderr
    assert "wrong" not in refused.stdout + refused.stderr.replace(str(wrong), "")
    subprocess.run([*BWC, "create", str(place), "--swift", str(right)], check=True, capture_output=True)
    (place / "server.toml").write_text(OPEN_HOUSE)
    assert (place / "swift.toml").stat().st_mode & 0o777 == 0o600
    with kept_in(box, place) as made:
        put(made, CLIP, FILM)
        with pytest.raises(EvidenceError, match="refuses the credentials"):
            folder.keep_in(made, wrong, str)
        elsewhere = fresh_box(box.node)
        elsewhere.ask("PUT")
        with pytest.raises(EvidenceError, match="has not what this destination"):
            folder.keep_in(made, elsewhere.keys(tmp_path), str)
        folder.keep_in(made, right, str)
        assert content(made, CLIP) == FILM


def test_a_container_is_of_one_destination_alone(tmp_path: Path, box: Box) -> None:
    with kept_in(box, tmp_path / "one") as made:
        put(made, CLIP, FILM)
    with pytest.raises(EvidenceError, match="another's"), kept_in(box, tmp_path / "two"):
        pass
    used = fresh_box(box.node)
    used.ask("PUT")
    used.ask("PUT", "somebody/elses", b"thing")
    with pytest.raises(EvidenceError, match="another's"), kept_in(used, tmp_path / "three"):
        pass
    assert used.names() == ["somebody/elses"]


def test_what_is_nobodys_waits_a_week_and_what_is_missing_is_told(tmp_path: Path, box: Box) -> None:
    with kept_in(box, tmp_path / "d") as made:
        whole, large = put(made, "b.mp4", SHORT), put(made, CLIP, FILM)
        for broken in (SHORT, FILM):  # a crash between object and row
            upload = made.store.begin(0)
            upload.feed(broken)
            made.store.settle(upload)
        half = made.store.begin(0)  # and one in the middle of a clip
        half.feed(FILM)
        half.feed(FILM)
        names = box.names()
        assert reconcile(made.store, wall_ms()).removed == 0
        assert box.names() == names
        made.store.discard(half)
        made.store._receiving.clear()  # the next start knows of none
        for days in (0, 3, 6):
            assert reconcile(made.store, wall_ms() + days * retention.DAY_MS).removed == 0
        found = reconcile(made.store, wall_ms() + 8 * retention.DAY_MS)
        assert (found.removed > 1, found.missing) == (True, ())
        ours = {whole.partition("/")[2], large.partition("/")[2]}
        assert {"/".join(name.split("/")[:2]) for name in box.names()} == ours
        assert content(made, CLIP) == FILM
        box.ask("DELETE", whole.partition("/")[2])
        (missing,) = reconcile(made.store, wall_ms()).missing
        assert "b.mp4" in missing
        assert missing in health(made.intake, None, wall_ms()).problems


def test_what_may_go_goes_out_of_the_store_whole(tmp_path: Path, box: Box) -> None:
    settings = f"{OPEN_HOUSE}keep_days = 1\n"
    with kept_in(box, tmp_path / "d", settings=settings) as made:
        put(made, CLIP, FILM)
        put(made, "b.mp4", SHORT)
        made.intake.update_container(BOX, {STATUS: "Complete"})
        assert search(made.store.catalogue, Query()) != []
        assert retention.clean_up(made.store, made.settings, wall_ms() + 400 * retention.DAY_MS) == [BOX]
        assert box.names() == []


def test_a_quarantine_is_on_the_disk(tmp_path: Path, box: Box) -> None:
    settings = f"{OPEN_HOUSE}quarantine_days = 5\n"
    with kept_in(box, tmp_path / "d", settings=settings) as made:
        made.intake.put_container(BOX, {"StartTime": "5"})
        put(made, CLIP, FILM)
        made.intake.update_container(BOX, {STATUS: "Complete"})
        assert box.names() == []
        assert content(made, CLIP) == FILM
        assert (tmp_path / "d" / "quarantine" / BOX / CLIP).read_bytes() == FILM


def test_eight_clips_at_once_take_no_more_memory_than_their_pieces(tmp_path: Path, box: Box) -> None:
    async def run() -> None:
        async with served(tmp_path, box, segment_mb=20) as server:
            assert server.process is not None
            async with client_of(server) as client:
                await client.put_object(BOX, "warm.mp4", Blank(1 << 20), 1 << 20, {})
                before = peak_mib(server.process.pid)
                sending = [
                    client.put_object(BOX, f"{number}.mp4", Blank(CLIP_MIB << 20), CLIP_MIB << 20, {})
                    for number in range(CLIPS)
                ]
                await asyncio.gather(*sending)
                grown = peak_mib(server.process.pid) - before
            print(f"{CLIPS} clips of {CLIP_MIB} MiB at once: {grown:.0f} MiB more")
            assert grown < SPARE_MIB

    asyncio.run(run())
