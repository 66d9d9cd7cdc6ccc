"""The messages of one session: over its control stream as they are, or through a secure channel laid over it.

Law: pure; imports nothing of ``secure``. What it lays over the stream is made by whoever composes the program, and has
the stream's own ``write`` and ``read``. Whoever agreed to speak securely never falls back.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.link import codec, control, events, schema
from firmware.link.errors import LocalError, PeerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class MessageCodec(Protocol):
        def encode(self, name: str, fields: dict[str, Any], request: int) -> bytes: ...

        def decode(self, number: int, body: bytes) -> dict[str, Any]: ...

    class Secured(Protocol):
        """What a secure channel over a control stream offers. ``peer``: who is there, None before that is proved;
        ``fault_text``: why it has ended, empty while it has not."""

        @property
        def peer(self) -> object | None: ...

        @property
        def fault_text(self) -> str: ...

        def write(self, data: bytes) -> None: ...

        def read(self) -> bytes: ...

        def flush(self) -> None: ...

        def tick(self, now_ms: int) -> None: ...

        def deadline_ms(self) -> int | None: ...

    MakeSecure = Callable[[control.ControlStream, int, int], Secured]  # stream, agreed version of the link, now_ms

HOST = "host"
BOARD = "board"
ERROR_TEXT_MAX = schema.TEXT_BYTES_MAX // 4  # characters, each of at most four bytes
ERROR_WORDS = tuple((row[0], row[1]) for row in schema.ERROR_CODES)
_DIRECTIONS = {row[0]: row[2] for row in schema.MESSAGES}


class Conversation:
    """Sends and reports messages."""

    def __init__(self, role: str, message_codec: "MessageCodec", stream: control.ControlStream) -> None:
        self.stream = stream
        self._role = role
        self._codec = message_codec
        self._plain = stream  # type: control.ControlStream | Secured
        self._channel = None  # type: Secured | None
        self._told = False
        self._reader = control.MessageReader(schema.MESSAGE_BYTES_MAX)
        self._waiting = None  # type: tuple[int, int, bytes] | None

    @property
    def secured(self) -> bool:
        """Whether both ends have agreed to speak securely."""
        return self._channel is not None

    def secure(self, channel: "Secured") -> None:
        """From the first byte on, speak through a channel that was laid over ``stream``."""
        self._channel = self._plain = channel

    def send(self, name: str, fields: "dict[str, Any]", request: int = 0) -> None:
        """LocalError if it does not fit the table, if the peer does not listen, or before the peer is proved."""
        self._plain.write(self._codec.encode(name, fields, request))

    def next_event(self) -> "events.Event | None":
        """Message, BadMessage or Secured, one at a time: a window of the shortest messages would fill a small board's
        memory with their events."""
        if self._waiting is None:
            self._waiting = self._reader.read_from(self._plain)
        if self._channel is not None and not self._told and self._channel.peer is not None:
            self._told = True
            return events.Secured(self._channel.peer)
        if self._waiting is None:
            return None
        number, request, body = self._waiting
        self._waiting = None
        return self._event_of(number, request, body)

    def flush(self) -> None:
        """Hand to the stream what the channel wants to say and the stream has room for."""
        if self._channel is not None:
            self._channel.flush()

    def tick(self, now_ms: int) -> None:
        """Let time pass."""
        self.stream.tick(now_ms)
        if self._channel is not None:
            self._channel.tick(now_ms)

    def deadlines_ms(self) -> "list[int | None]":
        """When ``tick`` has something to do."""
        deadlines = [self.stream.deadline_ms()]
        if self._channel is not None:
            deadlines.append(self._channel.deadline_ms())
        return deadlines

    def fault_text(self) -> str:
        """Why the channel has ended; empty while it has not, or there is none."""
        return self._channel.fault_text if self._channel is not None else ""

    def _event_of(self, number: int, request: int, body: bytes) -> "events.Event":
        row = codec.MESSAGE_BY_NUMBER.get(number)
        if row is None or _DIRECTIONS[number] == self._role:
            return self._reject(number, request, "unknown_message", "no such message in this direction")
        try:
            fields = self._codec.decode(number, body)
        except PeerError as error:
            return self._reject(number, request, "malformed", str(error))
        return events.Message(row[1], fields, request)

    def _reject(self, number: int, request: int, word: str, text: str) -> "events.Event":
        code = schema.number_of(ERROR_WORDS, word)
        if number != codec.MESSAGE_BY_NAME["error"][0]:  # an error about an error would never end
            try:
                self.send("error", {"about": number, "code": code, "text": text[:ERROR_TEXT_MAX]}, request)
            except LocalError as error:
                raise PeerError(str(error))
        return events.BadMessage(number, request, code)
