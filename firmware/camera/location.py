"""Where the camera is: what its satellite receiver says, noted while it records, if its profile wants that.

Law: the profile decides who listens and when; a place is what the driver believes, at the moment it was heard. What
waits in the line from before is thrown away, so that an old place is never told as a new one. Where a slow card has
kept the camera from listening for a while, several places are heard at once: the newest now, the others as much earlier
as the receiver says. Nothing here waits, and nothing is written here: places go with the next fragment.
"""

from __future__ import annotations

from firmware.drivers.nmea import Fix, NmeaReader
from firmware.formats import track
from firmware.formats.track import PLACES_BLOCK_MAX, PLACES_MAX, Place
from firmware.ports.stream import Stream

OFF = "off"
UNDOCKED = (
    "undocked"  # listen from undocking on, so that a recording begins with a place; noted is only what it records
)
PLACE_EVERY_MS = (
    1_000  # as often as receivers say: on foot 1.5 m, in a town's traffic 14 m, near a place's own accuracy
)
PLACE_EARLY_MS = 50  # a receiver's second is as long as ours but for so much
LOOK_MS = 200  # while places are noted: how much too late one may be taken for
LOOK_AWAY_MS = 1_000  # while it only listens: the line holds a dozen seconds
LINE_MS = 500  # what a receiver and 9600 baud take to say it
READ_BYTES = 512
READS_MAX = 16  # of a look: what a terminal's driver holds, twice
AT_MS_MAX = (1 << 32) - 1


class Location:
    """``stream``: of the receiver, None where the board has none; ``newest``: the place noted last in this recording,
    or after its end."""

    def __init__(self, stream: Stream | None) -> None:
        self.reader = NmeaReader()
        self.newest: Place | None = None
        self._stream = stream
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._due_ms: int | None = None
        self._looked_ms: int = 0
        self._since_ms: int | None = None
        self._noted = 0
        self._last_unix_ms: int | None = None
        self._waiting: list[Place] = []

    def step(self, now_ms: int, setting: str, docked: bool, since_ms: int | None) -> None:
        """Listen, if the profile's ``setting`` wants it now. ``since_ms``: when the recording began that goes on; None:
        none does."""
        begins = self._follow_recording(since_ms)
        records = since_ms is not None
        if self._stream is None or setting == OFF or not (records or (setting == UNDOCKED and not docked)):
            self._due_ms = None
            return
        if self._due_ms is None or begins:  # what the line holds is old
            self._read(self._stream)
            if self._due_ms is None:
                self.reader.forget()  # half a sentence may be of yesterday
            self._due_ms = now_ms
            self._looked_ms = now_ms
        if now_ms < self._due_ms:
            return
        fixes, missed_ms = self._read(self._stream), now_ms - self._looked_ms
        self._looked_ms = now_ms
        self._due_ms = now_ms + (LOOK_MS if records else LOOK_AWAY_MS)
        if since_ms is None:
            return
        for fix in fixes:
            self._note(fix, now_ms - since_ms - _age_ms(fix, fixes[-1], missed_ms))

    def next_deadline_ms(self) -> int | None:
        """When ``step`` has something to read."""
        return self._due_ms

    def take_block(self) -> bytes:
        """The places noted since the last time, as a block of the track; nothing if there are none."""
        places, self._waiting = self._waiting, []
        return track.pack(places)

    def _follow_recording(self, since_ms: int | None) -> bool:
        """Whether one begins. What is left of one that has ended waits for its last fragment; the next begins anew."""
        if since_ms is None or since_ms == self._since_ms:
            return False
        self._waiting, self._noted, self._last_unix_ms, self._since_ms = [], 0, None, since_ms
        self.newest = None
        return True

    def _read(self, stream: Stream) -> list[Fix]:
        """All that has come, newest last."""
        found: list[Fix] = []
        for _ in range(READS_MAX):
            count = stream.read_into(self._buffer)
            if not count:
                break
            found += self.reader.feed(self._buffer[:count])
        return found

    def _note(self, fix: Fix, at_ms: int) -> None:
        last_ms = self._last_unix_ms
        if last_ms is not None and abs(fix.unix_ms - last_ms) < PLACE_EVERY_MS - PLACE_EARLY_MS:
            return
        if len(self._waiting) >= PLACES_BLOCK_MAX or self._noted >= PLACES_MAX or not 0 <= at_ms <= AT_MS_MAX:
            return
        self._last_unix_ms = fix.unix_ms
        self._noted += 1
        self.newest = Place(
            at_ms, fix.unix_ms, fix.latitude, fix.longitude, fix.accuracy_dm, fix.quality, fix.satellites
        )
        self._waiting.append(self.newest)


def _age_ms(fix: Fix, newest: Fix, missed_ms: int) -> int:
    """How much earlier than the newest it was said; 0 where the receiver's time contradicts ours."""
    age_ms = newest.unix_ms - fix.unix_ms
    return age_ms if 0 <= age_ms <= missed_ms + LINE_MS else 0
