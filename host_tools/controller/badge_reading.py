"""Reading a badge for somebody who is to get it, at a reader of this controller: while they wait, taps pick no camera.

Law: one at a time; a badge counts only when it was read twice (``RepeatedTaps``). Its number goes to whoever asked and
nowhere else: what is told to all has its last characters. Who asks again at once goes on where they were, and what is
read between two of their questions is theirs, too. What was read begins anew for whoever asks later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
BETWEEN_MS = 2_000  # after a question without a badge: the same page has asked again long before
GOES_ON_MS = 5_000  # between two questions of the same person: a page asks again at once, a person opens it again later
HAPPENING = "badge_reading"


class NoReading(Exception):
    """No badge can be read now, or not this one. One line."""


@dataclass
class _Session:
    """One person who pairs. ``result``: the badge, or why it is none; ``waiter``: of the question that waits now;
    ``asked_ms``: until when the last one waited."""

    who: str
    taps: RepeatedTaps
    result: str | NoReading = ""
    waiter: asyncio.Future[None] | None = None
    asked_ms: int = 0

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class BadgeReading:
    """``known``: numbers that are paired already, with whom; ``now_ms``: any clock that only goes forward."""

    def __init__(
        self,
        readers: ReaderDesk,
        known: Callable[[], dict[str, str]],
        happenings: Happenings,
        now_ms: Callable[[], int],
    ) -> None:
        self._readers = readers
        self._known = known
        self._happenings = happenings
        self._now_ms = now_ms
        self._session: _Session | None = None

    async def next_badge(self, who: str, wait_s: float) -> str:
        """The number of a badge that was held to a reader twice; empty if nobody came. NoReading."""
        if not any(view.state == READY_STATE for view in self._readers.views.values()):
            raise NoReading("no reader is ready at this controller: plug one in, or use bwc badge pair elsewhere")
        session = self._begin(who)
        if not session.result:
            waiter = session.waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(wait_s):
                    await waiter
            except TimeoutError:
                return ""
            finally:
                session.asked_ms = self._now_ms()
                is_latest = session.waiter is waiter
                session.waiter = None if is_latest else session.waiter
            if not is_latest:  # the same person has asked anew
                return ""
        if self._session is session:
            self._session = None
        if isinstance(session.result, NoReading):
            raise session.result
        return session.result

    def take(self, view: ReaderView, tag: Tag) -> bool:
        """A badge was held to a reader; whether it was for somebody who waits here."""
        session = self._session
        if session is None or (session.waiter is None and self._now_ms() - session.asked_ms > BETWEEN_MS):
            return False
        if session.result:
            return True
        try:
            progress = session.taps.feed(Seen(tag))
        except TagRefused as refused:
            session.result = NoReading(str(refused))
            session.wake()
            self._readers.show(view.url, REFUSED, LAMP_S)
            return True
        self._readers.show(view.url, ACCEPTED, LAMP_S)
        if progress is not None and progress.tag is not None:
            session.result = progress.tag.text
            session.wake()
        else:
            shown = f"…{tag.text[-SHOWN:]}"
            text = f"read {shown}: take it away for two seconds, then hold it to the reader again"
            self._happenings.tell(HAPPENING, reader=view.url, text=text)
        return True

    def judge(self, readings: Sequence[tuple[Kind, bytes]]) -> Judgement:
        """The same of a badge that was read at another computer. TagRefused."""
        return judge(readings, self._known())

    def _begin(self, who: str) -> _Session:
        session = self._session
        if session is not None and session.waiter is not None:
            if session.who != who:
                raise NoReading("somebody else is pairing a badge just now: try again in a moment")
            session.wake()
            return session
        goes_on = session is not None and session.who == who and self._now_ms() - session.asked_ms <= GOES_ON_MS
        if session is None or not goes_on:
            session = self._session = _Session(who, RepeatedTaps(self._known().items()))
        return session
