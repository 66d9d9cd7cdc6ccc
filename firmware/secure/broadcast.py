"""What a camera broadcasts when it begins to record: 24 bytes that only cameras of its system can make.

    kind u8 | key u8 | range u8 | power i8 | sender 4 bytes | unix time u32 | turn u32 | tag 8 bytes  (little-endian)

``key``: number of the key; ``range``: of RANGES; ``power``: with which it is sent, in dBm, for few chips can be told
how loud to be, and by it every listener knows how much was lost on the way; time and turn are the lower 32 bits of what
they count, so that a clock beyond 2106 stops no camera from recording; ``sender``: the first bytes of SHA-256
over its serial, which tells nobody near who is there; the tag is HMAC-SHA-256 under the system's broadcast key over
PREFIX and the bytes before it, cut to 64 bits: a forger who tries a thousand a second needs 300 million years.

Law: pure. Bytes, a clock's reading and what was heard before go in; a call or why it is none comes out. A call counts
once, and only near its moment: time and turn of a sender must grow, and its time must be about now. So a recording of
it is worth nothing ten seconds later, also to a camera that has been started anew meanwhile. Whoever relays a call at
once to a far place is not kept out, but for the strength with which it must be heard.
"""

import hmac
import struct
from hashlib import sha256
from typing import NamedTuple

from firmware.link.schema import BROADCAST_KEY_BYTES

KEY_BYTES = BROADCAST_KEY_BYTES
TAG_BYTES = 8
SENDER_BYTES = 4
KIND_RECORDING = 0x11  # version 1, first kind
PREFIX = b"openbwc-broadcast-1\x00"
WINDOW_MS = 10_000  # a call lasts five seconds; the rest is for clocks, whose own uncertainty comes on top
RANGES = ("low", "medium", "high")
# What may be lost on the way: 35, 75 and 100 m in the open (40 dB over the first metre, 22 for ten times the distance),
# and 8 dB for whoever stands between. What has lost more comes from beyond, or from whoever relays it.
LOSS_DB_MAX = {"low": 82, "medium": 89, "high": 92}
SENDERS_MAX = 256  # of whom the last call is remembered; the one heard longest ago is forgotten first

# why a message is no call
MALFORMED, STRANGE, FORGED, OWN, NO_CLOCK, LATE, REPLAYED, WEAK = (
    "malformed", "strange", "forged", "own", "no_clock", "late", "replayed", "weak",
)  # fmt: skip
AGAIN = "again"  # the same call as before: a repetition, which is no attack

_BODY = struct.Struct("<BBBb4sII")
_WORD = 1 << 32
MESSAGE_BYTES = _BODY.size + TAG_BYTES


class Call(NamedTuple):
    """A camera of this system has begun to record."""

    range: str
    power_dbm: int
    sender: bytes
    unix_s: int
    turn: int


class Now(NamedTuple):
    """A clock's reading. ``known``: whether it knows the time at all."""

    known: bool
    unix_ms: int
    uncertainty_ms: int


def sender_of(serial: str) -> bytes:
    """What stands for a camera."""
    return sha256(serial.encode()).digest()[:SENDER_BYTES]


def encode(call: Call, key_number: int, key: bytes) -> bytes:
    """The message."""
    body = _BODY.pack(
        KIND_RECORDING,
        key_number,
        RANGES.index(call.range),
        call.power_dbm,
        call.sender,
        call.unix_s % _WORD,
        call.turn % _WORD,
    )
    return body + _tag(key, body)


class Listener:
    """``keys``: by their numbers; ``own``: what stands for this camera itself."""

    def __init__(self, keys: "dict[int, bytes]", own: bytes) -> None:
        self.keys = keys
        self._own = own
        self._last: dict[bytes, tuple[int, int]] = {}

    def hear(self, message: bytes, rssi_dbm: int, now: Now) -> "Call | str":
        """The call that it is, or the word why it is none. Only what a member has made is looked at any closer."""
        if len(message) != MESSAGE_BYTES or message[0] != KIND_RECORDING or message[2] >= len(RANGES):
            return MALFORMED
        _, number, reach, power_dbm, sender, unix_s, turn = _BODY.unpack_from(message)
        key = self.keys.get(number)
        if key is None:
            return STRANGE
        if not hmac.compare_digest(_tag(key, message[: _BODY.size]), message[_BODY.size :]):
            return FORGED
        return self._judge(Call(RANGES[reach], power_dbm, sender, unix_s, turn), rssi_dbm, now)

    def _judge(self, call: Call, rssi_dbm: int, now: Now) -> "Call | str":
        if call.sender == self._own:
            return OWN
        if not now.known:
            return NO_CLOCK
        moment, last = (call.unix_s, call.turn), self._last.get(call.sender, (0, 0))
        if moment == last:
            return AGAIN
        half_ms = 500 * _WORD
        off_ms = (now.unix_ms - call.unix_s * 1000 + half_ms) % (2 * half_ms) - half_ms
        if abs(off_ms) > WINDOW_MS + now.uncertainty_ms:
            return LATE
        if moment < last:
            return REPLAYED
        if call.power_dbm - rssi_dbm > LOSS_DB_MAX[call.range]:
            return WEAK  # and not remembered: it may come nearer while it lasts
        self._last.pop(call.sender, None)
        self._last[call.sender] = moment
        if len(self._last) > SENDERS_MAX:
            del self._last[next(iter(self._last))]
        return call


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, PREFIX + body, sha256).digest()[:TAG_BYTES]
