"""A short-range radio that repeats a few bytes to whoever listens: Bluetooth LE's advertising, or something like it.

Nobody answers and nobody is addressed; whoever sends cannot know who has heard. What is heard has been sent by anybody.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from collections import namedtuple

from firmware.ports.errors import PortFault, Unprovided

if TYPE_CHECKING:
    from typing import NamedTuple

    Buffer = bytes | bytearray | memoryview

    class Heard(NamedTuple):
        """``rssi_dbm``: how strongly, negative."""

        data: bytes
        rssi_dbm: int
else:
    Heard = namedtuple("Heard", ("data", "rssi_dbm"))

# A legacy advertisement has 31 bytes; its flags take three, length, type and company of the maker's data four.
MESSAGE_BYTES_MAX = 24
REPEAT_MS = 100  # between two repetitions; a listener that hears one in three still hears within a second
POWER_DBM_MIN, POWER_DBM_MAX = -20, 10  # beyond these no such chip goes


class Radio:
    """One sender and one listener. Nothing is sent and nothing is heard after power on."""

    def power_for(self, wanted_dbm: int) -> int:
        """What it sends with when it is told that: as near as the chip can. PortFault."""
        raise Unprovided(self, "power_for")

    def broadcast(self, data: "Buffer", power_dbm: int) -> None:
        """Repeat ``data`` from now on, in place of what was repeated, with ``power_for`` that power. PortFault if it is
        longer than MESSAGE_BYTES_MAX, or the chip fails."""
        raise Unprovided(self, "broadcast")

    def be_silent(self) -> None:
        """Repeat nothing any more. PortFault."""
        raise Unprovided(self, "be_silent")

    def listen(self, on: bool) -> None:
        """Hear others, or nobody: listening takes power. What was heard and not fetched is forgotten. PortFault."""
        raise Unprovided(self, "listen")

    def receive(self) -> "Heard | None":
        """What was heard, oldest first; None for nothing more. Repetitions of a message come once or more often."""
        raise Unprovided(self, "receive")


def check_message(data: "Buffer", power_dbm: int) -> bytes:
    """What every radio refuses. PortFault."""
    if not 1 <= len(data) <= MESSAGE_BYTES_MAX:
        raise PortFault("a broadcast has 1 to %d bytes, not %d" % (MESSAGE_BYTES_MAX, len(data)))
    if not POWER_DBM_MIN <= power_dbm <= POWER_DBM_MAX:
        raise PortFault("a broadcast has %d to %d dBm, not %d" % (POWER_DBM_MIN, POWER_DBM_MAX, power_dbm))
    return bytes(data)
