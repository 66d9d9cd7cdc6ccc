"""What goes beside a clip is in the ledger before it is sent, and the head that goes along covers it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_notes import NoteBook
from host_tools.custody.ledger import Ledger
from host_tools.destinations.capabilities import STORE_BOOKMARKS, STORE_CUSTODY_CHAIN, STORE_GNSS_TRACK
from host_tools.destinations.extras import Bookmark
from host_tools.destinations.interface import Description, DestinationUnavailable, Metadata
from host_tools.destinations.memory import MemoryDestination
from tests.unit.controller.test_delivery import Held, quick
from tests.unit.custody.recordings import STARTED_UNIX_MS, sample
from tests.unit.evidence.test_beside_recordings import TRACK

pytestmark = [pytest.mark.req("CTRL-24", "DEST-05"), pytest.mark.usefixtures("quick")]
__all__ = ("quick",)
GIVEN = sample(1)


class Breaking(MemoryDestination):
    """Takes everything beside a clip. The first completion breaks off: before it is done, or with its answer lost."""

    def __init__(self, notes: NoteBook, zones: list[str], is_done: bool) -> None:
        super().__init__()
        self._notes, self._zones, self._is_done, self.asked = notes, zones, is_done, 0

    def describe(self) -> Description:
        return replace(
            super().describe(), capabilities=frozenset({STORE_BOOKMARKS, STORE_CUSTODY_CHAIN, STORE_GNSS_TRACK})
        )

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        self.asked += 1
        if self.asked == 1 and not self._is_done:
            self._notes.mark(GIVEN.recording, Bookmark("m1", STARTED_UNIX_MS + 1_000, text="the turn"))
        if self.asked > 1 or self._is_done:
            await super().complete(container, metadata)
        if self.asked == 1:
            self._zones.append("Europe/Stockholm")
            raise DestinationUnavailable("destination: broke off: mend it")


def delivered(is_done: bool) -> tuple[list[str], dict[str, Any]]:
    """The ledger's words of the recording, and the custody chain that arrived."""
    held, notes, zones = Held([GIVEN]), NoteBook(MemoryFiles()), ["UTC"]
    notes.locate(GIVEN.recording, TRACK)
    around, destination = Around(notes, time_zone=lambda: zones[-1]), Breaking(notes, zones, is_done)

    async def run() -> bytes:
        async with held.delivering(destination, around=around):
            await held.until(lambda: "delivered" in held.words() or "set_aside" in held.words())
        assert held.states() == ["delivered"], held.told
        container = held.index.get(GIVEN.recording).container
        box = await destination.read_container(container)
        assert box is not None
        (name,) = [name for name in box.objects if name.startswith("custody_")]
        return await destination.read_object(container, name)

    try:
        custody = json.loads(asyncio.run(run()))
        return [entry.word for entry in Ledger(held.index).entries(GIVEN.recording)], custody
    finally:
        held.close()


BEFORE = ["recorded", "sealed", "docked", "offloaded", "held"]
AFTER = ["delivered", "acknowledged"]


def test_a_delivery_that_is_repeated_encloses_the_same_and_adds_nothing() -> None:
    """A complete recording takes the same bytes alone; the time zone may be another meanwhile."""
    words, custody = delivered(is_done=True)
    assert words == [*BEFORE, "enclosed", "head_signed", *AFTER]
    enclosed = json.loads(custody["entries"][-2]["line"])
    assert enclosed["event"] == "enclosed"
    assert sorted(name.partition("_")[0] for name in enclosed["details"]["objects"]) == ["20260101", "bookmark"]
    assert "TriggerOnLocation" in enclosed["details"]["container"]["keys"]
    assert not {"Status", "TimeZone"} & set(enclosed["details"]["container"]["keys"])


def test_what_was_said_between_two_attempts_is_enclosed_anew_and_both_are_told() -> None:
    words, custody = delivered(is_done=False)
    assert words == [*BEFORE, *["enclosed", "head_signed"] * 2, *AFTER]
    first, second = [
        json.loads(each["line"])["details"]["objects"] for each in custody["entries"] if '"enclosed"' in each["line"]
    ]
    assert second.items() > first.items()
    (added,) = second.keys() - first.keys()
    assert added.endswith("_m1")
