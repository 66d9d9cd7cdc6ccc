"""A badge read for whoever is to get it: twice, one person at a time, its number to nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from host_tools.controller.badge_reading import BETWEEN_MS, GOES_ON_MS, HAPPENING, BadgeReading, NoReading
from host_tools.controller.happenings import Happenings
from host_tools.controller.readers import LOST_STATE, READY_STATE, ReaderDesk, ReaderFinder, ReaderView
from host_tools.readers.tags import ISO14443A, Tag
from host_tools.transports.registry import Registry
from tests.patience import LIMIT_S

pytestmark = pytest.mark.req("RFID-04")
BADGE = Tag(ISO14443A, 56, bytes.fromhex("04A1B2C3D4E5F6"))
OTHER = Tag(ISO14443A, 56, bytes.fromhex("04FFFFFFFFFF01"))
PHONE = Tag(ISO14443A, 32, bytes.fromhex("08123456"))


class Desk:
    """``told``: what everybody hears."""

    def __init__(self, folder: Path, known: dict[str, str] | None = None, state: str = READY_STATE) -> None:
        self.now_ms = 1_000_000
        self.told: list[dict[str, Any]] = []
        happenings = Happenings(lambda: 0)
        happenings.listen(self.told.append)
        finder = ReaderFinder((), None, folder)
        readers = ReaderDesk(finder, Registry(), lambda: 0, happenings, lambda _view, _tag: None)
        self.view = readers.views["twn4://x"] = ReaderView("twn4://x", "", state=state)
        self.badges = BadgeReading(readers, lambda: known or {}, happenings, lambda: self.now_ms)

    async def ask(self, who: str = "ada", wait_s: float = LIMIT_S) -> asyncio.Task[str]:
        """Somebody waits from now on."""
        task = asyncio.create_task(self.badges.next_badge(who, wait_s))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    def take(self, tag: Tag = BADGE) -> bool:
        return self.badges.take(self.view, tag)


def test_it_counts_when_it_was_read_twice_and_only_who_asked_hears_the_number(tmp_path: Path):
    async def main() -> None:
        desk = Desk(tmp_path)
        assert not desk.take(), "nobody waits: it is for the pick-up"
        waiting = await desk.ask()
        assert desk.take()
        assert not waiting.done()
        assert desk.take()
        assert await waiting == BADGE.text
        assert not desk.take(), "the next one is for the pick-up again"
        assert [each["what"] for each in desk.told] == [HAPPENING]
        assert "…E5F6" in desk.told[0]["text"]
        assert BADGE.text not in str(desk.told)

    asyncio.run(main())


def test_a_tap_between_two_questions_picks_no_camera_and_counts(tmp_path: Path):
    async def main() -> None:
        desk = Desk(tmp_path)
        assert await desk.badges.next_badge("ada", 0.0) == ""
        desk.now_ms += BETWEEN_MS
        assert desk.take()
        assert desk.take()
        assert desk.take(), "it was read; somebody is about to fetch it"
        assert await desk.badges.next_badge("ada", LIMIT_S) == BADGE.text
        assert not desk.take()
        assert await desk.badges.next_badge("ada", 0.0) == ""
        desk.now_ms += BETWEEN_MS + 1
        assert not desk.take(), "nobody has asked again: the page is closed"

    asyncio.run(main())


def test_what_was_read_for_somebody_goes_to_nobody_else(tmp_path: Path):
    async def main() -> None:
        desk = Desk(tmp_path)
        assert await desk.badges.next_badge("ada", 0.0) == ""
        assert desk.take()
        assert desk.take()
        other = await desk.ask("louise")
        assert not other.done()
        other.cancel()
        await asyncio.wait({other})

    asyncio.run(main())


def test_one_tap_before_a_question_ends_counts_in_the_next_of_the_same_person(tmp_path: Path):
    async def main() -> None:
        desk = Desk(tmp_path)
        first = await desk.ask()
        assert desk.take()
        second = await desk.ask()
        assert await first == ""
        assert desk.take()
        assert await second == BADGE.text
        other = await desk.ask("louise")
        assert desk.take()
        assert not other.done(), "what somebody else began does not count"
        with pytest.raises(NoReading, match="somebody else"):
            await desk.badges.next_badge("ada", LIMIT_S)
        other.cancel()

    asyncio.run(main())


def test_what_was_begun_and_left_counts_for_nothing_later(tmp_path: Path):
    async def main() -> None:
        known = {OTHER.text: "Grace Hopper (W-002)"}
        desk = Desk(tmp_path, known)
        assert await desk.badges.next_badge("ada", 0.01) == ""
        known.clear()  # it is unpaired meanwhile
        desk.now_ms += 3_600_000
        waiting = await desk.ask()
        assert desk.take(OTHER)
        waiting.cancel()
        await asyncio.wait({waiting})
        desk.now_ms += GOES_ON_MS + 1
        later = await desk.ask()
        assert desk.take(OTHER)
        assert not later.done(), "once an hour is not twice"
        assert desk.take(OTHER)
        assert await later == OTHER.text

    asyncio.run(main())


@pytest.mark.parametrize(
    ("tag", "known", "text"),
    [(PHONE, {}, "08"), (OTHER, {OTHER.text: "Grace Hopper (W-002)"}, "belongs to Grace Hopper")],
)
def test_a_badge_that_names_nobody_or_somebody_else_is_refused(
    tmp_path: Path, tag: Tag, known: dict[str, str], text: str
):
    async def main() -> None:
        desk = Desk(tmp_path, known)
        waiting = await desk.ask()
        assert desk.take(tag)
        with pytest.raises(NoReading, match=text):
            await waiting

    asyncio.run(main())


def test_nobody_comes_or_no_reader_is_there(tmp_path: Path):
    async def main() -> None:
        assert await Desk(tmp_path).badges.next_badge("ada", 0.01) == ""
        with pytest.raises(NoReading, match="no reader is ready"):
            await Desk(tmp_path, state=LOST_STATE).badges.next_badge("ada", LIMIT_S)

    asyncio.run(main())
