"""Retry waits longer and longer and not for ever; Throttle keeps its pace; Spy sees; Failing fails by plan."""

import asyncio

import pytest

from host_tools.destinations.interface import (
    ContainerMissing,
    DestinationRefused,
    DestinationUnavailable,
    SourceMismatch,
)
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces
from host_tools.destinations.wrappers import Call, Failing, Failure, Retry, RetryPlan, Spy, Throttle

DOWN = DestinationUnavailable("destination is down: start it")


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0
        self.sleeps: list[int] = []

    def now_ms(self) -> int:
        return self.now

    async def sleep_ms(self, duration_ms: int) -> None:
        self.sleeps.append(duration_ms)
        self.now += duration_ms


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.mark.req("CTRL-09")
def test_waits_double_up_to_a_limit_and_are_spread_by_chance(time: Time) -> None:
    told: list[int] = []
    plan = RetryPlan(first_ms=1000, wait_ms_max=5000, attempts_max=6)
    failing = Failing(MemoryDestination(), [Failure("check", number, DOWN) for number in range(1, 6)])
    retry = Retry(failing, time.sleep_ms, lambda: 1.0, plan, lambda error, wait_ms: told.append(wait_ms))
    asyncio.run(retry.check())
    assert time.sleeps == told == [1000, 2000, 4000, 5000, 5000]
    assert [plan.wait_ms(3, chance) for chance in (0.0, 0.5, 1.0)] == [2000, 3000, 4000]
    assert plan.wait_ms(500, 1.0) == 5000


def test_it_gives_up_at_last_and_says_why(time: Time) -> None:
    failing = Failing(MemoryDestination(), [Failure("check", number, DOWN) for number in range(1, 9)])
    retry = Retry(failing, time.sleep_ms, lambda: 0.0, RetryPlan(attempts_max=3))
    with pytest.raises(DestinationUnavailable, match="start it"):
        asyncio.run(retry.check())
    assert len(time.sleeps) == 2


@pytest.mark.req("CTRL-09")
@pytest.mark.parametrize(
    "error", [DestinationRefused("no such wearer: add it"), ContainerMissing("gone"), SourceMismatch("too short")]
)
def test_what_waiting_cannot_heal_is_not_repeated(time: Time, error) -> None:
    spy = Spy(Failing(MemoryDestination(), [Failure("complete", 1, error)]))
    with pytest.raises(type(error)):
        asyncio.run(Retry(spy, time.sleep_ms, lambda: 0.0).complete(BOX))
    assert spy.calls == [Call("complete", BOX, "", type(error).__name__)]
    assert time.sleeps == []


def test_an_object_is_sent_again_from_its_first_byte(time: Time) -> None:
    store = MemoryDestination()
    spy = Spy(Failing(store, [Failure("put_object", 1, DOWN, "during", after_bytes=100_000)]))

    async def run() -> None:
        retry = Retry(spy, time.sleep_ms, lambda: 0.0)
        await retry.ensure_container(BOX, {})
        await retry.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
        assert await store.read_object(BOX, CLIP) == CONTENT

    asyncio.run(run())
    assert [call.fault for call in spy.calls] == ["", "DestinationUnavailable", ""]


def test_a_source_that_can_be_read_only_once_is_not_sent_twice(time: Time) -> None:
    spy = Spy(Failing(MemoryDestination(), [Failure("put_object", 1, DOWN, "during")]))

    async def once():
        yield b"x"

    async def run() -> None:
        retry = Retry(spy, time.sleep_ms, lambda: 0.0)
        await retry.ensure_container(BOX, {})
        with pytest.raises(DestinationUnavailable):
            await retry.put_object(BOX, CLIP, once(), 1, {})

    asyncio.run(run())
    assert len(spy.calls) == 2


def test_the_pace_is_kept(time: Time) -> None:
    async def run() -> None:
        throttle = Throttle(MemoryDestination(), 50_000, time.now_ms, time.sleep_ms)
        await throttle.ensure_container(BOX, {})
        await throttle.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})

    asyncio.run(run())
    assert time.now == len(CONTENT) * 1000 // 50_000


def test_wrappers_speak_for_what_they_wrap(time: Time) -> None:
    wrapped = Retry(Spy(MemoryDestination("mkv")), time.sleep_ms, lambda: 0.0)
    assert str(wrapped.describe()) == "memory of this process"
    assert wrapped.describe().container_type == "mkv"
