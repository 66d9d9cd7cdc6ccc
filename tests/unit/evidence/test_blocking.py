"""Work that blocks ends before what it works on is closed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.evidence.blocking import all_ended
from tests.patience import LIMIT_S


def test_whoever_is_cancelled_waits_for_the_threads():
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def half() -> None:
        begun.set()
        assert go_on.wait(LIMIT_S)
        ended.set()

    async def upload() -> None:
        await all_ended([asyncio.ensure_future(run_in_thread(half))])

    async def scenario() -> None:
        whole = asyncio.create_task(upload())
        assert await asyncio.to_thread(begun.wait, LIMIT_S)
        for _ in range(2):  # also by somebody who is impatient
            whole.cancel()
            await asyncio.sleep(0)
        assert not whole.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await whole
        assert ended.is_set()

    asyncio.run(scenario())


def test_a_fault_of_one_half_waits_for_the_other():
    go_on = threading.Event()

    def fails() -> None:
        raise OSError("full")

    def lasts() -> None:
        assert go_on.wait(LIMIT_S)

    async def scenario() -> None:
        failing, lasting = (asyncio.ensure_future(asyncio.to_thread(half)) for half in (fails, lasts))
        both = asyncio.create_task(all_ended([failing, lasting]))
        await asyncio.wait([failing])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not both.done()
        go_on.set()
        with pytest.raises(OSError, match="full"):
            await both
        assert lasting.done()
        await all_ended([])

    asyncio.run(scenario())
