"""A session: everything both ends of a cable keep about each other, role as argument.

Law: pure. Bytes and ``now_ms`` go in, events and bytes come out. Order of use: ``receive`` (or ``space``/``filled``),
``tick``, ``next_event`` until None, ``take_output`` until None, and again not later than ``next_deadline_ms``.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct
from binascii import crc32

from firmware.link import bulk, codec, control, events, frames, opening, schema
from firmware.link.errors import LocalError, PeerError

if TYPE_CHECKING:
    from typing import Any, Protocol

    Buffer = bytes | bytearray | memoryview

    class MessageCodec(Protocol):
        def encode(self, name: str, fields: dict[str, Any], request: int) -> bytes: ...

        def decode(self, number: int, body: bytes) -> dict[str, Any]: ...


HOST = "host"
BOARD = "board"

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
PING_MS = 1_000  # between two pings of the host, which also measure latency; a board pings after such a silence
LATENCY_LIMITS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)  # upper ends of the histogram's bars; the last is open
SILENCE_MS = 5_000  # silence after which the other end is gone
ERROR_TEXT_MAX = schema.TEXT_BYTES_MAX // 4  # characters, each of at most four bytes
OUTPUT_LOW_PAYLOADS = 2  # bulk bytes are read from the card only while fewer largest frames wait to go out
OUTPUT_HIGH_PAYLOADS = 8  # no more is taken in while so much waits: a flood of pings cannot fill the memory
OUTPUT_PIECES_MAX = 64  # nor while there are so many pieces: the smallest take three times their bytes in memory

CAPABILITIES_ALL = schema.CAPABILITY_BULK | schema.CAPABILITY_PROBE

_KIND = {row[1]: row[0] for row in schema.FRAME_KINDS}
_ROWS = {row[0]: row[3] for row in schema.FRAME_KINDS}
_DATA = _KIND["data"]
_SEGMENT = _KIND["segment"]
ERROR_WORDS = tuple((row[0], row[1]) for row in schema.ERROR_CODES)
_DIRECTIONS = {row[0]: row[2] for row in schema.MESSAGES}


class Session:
    """One end. ``nonce``: 64 fresh random bits; ``codec``: how messages are written and read."""

    def __init__(
        self,
        role: str,
        nonce: int,
        message_codec: "MessageCodec | None" = None,
        payload_max: int = 65536,
        slack_bytes: int = 65536,
        capabilities: int = CAPABILITIES_ALL,
    ) -> None:
        if payload_max < schema.PAYLOAD_BYTES_MIN or payload_max > schema.PAYLOAD_BYTES_MAX:
            raise LocalError("a payload of at most %d bytes cannot be offered" % payload_max)
        self.role = role
        self.state = CLOSED
        self.version = schema.PROTOCOL_VERSION
        self.payload_max = payload_max
        self.capabilities = capabilities
        self.latency_ms = -1
        self.latency_counts = [0] * (len(LATENCY_LIMITS_MS) + 1)
        self.bytes_in = 0
        self.bytes_out = 0
        self.frames_in = 0
        self.ignored_frames = 0
        self.pulls = bulk.PullWindow(self.payload_max - bulk.DATA_PREFIX_BYTES)
        self.orders = bulk.PullQueue()
        self.reader = frames.FrameReader(payload_max, slack_bytes)
        self.stream = control.ControlStream(schema.PAYLOAD_BYTES_MIN - 4)
        self._codec = message_codec or codec.TableCodec()
        self._payload_max_own = payload_max
        self._nonce = nonce
        self._peer_nonce = 0
        self._salt = frames.SALT_NONE
        self._messages = control.MessageReader(schema.MESSAGE_BYTES_MAX)
        self._events = []  # type: list[events.Event]
        self._output = []  # type: list[Buffer]
        self._output_bytes = 0
        self._now_ms = 0
        self._last_in_ms = 0
        self._pinged_ms = 0
        self._opening_ms = 0
        self._sent_open_ms = 0
        self._announce_ms = -1
        self._data_sequence = 0
        self._pull_sequence = 0

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
        if self.state == CLOSED and not self._output:  # a port that nobody reads does not fill the memory
            self._emit(_KIND["announce"], 0, b"")
        self._announce_ms = now_ms + ANNOUNCE_MS

    def send(self, name: str, fields: "dict[str, Any]", request: int = 0) -> None:
        """Send a message. LocalError while no session is open."""
        if self.state != OPEN:
            raise LocalError("message %s: the session is %s" % (name, self.state))
        self.stream.write(self._codec.encode(name, fields, request))

    def pull(self, recording: bytes, part: int, offset: int, length: int) -> int:
        """Host: ask for bytes of a recording; Data and PullDone (or PullFailed) events carry the returned number."""
        if self.state != OPEN:
            raise LocalError("pull: the session is %s" % self.state)
        return self.pulls.ask(recording, part, offset, length)

    def probe(self, run: int, phase: int, data: "Buffer") -> None:
        """Host: send PRBS bytes; what comes back is a Probe event, what does not was lost."""
        self._emit_packed("probe", 0, {"run": run, "phase": phase, "data": data})

    def close(self, reason: int = schema.CLOSE_DONE) -> None:
        """End the session in order; the peer sees the reason."""
        if self.state == OPEN:
            self._emit_packed("close", 0, {"reason": reason})
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
            if self._output_bytes >= OUTPUT_HIGH_PAYLOADS * self.payload_max or len(self._output) >= OUTPUT_PIECES_MAX:
                return None
            try:
                if not self._take_message() and not self._take_frame():
                    return None
            except PeerError as error:
                self._break(str(error))
        return self._events.pop(0)

    def take_output(self) -> "Buffer | None":
        """The next bytes for the cable, or None."""
        if not self._output:
            self._gather_output()
        if not self._output:
            return None
        data = self._output.pop(0)
        self._output_bytes -= len(data)
        self.bytes_out += len(data)
        return data

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
            deadlines.append(self.stream.deadline_ms())
            deadlines.append(self.pulls.deadline_ms())
            deadlines.append(self._ping_due_ms())
        elif self._announce_ms >= 0:
            deadlines.append(self._announce_ms)
        known = [deadline for deadline in deadlines if deadline is not None]
        return min(known) if known else None

    # -- bulk, board's side

    def next_piece(self) -> "bulk.Piece | None":
        """Board: what to read for the host now; None while nothing is asked or enough waits to go out."""
        if self.state != OPEN or self._output_bytes >= OUTPUT_LOW_PAYLOADS * self.payload_max:
            return None
        return self.orders.next_piece()

    def supply(self, data: "Buffer") -> None:
        """Board: the bytes of ``next_piece`` (not copied: leave them alone until they have gone out)."""
        request, offset = self.orders.supplied(len(data))
        prefix = struct.pack(bulk.DATA_PREFIX, request, offset)
        front = frames.header(_DATA, self._data_sequence, len(prefix) + len(data), self._salt, self.version)
        self._data_sequence += 1
        self._push(front + prefix)
        self._push(data)
        self._push(struct.pack("<I", crc32(data, crc32(prefix))))

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
        self._last_in_ms = self._now_ms
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
            return True
        rows = _ROWS.get(frame.kind)
        if rows is None:
            return False
        return self._on_small_frame(frame.kind, codec.parse(rows, frame.payload))

    def _on_small_frame(self, kind: int, values: "dict[str, Any]") -> bool:
        if kind == _KIND["ack"]:
            self.stream.on_ack(values["ack"], values["later"], self._now_ms)
        elif kind == _KIND["ping"]:
            self._emit_packed("pong", 0, values)
        elif kind == _KIND["pong"]:
            self._note_latency((self._now_ms - values["stamp"]) & 0xFFFFFFFF)
        elif kind == _KIND["close"]:
            self._end("peer_close", values["reason"], "closed by the other end")
        elif kind == _KIND["pull"] and self.role == BOARD:
            self._on_pull(values)
        elif kind == _KIND["fail"] and self.role == HOST:
            request = self.pulls.on_fail(values["request"], values["code"], self._now_ms)
            if request is not None:
                self._events.append(events.PullFailed(request, values["code"]))
        elif kind == _KIND["probe"] and self.role == BOARD:
            self._emit_packed("probe_echo", 0, values)
        elif kind == _KIND["probe_echo"] and self.role == HOST:
            self._events.append(events.Probe(values["run"], values["phase"], values["data"]))
        else:
            return False
        return True

    def _on_opening_frame(self, frame: frames.Frame) -> bool:
        rows = _ROWS.get(frame.kind)
        if rows is None:
            return False
        values = codec.parse(rows, frame.payload)
        if self.role == BOARD:
            return frame.kind == _KIND["open"] and self._on_open(values)
        if frame.kind == _KIND["announce"]:
            if self.state == OPEN:
                self._end("restart", schema.CLOSE_RESTART, "the board has started anew")
            self._events.append(events.Announced())
            return True
        if self.state != OPENING or values.get("nonce_seen") != self._nonce:
            return False
        if frame.kind == _KIND["refuse"]:
            self._enter("refuse")
            self._events.append(events.Refused(values["version_min"], values["version_max"]))
            return True
        return frame.kind == _KIND["accept"] and self._on_accept(values)

    def _on_open(self, values: "dict[str, Any]") -> bool:
        version = opening.agreed_version(values)
        if version is None:
            self._emit_packed("refuse", 0, opening.refusal(values))
            return True
        if self.state != OPEN or values["nonce"] != self._peer_nonce:
            opening.check_agreement(version, values["payload_max"])
            self._peer_nonce = values["nonce"]
            self._nonce = opening.next_nonce(self._nonce)
            self._begin(version, values, "opened", opening.salt_of(self._peer_nonce, self._nonce))
        answer = opening.acceptance(self.version, self.payload_max, self.capabilities, self._nonce, values)
        self._emit_packed("accept", 0, answer)
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
        if not self.orders.add(bulk.Ask(request, recording, part, values["offset"], values["length"], piece_max)):
            self._fail(request, bulk.BUSY)

    def _take_message(self) -> bool:
        """One at a time: a window of the shortest messages would fill a small board's memory with their events."""
        message = self._messages.read_from(self.stream) if self.state == OPEN else None
        if message is None:
            return False
        number, request, body = message
        row = codec.MESSAGE_BY_NUMBER.get(number)
        if row is None or _DIRECTIONS[number] == self.role:
            self._reject(number, request, "unknown_message", "no such message in this direction")
            return True
        try:
            fields = self._codec.decode(number, body)
        except PeerError as error:
            self._reject(number, request, "malformed", str(error))
        else:
            self._events.append(events.Message(row[1], fields, request))
        return True

    def _reject(self, number: int, request: int, word: str, text: str) -> None:
        code = schema.number_of(ERROR_WORDS, word)
        if number != codec.MESSAGE_BY_NAME["error"][0]:  # an error about an error would never end
            try:
                self.send("error", {"about": number, "code": code, "text": text[:ERROR_TEXT_MAX]}, request)
            except LocalError as error:
                raise PeerError(str(error))
        self._events.append(events.BadMessage(number, request, code))

    # -- states

    def _begin(self, version: int, values: "dict[str, Any]", happened: str, salt: int) -> None:
        self._enter(happened)
        self.version = self.reader.version = version
        self.payload_max = min(values["payload_max"], self._payload_max_own)
        self._salt = self.reader.salt = salt
        self.stream = control.ControlStream(min(self.payload_max, 4096) - 4)
        self.pulls = bulk.PullWindow(self.payload_max - bulk.DATA_PREFIX_BYTES)
        self.orders.clear()
        self._messages = control.MessageReader(schema.MESSAGE_BYTES_MAX)
        self._data_sequence = self._pull_sequence = 0
        self._last_in_ms = self._pinged_ms = self._now_ms
        self._output = []
        self._output_bytes = 0
        self._events.append(events.Opened(version, self.payload_max, values["capabilities"] & self.capabilities))

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
            self._emit_packed("close", 0, {"reason": schema.CLOSE_PROTOCOL})
            self._end("broken", schema.CLOSE_PROTOCOL, text)

    def _tick_opening(self, now_ms: int) -> None:
        if now_ms - self._opening_ms >= OPEN_LIMIT_MS:
            self._end("lost", schema.CLOSE_LOST, "no board answers")
        elif now_ms - self._sent_open_ms >= OPEN_RETRY_MS:
            self._send_open(now_ms)

    def _tick_open(self, now_ms: int) -> None:
        self.stream.tick(now_ms)
        self.pulls.tick(now_ms)
        if self.stream.dead:
            self._end("lost", schema.CLOSE_LOST, "nothing is acknowledged any more")
        elif now_ms - self._last_in_ms >= SILENCE_MS:
            self._end("lost", schema.CLOSE_LOST, "nothing has come for %d ms" % SILENCE_MS)
        elif now_ms >= self._ping_due_ms():
            self._pinged_ms = now_ms
            self._emit_packed("ping", 0, {"stamp": now_ms & 0xFFFFFFFF})

    def _ping_due_ms(self) -> int:
        quiet_since_ms = self._pinged_ms if self.role == HOST else max(self._last_in_ms, self._pinged_ms)
        return quiet_since_ms + PING_MS

    def _note_latency(self, latency_ms: int) -> None:
        self.latency_ms = latency_ms
        self.latency_counts[sum(1 for limit_ms in LATENCY_LIMITS_MS if latency_ms > limit_ms)] += 1

    # -- frames out

    def _gather_output(self) -> None:
        if self.state != OPEN:
            return
        while True:
            segment = self.stream.next_segment(self._now_ms)
            if segment is None:
                break
            front = self._ack_first() if self.stream.has_early() else struct.pack("<I", self.stream.ack()[0])
            self._emit(_SEGMENT, segment[0], front + segment[1])
        if self.stream.ack_owed:
            self._ack_first()
        while True:
            ask = self.pulls.next_ask(self._now_ms)
            if ask is None:
                break
            self._emit_packed("pull", self._pull_sequence, bulk.ask_values(ask))
            self._pull_sequence += 1

    def _ack_first(self) -> bytes:
        ack, later = self.stream.ack()
        self._emit_packed("ack", 0, {"ack": ack, "later": later})
        return struct.pack("<I", ack)

    def _send_open(self, now_ms: int) -> None:
        self._sent_open_ms = now_ms
        if len(self._output) < OUTPUT_PIECES_MAX:
            self._emit_packed("open", 0, opening.offer(self._payload_max_own, self.capabilities, self._nonce))

    def _fail(self, request: int, code: int) -> None:
        self._emit_packed("fail", self._data_sequence, {"request": request, "code": code})
        self._data_sequence += 1

    def _emit_packed(self, name: str, sequence: int, values: "dict[str, Any]") -> None:
        kind = _KIND[name]
        self._emit(kind, sequence, codec.pack(_ROWS[kind], values))

    def _emit(self, kind: int, sequence: int, payload: "Buffer") -> None:
        self._push(frames.frame(kind, sequence, payload, self._salt, self.version))

    def _push(self, data: "Buffer") -> None:
        self._output.append(data)
        self._output_bytes += len(data)
