"""The board's end of its cable: a stream port, a link session over it, and the handlers of an application.

Law: portable. It moves bytes and calls handlers; it knows no message in particular. A handler gets the fields of a
question and returns ``(answer name, fields)``, or None for a plain ``done``; it refuses by raising Refusal.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.link import events, schema
from firmware.link.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.link.session import Session
    from firmware.ports.stream import Stream

    Fields = dict[str, Any]
    Answer = tuple[str, Fields]
    Handler = Callable[[Fields], "Answer | None"]
    ReadPiece = Callable[[bytes, int, int, int], "bytes | bytearray | memoryview"]
    OnChange = Callable[[events.Event], None]

READS_MAX = 16  # turns of reading in one pump, so that a flood cannot keep the application from its other work


class Refusal(Exception):
    """A handler cannot do what it was asked. ``code``: a word of schema.ERROR_CODES."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Cable:
    """Keeps a session over a stream. ``make_session`` is called for every plugging in; ``read_piece`` gives bulk bytes;
    ``on_change`` hears of Opened, Secured and Closed events before anything that came after them is handled."""

    def __init__(
        self,
        stream: "Stream",
        make_session: "Callable[[], Session]",
        handlers: "dict[str, Handler]",
        read_piece: "ReadPiece | None" = None,
        on_change: "OnChange | None" = None,
    ) -> None:
        self.session = make_session()
        self._stream = stream
        self._make_session = make_session
        self._handlers = handlers
        self._read_piece = read_piece
        self._on_change = on_change
        self._rest = None  # type: memoryview | None
        self._plugged = False
        self.refusals = 0

    def is_up(self) -> bool:
        """Whether a host has a session with this board now."""
        return self._plugged and self.session.state == "open"

    def push(self, name: str, fields: "Fields") -> bool:
        """Tell the host something it did not ask for; False when there is no session, or it does not listen."""
        if not self.is_up():
            return False
        try:
            self.session.send(name, fields)
        except LocalError:
            return False
        return True

    def pump(self, now_ms: int) -> None:
        """Do all that the stream and the session allow now."""
        if not self._follow_plug(now_ms):
            return
        for _ in range(READS_MAX):
            if self._read(now_ms) == 0:
                break
            self._handle_events()
            self._write()
        self.session.tick(now_ms)
        self._handle_events()
        self._write()

    def wants_write(self) -> bool:
        """Whether bytes wait for the stream to take more."""
        return self._rest is not None

    def next_deadline_ms(self) -> "int | None":
        """When ``pump`` must be called even if nothing arrives."""
        return self.session.next_deadline_ms() if self._plugged else None

    def _follow_plug(self, now_ms: int) -> bool:
        plugged = self._stream.is_open()
        if plugged and not self._plugged:
            self.session = self._make_session()
            self._rest = None
            self.session.announce(now_ms)
        self._plugged = plugged
        return plugged

    def _read(self, now_ms: int) -> int:
        room = self.session.space()
        if len(room) == 0:
            return 0
        count = self._stream.read_into(room)
        if count:
            self.session.filled(count, now_ms)
        return count

    def _write(self) -> None:
        while True:
            if self._rest is None:
                self._supply()
                data = self.session.take_output()
                if data is None:
                    return
                self._rest = memoryview(data)
            taken = self._stream.write(self._rest)
            if taken < len(self._rest):
                self._rest = self._rest[taken:]
                return
            self._rest = None

    def _supply(self) -> None:
        while self._read_piece is not None:
            piece = self.session.next_piece()
            if piece is None:
                return
            try:
                data = self._read_piece(piece.recording, piece.part, piece.offset, piece.length)
            except Refusal as refusal:
                self.refusals += 1
                self.session.fail(schema.number_of(ERROR_WORDS, refusal.code))
            else:
                self.session.supply(data)

    def _handle_events(self) -> None:
        while True:
            event = self.session.next_event()
            if event is None:
                return
            if isinstance(event, events.Message):
                self._handle(event)
            elif self._on_change is not None and isinstance(event, CHANGES):
                self._on_change(event)

    def _handle(self, message: "events.Message") -> None:
        about = MESSAGE_NUMBERS[message.name]
        handler = self._handlers.get(message.name)
        try:
            if handler is None:
                raise Refusal("unsupported", "this board does not answer %s" % message.name)
            answer = handler(message.fields)
        except Refusal as refusal:
            self.refusals += 1
            code = schema.number_of(ERROR_WORDS, refusal.code)
            text = refusal.text[: schema.TEXT_BYTES_MAX // 4]
            answer = ("error", {"about": about, "code": code, "text": text})
        name, fields = answer if answer is not None else ("done", {"about": about})
        if not self.is_up():
            return
        try:
            self.session.send(name, fields, message.request)
        except LocalError:  # it asks and asks, and does not take the answers
            self.session.close(schema.CLOSE_PROTOCOL)


CHANGES = (events.Opened, events.Secured, events.Closed)
ERROR_WORDS = tuple((row[0], row[1]) for row in schema.ERROR_CODES)
MESSAGE_NUMBERS = {row[1]: row[0] for row in schema.MESSAGES}
