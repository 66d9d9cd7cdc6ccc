"""What an NTP server says of our clock: asked once, as a client that sets nothing (SNTP, RFC 5905 section 14).

Law: ``question`` and ``read_answer`` are pure; ``ask`` sends the one and waits for the other. Nothing in NTP is signed:
an answer counts only if it comes from whom was asked and brings back a number that nobody could guess, so that only
who stands on the wire can make one up. What is believed of it is for others to say. Timestamps are taken in the era
nearest to our own clock, so that the end of the first in February 2036 is no event.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

PORT = 123
PACKET_BYTES = 48  # without extensions, of which we ask none
NONCE_BYTES = 8
CLIENT, SERVER = 3, 4  # modes
VERSION = 4
NOT_SYNCHRONISED = 3  # of the leap indicator
STRATUM_MAX = 15  # of a server that has the time; 0: it has none, or declines to tell
DISTANCE_MS_MAX = 1_000  # RFC 5905, MAXDIST: by which its own time may be wrong
READING_MS = 2  # our clock is read in whole milliseconds, twice
ANSWER_S = 1.0  # within which it comes; there are continents between no destination and its system
TRIES = 2  # a datagram may be lost
ADDRESSES_MAX = 2  # of one name: the two families
LATER = "RATE"  # the one code of whoever declines that asks for patience alone
DECLINED = (LATER.encode(), b"DENY", b"RSTR")  # other codes, or none: it has no time yet (chrony sends zeros)

_UNIX_EPOCH_S = 2_208_988_800  # 1970 in NTP's seconds, since 1900
_FORM = struct.Struct(">BBbbII4sQQQQ")


class NoTime(Exception):
    """It gives no time; one line with the reason."""


class Declined(NoTime):
    """It asks not to be asked (a kiss of death). ``code``: one of ``DECLINED``."""

    def __init__(self, code: str) -> None:
        super().__init__(f"it declines to tell the time ({code})")
        self.code = code


class TimeReading(NamedTuple):
    """``ahead_ms``: by how much its clock is before (negative: behind) ours; ``error_ms``: by how much that may be
    wrong, for what happened on the way and what it says of itself."""

    ahead_ms: int
    error_ms: int
    stratum: int


def question(nonce: bytes) -> bytes:
    """A request. ``nonce``: NONCE_BYTES that nobody can guess, in the place of our time, which is nobody's business."""
    return bytes([VERSION << 3 | CLIENT]) + bytes(PACKET_BYTES - NONCE_BYTES - 1) + nonce


def read_answer(data: bytes, nonce: bytes, asked_ms: int, answered_ms: int) -> TimeReading | None:
    """From a datagram and our Unix times of asking and answering; None if it is no answer to this question. NoTime."""
    if len(data) < PACKET_BYTES:
        return None
    first, stratum, _, _, delay, dispersion, code, _, origin, received, sent = _FORM.unpack_from(data)
    if first & 7 != SERVER or not 1 <= first >> 3 & 7 <= VERSION or origin != int.from_bytes(nonce, "big"):
        return None
    if stratum == 0 and code in DECLINED:
        raise Declined(code.decode())
    if first >> 6 == NOT_SYNCHRONISED or not 1 <= stratum <= STRATUM_MAX:
        raise NoTime("its own clock is not synchronised")
    distance_ms = (delay / 2 + dispersion) * 1000 / 65_536
    if distance_ms > DISTANCE_MS_MAX:
        raise NoTime(f"its own time may be wrong by {distance_ms / 1000:.1f} s")
    round_trip_ms = answered_ms - asked_ms - _ms_between(received, sent)
    if not (received and sent) or _ms_between(received, sent) < 0 or round_trip_ms < -READING_MS:
        raise NoTime("the times in its answer contradict each other")
    there, back = _ms_between(_stamp(asked_ms), received), _ms_between(_stamp(answered_ms), sent)
    error_ms = max(round_trip_ms, 0) / 2 + distance_ms + READING_MS
    return TimeReading(round((there + back) / 2), round(error_ms), stratum)


async def ask(
    host: str, wall_ms: Callable[[], int], entropy: Callable[[int], bytes], port: int = PORT, answer_s: float = ANSWER_S
) -> TimeReading:
    """What the server says. ``entropy``: so many bytes that nobody can guess. NoTime."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise NoTime(f"its name has no address ({error})") from error
    fault = NoTime("its name has no address")
    for family, _, _, _, address in found[:ADDRESSES_MAX]:
        try:
            return await _ask_address(family, address, wall_ms, entropy, answer_s)
        except Declined:
            raise
        except NoTime as none:
            fault = none
    raise fault


async def _ask_address(
    family: int, address: Any, wall_ms: Callable[[], int], entropy: Callable[[int], bytes], answer_s: float
) -> TimeReading:
    for _ in range(TRIES):
        nonce = entropy(NONCE_BYTES)
        try:
            transport, heard = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Heard(wall_ms), remote_addr=address[:2], family=family
            )
        except OSError as error:
            raise NoTime(f"it cannot be reached ({error.strerror or error})") from error
        try:
            asked_ms = wall_ms()
            transport.sendto(question(nonce))
            async with asyncio.timeout(answer_s):
                while True:
                    data, answered_ms = await heard.next()
                    reading = read_answer(data, nonce, asked_ms, answered_ms)
                    if reading is not None:
                        return reading
        except TimeoutError:
            continue
        finally:
            transport.close()
    raise NoTime("no answer comes")


class _Heard(asyncio.DatagramProtocol):
    """What came, each with our time; from whom was asked alone, as the socket is connected."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._heard: asyncio.Queue[tuple[bytes, int] | OSError] = asyncio.Queue(16)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take((data, self._wall_ms()))

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._take(exc)

    async def next(self) -> tuple[bytes, int]:
        found = await self._heard.get()
        if isinstance(found, OSError):
            raise NoTime(f"nobody answers there ({found.strerror or found})") from found
        return found

    def _take(self, found: tuple[bytes, int] | OSError) -> None:
        if not self._heard.full():  # who floods us hides his own answer
            self._heard.put_nowait(found)


def _stamp(unix_ms: int) -> int:
    """As NTP writes it: seconds of its era and fractions, in 64 bits."""
    seconds, rest_ms = divmod(unix_ms, 1000)
    return ((seconds + _UNIX_EPOCH_S) << 32 | (rest_ms << 32) // 1000) & (1 << 64) - 1


def _ms_between(earlier: int, later: int) -> float:
    """Of two timestamps that are less than 68 years apart, whichever era each is of."""
    apart = (later - earlier) & (1 << 64) - 1
    return (apart - (1 << 64) if apart >> 63 else apart) * 1000 / (1 << 32)
