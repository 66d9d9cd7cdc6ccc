"""The API, part by part, and the suite of all destinations, against any destination over HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import conformance
from host_tools.destinations.headers import from_headers
from host_tools.destinations.interface import Destination, Metadata, Receipt, Source
from host_tools.destinations.memory import StoredContainer, StoredObject
from host_tools.destinations.names import container_time
from host_tools.destinations.suite import BOX, CASES, OTHER_USER, Case
from host_tools.destinations.suite import USER as WEARER
from host_tools.destinations.suite import Subject as Pair
from host_tools.destinations.swift import SwiftDestination
from host_tools.destinations.swift_session import SwiftSession
from host_tools.destinations.wrappers import Wrapper
from tests.destination_suite.subjects import Subject, make_known

USER, DEVICE = "9a3f5f0c-62a4-5b7e-8d2d-4e1f0a6b9c33", "SUITE"
WEARERS, CAMERAS = (USER, WEARER, OTHER_USER), ("CAM-1", "MEMORY")
AGAIN = "PUT a new container: 201"  # a second run meets the container of the first


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


async def examined(subject: Subject, part: conformance.Part) -> list[conformance.Finding]:
    session = SwiftSession(subject.connection, wall_ms)
    container = f"{USER}_{DEVICE}_{container_time(1_767_225_600_000)}"
    examination = conformance.Examination(session, subject.connection, container, USER, DEVICE)
    try:
        if part is not conformance.authentication:
            await session.open()
            await conformance.documents(examination)  # what was declared decides what is asked for
            examination.findings.clear()
        await part(examination)
    finally:
        await session.close()
    return examination.findings


@pytest.mark.req("DEST-02")
@pytest.mark.parametrize("part", conformance.PARTS, ids=lambda part: part.__name__)
def test_what_the_api_demands_is_there(subject: Subject, part: conformance.Part) -> None:
    findings = asyncio.run(examined(subject, part))
    subject.findings += findings
    assert findings
    assert [finding for finding in findings if finding.verdict == "no" and finding.part != AGAIN] == []


class Elsewhere(Wrapper):
    """The suite's one container under another name for each case and run: a destination removes nothing."""

    def __init__(self, inner: Destination, name: str) -> None:
        super().__init__(inner)
        self._name = name

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        await super().ensure_container(self._moved(name), metadata)

    async def update_container(self, name: str, metadata: Metadata) -> None:
        await super().update_container(self._moved(name), metadata)

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        return await super().put_object(self._moved(container), name, source, length_bytes, metadata)

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        await super().complete(self._moved(container), metadata)

    def _moved(self, name: str) -> str:
        return name.replace(BOX, self._name)


class NotReadable(Exception):
    """The destination takes recordings and shows none, as the API lets it."""


class OverHttp:
    """A look into the store by what the API itself has. NotReadable."""

    def __init__(self, session: SwiftSession, name: str) -> None:
        self._session = session
        self._name = name

    async def read_container(self, name: str) -> StoredContainer | None:
        name = name.replace(BOX, self._name)
        head = await self._session.request("HEAD", (name,))
        if head.status == 403:
            raise NotReadable
        if head.status == 404:
            return None
        found = StoredContainer(from_headers(head.headers.items(), "Container"))
        listing = await self._session.request("GET", (name,), query="format=json")
        if listing.status == 403:
            raise NotReadable
        for row in json.loads(listing.body):
            each = await self._session.request("HEAD", (name, row["name"]))
            receipt = Receipt(row["hash"], "", row["bytes"])
            found.objects[row["name"]] = StoredObject(from_headers(each.headers.items(), "Object"), receipt)
        return found

    async def read_object(self, container: str, name: str) -> bytes:
        answer = await self._session.request("GET", (container.replace(BOX, self._name), name))
        if answer.status == 403:
            raise NotReadable
        return answer.body


@pytest.mark.req("DEST-02", "CTRL-09")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_suite_of_all_destinations(subject: Subject, case: Case) -> None:
    name = f"{USER}_CAM-1_{container_time(wall_ms() // 1000 * 1000 - 3_600_000 * (CASES.index(case) + 1))}"

    async def run() -> None:
        client = SwiftDestination(subject.connection, wall_ms, run_in_thread)
        session = SwiftSession(subject.connection, wall_ms)
        try:
            await session.open()
            await make_known(session, WEARERS, CAMERAS)
            await case(Pair(Elsewhere(client, name), OverHttp(session, name)))
        except NotReadable:
            assert subject.folder is None, "ours shows what it has"
            what = case.__name__.replace("_", " ")
            subject.findings.append(conformance.Finding(what, "optional", "taken; what is kept cannot be read: 403"))
        finally:
            await client.close()
            await session.close()

    asyncio.run(run())


class Blank:
    """A clip that is never anywhere as a whole: one piece, again and again."""

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        piece = memoryview(bytes(1 << 20))
        for start in range(0, self._length_bytes, len(piece)):
            yield piece[: min(len(piece), self._length_bytes - start)]


def peak_mib(process: int) -> float:
    """Most memory that a process ever had."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.req("DEST-02")
def test_memory_does_not_grow_with_a_clip(subject: Subject) -> None:
    """Ours, whose process we know; ``benchmarks.delivery_bench --huge`` does it with 5 GB."""
    if not subject.process:
        return

    async def send(mib: int) -> float:
        client = SwiftDestination(subject.connection, wall_ms, run_in_thread)
        try:
            await client.open()
            await make_known(client.session, WEARERS, CAMERAS)
            box = f"{USER}_MEMORY_{container_time(1_767_225_600_000 + 60_000 * mib)}"
            await client.ensure_container(box, {})
            receipt = await client.put_object(box, "a.mp4", Blank(mib << 20), mib << 20, {})
            assert receipt.length_bytes == mib << 20
        finally:
            await client.close()
        return peak_mib(subject.process)

    small = asyncio.run(send(16))
    large = asyncio.run(send(128))
    assert large - small < 24, f"{small:.0f} MiB for 16 MiB, {large:.0f} MiB for 128 MiB"
