"""The suite of destinations, whole, and clients that others made: into plain Swift, and into ours that keeps in it."""

import asyncio

import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.names import container_time
from host_tools.destinations.swift import SwiftDestination
from tests.destination_suite.subjects import Subject, make_known
from tests.destination_suite.test_api import (
    Blank,
    test_memory_does_not_grow_with_a_clip,
    test_the_suite_of_all_destinations,
    test_what_the_api_demands_is_there,
    wall_ms,
)
from tests.destination_suite.test_foreign_clients import (
    pin,
    test_curl_delivers_a_recording,
    test_python_swiftclient_uploads_lists_and_downloads,
)

__all__ = [
    "pin",
    "test_curl_delivers_a_recording",
    "test_memory_does_not_grow_with_a_clip",
    "test_python_swiftclient_uploads_lists_and_downloads",
    "test_the_suite_of_all_destinations",
    "test_what_the_api_demands_is_there",
]
CLIP_BYTES = 40 << 20  # many pieces, and in ours many segments


@pytest.mark.req("DEST-02", "CTRL-09")
def test_a_long_clip_is_read_back_by_ranges(subject: Subject) -> None:
    async def run() -> None:
        client = SwiftDestination(subject.connection, wall_ms, run_in_thread)
        try:
            await client.open()
            await make_known(client.session, ["W-7"], ["LONG"])
            box = f"W-7_LONG_{container_time(wall_ms())}"
            await client.ensure_container(box, {})
            await client.put_object(box, "a.mp4", Blank(CLIP_BYTES), CLIP_BYTES, {})
            wanted = {"Range": f"bytes={CLIP_BYTES - 3_000_000}-"}
            answer = await client.session.request("GET", (box, "a.mp4"), wanted)
            assert (answer.status, answer.body) == (206, bytes(3_000_000))
            assert answer.headers["content-range"].endswith(f"/{CLIP_BYTES}")
        finally:
            await client.close()

    asyncio.run(run())
