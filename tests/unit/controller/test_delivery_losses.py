"""What a destination has lost that it had acknowledged, and what only looks like it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.delivery_losses import LOOK_MS, Losses
from host_tools.custody.blocking import run_inline
from host_tools.custody.index import Index, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from tests.unit.custody.recordings import sample

pytestmark = pytest.mark.req("CTRL-09", "DEST-10")
NOW_MS = 1_767_300_000_000


class There:
    """The other end: of each container whether it has it; None where it cannot say."""

    def __init__(self) -> None:
        self.has: dict[str, bool | None] = {}
        self.asked: list[str] = []

    async def holds(self, container: str) -> bool | None:
        """See Destination."""
        self.asked.append(container)
        return self.has[container]


class Desk:
    """A controller's books with recordings that went to a destination."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.spool = Spool(MemoryFiles(), index, lambda: NOW_MS, spare_bytes=4_096)
        self.journey = Journey(index, lambda: NOW_MS)
        self.there: Any = There()
        self.losses = Losses(index, self.there, run_inline)

    def deliver(self, seed: int, has: bool | None, outcome: Any = "delivered", reason: str = "") -> bytes:
        """One more, which is there or not."""
        given, container = sample(seed), f"box-{seed}"
        self.spool.accept(given.manifest_bytes, "CAM-0001", given.digest)
        self.spool.write(given.recording, 0, given.chunks)
        self.spool.commit()
        self.journey.start_delivery(given.recording, container)
        self.index.transfers.begin(given.recording, "memory", container, 1, NOW_MS)
        self.journey.delivered(given.recording, "memory", [])
        self.index.transfers.end(given.recording, outcome, reason, NOW_MS)
        self.there.has[container] = has
        return given.recording

    def look(self, now_ms: int = NOW_MS) -> list[bytes]:
        """Which can be sent again."""
        return [row.recording for row in asyncio.run(self.losses.look(now_ms))]


@pytest.fixture
def desk() -> Generator[Desk]:
    index = open_index(":memory:")
    made = Desk(index)
    yield made
    made.spool.close()
    index.close()


def test_what_is_missing_is_sent_again_while_it_is_here_and_named_when_it_is_not(desk: Desk) -> None:
    desk.deliver(1, has=True)
    again = desk.deliver(2, has=False)
    gone = desk.deliver(3, has=False)
    desk.spool.remove(gone)
    assert desk.look() == [again]
    assert list(desk.losses.lost) == [gone]
    assert "box-3 and is not there any more: restore a newer backup there" in desk.losses.lost[gone].text


def test_a_destination_that_cannot_say_has_lost_nothing(desk: Desk) -> None:
    desk.deliver(1, has=None)
    assert desk.look() == []
    assert desk.losses.lost == {}


def test_what_a_person_confirmed_elsewhere_or_is_on_its_way_is_not_looked_for(desk: Desk) -> None:
    desk.deliver(1, has=False, reason="confirmed: on a drive")
    desk.deliver(2, has=False, outcome="waiting")
    assert desk.look() == []
    assert desk.there.asked == []


def test_it_looks_once_an_hour_and_when_somebody_asks(desk: Desk) -> None:
    lost = desk.deliver(1, has=False)
    assert desk.look() == [lost]
    assert desk.look(NOW_MS + LOOK_MS - 1) == []
    assert desk.look(NOW_MS + LOOK_MS) == [lost]
    assert desk.look(NOW_MS - 5) == [lost], "its clock was set back"
    desk.losses.look_again()
    desk.there.has["box-1"] = True
    assert desk.look(NOW_MS - 5) == []
    assert len(desk.there.asked) == 4


def test_where_nobody_can_be_asked_nothing_is_due(desk: Desk) -> None:
    losses = Losses(desk.index, None, run_inline)
    assert not losses.is_due(NOW_MS)
    assert asyncio.run(losses.look(NOW_MS)) == []
