"""A camera's time floor: what it is certainly not earlier than, across power-offs, and whose word on time it takes.

A camera without a battery-backed clock knows no time when it starts. It takes one from its own controller alone, never
one before the floor, and never one at which that controller's own certificate would not be valid: so an expired
certificate cannot be brought back to life by turning the clock back, and a controller whose clock has run away by
years cannot lock its cameras up for good.

On storage: one checked line in canonical JSON, replaced as a whole.
"""

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.secure import certificates
from firmware.secure.certificates import CONTROLLER, PeerIdentity

PATH = "time_floor"
FLOOR_MARGIN_MS = 5 * 60 * 1000  # below an accepted time: two controllers of a system may differ by so much
FLOOR_STEP_MS = 60 * 1000  # a floor that rises by less is not written: no wear by a chatty controller
FLOOR_BYTES_MAX = 128
UNIX_MS_MAX = 253_402_300_799_999  # the last millisecond of the year 9999, where X.509 ends
_KEYS = frozenset({"format", "schema", "unix_ms"})
_WHAT = "time-floor"


class TimeRefused(Exception):
    """A time that is not taken. The text, one line, says why."""


class TimeFloor:
    """``damaged``: the file was there and could not be read; the floor then starts at ``at_least_ms`` again."""

    def __init__(self, files: Files, at_least_ms: int = 0) -> None:
        """``at_least_ms``: what is known without the file, such as when the camera's own certificate was made."""
        self._files = files
        self.damaged = False
        self.unix_ms = max(at_least_ms, self._read())

    def now_ms(self, wall_unix_ms: int) -> int:
        """The time to judge certificates by: the wall clock's, and never below the floor."""
        return max(wall_unix_ms, self.unix_ms)

    def accept(self, peer: PeerIdentity, system: str, unix_ms: int) -> None:
        """Take this time from that peer, and raise the floor. TimeRefused if it is not for it to say."""
        if peer.kind != CONTROLLER or not peer.anchored or peer.owner != system:
            raise TimeRefused(f"{peer.serial} is no controller of this camera's system: its time is not taken")
        if not 0 <= unix_ms <= UNIX_MS_MAX:
            raise TimeRefused(f"{peer.serial} gives no time of this calendar: set its clock")
        if unix_ms < self.unix_ms:
            behind_s = (self.unix_ms - unix_ms) // 1000
            raise TimeRefused(f"{peer.serial} gives a time {behind_s} s before the floor: set its clock")
        if certificates.standing(peer, unix_ms) not in (certificates.VALID, certificates.ABOUT_TO_EXPIRE):
            raise TimeRefused(f"{peer.serial} gives a time at which its own certificate is not valid: set its clock")
        self.raise_to(unix_ms - FLOOR_MARGIN_MS)

    def raise_to(self, unix_ms: int) -> None:
        """Lift the floor, durably, if that is worth a write; it never sinks."""
        if unix_ms >= self.unix_ms + FLOOR_STEP_MS:
            self._write(unix_ms)
            self.unix_ms = unix_ms

    def _read(self) -> int:
        try:
            file = self._files.open(PATH)
        except NotFound:
            return 0
        try:
            line = bytearray(min(file.size_bytes(), FLOOR_BYTES_MAX))
            file.read_at(0, line)
        finally:
            file.close()
        try:
            return _decode(line)
        except FormatError:
            self.damaged = True
            return 0

    def _write(self, unix_ms: int) -> None:
        new = PATH + ".new"
        if self._files.exists(new):
            self._files.remove(new)
        file = self._files.create(new)
        try:
            file.write_at(0, _encode(unix_ms))
            file.sync()
        finally:
            file.close()
        self._files.rename(new, PATH)
        self._files.sync_folder("")


def _encode(unix_ms: int) -> bytes:
    return canonical.encode_line(
        {"format": "openbwc-" + _WHAT, "schema": canonical.SCHEMA, "unix_ms": unix_ms},
    )


def _decode(line: "bytes | bytearray") -> int:
    document = canonical.decode_line(line, _WHAT, FLOOR_BYTES_MAX)
    canonical.require_kind(document, _WHAT)
    canonical.require_keys(document, _KEYS, _WHAT)
    return canonical.integer(document["unix_ms"], f"{_WHAT}.unix_ms", UNIX_MS_MAX)
