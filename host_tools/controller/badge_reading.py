"""Reading a badge for somebody who is to get it, at a reader of this controller: while they wait, taps pick no camera.

Law: one at a time; a badge counts only when it was read twice (``RepeatedTaps``). Its number goes to whoever asked and
nowhere else: what is told to all has its last characters. No clock: how long to wait is the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from host_tools.controller.happenings import Happenings
from host_tools.controller.readers import READY_STATE, ReaderDesk, ReaderView
from host_tools.readers.elsewhere import Judgement, Kind, judge
from host_tools.readers.errors import TagRefused
from host_tools.readers.interface import ACCEPTED, REFUSED
from host_tools.readers.pairing import RepeatedTaps
from host_tools.readers.presence import Seen
from host_tools.readers.tags import Tag

SHOWN = 4  # last characters of a badge's number: whoever knows it all can copy it
LAMP_S = 1.0
HAPPENING = "badge_reading"


class NoReading(Exception):
    """No badge can be read now, or not this one. One line."""


class BadgeReading:
    """``known``: numbers that are paired already, with whom."""

    def __init__(self, readers: ReaderDesk, known: Callable[[], dict[str, str]], happenings: Happenings) -> None:
        self._readers = readers
        self._known = known
        self._happenings = happenings
        self._waiting: tuple[str, asyncio.Future[str]] | None = None
        self._taps: tuple[str, RepeatedTaps] | None = None  # goes on when the same person asks again

    async def next_badge(self, who: str, wait_s: float) -> str:
        """The number of a badge that was held to a reader twice; empty if nobody came. NoReading."""
        if not any(view.state == READY_STATE for view in self._readers.views.values()):
            raise NoReading("no reader is ready at this controller: plug one in, or use bwc badge pair elsewhere")
        self._begin(who)
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = self._waiting = who, found
        try:
            async with asyncio.timeout(wait_s):
                return await found
        except TimeoutError:
            return ""
        finally:
            if self._waiting is waiting:
                self._waiting = None

    def take(self, view: ReaderView, tag: Tag) -> bool:
        """A badge was held to a reader; whether it was for somebody who waits here."""
        if self._waiting is None or self._taps is None:
            return False
        _, found = self._waiting
        try:
            progress = self._taps[1].feed(Seen(tag))
        except TagRefused as refused:
            self._end(found, error=str(refused))
            self._readers.show(view.url, REFUSED, LAMP_S)
            return True
        self._readers.show(view.url, ACCEPTED, LAMP_S)
        if progress is not None and progress.tag is not None:
            self._end(found, progress.tag.text)
        else:
            shown = f"…{tag.text[-SHOWN:]}"
            text = f"read {shown}: take it away for two seconds, then hold it to the reader again"
            self._happenings.tell(HAPPENING, reader=view.url, text=text)
        return True

    def judge(self, readings: Sequence[tuple[Kind, bytes]]) -> Judgement:
        """The same of a badge that was read at another computer. TagRefused."""
        return judge(readings, self._known())

    def _begin(self, who: str) -> None:
        if self._waiting is not None:
            before, found = self._waiting
            if before != who:
                raise NoReading("somebody else is pairing a badge just now: try again in a moment")
            if not found.done():
                found.set_result("")  # the same person has asked anew
        if self._taps is None or self._taps[0] != who:
            self._taps = who, RepeatedTaps(self._known().items())

    def _end(self, found: asyncio.Future[str], number: str = "", error: str = "") -> None:
        self._taps = None
        if found.done():
            return
        if error:
            found.set_exception(NoReading(error))
        else:
            found.set_result(number)
