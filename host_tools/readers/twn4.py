"""Elatec TWN4 readers with the Simple Protocol (firmware ``PRS``): ``twn4:///dev/ttyACM0[?form=ascii-crc]``.

Law: asks, and never gets what it has not asked for; one command at a time. The form of the firmware is found out by
asking in all four, unless the URL says it. A reader whose clock is behind has restarted, and is set up anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from host_tools.readers import twn4_codec as codec
from host_tools.readers.errors import ReaderError, ReaderLost, UnsupportedReader
from host_tools.readers.interface import ACCEPTED, OFF, READY, REFUSED, WAIT, ReaderIdentity
from host_tools.readers.line import ReaderLine
from host_tools.readers.presence import Event, Presence, Restarted
from host_tools.readers.tags import Tag
from host_tools.readers.twn4_codec import BadAnswer, CommandFailed, Form
from host_tools.transports.pipe import Pipe

POLL_S = 0.02  # between two searches; a search itself takes some 40 to 140 ms
GONE_MS = 400  # at least two searches without the badge
ANSWER_S = 0.6  # a search takes 100 ms at most; at 9600 baud its answer 40 ms
FORMS_S = (0.3, 1.2)  # for an answer in a form that the reader may not speak; the second time for a busy machine
TRIES = 3  # of one command, before the reader counts as gone
TICKS_EVERY = 10  # searches between two looks at the reader's clock: a restart shows within a second
CLOCK_SLACK_MS, CLOCK_SLACK_PART = 100, 10  # and a tenth of the time: by which its clock may be behind ours
BEEP_MS = 120
BEEP_HIGH_HZ, BEEP_LOW_HZ, BEEP_PERCENT = 2400, 2057, 60
FORM_WORDS: dict[str, Form] = dict(zip(("ascii", "ascii-crc", "binary", "binary-crc"), codec.FORMS, strict=True))

# word -> lamps that are on, tone in hertz (0: none)
SHOWN = {
    READY: (codec.GREEN, 0),
    ACCEPTED: (codec.GREEN, BEEP_HIGH_HZ),
    REFUSED: (codec.RED, BEEP_LOW_HZ),
    WAIT: (codec.YELLOW, 0),
    OFF: (0, 0),
}


class Twn4Reader:
    """An open reader; see ``open_twn4``."""

    def __init__(self, line: ReaderLine, form: Form, now_ms: Callable[[], int]) -> None:
        self._line = line
        self._form = form
        self._now_ms = now_ms
        self._presence = Presence(GONE_MS)
        self._events: list[Event] = []
        self._identity = ReaderIdentity(line.url, "TWN4", "", "")
        self._old_lamps = False  # older firmware: lamps are plain outputs
        self._shown = READY
        self._ticks = 0
        self._ticks_ms = 0  # when they had been told
        self._searches = 0
        self._misfits = 0  # answers in a row that fit no search
        self._asking = asyncio.Lock()

    @property
    def identity(self) -> ReaderIdentity:
        """See Reader."""
        return self._identity

    @property
    def form(self) -> Form:
        """What the firmware speaks."""
        return self._form

    async def set_up(self) -> None:
        """Find out who it is, light its lamp. UnsupportedReader if its firmware is another one."""
        version = codec.text_of(await self._ask(codec.GET_VERSION))
        if "PRS" not in version:
            raise UnsupportedReader(
                f"{self._line.url}: a TWN4 with firmware {version}, which types instead of answering; "
                "put an image with PRS in its name onto it"
            )
        number = (await self._ask(codec.GET_DEVICE_UID)).hex().upper()
        self._identity = ReaderIdentity(self._line.url, "TWN4", version, number)
        await self._prepare()

    async def next_event(self) -> Event:
        """See Reader."""
        while not self._events:
            await asyncio.sleep(POLL_S)
            await self._look()
        return self._events.pop(0)

    async def signal(self, word: str) -> None:
        """See Reader."""
        self._shown = word
        lamps, hertz = SHOWN[word]
        await self._lamp(codec.LED_OFF, codec.LEDS & ~lamps)
        if lamps:
            await self._lamp(codec.LED_ON, lamps)
        if hertz:
            await self._ask(codec.beep(BEEP_PERCENT, hertz, BEEP_MS, 0), BEEP_MS / 1000 + ANSWER_S)

    def close(self) -> None:
        """See Reader."""
        self._line.close()

    async def _prepare(self) -> None:
        await self._ask(codec.SET_ALL_TAG_TYPES)
        self._note_ticks(await self._read_ticks())
        await self._lamp(codec.LED_INIT, codec.LEDS)
        await self.signal(self._shown)

    async def _look(self) -> None:
        self._searches += 1
        if self._searches % TICKS_EVERY == 0:
            await self._follow_restart()
        tag = await self._search()
        self._events += self._presence.feed(tag, self._now_ms())

    async def _search(self) -> Tag | None:
        try:
            tag = codec.tag_of(await self._ask(codec.SEARCH_TAG))
        except BadAnswer as bad:  # an answer of the protocol, and none to this question
            self._misfits += 1
            if self._misfits >= TRIES:
                raise ReaderLost(f"{self._line.url}: the reader answers nonsense ({bad}); plug it in again") from bad
            return None
        self._misfits = 0
        return tag

    async def _follow_restart(self) -> None:
        """Going back is not enough to look for: one that restarts soon after it was set up is soon past that again."""
        passed_ms = self._now_ms() - self._ticks_ms
        ticks = await self._read_ticks()
        if ticks - self._ticks < passed_ms - passed_ms // CLOCK_SLACK_PART - CLOCK_SLACK_MS:
            await self._prepare()
            self._events.append(Restarted())
        else:
            self._note_ticks(ticks)

    def _note_ticks(self, ticks: int) -> None:
        self._ticks, self._ticks_ms = ticks, self._now_ms()

    async def _read_ticks(self) -> int:
        return int.from_bytes((await self._ask(codec.GET_SYS_TICKS))[:4], "little")

    async def _lamp(self, functions: tuple[bytes, bytes], lamps: int) -> None:
        newer, older = functions
        if not lamps:
            return
        if not self._old_lamps:
            try:
                await self._ask(newer + bytes([lamps]))
            except CommandFailed as failed:
                if failed.status != codec.STATUS_UNKNOWN_FUNCTION:
                    raise
                self._old_lamps = True
        if self._old_lamps:
            rest = codec.GPIO_PULL_NONE_PUSH_PULL if functions is codec.LED_INIT else b""
            await self._ask(older + bytes([lamps]) + rest)

    async def _ask(self, command: bytes, limit_s: float = ANSWER_S) -> bytes:
        """The result of a command. An answer that is spoilt or does not come is asked for again: all commands that are
        used here may be given twice."""
        problem: ReaderError = ReaderLost(
            f"{self._line.url}: the reader does not answer; unplug it and plug it in again"
        )
        for _ in range(TRIES):
            try:
                async with self._asking:
                    return await ask_once(self._line, self._form, command, limit_s)
            except BadAnswer as bad:
                problem = ReaderLost(
                    f"{self._line.url}: the reader answers nonsense ({bad}); check cable and baud rate"
                )
            except TimeoutError:
                continue
        raise problem


async def open_twn4(pipe: Pipe, form: str, now_ms: Callable[[], int]) -> Twn4Reader:
    """A reader that is ready. ``form``: a word of FORM_WORDS, or empty to find out. UnsupportedReader, ReaderLost."""
    line = ReaderLine(pipe)
    try:
        found = FORM_WORDS[form] if form else await _find_form(line)
        reader = Twn4Reader(line, found, now_ms)
        await reader.set_up()
    except BaseException:
        line.close()
        raise
    return reader


async def ask_once(line: ReaderLine, form: Form, command: bytes, limit_s: float) -> bytes:
    """One command, one answer. TimeoutError, BadAnswer, CommandFailed, ReaderLost."""
    line.drop()
    line.send(codec.encode(form, command))
    reader = codec.AnswerReader(form)
    async with asyncio.timeout(limit_s):
        while True:
            answer = reader.feed(await line.wait(limit_s))
            if answer is not None:
                return codec.result_of(command, answer)


async def _find_form(line: ReaderLine) -> Form:
    for limit_s in FORMS_S:
        for form in codec.FORMS:
            if await _speaks(line, form, limit_s):
                return form
    if not line.has_heard:
        raise ReaderLost(
            f"{line.url}: the reader says nothing; unplug it and plug it in again; if that does not help, "
            "check that its firmware is a PRS image"
        )
    raise UnsupportedReader(
        f"{line.url}: what is there does not speak the TWN4's Simple Protocol; check that its firmware is a PRS image, "
        "or name another kind of reader in the URL"
    )


async def _speaks(line: ReaderLine, form: Form, limit_s: float) -> bool:
    """Whether it answers in that form. A reader that speaks ASCII may still hold what it was asked in another form: an
    empty line ends that, and what it says to it is passed over."""
    line.drop()
    line.send((b"" if form.binary else b"\r") + codec.encode(form, codec.GET_USB_TYPE))
    answers = codec.AnswerReader(form)
    try:
        async with asyncio.timeout(limit_s):
            while True:
                data = await line.wait(limit_s)
                while (answer := _next_answer(answers, data)) is not None:
                    data = b""
                    if answer[:1] == b"\x00":
                        return True
    except TimeoutError:
        return False


def _next_answer(answers: codec.AnswerReader, data: bytes) -> bytes | None:
    """The next whole answer; one that cannot be read is as good as an error."""
    try:
        return answers.feed(data)
    except BadAnswer:
        return b"\xff"
