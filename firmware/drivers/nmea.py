"""A satellite receiver's words: NMEA 0183 sentences in, places out. Portable; no clock, no port.

Law: whatever the bytes, never an exception and never a place that the receiver did not state. A place is one GGA and
one RMC of the same instant, both with a good checksum and both saying that there is a fix; a receiver that repeats an
instant has stopped, and says nothing new. Whole numbers only: a float of 32 bits is off by a metre.

Source: NMEA 0183 (IEC 61162-1), sentences GGA and RMC; u-blox M10 SPG 5.10 interface description, standard messages.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from collections import namedtuple

SENTENCE_BYTES_MAX = 120  # 82 by the standard; receivers in high-precision mode say more
ACCURACY_DM_PER_HDOP = 50  # 19 of 20 places within 5 m times HDOP: twice an open sky's error, for an antenna on a body
ACCURACY_DM_MAX = 65535
QUALITIES = (
    1,
    2,
    3,
    4,
    5,
)  # GGA: satellites, differential, PPS, RTK, RTK float; not 0 none, 6 dead, 7 typed, 8 made up
MODES = ("", "A", "D", "P", "R", "F")  # RMC since 2.3, the same: not N none, E dead reckoning, M typed in, S simulated
DEGREE = 10_000_000
MINUTE = 10_000_000  # of an angle, while it is parsed

_DOLLAR = 0x24
_STAR = b"*"
_LINE_ENDS = (0x0D, 0x0A)
_GGA_FIELDS = 10  # up to the altitude, which is not read
_RMC_FIELDS = 10  # up to the date
_MONTH_DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DAYS_TO_2000 = 10_957
_DAY_MS = 86_400_000

if TYPE_CHECKING:
    from typing import NamedTuple

    class Fix(NamedTuple):
        """``unix_ms``: by the receiver's own time; latitude and longitude in 1e-7 degrees, north and east positive;
        ``accuracy_dm``: radius that holds 19 of 20; ``quality``: of QUALITIES."""

        unix_ms: int
        latitude: int
        longitude: int
        accuracy_dm: int
        quality: int
        satellites: int
else:
    Fix = namedtuple("Fix", ("unix_ms", "latitude", "longitude", "accuracy_dm", "quality", "satellites"))


class NmeaReader:
    """``sentences``: that came whole; ``garbage``: pieces that were none, or whose checksum did not fit."""

    def __init__(self) -> None:
        self.sentences = 0
        self.garbage = 0
        self._line = bytearray()
        self._in_noise = False
        self._gga: "tuple[int, int, int, int, int, int] | None" = None
        self._rmc: "tuple[int, int] | None" = None
        self._last_unix_ms = -1

    def feed(self, data: "bytes | bytearray | memoryview") -> "list[Fix]":
        """The places that these bytes complete, newest last."""
        found = []
        for byte in data:
            if byte == _DOLLAR:
                self._drop()
                self._line.append(byte)
            elif not self._line:
                self._noise(byte)
            elif byte in _LINE_ENDS:
                self._finish(found)
            elif len(self._line) < SENTENCE_BYTES_MAX:
                self._line.append(byte)
            else:
                self._drop()
        return found

    def forget(self) -> None:
        """What was said before is of no use any more."""
        self._line = bytearray()
        self._gga = self._rmc = None

    def _drop(self) -> None:
        """A sentence that is not finished, or is too long for one."""
        if self._line:
            self.garbage += 1
        self._line = bytearray()
        self._in_noise = False

    def _noise(self, byte: int) -> None:
        """Between sentences only line ends belong."""
        if byte in _LINE_ENDS:
            self._in_noise = False
        elif not self._in_noise:
            self._in_noise = True
            self.garbage += 1

    def _finish(self, found: "list[Fix]") -> None:
        line, self._line = bytes(self._line), bytearray()
        fields = _fields(line)
        if fields is None:
            self.garbage += 1
            return
        self.sentences += 1
        kind = fields[0][2:]
        if kind == "GGA":
            self._gga = _gga(fields)
        elif kind == "RMC":
            self._rmc = _rmc(fields)
        self._join(found)

    def _join(self, found: "list[Fix]") -> None:
        if self._gga is None or self._rmc is None or self._gga[0] != self._rmc[1]:
            return
        day_ms, latitude, longitude, accuracy_dm, quality, satellites = self._gga
        unix_ms = self._rmc[0] + day_ms
        self._gga = self._rmc = None
        if unix_ms != self._last_unix_ms:
            self._last_unix_ms = unix_ms
            found.append(Fix(unix_ms, latitude, longitude, accuracy_dm, quality, satellites))


def checksum(body: "bytes | bytearray | memoryview") -> int:
    """Of what stands between ``$`` and ``*``."""
    found = 0
    for byte in body:
        found ^= byte
    return found


def _fields(line: bytes) -> "list[str] | None":
    """The fields of a whole sentence; None if it is none."""
    body, star, given = line[1:].partition(_STAR)
    if not star or len(given) != 2 or not body or min(body) < 0x20 or max(body) > 0x7E:
        return None
    if given.upper() != b"%02X" % checksum(body):
        return None
    fields = str(body, "ascii").split(",")
    return fields if len(fields[0]) == 5 else None


def _gga(fields: "list[str]") -> "tuple[int, int, int, int, int, int] | None":
    """Time of day, latitude, longitude, accuracy, quality, satellites; None without a fix."""
    if len(fields) < _GGA_FIELDS:
        return None
    day_ms = _day_ms(fields[1])
    latitude = _angle(fields[2], fields[3], 2, 90, "NS")
    longitude = _angle(fields[4], fields[5], 3, 180, "EW")
    quality, satellites, hdop = _whole(fields[6]), _whole(fields[7]), _fixed(fields[8], 2)
    if day_ms is None or latitude is None or longitude is None or quality is None or quality not in QUALITIES:
        return None
    if not hdop or satellites is None or satellites > 255:
        return None
    accuracy_dm = min(-(-hdop * ACCURACY_DM_PER_HDOP // 100), ACCURACY_DM_MAX)
    return day_ms, latitude, longitude, accuracy_dm, quality, satellites


def _rmc(fields: "list[str]") -> "tuple[int, int] | None":
    """The day's beginning in Unix milliseconds, and the time of day; None without a fix."""
    mode = fields[12] if len(fields) > 12 else ""
    if len(fields) < _RMC_FIELDS or fields[2] != "A" or mode not in MODES:
        return None
    day_ms, date_ms = _day_ms(fields[1]), _date_ms(fields[9])
    return None if day_ms is None or date_ms is None else (date_ms, day_ms)


