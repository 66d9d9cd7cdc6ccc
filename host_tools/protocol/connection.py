"""A connection: one open pipe, one link session over it, driven by the asyncio loop.

Law: a connection lives once. When the pipe or the session ends it is over, ``closed`` says why, and every question
still open fails with LinkLost. Whoever wants another one opens another pipe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from firmware.link import events, schema
from firmware.link.session import HOST, Session
from host_tools.hardware.said import printable
from host_tools.protocol.constructs import ConstructCodec
from host_tools.protocol.health import LinkHealth, measure
from host_tools.transports.errors import LinkLost
from host_tools.transports.pipe import Buffer, Pipe

if TYPE_CHECKING:
    from firmware.link.conversation import MakeSecure

PAYLOAD_BYTES_MAX = 65_536  # the frame size offered; a board may answer with less
SLACK_BYTES = 262_144  # read at once beyond one frame: fewer turns of the loop on a fast pipe
REQUEST_LIMIT_S = 10.0  # for an answer; a board that is alive answers in milliseconds
WRITE_TURN_BUFFERS = 32

OnMessage = Callable[[events.Message], None]
Sink = Callable[[int, memoryview], None]


class RequestRefused(Exception):
    """The board answered ``error``: ``code`` is a word of schema.ERROR_CODES, ``text`` what it said."""

    def __init__(self, question: str, code: str, text: str) -> None:
        self.code, self.text = code, printable(text)
        super().__init__(f"{question} was refused ({code}): {self.text}")


class ChannelRefused(LinkLost):
    """No secure channel to that board: one end does not believe the other, or it was ended in disorder."""


class VersionMismatch(LinkLost):
    """The board speaks no protocol version that we speak."""


class Connection:
    """Use: ``connection = Connection(pipe, nonce)``, ``await connection.open()``, ask, pull, ``close()``."""

    def __init__(
        self,
        pipe: Pipe,
        nonce: int,
        codec: ConstructCodec,
        payload_max: int = PAYLOAD_BYTES_MAX,
        make_secure: MakeSecure | None = None,
    ) -> None:
        self.session = Session(HOST, nonce, codec, payload_max, SLACK_BYTES, make_secure=make_secure)
        self.peer: object | None = None  # who has proved to be there, where both ends speak securely
        self.on_message: OnMessage | None = None
        self.on_probe: Callable[[events.Probe], None] | None = None
        self._pipe = pipe
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._questions: dict[int, tuple[str, asyncio.Future[events.Message]]] = {}
        self._pulls: dict[int, tuple[Sink, asyncio.Future[None]]] = {}
        self._opening: events.Opened | None = None
        self._opened: asyncio.Future[events.Opened] = self._loop.create_future()
        self._next_question = 1
        self._output: list[Buffer] = []
        self._paused = False
        self.closed: asyncio.Future[LinkLost] = self._loop.create_future()

    @property
    def url(self) -> str:
        """What the pipe was opened as."""
        return self._pipe.url

    async def open(self) -> events.Opened:
        """Start the session; where both ends can speak securely, until the peer is proved.

        LinkLost if nobody answers, VersionMismatch if the board is of another age, ChannelRefused if the secure channel
        cannot be laid."""
        self._pipe.start(self)
        self.session.open(self._now_ms())
        self._work()
        return await self._opened

    async def ask(self, name: str, fields: dict[str, Any] | None = None, limit_s: float = REQUEST_LIMIT_S) -> Any:
        """Send a question and return the fields of its answer. RequestRefused or LinkLost."""
        self._check_open()
        number = self._next_question
        self._next_question = number % 0xFFFF + 1
        answer: asyncio.Future[events.Message] = self._loop.create_future()
        self._questions[number] = (name, answer)
        try:
            self.session.send(name, fields or {}, number)
            self._work()
            async with asyncio.timeout(limit_s):
                message = await answer
        except TimeoutError:
            raise LinkLost(f"{self.url}: no answer to {name} in {limit_s:.0f} s; reconnect the board") from None
        finally:
            self._questions.pop(number, None)
        if message.name == "error":
            raise RequestRefused(name, _word(message.fields["code"]), message.fields["text"])
        if message.name != schema.ANSWERS.get(name, "done"):
            raise RequestRefused(name, "malformed", f"the board answered with {message.name}; update its firmware")
        return message.fields

    async def pull(self, recording: bytes, part: int, offset: int, length: int, sink: Sink) -> None:
        """Have bytes of a recording sent to ``sink(offset, view)``, in any order, each once; the view is valid only
        during the call. RequestRefused or LinkLost."""
        self._check_open()
        done: asyncio.Future[None] = self._loop.create_future()
        number = self.session.pull(recording, part, offset, length)
        self._pulls[number] = (sink, done)
        try:
            self._work()
            await done
        finally:
            self._pulls.pop(number, None)

    def probe(self, run: int, phase: int, data: Buffer) -> None:
        """Send PRBS bytes; ``on_probe`` gets what comes back."""
        self._check_open()
        self.session.probe(run, phase, data)
        self._work()

    def health(self) -> LinkHealth:
        """What was measured on this link until now."""
        return measure(self.session, self.url, self._pipe.kind, self._pipe.nominal_bytes_per_s, self._now_ms())

    def close(self, reason: int = schema.CLOSE_DONE) -> None:
        """End in order."""
        if not self.closed.done():
            self.session.close(reason)
            self._flush()
            self._finish(LinkLost(f"{self.url} was closed here"))

    # -- Receiver of the pipe

    def space(self) -> memoryview:
        room = self.session.space()
        self._paused = not len(room)
        return room

    def filled(self, count_bytes: int) -> None:
        self.session.filled(count_bytes, self._now_ms())
        self._take_events()

    def turn_over(self) -> None:
        self._work()

    def lost(self, error: LinkLost) -> None:
        self._finish(error)

    # -- inside

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1000)

    def _check_open(self) -> None:
        if self.closed.done():
            raise self.closed.result()

    def _work(self) -> None:
        if self.closed.done():
            return
        self.session.tick(self._now_ms())
        self._take_events()
        self._flush()
        self._set_timer()

    def _take_events(self) -> None:
        while not self.closed.done():
            event = self.session.next_event()
            if event is None:
                break
            self._on_event(event)
        if self._paused:
            self._paused = False
            self._pipe.resume()

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Data):
            wanted = self._pulls.get(event.request)
            if wanted is not None:
                wanted[0](event.offset, event.data)
        elif isinstance(event, events.PullDone | events.PullFailed):
            self._end_pull(event)
        elif isinstance(event, events.Message):
            self._on_message(event)
        elif isinstance(event, events.Probe):
            if self.on_probe is not None:
                self.on_probe(event)
        elif isinstance(event, events.Opened):
            self._opening = event
            if not event.capabilities & schema.CAPABILITY_SECURE:
                _resolve(self._opened, event)
        elif isinstance(event, events.Secured):
            self.peer = event.peer
            _resolve(self._opened, self._opening)
        elif isinstance(event, events.Refused):
            self._finish(VersionMismatch(f"{self.url}: {_versions(event)}"))
        elif isinstance(event, events.Closed):
            kind = ChannelRefused if event.reason == schema.CLOSE_SECURITY else LinkLost
            self._finish(kind(f"{self.url}: {event.text}"))

    def _end_pull(self, event: events.PullDone | events.PullFailed) -> None:
        _sink, done = self._pulls.get(event.request, (None, None))
        if isinstance(event, events.PullDone):
            _resolve(done, None)
        else:
            _fail(done, RequestRefused("a pull", _word(event.code), "the board's log says more"))

    def _on_message(self, message: events.Message) -> None:
        question = self._questions.get(message.request)
        if question is not None and message.request:
            _resolve(question[1], message)
        elif self.on_message is not None:
            self.on_message(message)

    def _flush(self) -> None:
        while True:
            while len(self._output) < WRITE_TURN_BUFFERS:
                data = self.session.take_output()
                if data is None:
                    break
                self._output.append(data)
            if not self._output:
                return
            taken = self._pipe.write(self._output)
            complete = drop_front(self._output, taken)
            if not complete:
                return

    def _set_timer(self) -> None:
        deadline_ms = self.session.next_deadline_ms()
        if deadline_ms is None or self.closed.done():
            return
        deadline_s = max(deadline_ms / 1000, self._loop.time() + 0.001)
        if self._timer is not None:
            if self._timer.when() <= deadline_s:
                return  # it rings early, finds nothing due and is set again: cheaper than a new one at every turn
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._work()

    def _finish(self, error: LinkLost) -> None:
        if self.closed.done():
            return
        self.closed.set_result(error)
        if self._timer is not None:
            self._timer.cancel()
        self._pipe.close()
        if not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()  # marked as seen: whoever did not wait for it is not warned
        for _name, answer in self._questions.values():
            _fail(answer, error)
        for _sink, done in self._pulls.values():
            _fail(done, error)


def drop_front(buffers: list[Buffer], count_bytes: int) -> bool:
    """Remove what has been written from the front of a list of buffers; whether all of it is gone."""
    while buffers and count_bytes >= len(buffers[0]):
        count_bytes -= len(buffers.pop(0))
    if buffers and count_bytes:
        buffers[0] = memoryview(buffers[0])[count_bytes:]
    return not buffers


def _resolve(future: asyncio.Future[Any] | None, value: object) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any] | None, error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)


def _word(code: int) -> str:
    return schema.word_of(tuple((row[0], row[1]) for row in schema.ERROR_CODES), code)


def _versions(refused: events.Refused) -> str:
    theirs = (
        f"{refused.version_min}"
        if refused.version_min == refused.version_max
        else (f"{refused.version_min} to {refused.version_max}")
    )
    return f"the board speaks link version {theirs}, we speak {schema.PROTOCOL_VERSION}; update the older side"
