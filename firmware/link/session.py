"""A session: everything both ends of a cable keep about each other, role as argument.

Law: pure. Bytes and ``now_ms`` go in, events and bytes come out. Order of use: ``receive`` (or ``space``/``filled``),
``tick``, ``next_event`` until None, ``take_output`` until None, and again not later than ``next_deadline_ms``.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct

from firmware.link import bulk, codec, control, events, frames, opening, schema
from firmware.link.conversation import BOARD, ERROR_WORDS, HOST, Conversation
from firmware.link.errors import LocalError, PeerError
from firmware.link.outbox import KIND, ROWS, Outbox
from firmware.link.pulse import SILENCE_MS, Pulse

if TYPE_CHECKING:
    from typing import Any, Protocol

    from firmware.link.conversation import MakeSecure, MessageCodec

    Buffer = bytes | bytearray | memoryview

    class PullMacs(Protocol):
        """Proves pulls, and checks the proof, under a secret that both ends share (firmware.secure.token)."""

        def mac(self, values: dict[str, Any]) -> bytes: ...

        def holds(self, values: dict[str, Any]) -> bool: ...


CLOSED = "closed"
OPENING = "opening"
OPEN = "open"

# (state, what happened) -> state. A key that is missing is a protocol error: ignored and counted when the peer
# caused it, LocalError when this side did.
TRANSITIONS = {
    (CLOSED, "ask"): OPENING,
    (OPENING, "ask"): OPENING,
    (OPEN, "ask"): OPENING,
    (OPENING, "accept"): OPEN,
    (OPENING, "refuse"): CLOSED,
    (OPENING, "lost"): CLOSED,
    (OPENING, "close"): CLOSED,
    (CLOSED, "opened"): OPEN,
    (OPEN, "opened"): OPEN,
    (OPEN, "close"): CLOSED,
    (OPEN, "lost"): CLOSED,
    (OPEN, "peer_close"): CLOSED,
    (OPEN, "restart"): CLOSED,
    (OPEN, "broken"): CLOSED,
}

OPEN_RETRY_MS = 250  # between open frames while nobody answers
OPEN_LIMIT_MS = 5_000  # then the board counts as absent
ANNOUNCE_MS = 1_000  # between a closed board's announcements
OUTPUT_LOW_PAYLOADS = 2  # bulk bytes are read from the card only while fewer largest frames wait to go out

CAPABILITIES_ALL = schema.CAPABILITY_BULK | schema.CAPABILITY_PROBE

_DATA = KIND["data"]
_SEGMENT = KIND["segment"]
REFUSED = schema.number_of(ERROR_WORDS, "refused")


class Session:
    """One end. ``nonce``: 64 fresh random bits, never used before: the salt that keeps an earlier session's bytes out
    of this one comes of it; ``message_codec``: how messages are written and read; ``make_secure``: lays a secure
    channel over the control stream wherever the peer can do so too; ``pull_macs``: what proves pulls, of which a board
    with a secure channel answers none without."""

    def __init__(
        self,
        role: str,
        nonce: int,
        message_codec: "MessageCodec | None" = None,
        payload_max: int = 65536,
        slack_bytes: int = 65536,
        capabilities: int = CAPABILITIES_ALL,
        make_secure: "MakeSecure | None" = None,
    ) -> None:
        if payload_max < schema.PAYLOAD_BYTES_MIN or payload_max > schema.PAYLOAD_BYTES_MAX:
            raise LocalError("a payload of at most %d bytes cannot be offered" % payload_max)
        self.role = role
        self.state = CLOSED
        self.version = schema.PROTOCOL_VERSION
        self.payload_max = payload_max
        self.capabilities = capabilities | (schema.CAPABILITY_SECURE if make_secure is not None else 0)
        self.pulse = Pulse(role == HOST)
        self.pull_macs = None  # type: PullMacs | None
        self.bytes_in = 0
        self.frames_in = 0
        self.ignored_frames = 0
        self.pulls = bulk.PullWindow(self.payload_max - bulk.DATA_PREFIX_BYTES)
        self.orders = bulk.PullQueue()
        self.reader = frames.FrameReader(payload_max, slack_bytes)
        self.outbox = Outbox()
        self._codec = message_codec or codec.TableCodec()
        self._conversation = self._new_conversation(schema.PAYLOAD_BYTES_MIN)
        self._make_secure = make_secure
        self._payload_max_own = payload_max
        self._nonce = nonce
        self._peer_nonce = 0
        self._events = []  # type: list[events.Event]
        self._now_ms = 0
        self._opening_ms = 0
        self._sent_open_ms = 0
        self._announce_ms = -1
        self._data_sequence = 0
        self._pull_sequence = 0
        self._messages_due = False

    @property
    def stream(self) -> control.ControlStream:
        """The control stream below the messages."""
        return self._conversation.stream

    @property
    def salt(self) -> int:
        """What this session's header checks start from."""
        return self.outbox.salt

    @property
    def secured(self) -> bool:
        """Whether both ends agreed to speak securely in this session (the peer may not have been proved yet)."""
        return self._conversation.secured

    # -- what the application says

    def open(self, now_ms: int) -> None:
        """Host: begin a session, or begin anew."""
        if self.role != HOST:
            raise LocalError("only the host opens a session")
        self._enter("ask")
        self._now_ms = now_ms
        self._nonce = opening.next_nonce(self._nonce)
        self._opening_ms = now_ms
        self._send_open(now_ms)

    def announce(self, now_ms: int) -> None:
        """Board: say that it is here; repeated until a host opens."""
        self._now_ms = now_ms
        if self.state == CLOSED and self.outbox.is_empty():  # a port that nobody reads does not fill the memory
            self.outbox.put(KIND["announce"], 0, b"")
        self._announce_ms = now_ms + ANNOUNCE_MS

    def send(self, name: str, fields: "dict[str, Any]", request: int = 0) -> None:
        """Send a message. LocalError while no session is open, or its peer has not been proved."""
        if self.state != OPEN:
            raise LocalError("message %s: the session is %s" % (name, self.state))
        self._conversation.send(name, fields, request)

    def pull(self, recording: bytes, part: int, offset: int, length: int) -> int:
        """Host: ask for bytes of a recording; Data and PullDone (or PullFailed) events carry the returned number."""
        if self.state != OPEN:
            raise LocalError("pull: the session is %s" % self.state)
        return self.pulls.ask(recording, part, offset, length)

    def probe(self, run: int, phase: int, data: "Buffer") -> None:
        """Host: send PRBS bytes; what comes back is a Probe event, what does not was lost. LocalError while no session
        is open."""
        if self.state != OPEN:
            raise LocalError("probe: the session is %s" % self.state)
        self.outbox.put_values("probe", 0, {"run": run, "phase": phase, "data": data})

    def close(self, reason: int = schema.CLOSE_DONE) -> None:
        """End the session in order; the peer sees the reason."""
        if self.state == OPEN:
            self.outbox.put_values("close", 0, {"reason": reason})
        if self.state != CLOSED:
            self._end("close", reason, "closed here")

    # -- bytes and time

    def space(self) -> memoryview:
        """Room to read bytes into; empty until events have been taken."""
        return self.reader.space()

    def filled(self, count: int, now_ms: int) -> None:
        """``count`` bytes were read into ``space``."""
        self.reader.filled(count, now_ms)
        self.bytes_in += count
        self._now_ms = now_ms

    def receive(self, data: "Buffer", now_ms: int) -> int:
        """Take bytes by copy; returns how many there was room for (take events, then give the rest)."""
        room = self.space()
        count = min(len(room), len(data))
        room[:count] = memoryview(data)[:count]
        self.filled(count, now_ms)
        return count

    def next_event(self) -> "events.Event | None":
        """What has happened, one at a time; None when all is told."""
        while not self._events:
            if self.outbox.is_high(self.payload_max):
                return None
            try:
                moved = (self._messages_due and self._take_message()) or self._take_frame()
                if not moved and not self._events:
                    return None
            except PeerError as error:
                self._break(str(error))
        return self._events.pop(0)

    def take_output(self) -> "Buffer | None":
        """The next bytes for the cable, or None."""
        if self.outbox.is_empty():
            self._gather_output()
        return self.outbox.take()

    def tick(self, now_ms: int) -> None:
        """Let time pass: retransmissions, keep-alive, giving up."""
        self._now_ms = now_ms
        self.reader.tick(now_ms)
        if self.state == OPENING:
            self._tick_opening(now_ms)
        elif self.state == OPEN:
            self._tick_open(now_ms)
        elif self._announce_ms >= 0 and now_ms >= self._announce_ms:
            self.announce(now_ms)

    def next_deadline_ms(self) -> "int | None":
        """When ``tick`` has something to do; None for never."""
        deadlines = [self.reader.deadline_ms()]
        if self.state == OPENING:
            deadlines.append(min(self._sent_open_ms + OPEN_RETRY_MS, self._opening_ms + OPEN_LIMIT_MS))
        elif self.state == OPEN:
            deadlines += self._conversation.deadlines_ms()
            deadlines.append(self.pulls.deadline_ms())
            deadlines.append(self.pulse.due_ms())
        elif self._announce_ms >= 0:
            deadlines.append(self._announce_ms)
        known = [deadline for deadline in deadlines if deadline is not None]
        return min(known) if known else None

    # -- bulk, board's side

    def next_piece(self) -> "bulk.Piece | None":
        """Board: what to read for the host now; None while nothing is asked or enough waits to go out."""
        if self.state != OPEN or self.outbox.waiting_bytes >= OUTPUT_LOW_PAYLOADS * self.payload_max:
            return None
        return self.orders.next_piece()

    def supply(self, data: "Buffer") -> None:
        """Board: the bytes of ``next_piece`` (not copied: leave them alone until they have gone out)."""
        request, offset = self.orders.supplied(len(data))
        self.outbox.put_data(self._data_sequence, request, offset, data)
        self._data_sequence += 1

    def fail(self, code: int) -> None:
        """Board: the bytes of ``next_piece`` cannot be read."""
        self._fail(self.orders.fail(), code)

    # -- frames in

    def _take_frame(self) -> bool:
        frame = self.reader.next_frame()
        if frame is None:
            if self.reader.partial_kind == _DATA:
                self.pulls.on_progress(self._now_ms)
            return False
        self.frames_in += 1
        self.pulse.heard(self._now_ms)
        if not self._on_frame(frame):
            self.ignored_frames += 1
        return True

    def _on_frame(self, frame: frames.Frame) -> bool:
        if frame.kind <= schema.KIND_UNSALTED_MAX:
            return self._on_opening_frame(frame)
        if self.state != OPEN:
            return False
        if frame.kind == _DATA:
            return self._on_data(frame)
        if frame.kind == _SEGMENT:
            if len(frame.payload) < 4:
                raise PeerError("a segment of %d bytes" % len(frame.payload))
            self.stream.on_ack(struct.unpack_from("<I", frame.payload, 0)[0], 0, self._now_ms)
            self.stream.on_segment(frame.sequence, frame.payload[4:])
            self._messages_due = True
            return True
        rows = ROWS.get(frame.kind)
        if rows is None:
            return False
        return self._on_small_frame(frame.kind, codec.parse(rows, frame.payload))

    def _on_small_frame(self, kind: int, values: "dict[str, Any]") -> bool:
        if kind == KIND["ack"]:
            self.stream.on_ack(values["ack"], values["later"], self._now_ms)
        elif kind == KIND["ping"]:
            self.outbox.put_values("pong", 0, values)
        elif kind == KIND["pong"]:
            self.pulse.pong(values["stamp"], self._now_ms)
        elif kind == KIND["close"]:
            self._end("peer_close", values["reason"], "closed by the other end")
        elif kind == KIND["pull"] and self.role == BOARD:
            self._on_pull(values)
        elif kind == KIND["fail"] and self.role == HOST:
            request = self.pulls.on_fail(values["request"], values["code"], self._now_ms)
            if request is not None:
                self._events.append(events.PullFailed(request, values["code"]))
        elif kind == KIND["probe"] and self.role == BOARD:
            self.outbox.put_values("probe_echo", 0, values)
        elif kind == KIND["probe_echo"] and self.role == HOST:
            self._events.append(events.Probe(values["run"], values["phase"], values["data"]))
        else:
            return False
        return True

    def _on_opening_frame(self, frame: frames.Frame) -> bool:
        rows = ROWS.get(frame.kind)
        if rows is None:
            return False
        values = codec.parse(rows, frame.payload)
        if self.role == BOARD:
            return frame.kind == KIND["open"] and self._on_open(values)
        if frame.kind == KIND["announce"]:
            if self.state == OPEN:
                self._end("restart", schema.CLOSE_RESTART, "the board has started anew")
            self._events.append(events.Announced())
            return True
        if self.state != OPENING or values.get("nonce_seen") != self._nonce:
            return False
        if frame.kind == KIND["refuse"]:
            self._enter("refuse")
            self._events.append(events.Refused(values["version_min"], values["version_max"]))
            return True
        return frame.kind == KIND["accept"] and self._on_accept(values)

    def _on_open(self, values: "dict[str, Any]") -> bool:
        version = opening.agreed_version(values)
        if version is None:
            self.outbox.put_values("refuse", 0, opening.refusal(values))
            return True
        if self.state != OPEN or values["nonce"] != self._peer_nonce:
            opening.check_agreement(version, values["payload_max"])
            self._peer_nonce = values["nonce"]
            self._nonce = opening.next_nonce(self._nonce)
            self._begin(version, values, "opened", opening.salt_of(self._peer_nonce, self._nonce))
        answer = opening.acceptance(self.version, self.payload_max, self.capabilities, self._nonce, values)
        self.outbox.put_values("accept", 0, answer)
        return True

    def _on_accept(self, values: "dict[str, Any]") -> bool:
        opening.check_agreement(values["version"], values["payload_max"])
        self._begin(values["version"], values, "accept", opening.salt_of(self._nonce, values["nonce"]))
        return True

    def _on_data(self, frame: frames.Frame) -> bool:
        payload = frame.payload
        if self.role != HOST or len(payload) <= bulk.DATA_PREFIX_BYTES:
            return False
        request, offset = struct.unpack_from(bulk.DATA_PREFIX, payload, 0)
        length = len(payload) - bulk.DATA_PREFIX_BYTES
        wanted = self.pulls.on_data(request, offset, length, self._now_ms)
        if wanted is None:
            return False
        self._events.append(events.Data(wanted[0], offset, payload[bulk.DATA_PREFIX_BYTES :]))
        if wanted[1]:
            self._events.append(events.PullDone(wanted[0]))
        return True

    def _on_pull(self, values: "dict[str, Any]") -> None:
        request, piece_max = values["request"], min(values["piece_max"], self.payload_max - bulk.DATA_PREFIX_BYTES)
        recording, part = values["recording"], values["part"]
        if self.secured and (self.pull_macs is None or not self.pull_macs.holds(values)):
            self._fail(request, REFUSED)
            return
        if not self.orders.add(bulk.Ask(request, recording, part, values["offset"], values["length"], piece_max)):
            self._fail(request, bulk.BUSY)

    def _take_message(self) -> bool:
        event = self._conversation.next_event() if self.state == OPEN else None
        if event is not None:
            self._events.append(event)
        else:
            self._messages_due = False
            self._follow_fault()
        return event is not None

    # -- states

    def _begin(self, version: int, values: "dict[str, Any]", happened: str, salt: int) -> None:
        self._enter(happened)
        self.version = self.reader.version = version
        self.payload_max = min(values["payload_max"], self._payload_max_own)
        self.reader.salt = salt
        self.outbox.begin(salt, version)
        self.pulse.begin(self._now_ms)
        self.pulls = bulk.PullWindow(self.payload_max - bulk.DATA_PREFIX_BYTES)
        self.pull_macs = None
        self.orders.clear()
        self._data_sequence = self._pull_sequence = 0
        agreed = values["capabilities"] & self.capabilities
        self._events.append(events.Opened(version, self.payload_max, agreed))
        self._conversation = self._new_conversation(self.payload_max)
        if agreed & schema.CAPABILITY_SECURE and self._make_secure is not None:
            self._conversation.secure(self._make_secure(self.stream, version, self._now_ms))

    def _new_conversation(self, payload_max: int) -> Conversation:
        return Conversation(self.role, self._codec, control.ControlStream(min(payload_max, 4096) - 4))

    def _enter(self, happened: str) -> None:
        state = TRANSITIONS.get((self.state, happened))
        if state is None:
            raise LocalError("%s is not possible while the session is %s" % (happened, self.state))
        self.state = state

    def _end(self, happened: str, reason: int, text: str) -> None:
        self._enter(happened)
        self.orders.clear()
        self.pulls = bulk.PullWindow(self.payload_max - bulk.DATA_PREFIX_BYTES)
        if self.role == BOARD:
            self._announce_ms = self._now_ms + ANNOUNCE_MS
        self._events.append(events.Closed(reason, text))

    def _break(self, text: str) -> None:
        if self.state == OPEN:
            self.outbox.put_values("close", 0, {"reason": schema.CLOSE_PROTOCOL})
            self._end("broken", schema.CLOSE_PROTOCOL, text)

    def _follow_fault(self) -> None:
        """A secure channel that has ended ends the session, after its last words."""
        text = self._conversation.fault_text()
        if text and self.state == OPEN:
            self._gather_output()
            self.outbox.put_values("close", 0, {"reason": schema.CLOSE_SECURITY})
            self._end("broken", schema.CLOSE_SECURITY, text)

    def _tick_opening(self, now_ms: int) -> None:
        if now_ms - self._opening_ms >= OPEN_LIMIT_MS:
            self._end("lost", schema.CLOSE_LOST, "no board answers")
        elif now_ms - self._sent_open_ms >= OPEN_RETRY_MS:
            self._send_open(now_ms)

    def _tick_open(self, now_ms: int) -> None:
        self._conversation.tick(now_ms)
        self.pulls.tick(now_ms)
        if self.stream.dead:
            self._end("lost", schema.CLOSE_LOST, "nothing is acknowledged any more")
        elif self.pulse.is_gone(now_ms):
            self._end("lost", schema.CLOSE_LOST, "nothing has come for %d ms" % SILENCE_MS)
        elif now_ms >= self.pulse.due_ms():
            self.outbox.put_values("ping", 0, {"stamp": self.pulse.ping(now_ms)})
        self._follow_fault()

    # -- frames out

    def _gather_output(self) -> None:
        if self.state != OPEN:
            return
        self._conversation.flush()
        while True:
            segment = self.stream.next_segment(self._now_ms)
            if segment is None:
                break
            front = self._ack_first() if self.stream.has_early() else struct.pack("<I", self.stream.ack()[0])
            self.outbox.put(_SEGMENT, segment[0], front + segment[1])
        if self.stream.ack_owed:
            self._ack_first()
        while True:
            ask = self.pulls.next_ask(self._now_ms)
            if ask is None:
                break
            values = bulk.ask_values(ask)
            if self.pull_macs is not None:
                values["mac"] = self.pull_macs.mac(values)
            self.outbox.put_values("pull", self._pull_sequence, values)
            self._pull_sequence += 1

    def _ack_first(self) -> bytes:
        ack, later = self.stream.ack()
        self.outbox.put_values("ack", 0, {"ack": ack, "later": later})
        return struct.pack("<I", ack)

    def _send_open(self, now_ms: int) -> None:
        self._sent_open_ms = now_ms
        if self.outbox.has_room():
            self.outbox.put_values("open", 0, opening.offer(self._payload_max_own, self.capabilities, self._nonce))

    def _fail(self, request: int, code: int) -> None:
        self.outbox.put_values("fail", self._data_sequence, {"request": request, "code": code})
        self._data_sequence += 1
