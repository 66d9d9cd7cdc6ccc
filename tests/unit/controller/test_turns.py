"""Turns: everybody's alike until a prioritised camera is there."""

from __future__ import annotations

import asyncio

import pytest

from host_tools.controller.turns import Turns
from tests.patience import LIMIT_S


async def holds(turns: Turns, worker: int, prioritised: bool) -> bool:
    """Whether that worker must wait now."""
    waiting = asyncio.ensure_future(turns.turn(worker, prioritised))
    await asyncio.sleep(0)
    held = not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return held


@pytest.mark.req("LINK-07", "CTRL-07")
def test_others_keep_one_pull_each_while_a_prioritised_camera_is_offloaded():
    async def scenario() -> None:
        turns = Turns()
        assert not await holds(turns, 3, prioritised=False)
        with turns.taking_part(prioritised=True):
            assert not await holds(turns, 3, prioritised=True)
            assert not await holds(turns, 0, prioritised=False)
            assert await holds(turns, 1, prioritised=False)
            waiting = asyncio.ensure_future(turns.turn(1, prioritised=False))
            with turns.taking_part(prioritised=True), turns.taking_part(prioritised=False):
                assert await holds(turns, 1, prioritised=False)
            assert await holds(turns, 1, prioritised=False)
        await asyncio.wait_for(waiting, LIMIT_S)
        assert not await holds(turns, 1, prioritised=False)

    asyncio.run(scenario())


def test_a_failed_offload_gives_its_turn_back():
    async def scenario() -> None:
        turns = Turns()
        with pytest.raises(ValueError, match="broken"), turns.taking_part(prioritised=True):
            raise ValueError("broken")
        assert not await holds(turns, 2, prioritised=False)

    asyncio.run(scenario())
