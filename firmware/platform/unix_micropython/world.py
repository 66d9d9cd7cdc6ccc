"""Pins and analogue inputs that are asked of a world outside the process, a line of text at a time.

The world answers ``adc NAME`` with microvolts and ``in NAME`` with 0 or 1, takes ``out NAME LEVEL`` without an answer,
and says ``error TEXT`` where it cannot.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault
from firmware.ports.pins import Pins

if TYPE_CHECKING:
    from typing import Any


def world_of(place: "str | int") -> "World":
    """The world behind a path, or behind a descriptor that this process was started with."""
    return World(open(place, "r+b"))


class World:
    """One end of the conversation; ``file``: opened for reading and writing bytes."""

    def __init__(self, file: "Any") -> None:
        self._file = file

    def tell(self, line: str) -> None:
        """Say something that has no answer."""
        try:
            self._file.write(line.encode() + b"\n")
        except OSError:
            raise PortFault("the world is gone; it cannot be told: %s" % line)

    def ask(self, line: str) -> int:
        """The number that answers a question. PortFault with the world's own words if there is none."""
        self.tell(line)
        try:
            answer = str(self._file.readline(), "utf-8").strip()
        except OSError:  # it went away with our question unread
            answer = ""
        if answer == "":
            raise PortFault("the world is gone; it cannot be asked: %s" % line)
        if answer.startswith("error "):
            raise PortFault(answer[6:])
        return int(answer)


class WorldPins(Pins):
    """Every pin there is in the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self, name: str) -> bool:
        """See Pins."""
        return self._world.ask("in " + name) != 0

    def write(self, name: str, level: bool) -> None:
        """See Pins."""
        self._world.tell("out %s %d" % (name, 1 if level else 0))


class WorldAdc(Adc):
    """Every analogue input there is in the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def read_uv(self, name: str) -> int:
        """See Adc."""
        return self._world.ask("adc " + name)
