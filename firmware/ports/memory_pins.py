"""Pins in memory, with the outside world's hand on the inputs."""

from firmware.ports.errors import PortFault
from firmware.ports.pins import Pins


class MemoryPins(Pins):
    """Every pin starts deasserted."""

    def __init__(self, inputs: "tuple[str, ...]" = (), outputs: "tuple[str, ...]" = ()) -> None:
        self._outputs = outputs
        self._levels: "dict[str, bool]" = {}
        for name in tuple(inputs) + tuple(outputs):
            self._levels[name] = False

    def read(self, name: str) -> bool:
        """See Pins."""
        if name not in self._levels:
            raise PortFault("no pin is called %s" % name)
        return self._levels[name]

    def write(self, name: str, level: bool) -> None:
        """See Pins."""
        self.read(name)
        if name not in self._outputs:
            raise PortFault("pin %s is an input" % name)
        self._levels[name] = bool(level)

    def drive(self, name: str, level: bool) -> None:
        """What the outside world does to an input."""
        self.read(name)
        if name in self._outputs:
            raise PortFault("pin %s is an output" % name)
        self._levels[name] = bool(level)
