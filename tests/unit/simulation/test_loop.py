"""Virtual time: it passes between callbacks, in order, and not otherwise."""

import asyncio

import pytest

from host_tools.simulation.loop import US_PER_S, Stuck, VirtualLoop


def made(errors: list[str] | None = None) -> VirtualLoop:
    return VirtualLoop((errors if errors is not None else []).append)


def test_sleeping_takes_no_time_but_virtual_time() -> None:
    loop = made()

    async def sleeps() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert loop.run_until_complete(sleeps()) == pytest.approx(86_400)
    assert loop.world.now_us == 86_400 * US_PER_S


def test_whole_milliseconds_stay_whole() -> None:
    """Connections count in ``int(time() * 1000)``: a timer for millisecond n must not ring in millisecond n - 1."""
    loop = made()

    async def rings() -> list[int]:
        seen: list[int] = []
        for wanted in range(1, 3_000, 7):
            await asyncio.sleep(wanted / 1000 - loop.time())
            seen.append(int(loop.time() * 1000) - wanted)
        return seen

    assert set(loop.run_until_complete(rings())) == {0}


def test_callbacks_of_a_moment_run_in_the_order_in_which_they_were_asked_for() -> None:
    loop, order = made(), list[str]()
    loop.world.at(1_000, lambda: order.append("world"))
    loop.bench.at(1_000, lambda: order.append("bench"))
    loop.world.at(500, lambda: order.append("earlier"))
    loop.soon(lambda: order.append("soon"))
    loop.run_until(2_000)
    assert order == ["soon", "earlier", "world", "bench"]


def test_what_was_cancelled_does_not_run() -> None:
    loop, ran = made(), list[int]()
    for number in range(4):
        appointment = loop.world.at(10 * number, lambda number=number: ran.append(number))
        if number % 2:
            appointment.cancel()
    loop.call_later(0.001, ran.append, 9).cancel()
    loop.run_until(10_000)
    assert ran == [0, 2]


def test_bench_time_stands_while_the_bench_is_asleep() -> None:
    loop, ran = made(), list[tuple[str, int, int]]()

    def note(name: str) -> None:
        ran.append((name, loop.world.now_us, loop.bench.now_us))

    loop.bench.after(2_000, lambda: note("bench"))
    loop.world.after(1_000, loop.fall_asleep)
    loop.world.after(9_000, lambda: note("world"))
    loop.world.after(10_000, loop.wake_up)
    loop.run_until(20_000)
    assert ran == [("world", 9_000, 1_000), ("bench", 11_000, 2_000)]


def test_threadsafe_calls_and_timeouts_and_task_groups_work() -> None:
    loop = made()

    async def all_of_it() -> str:
        done = asyncio.Event()
        loop.call_soon_threadsafe(done.set)
        await done.wait()
        try:
            async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
                for seconds in (1, 10):
                    tasks.create_task(asyncio.sleep(seconds))
        except TimeoutError:
            return f"{loop.time():.0f} s"
        return "no timeout"

    assert loop.run_until_complete(all_of_it()) == "3 s"
    assert loop.tasks_open == 0


def test_tasks_are_cancelled_in_the_order_in_which_they_were_made() -> None:
    """A task group keeps its tasks in a set: they hash by number, so memory addresses decide nothing."""
    loop, ended = made(), list[int]()

    async def waits(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(number)

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(waits(number))
            await asyncio.sleep(1)
            raise KeyError

    with pytest.raises(ExceptionGroup):
        loop.run_until_complete(group())
    assert ended == sorted(ended) and len(ended) == 8  # noqa: PT018  one statement about one list


def test_a_loop_that_feeds_itself_is_found() -> None:
    loop = made()

    def again() -> None:
        loop.soon(again)

    loop.soon(again)
    with pytest.raises(Stuck, match="without time passing"):
        loop.run_until(1)


def test_waiting_for_what_cannot_come_is_found() -> None:
    loop = made()
    waiting = asyncio.Event()
    task = loop.create_task(waiting.wait())
    with pytest.raises(Stuck, match="nothing is due"):
        loop.run_until_complete(task)
    waiting.set()
    loop.run_until(1)


def test_what_nobody_awaited_is_told() -> None:
    errors: list[str] = []
    loop = made(errors)

    def breaks() -> None:
        raise ValueError("broken")

    loop.call_soon(breaks)
    loop.run_until(1)
    assert "ValueError" in errors[0]


def test_a_callback_that_another_one_of_its_moment_cancels_does_not_run() -> None:
    errors: list[str] = []
    loop, ran = made(errors), list[str]()
    handles = [loop.call_later(1, lambda: handles[1].cancel()), loop.call_later(1, ran.append, "late")]
    loop.run_until(2 * US_PER_S)
    assert not ran
    assert not errors
