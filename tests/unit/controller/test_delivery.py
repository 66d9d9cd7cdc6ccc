"""Delivery of held recordings to a destination that is away, slow, full, or refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from firmware.formats.chunk import ClearOpener, Opener
from firmware.formats.manifest import Manifest
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller import delivery as module
from host_tools.controller.delivery import Delivery
from host_tools.controller.delivery_around import Around
from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.index import Index, open_index
from host_tools.custody.spool import Spool
from host_tools.destinations.interface import (
    COMPLETE,
    STATUS,
    Destination,
    DestinationRefused,
    DestinationUnavailable,
    SourceMismatch,
)
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.wrappers import Failing, Failure, RetryPlan, Spy, Wrapper
from tests.patience import LIMIT_S
from tests.unit.custody.recordings import Sample, sample

T = TypeVar("T")
AWAY = DestinationUnavailable("destination: the network is down: mend it")


class Held:
    """A spool that holds some recordings, and a delivery of them. ``clock``: of the controller, milliseconds."""

    def __init__(self, recordings: list[Sample], clock: Callable[[], int] | None = None) -> None:
        self.clock = clock or wall_ms
        self.recordings = recordings
        self.index: Index = open_index(":memory:")
        self.files = MemoryFiles()
        self.spool = Spool(self.files, self.index, self.clock, spare_bytes=4_096)
        self.told: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        for each in recordings:
            self.spool.accept(each.manifest_bytes, each.manifest.camera_serial, each.digest)
            self.spool.write(each.recording, 0, each.chunks)
            assert self.spool.commit().held == [each.recording]

    @asynccontextmanager
    async def delivering(
        self,
        destination: Destination,
        opener_of: Callable[[Manifest], Opener] | None = None,
        around: Around | None = None,
        lanes_max: int = 1,
    ) -> AsyncGenerator[Delivery]:
        """Run a delivery: of one after the other, where calls are counted."""
        happenings = Happenings(self.clock)
        happenings.listen(self._take)
        made = Delivery(
            self.index,
            self.spool,
            destination,
            self.clock,
            opener_of or clear_opener,
            run_in_thread,
            happenings,
            around=around,
            lanes_max=lanes_max,
        )
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            await task

    def close(self) -> None:
        """Give everything back."""
        self.spool.close()
        self.index.close()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Until something that is told makes it true."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def states(self) -> list[str]:
        """Of the recordings, in their order."""
        return [self.index.get(each.recording).state for each in self.recordings]

    def words(self) -> list[str]:
        """What was told."""
        return [each["what"] for each in self.told]

    def _take(self, happening: dict[str, Any]) -> None:
        self.told.append(happening)
        self._changed.set()


class Timed(Wrapper):
    """Notes when the destination was opened."""

    def __init__(self, inner: Destination) -> None:
        super().__init__(inner)
        self.opened_s: list[float] = []

    async def open(self) -> None:
        self.opened_s.append(asyncio.get_running_loop().time())
        await super().open()


def wall_ms() -> int:
    return 1_767_300_000_000


def clear_opener(manifest: Manifest) -> Opener:
    return ClearOpener(manifest.recording)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundredths of seconds instead of seconds between attempts."""
    monkeypatch.setattr(module, "AWAY_PLAN", RetryPlan(first_ms=20, wait_ms_max=80))
    monkeypatch.setattr(module, "ALONE_PLAN", RetryPlan(first_ms=20, wait_ms_max=80))
    monkeypatch.setattr(module, "LOOK_S", 0.05)


@pytest.fixture
def samples() -> list[Sample]:
    return [sample(seed, started_unix_ms=1_767_225_600_000 + 60_000 * seed) for seed in (1, 2, 3)]


def run(recordings: list[Sample], scenario: Callable[[Held], Awaitable[T]]) -> T:
    """Run a scenario on a spool that holds these."""

    async def whole() -> T:
        held = Held(recordings)
        try:
            return await scenario(held)
        finally:
            held.close()

    return asyncio.run(whole())


@pytest.mark.req("CTRL-09")
def test_everything_held_is_delivered_whole_and_completed_last(samples: list[Sample]):
    async def scenario(held: Held) -> None:
        store = MemoryDestination()
        spy = Spy(store)
        async with held.delivering(spy):
            await held.until(lambda: held.words().count("delivered") == 3)
        assert held.states() == ["delivered"] * 3
        assert held.spool.storage().used_bytes == 0
        for container in {call.container for call in spy.calls if call.container}:
            steps = [call.operation for call in spy.calls if call.container == container]
            assert steps == ["ensure_container", "put_object", "complete"]
        for each in samples:
            container = held.index.get(each.recording).container
            box = await store.read_container(container)
            assert box is not None
            assert box.metadata[STATUS] == COMPLETE
            (name,) = box.objects
            assert await store.read_object(container, name) == each.content

    run(samples, scenario)


