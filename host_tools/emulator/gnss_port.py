"""The line from an emulated satellite receiver to its board: a UART of ten bits a byte, with a buffer that runs over.

Law: nothing ticks. What the receiver has said since the last look is worked out when somebody looks; each byte is there
when the line has had the time to carry it, and what nobody reads is lost beyond a terminal driver's buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from firmware.ports.stream import Stream
from host_tools.emulator.models.gnss import GnssReceiver, Said, Spot
from host_tools.emulator.models.uart import FIFO_BYTES, Uart
from host_tools.emulator.truth import SaidPlace
from host_tools.emulator.walk import Walk, spot
from host_tools.hardware import Board

HEARD_MAX = 3_600  # an hour of what was said, for whoever measures


class _Burst(NamedTuple):
    """Bytes on the line. ``end_s``: when the last has arrived."""

    end_s: float
    data: bytes


class GnssLine(Stream):
    """``now_s``: of the world; ``heard``: what the receiver has said, with and without a fix, newest last."""

    def __init__(self, receiver: GnssReceiver, baud: int, now_s: Callable[[], float]) -> None:
        self.heard: deque[Said] = deque(maxlen=HEARD_MAX)
        self._receiver = receiver
        self._uart = Uart(baud)
        self._now_s = now_s
        self._coming: deque[_Burst] = deque()
        self._arrived = bytearray()

    def power_on(self) -> None:
        """The board boots: what was in its driver is gone."""
        self._coming.clear()
        self._arrived.clear()
        self._receiver.power_on(self._now_s())

    def power_off(self) -> None:
        """The board's supply goes, and its receiver's."""
        self._receiver.power_off()

    def look(self) -> None:
        """Let the receiver have said what it has until now: before it is taken elsewhere."""
        now_s = self._now_s()
        for said in self._receiver.say(now_s):
            self.heard.append(said)
            self._coming.append(_Burst(self._uart.take(len(said.data), said.begin_s), said.data))
        while self._coming:
            burst = self._coming[0]
            left = max(0, min(len(burst.data), round((burst.end_s - now_s) * self._uart.bytes_per_s)))
            if left == len(burst.data):
                break
            self._coming.popleft()
            if left:
                self._coming.appendleft(_Burst(burst.end_s, burst.data[-left:]))
            come = burst.data[: len(burst.data) - left]
            self._arrived += come[: max(0, FIFO_BYTES - len(self._arrived))]
            if left:
                break

    def is_open(self) -> bool:
        return True

    def read_into(self, buffer: bytearray | memoryview) -> int:
        self.look()
        count = min(len(buffer), len(self._arrived))
        buffer[:count] = self._arrived[:count]
        del self._arrived[:count]
        return count

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """The receiver is told nothing yet: it takes all and heeds none."""
        return len(data)


class WornReceiver:
    """The receiver of a camera that somebody wears. ``line``: its port; ``start``: what it knows at first, of START_S;
    each time that the camera leaves its bay the wearer sets out on ``walk``, and in a bay no satellite is seen."""

    def __init__(
        self, seed: str, walk: Walk, start: str, baud: int, began_unix_ms: int, world_ms: Callable[[], int]
    ) -> None:
        self.receiver = GnssReceiver(seed, self._where, began_unix_ms, start)
        self.line = GnssLine(self.receiver, baud, self._now_s)
        self._walk = walk
        self._world_ms = world_ms
        self._out_since_s: float | None = 0.0

    def boot(self) -> GnssLine:
        """The board starts."""
        self.line.power_on()
        return self.line

    def follow(self, docked: bool) -> None:
        """Where the camera is now."""
        if docked == (self._out_since_s is None):
            return
        self.line.look()
        self._out_since_s = None if docked else self._now_s()

    def said_places(self) -> list[SaidPlace]:
        """All places that it has said until now, newest last; an hour of them."""
        self.line.look()
        return [SaidPlace(each.unix_ms, *each.fix) for each in self.line.heard if each.fix is not None]

    def _where(self, at_s: float) -> Spot:
        since_s = self._out_since_s
        if since_s is None:
            return spot(self._walk, 0.0)._replace(sky=False)
        return spot(self._walk, max(0.0, at_s - since_s))

    def _now_s(self) -> float:
        return self._world_ms() / 1000


def bus_baud(board: Board) -> int:
    """Of the UART at which a board's receiver is; 0 where it has none."""
    buses = {bus.name: bus for bus in board.buses if bus.kind == "uart"}
    names = [chip.bus for chip in board.peripherals if chip.kind == "gnss"]
    return next((buses[name].frequency_hz for name in names if name in buses), 0)