def _whole(text: str) -> "int | None":
    """Digits only, up to nine: ``int`` takes more than that."""
    if not 1 <= len(text) <= 9 or min(text) < "0" or max(text) > "9":
        return None
    return int(text)


def _fixed(text: str, places: int) -> "int | None":
    """A decimal number in units of its ``places``-th decimal; what is finer is cut off."""
    whole, _, part = text.partition(".")
    number, decimals = _whole(whole), _whole((part + "0" * places)[:places])
    if number is None or decimals is None or (part and _whole(part[:9]) is None):
        return None
    return number * 10**places + decimals


def _day_ms(text: str) -> "int | None":
    """``hhmmss.ss`` in milliseconds since midnight."""
    time = _fixed(text, 3)
    if time is None or len(text.partition(".")[0]) != 6:
        return None
    hours, minutes, seconds_ms = time // 10_000_000, time // 100_000 % 100, time % 100_000
    if hours > 23 or minutes > 59 or seconds_ms >= 61_000:  # a leap second is one
        return None
    return (hours * 60 + minutes) * 60_000 + seconds_ms


def _date_ms(text: str) -> "int | None":
    """``ddmmyy`` as Unix milliseconds of its midnight, in this century."""
    date = _whole(text)
    if date is None or len(text) != 6:
        return None
    day, month, year = date // 10_000, date // 100 % 100, date % 100
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    leap_days = (year + 3) // 4 + (1 if month > 2 and year % 4 == 0 else 0)
    return (_DAYS_TO_2000 + year * 365 + leap_days + _MONTH_DAYS[month - 1] + day - 1) * _DAY_MS


def _angle(text: str, side: str, degree_digits: int, degrees_max: int, sides: str) -> "int | None":
    """``ddmm.mmmmm`` and its side in 1e-7 degrees, to the nearest."""
    angle = _fixed(text, 7)
    if angle is None or len(side) != 1 or side not in sides or len(text.partition(".")[0]) != degree_digits + 2:
        return None
    degrees, minutes = angle // (100 * MINUTE), angle % (100 * MINUTE)
    if minutes >= 60 * MINUTE:
        return None
    found = degrees * DEGREE + (minutes + 30) // 60
    if found > degrees_max * DEGREE:
        return None
    return found if side == sides[0] else -found
