"""Cameras that tell each other of a recording: this one's call when it begins, and those that it hears.

Law: the only place that talks to the radio. What is a call is decided in ``firmware.secure.broadcast``; what a profile
wants is asked for at every step. A call is made by whoever began by itself, never by whoever was called: else one press
would run through a city. A radio that fails is a reason in words, never an end of the firmware.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from firmware.camera import card
from firmware.camera.behaviour import Behaviour
from firmware.drivers.cable import Refusal
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.clock import WALL_NONE, Clock
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import Files
from firmware.ports.radio import Radio
from firmware.secure import broadcast
from firmware.secure.broadcast import KEY_BYTES, Call, Listener, Now
from firmware.secure.sealing_file import FileSealer

FILE = "broadcast_keys"
DOCUMENT_BYTES_MAX = 1024
FILE_BYTES_MAX = 2048  # the same, sealed
KEYS_MAX = 2  # the system's, and the one before: cameras are docked one after another when it changes
CALL_MS = 5_000
RETRY_MS = 10_000  # before a radio that failed is asked to listen again
OFF = "off"
WITHHELD_MIN_DEFAULT = 2
# What carries 35, 75 and 100 m in the open with 13 dB to spare: no louder than it need be.
POWER_DBM = {"low": -6, "medium": 1, "high": 4}
_KEYS = frozenset({"format", "schema", "keys"})

Fields = dict[str, Any]


class Broadcasts:
    """``radio``: None where the board has none. ``sealer``: for the keys' file, where the board has a secret of its
    own. ``last``: the call that was obeyed last; ``ignored``: how often something else was heard, by its word."""

    def __init__(
        self,
        radio: Radio | None,
        files: Files,
        sealer: FileSealer | None,
        clock: Clock,
        serial: str,
        behaviour: Behaviour,
    ) -> None:
        self.reason = ""
        self.last: Call | None = None
        self.ignored: dict[str, int] = {}
        self._radio = radio
        self._files = files
        self._sealer = sealer
        self._clock = clock
        self._behaviour = behaviour
        self._own = broadcast.sender_of(serial)
        self._listener = Listener({}, self._own)
        self._turn = 0
        self._silent_ms: int | None = None  # when the call that is being made ends
        self._withheld_from_ms: int | None = None  # since it was taken out of its dock
        self._listening = False
        self._retry_ms: int | None = None

    @property
    def keys(self) -> Mapping[int, bytes]:
        """What it can call with and understand, the newest last."""
        return self._listener.keys

    def load(self) -> None:
        """Read the keys that were kept; damaged ones count as none. PortFault."""
        self._listener.keys = {}
        try:
            kept = card.read_whole(self._files, FILE, FILE_BYTES_MAX)
            document = self._sealer.open(FILE, kept) if self._sealer else kept
            fields = canonical.decode(document, FILE, DOCUMENT_BYTES_MAX)
            canonical.require_kind(fields, "broadcast-keys")
            canonical.require_keys(fields, _KEYS, FILE)
            rows = canonical.rows(fields["keys"], FILE, KEYS_MAX, 2)
            self._listener.keys = {
                canonical.integer(row[0], FILE, 255): canonical.binary(row[1], FILE, KEY_BYTES) for row in rows
            }
        except (NotFound, FormatError):
            return

    def forget(self) -> None:
        """The camera is nobody's any more. PortFault."""
        self._listener = Listener({}, self._own)
        if self._files.exists(FILE):
            self._files.remove(FILE)
            self._files.sync_folder("")

    def undocked(self, now_ms: int) -> None:
        """The time in which it calls nobody begins: people take their cameras one after another, and try them."""
        self._withheld_from_ms = now_ms

    def began(self, now_ms: int) -> None:
        """A recording has begun, and nobody called for it: call the others, if the profile wants that now."""
        reach = self._behaviour.word("broadcast_send", OFF)
        keys = self._listener.keys
        wall = self._clock.wall()
        if self._radio is None or reach not in POWER_DBM or not keys or wall.source == WALL_NONE:
            return
        if self._is_withheld(now_ms):
            return
        self._turn += 1
        number = next(reversed(keys))
        try:
            power_dbm = self._radio.power_for(POWER_DBM[reach])
            call = Call(reach, power_dbm, self._own, wall.unix_ms // 1000, self._turn)
            self._radio.broadcast(broadcast.encode(call, number, keys[number]), power_dbm)
        except PortFault as fault:
            self.reason = str(fault)
            return
        self._silent_ms = now_ms + CALL_MS

    def step(self, now_ms: int, may_record: bool) -> bool:
        """End a call that has lasted; listen while it matters. Whether a camera nearby has called."""
        radio = self._radio
        if radio is None:
            return False
        try:
            if self._silent_ms is not None and now_ms >= self._silent_ms:
                self._silent_ms = now_ms + RETRY_MS  # if it cannot be told: a call that nobody ends goes on for hours
                radio.be_silent()
                self._silent_ms = None
            return self._hear(radio, now_ms, may_record)
        except PortFault as fault:
            self.reason = str(fault)
            self._listening = False
            self._retry_ms = now_ms + RETRY_MS
            return False

    def next_deadline_ms(self) -> int | None:
        """When ``step`` has something to do, even if nothing is heard."""
        return min((each for each in (self._silent_ms, self._retry_ms) if each is not None), default=None)

    def handlers(self) -> dict[str, Callable[[Fields], None]]:
        """Message name -> function, for the cable."""
        return {"set_broadcast_key": self._set_key}

    def _hear(self, radio: Radio, now_ms: int, may_record: bool) -> bool:
        """PortFault."""
        wanted = may_record and bool(self._listener.keys) and self._behaviour.is_on("broadcast_receive", False)
        if self._retry_ms is not None and now_ms >= self._retry_ms:
            self._retry_ms = None  # also while nobody listens: what is overdue lets no camera sleep
        if wanted != self._listening and self._retry_ms is None:
            radio.listen(wanted)
            self._listening, self.reason = wanted, ""
        while self._listening and (heard := radio.receive()) is not None:
            wall = self._clock.wall()
            now = Now(wall.source != WALL_NONE, wall.unix_ms, wall.uncertainty_ms)
            found = self._listener.hear(heard.data, heard.rssi_dbm, now)
            if isinstance(found, Call):
                self.last = found
                return True
            self.ignored[found] = self.ignored.get(found, 0) + 1
        return False

    def _is_withheld(self, now_ms: int) -> bool:
        """A camera that was started anew away from its dock withholds nothing: it has been out for some time."""
        minutes = self._behaviour.all().get("broadcast_withheld_min")
        wanted_ms = 60_000 * (minutes if isinstance(minutes, int) else WITHHELD_MIN_DEFAULT)
        return self._withheld_from_ms is not None and now_ms - self._withheld_from_ms < wanted_ms

    def _set_key(self, fields: Fields) -> None:
        number, key = fields["number"], bytes(fields["key"])
        keys = self._listener.keys
        if keys and (next(reversed(keys)), keys[next(reversed(keys))]) == (number, key):
            return
        kept = {old: value for old, value in keys.items() if old != number}
        rows = [*kept.items(), (number, key)][-KEYS_MAX:]
        document = canonical.encode(
            {
                "format": "openbwc-broadcast-keys",
                "schema": canonical.SCHEMA,
                "keys": [[each, value.hex()] for each, value in rows],
            }
        )
        try:
            card.replace(self._files, "", FILE, self._sealer.seal(FILE, document) if self._sealer else document)
        except PortFault as fault:
            raise Refusal("storage", f"the key cannot be kept ({fault})") from fault
        self._listener.keys = dict(rows)