@pytest.mark.req("CTRL-09")
@pytest.mark.usefixtures("quick")
def test_a_destination_that_is_away_is_asked_ever_more_seldom_until_it_is_back(samples: list[Sample]):
    async def scenario(held: Held) -> None:
        timed = Timed(Failing(MemoryDestination(), [Failure("open", call, AWAY) for call in range(1, 6)]))
        async with held.delivering(timed) as delivery:
            await held.until(lambda: "destination" in held.words())
            assert delivery.trouble == str(AWAY)
            await held.until(lambda: held.words().count("delivered") == 3)
            await held.until(lambda: held.words().count("destination") == 2)
            assert delivery.trouble == ""
        gaps = [after - before for before, after in zip(timed.opened_s, timed.opened_s[1:], strict=False)]
        assert all(gap >= wait for gap, wait in zip(gaps, (0.015, 0.03, 0.06, 0.06, 0.06), strict=False)), gaps
        assert held.words()[0] == "destination", "told once, not at every attempt"

    run(samples, scenario)


@pytest.mark.req("CTRL-09")
@pytest.mark.parametrize("when", ["before", "during", "after"])
@pytest.mark.parametrize("operation", ["ensure_container", "put_object", "complete"])
@pytest.mark.usefixtures("quick")
def test_whatever_breaks_in_between_is_done_again(operation: Any, when: Any, samples: list[Sample]):
    async def scenario(held: Held) -> None:
        store = MemoryDestination()
        plan = [Failure(operation, call, AWAY, when, after_bytes=900) for call in (1, 2)]
        async with held.delivering(Failing(store, plan)):
            await held.until(lambda: held.words().count("delivered") == 3)
        for each in samples:
            container = held.index.get(each.recording).container
            box = await store.read_container(container)
            assert box is not None
            (name,) = box.objects
            assert await store.read_object(container, name) == each.content

    run(samples, scenario)


@pytest.mark.parametrize("error", [DestinationRefused("never: remove it"), SourceMismatch("too short: examine it")])
def test_what_is_refused_is_set_aside_with_the_reason_and_delays_nobody(error: Any, samples: list[Sample]):
    async def scenario(held: Held) -> None:
        async with held.delivering(Failing(MemoryDestination(), [Failure("put_object", 2, error)])):
            await held.until(lambda: held.words().count("delivered") == 2)
            await held.until(lambda: "set_aside" in held.words())
        assert held.states() == ["delivered", "delivering", "delivered"]
        row = held.index.get(samples[1].recording)
        assert row.poison == str(error)
        assert held.spool.storage().used_bytes > 0, "nothing of it was removed"

    run(samples, scenario)


@pytest.mark.usefixtures("quick")
def test_a_recording_that_alone_cannot_be_stored_delays_nobody(samples: list[Sample]):
    async def scenario(held: Held) -> None:
        plan = [Failure("put_object", call, AWAY) for call in (1, 4, 5)]
        async with held.delivering(Failing(MemoryDestination(), plan)) as delivery:
            await held.until(lambda: held.words().count("delivered") == 2)
            assert held.states() == ["delivering", "delivered", "delivered"]
            assert held.index.get(samples[0].recording).trouble == str(AWAY)
            await held.until(lambda: held.words().count("delivered") == 3)
            await held.until(lambda: delivery.trouble == "")

    run(samples, scenario)


def test_a_recording_that_cannot_be_opened_here_delays_nobody(samples: list[Sample]):
    def opener_of(manifest: Manifest) -> Opener:
        if manifest.recording == samples[0].recording:
            raise CustodyRefused("sealed with something newer: update this controller")
        return ClearOpener(manifest.recording)

    async def scenario(held: Held) -> None:
        async with held.delivering(MemoryDestination(), opener_of):
            await held.until(lambda: held.words().count("delivered") == 2)
        assert held.states() == ["held", "delivered", "delivered"]
        assert "update this controller" in held.index.get(samples[0].recording).trouble

    run(samples, scenario)


def test_a_damaged_spool_is_told_and_the_recording_is_missing_again(samples: list[Sample]):
    async def scenario(held: Held) -> None:
        path = f"recordings/{samples[1].recording.hex()}/chunks"
        file = held.files.open(path, writable=True)
        file.write_at(1_000, b"damaged")
        file.close()
        async with held.delivering(MemoryDestination()):
            await held.until(lambda: held.words().count("delivered") == 2)
            await held.until(lambda: "damaged" in held.words())
        assert held.states() == ["delivered", "offloading", "delivered"]
        assert held.spool.missing(samples[1].recording) != []

    run(samples, scenario)


@pytest.mark.usefixtures("quick")
def test_an_index_that_fails_is_told_and_tried_again(samples: list[Sample]):
    async def scenario(held: Held) -> None:
        held.index.close()
        async with held.delivering(MemoryDestination()):
            await held.until(lambda: held.words().count("custody_fault") >= 2)

    run(samples, scenario)


def test_what_was_being_delivered_when_the_controller_died_is_delivered_first(samples: list[Sample]):
    async def scenario(held: Held) -> None:
        spy = Spy(Failing(MemoryDestination(), [Failure("put_object", 1, AWAY, "after")]))
        async with held.delivering(spy):
            await held.until(lambda: "delivery_started" in held.words())
        held.told.clear()
        async with held.delivering(spy):
            await held.until(lambda: held.words().count("delivered") == 3)
        first = next(each for each in held.told if each["what"] == "delivery_started")
        assert first["recording"] == samples[0].recording.hex()

    run(samples, scenario)
