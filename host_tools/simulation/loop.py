"""An asyncio event loop on virtual time: no selector, no thread, no socket, no clock.

Law: time passes only between callbacks, straight to the next one that is due. Two timelines share it: *world* time,
which always passes, and *bench* time (``loop.time()``), which stands while the bench is asleep, as a host's monotonic
clock stands while it is suspended: the hours in which docked boards would only exchange keep-alives are not simulated.

Tasks and futures are numbered and hash by that number: asyncio keeps them in sets, and the order in which it walks
those (cancelling a task group, say) must not depend on where in memory they lie.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from typing import Any, Protocol

US_PER_S = 1_000_000
ROUND_UP_S = 1e-7  # added to ``time()``: a float of whole microseconds times 1000 must not fall below the whole number
READY_MAX = 100_000  # callbacks without time passing: more is a loop that feeds itself


class Stuck(Exception):
    """The simulated programs keep calling back and let no time pass, or wait for what can never come."""


class _Runnable(Protocol):
    def cancelled(self) -> bool: ...

    def _run(self) -> None: ...


class Appointment:
    """A callback at a moment of a timeline; ``cancel`` may be called at any time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None] | None) -> None:
        self.callback = callback

    def cancel(self) -> None:
        """It will not be called."""
        self.callback = None

    def cancelled(self) -> bool:
        """Whether it will not be called, or has been."""
        return self.callback is None

    def _run(self) -> None:
        if self.callback is not None:
            callback, self.callback = self.callback, None
            callback()


class Timeline:
    """One of the loop's two clocks, in whole microseconds, with its appointments."""

    def __init__(self, number: Callable[[], int]) -> None:
        self.now_us = 0
        self.heap: list[tuple[int, int, Any]] = []
        self._number = number

    def at(self, moment_us: int, callback: Callable[[], None]) -> Appointment:
        """Call back then; now if that is past."""
        appointment = Appointment(callback)
        heappush(self.heap, (max(moment_us, self.now_us), self._number(), appointment))
        return appointment

    def after(self, delay_us: int, callback: Callable[[], None]) -> Appointment:
        """Call back when so much has passed on this timeline."""
        return self.at(self.now_us + delay_us, callback)

    def next_us(self) -> int | None:
        """The nearest appointment that stands."""
        heap = self.heap
        while heap:
            if not heap[0][2].cancelled():
                return heap[0][0]
            heappop(heap)
        return None


class SimTask(asyncio.Task[Any]):
    """A task with a number to hash by."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], *, number: int, **rest: Any) -> None:
        self.number = number
        super().__init__(coroutine, **rest)

    def __hash__(self) -> int:
        return self.number


class SimFuture(asyncio.Future[Any]):
    """A future with a number to hash by."""

    def __init__(self, *, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.AbstractEventLoop):
    """``world`` and ``bench``: the timelines. ``on_error`` gets what a callback or task raised that nobody awaited."""

    def __init__(self, on_error: Callable[[str], None]) -> None:
        self._count = 0
        self.world = Timeline(self._next_number)
        self.bench = Timeline(self._next_number)
        self.callbacks_run = 0
        self.tasks_open = 0
        self._ready: deque[_Runnable] = deque()
        self._asleep = False
        self._on_error = on_error
        self._closed = False
        self._running = False
        self._stopping = False

    # -- running

    def run_until(self, world_us: int, stop: Callable[[], bool] | None = None) -> None:
        """Let time pass until that moment of the world, or until ``stop`` is true (looked at between moments)."""
        self._enter()
        try:
            while not (stop is not None and stop()):
                self._drain()
                moment_us = self._next_moment_us()
                if moment_us is None or moment_us > world_us:
                    self._pass_to(world_us)
                    return
                self._pass_to(moment_us)
                self._take_due()
        finally:
            self._leave()

    def run_until_complete(self, future: Any) -> Any:
        """As asyncio's; Stuck if nothing is left that could complete it."""
        task = asyncio.ensure_future(future, loop=self)
        self._enter()
        try:
            while True:
                self._drain()
                if task.done():
                    return task.result()
                moment_us = self._next_moment_us()
                if moment_us is None:
                    raise Stuck("nothing is due any more, and what is awaited has not come")
                self._pass_to(moment_us)
                self._take_due()
        finally:
            self._leave()

    def soon(self, callback: Callable[[], None]) -> Appointment:
        """Call back before time passes; cheaper than ``call_soon``."""
        appointment = Appointment(callback)
        self._ready.append(appointment)
        return appointment

    def fall_asleep(self) -> None:
        """Bench time stands from now on."""
        self._asleep = True

    def wake_up(self) -> None:
        """Bench time passes again."""
        self._asleep = False

    @property
    def asleep(self) -> bool:
        """Whether bench time stands."""
        return self._asleep

    def _drain(self) -> None:
        ready = self._ready
        for _ in range(READY_MAX):
            if not ready:
                return
            self.callbacks_run += 1
            entry = ready.popleft()
            if not entry.cancelled():
                entry._run()  # pyright: ignore[reportPrivateUsage]  what a loop does to its handles
        raise Stuck(f"{READY_MAX} callbacks without time passing")

    def _next_moment_us(self) -> int | None:
        """The nearest appointment, on the world's timeline."""
        moment_us = self.world.next_us()
        bench_us = None if self._asleep else self.bench.next_us()
        if bench_us is None:
            return moment_us
        in_world_us = bench_us - self.bench.now_us + self.world.now_us
        return in_world_us if moment_us is None or in_world_us < moment_us else moment_us

    def _pass_to(self, world_us: int) -> None:
        passed_us = world_us - self.world.now_us
        if passed_us > 0:
            self.world.now_us = world_us
            if not self._asleep:
                self.bench.now_us += passed_us

    def _take_due(self) -> None:
        for timeline in (self.world, self.bench):
            if timeline is self.bench and self._asleep:
                continue
            heap, now_us = timeline.heap, timeline.now_us
            while heap and heap[0][0] <= now_us:
                entry = heappop(heap)[2]
                if not entry.cancelled():
                    self._ready.append(entry)

    def _enter(self) -> None:
        if self._running:
            raise RuntimeError("this loop is running already")
        self._running = True
        events._set_running_loop(self)

    def _leave(self) -> None:
        self._running = False
        events._set_running_loop(None)

    def _next_number(self) -> int:
        self._count += 1
        return self._count

    # -- what asyncio asks of a loop

    def time(self) -> float:
        """Bench time in seconds."""
        return self.bench.now_us / US_PER_S + ROUND_UP_S

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # there is one thread

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        moment_us = max(round(when * US_PER_S), self.bench.now_us)
        heappush(self.bench.heap, (moment_us, self._next_number(), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is left out when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return SimFuture(number=self._next_number(), loop=self)

    def create_task(
        self, coro: Any, *, name: object = None, context: contextvars.Context | None = None, **_rest: Any
    ) -> asyncio.Task[Any]:
        number = self._next_number()
        label = str(name) if name is not None else f"sim-{number}"
        task = SimTask(coro, number=number, loop=self, name=label, context=context)
        self.tasks_open += 1
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, _task: asyncio.Task[Any]) -> None:
        self.tasks_open -= 1

    def get_task_factory(self) -> None:
        return None

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error, whose = context.get("exception"), context.get("future") or context.get("task") or ""
        self._on_error(f"{context.get('message')}: {error!r} {whose!r}")

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._ready.clear()
        self.world.heap.clear()
        self.bench.heap.clear()
        self._closed = True

    async def shutdown_asyncgens(self) -> None:
        """Generators end where they are used."""
