"""Delivery over hours and days, on virtual time: outages, back-off, history, what a person can do, signed heads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from firmware.formats.chunk import ClearOpener
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.delivery import ALONE_PLAN, ASK_S, AWAY_PLAN, LOOK_S, Delivery
from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import run_inline
from host_tools.custody.index import Index, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.ledger import Ledger
from host_tools.custody.spool import Spool
from host_tools.custody.transfers import HISTORY_MS
from host_tools.destinations.interface import (
    Destination,
    DestinationRefused,
    DestinationUnavailable,
    Metadata,
    Receipt,
    Source,
)
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.metadata import read_head
from host_tools.destinations.wrappers import Wrapper
from tests.unit.controller.virtual import run_virtually
from tests.unit.custody.recordings import Sample, sample

T = TypeVar("T")
HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
STARTED_UNIX_MS = 1_767_300_000_000
SEED = 7


class Moody(Wrapper):
    """A destination that is away for a time, and that does not take some recordings."""

    def __init__(self, inner: Destination) -> None:
        super().__init__(inner)
        self.away_until_s = 0.0
        self.attempts_s: list[float] = []
        self.never: dict[str, Exception] = {}
        self.puts: list[str] = []

    async def open(self) -> None:
        self.attempts_s.append(asyncio.get_running_loop().time())
        await super().open()

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        self.puts.append(name)
        for part, error in self.never.items():
            if part in name:
                raise error
        return await super().put_object(container, name, source, length_bytes, metadata)

    async def _around(self, operation: Any, container: str, name: str, call: Callable[[], Awaitable[T]]) -> T:
        if asyncio.get_running_loop().time() < self.away_until_s:
            raise DestinationUnavailable("destination: the network is down: mend it")
        return await call()


class Days:
    """A controller's custody and delivery on virtual time."""

    def __init__(self) -> None:
        print(f"seed {SEED}")
        self.index: Index = open_index(":memory:")
        self.spool = Spool(MemoryFiles(), self.index, self.wall_ms, spare_bytes=4_096)
        self.store = MemoryDestination()
        self.destination = Moody(self.store)
        self.journey = Journey(self.index, self.wall_ms)
        entropy = SeededEntropy(SEED)
        happenings = Happenings(self.wall_ms)
        self.told: list[dict[str, Any]] = []
        happenings.listen(self.told.append)
        self.delivery = Delivery(
            self.index,
            self.spool,
            self.destination,
            self.wall_ms,
            lambda manifest: ClearOpener(manifest.recording),
            run_inline,
            happenings,
            lambda: entropy.below(1 << 16) / (1 << 16),
        )

    def wall_ms(self) -> int:
        return STARTED_UNIX_MS + int(asyncio.get_running_loop().time() * 1000)

    def hold(self, seed: int) -> Sample:
        """Another recording has arrived."""
        given = sample(seed, started_unix_ms=STARTED_UNIX_MS + 60_000 * seed)
        self.spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)
        self.spool.write(given.recording, 0, given.chunks)
        assert self.spool.commit().held == [given.recording]
        self.delivery.more()
        return given

    def state(self, given: Sample) -> str:
        return self.index.get(given.recording).state

    def outcomes(self) -> dict[bytes, str]:
        return {each.recording: each.outcome for each in self.delivery.history()}


