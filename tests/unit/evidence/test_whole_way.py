"""A controller's own delivery into the reference destination: over HTTPS, through a break, past a licence."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.connecting import connect
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.interface import Destination
from tests.unit.controller.test_delivery import Held, quick
from tests.unit.custody.recordings import sample
from tests.unit.evidence.running import Running, running, wall_ms

pytestmark = pytest.mark.usefixtures("quick")
__all__ = ("quick",)

SAMPLES = [sample(seed, started_unix_ms=1_767_225_600_000 + 60_000 * seed) for seed in (1, 2, 3)]


def connected(connection: ConnectionFile) -> Destination:
    return connect(connection, wall_ms, run_in_thread, bytes, lambda _: None, lambda _: None)


def delivered(server: Running) -> set[str]:
    """SHA-256 of every clip in complete recordings; each has its opening bookmark."""
    store = server.store
    rows = [row for row in store.catalogue.containers() if row.camera and row.is_complete]
    objects = [each for row in rows for each in store.catalogue.objects(row.name)]
    marks = [each for each in objects if each.name.startswith("bookmark_")]
    assert [each.metadata["Tags"] for each in marks] == ["TriggerOn:Button;CameraName:CAM-0001"] * len(rows)
    assert sum(each.name.startswith("custody_") for each in objects) == len(rows)
    return {each.sha256 for each in objects if each.name.endswith(".mp4")}


WANTED = {hashlib.sha256(each.content).hexdigest() for each in SAMPLES}


@pytest.mark.req("DEST-02", "DEST-03", "DEST-05", "CTRL-09")
def test_what_is_held_arrives_whole_with_wearer_and_device(tmp_path: Path):
    async def run() -> None:
        held = Held(SAMPLES)
        try:
            async with running(tmp_path / "destination", "") as server:
                destination = connected(server.connection)
                async with held.delivering(destination):
                    await held.until(lambda: held.words().count("delivered") == len(SAMPLES))
                await destination.close()
                assert delivered(server) == WANTED
                for container in ("Users", "Devices"):
                    assert len(server.store.catalogue.objects(container)) == 1
                row = server.store.required("W-7_CAM-0001_20260101T000100Z")
                assert (row.wearer, row.camera, row.cause) == ("W-7", "CAM-0001", "Button")
        finally:
            held.close()

    asyncio.run(run())


@pytest.mark.req("CTRL-09", "DEST-09")
def test_a_destination_that_comes_and_goes_gets_everything_and_says_why_it_waits(tmp_path: Path):
    async def run() -> None:
        held = Held(SAMPLES)
        place = tmp_path / "destination"
        try:
            async with running(place, "licences = 0\n") as server:
                connection, port = server.connection, server.port
                destination = connected(connection)
                async with held.delivering(destination) as delivery:
                    await held.until(lambda: "trouble" in held.words())
                    assert any("no licence left" in str(each.get("text")) for each in held.told)
                    assert delivered(server) == set()
                    assert not delivery.trouble, "the destination itself answers"
            (place / "server.toml").write_text("licences = 1\n")
            async with held.delivering(destination) as delivery:
                await held.until(lambda: bool(delivery.trouble))
                assert "cannot be reached" in delivery.trouble
                async with running(place, port=port) as server:
                    await held.until(lambda: held.words().count("delivered") == len(SAMPLES))
                    assert delivered(server) == WANTED
            await destination.close()
        finally:
            held.close()

    asyncio.run(run())