@asynccontextmanager
async def days() -> AsyncGenerator[Days]:
    made = Days()
    task = asyncio.create_task(made.delivery.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait({task})
        made.spool.close()
        made.index.close()
    if not task.cancelled():
        await task


def on_virtual_time(scenario: Callable[[Days], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with days() as made:
            await scenario(made)

    run_virtually(whole())


@pytest.mark.req("CTRL-09")
def test_an_outage_of_hours_costs_nothing_but_time() -> None:
    async def scenario(world: Days) -> None:
        world.destination.away_until_s = 6 * HOUR_S
        given = [world.hold(seed) for seed in (1, 2, 3)]
        for seed in range(4, 30):  # cameras go on bringing recordings
            await asyncio.sleep(600)
            given.append(world.hold(seed))
        assert {world.state(each) for each in given} == {"held"}
        assert world.delivery.trouble != ""
        await asyncio.sleep(6 * HOUR_S + 60 - asyncio.get_running_loop().time())
        assert {world.state(each) for each in given} == {"delivered"}
        assert world.delivery.trouble == ""
        assert world.spool.storage().used_bytes == 0
        attempts = [at_s for at_s in world.destination.attempts_s if at_s < 6 * HOUR_S]
        assert len(attempts) <= 6 * HOUR_S / (AWAY_PLAN.wait_ms_max / 2000) + 10, "asked too often"
        assert [each["what"] for each in world.told].count("destination") == 2, "told when it went and when it came"

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-09")
def test_an_idle_controller_finds_an_outage_within_a_minute_or_so() -> None:
    async def scenario(world: Days) -> None:
        await asyncio.sleep(2 * HOUR_S)
        assert len(world.destination.attempts_s) <= 2 * HOUR_S / ASK_S + 1, "asked too often"
        assert world.delivery.trouble == ""
        world.destination.away_until_s = 3 * HOUR_S
        await asyncio.sleep(ASK_S + LOOK_S + 1)
        assert "the network is down" in world.delivery.trouble, "nothing waits, and still it is not ready"
        await asyncio.sleep(HOUR_S)
        assert world.delivery.trouble == ""
        assert [each["what"] for each in world.told] == ["destination", "destination"]

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-09")
def test_waits_grow_and_chance_spreads_them() -> None:
    async def scenario(world: Days) -> None:
        world.destination.away_until_s = HOUR_S
        world.hold(1)
        await asyncio.sleep(HOUR_S / 2)
        at = world.destination.attempts_s
        gaps_ms = [round((after - before) * 1000) for before, after in pairwise(at)]
        for number, gap_ms in enumerate(gaps_ms[:40], 1):
            longest = AWAY_PLAN.wait_ms(number, 1.0)
            assert longest // 2 - 1 <= gap_ms <= longest + 1, (number, gap_ms)
        assert len(set(gaps_ms[10:40])) > 20, "waits that are all alike bring all controllers back at once"

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-09")
def test_what_arrives_meanwhile_does_not_hurry_a_destination_that_is_away() -> None:
    async def scenario(world: Days) -> None:
        world.destination.away_until_s = HOUR_S
        world.hold(1)
        await asyncio.sleep(600)
        before = len(world.destination.attempts_s)
        for seed in range(2, 42):
            world.hold(seed)
            await asyncio.sleep(1)
        assert len(world.destination.attempts_s) - before <= 4, "forty recordings within forty seconds"

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-09")
def test_a_recording_that_alone_fails_waits_longer_each_time_and_delays_nobody() -> None:
    async def scenario(world: Days) -> None:
        bad = world.hold(1)
        world.destination.never[bad.recording.hex()] = DestinationUnavailable("destination: no room for this one")
        for seed in range(2, 12):
            given = world.hold(seed)
            await asyncio.sleep(360)
            assert world.state(given) == "delivered"
        tries = sum(bad.recording.hex() in name for name in world.destination.puts)
        assert 5 <= tries <= 16, f"{tries} tries within an hour"
        assert world.delivery.trouble == "", "the destination answers"
        row = world.index.get(bad.recording)
        assert (row.state, row.poison) == ("delivering", "")
        assert "no room for this one" in row.trouble
        assert ALONE_PLAN.wait_ms_max == 600_000

        world.destination.never.clear()
        world.journey.retry(bad.recording)  # a person does not want to wait
        world.delivery.news.set()
        await asyncio.sleep(1)
        assert world.state(bad) == "delivered"

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-09")
def test_what_was_refused_is_taken_up_again_by_a_person() -> None:
    async def scenario(world: Days) -> None:
        bad = world.hold(1)
        world.destination.never[bad.recording.hex()] = DestinationRefused("destination: licences are out: buy some")
        await asyncio.sleep(HOUR_S)
        assert world.index.get(bad.recording).poison == "destination: licences are out: buy some"
        assert world.destination.puts.count(world.destination.puts[0]) == 1, "it was not tried again by itself"
        assert world.outcomes() == {bad.recording: "refused"}
        world.destination.never.clear()
        world.journey.retry(bad.recording)
        world.delivery.news.set()
        await asyncio.sleep(1)
        assert world.outcomes() == {bad.recording: "delivered"}
        (transfer,) = world.delivery.history()
        assert (transfer.attempts, transfer.reason) == (2, "")

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-09")
def test_history_is_kept_for_three_days_and_what_is_not_over_for_longer() -> None:
    async def scenario(world: Days) -> None:
        done, bad = world.hold(1), world.hold(2)
        world.destination.never[bad.recording.hex()] = DestinationUnavailable("destination: no room for this one")
        await asyncio.sleep(60)
        assert world.outcomes() == {done.recording: "delivered", bad.recording: "waiting"}
        (transfer,) = [each for each in world.delivery.history() if each.recording == done.recording]
        assert transfer.destination == "memory of this process"
        assert transfer.content_bytes == len(done.content)
        assert transfer.container == world.index.get(done.recording).container
        await asyncio.sleep(HISTORY_MS / 1000 - 120)
        assert done.recording in world.outcomes()
        await asyncio.sleep(2 * HOUR_S)
        assert world.outcomes() == {bad.recording: "waiting"}
        rows = world.index._database.rows("SELECT count(*) FROM transfers")
        assert rows == [(1,)], "what is not shown any more is not kept either"

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-08")
def test_what_was_delivered_and_not_let_go_is_let_go_later() -> None:
    async def scenario(world: Days) -> None:
        given = sample(1)
        world.spool.accept(given.manifest_bytes, "CAM-0001", given.digest)
        world.spool.write(given.recording, 0, given.chunks)
        world.spool.commit()
        world.journey.start_delivery(given.recording, "box")
        world.journey.delivered(given.recording, "memory", [])  # and here the controller died
        assert world.index.lingering() != []
        assert world.spool.storage().used_bytes > 0
        await asyncio.sleep(60)
        assert world.index.lingering() == []
        assert world.spool.storage().used_bytes == 0

    on_virtual_time(scenario)


@pytest.mark.req("CTRL-24")
def test_each_delivered_recording_carries_the_ledgers_head() -> None:
    async def scenario(world: Days) -> None:
        given = [world.hold(seed) for seed in (1, 2)]
        await asyncio.sleep(10)
        heads = []
        for each in given:
            box = await world.store.read_container(world.index.get(each.recording).container)
            assert box is not None
            head = read_head(box.metadata)
            assert head is not None
            assert head.recording == each.recording
            heads.append(head.head)
        verdict = Ledger(world.index).verify(heads)
        assert verdict.holds
        assert verdict.head.sequence > max(head.sequence for head in heads)
        words = [entry.word for entry in Ledger(world.index).entries(given[0].recording)]
        assert words == [
            "recorded",
            "sealed",
            "docked",
            "offloaded",
            "held",
            "enclosed",
            "head_signed",
            "delivered",
            "acknowledged",
        ]

    on_virtual_time(scenario)
