"""Analogue inputs in memory, at the values the outside world puts there."""

from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault


class MemoryAdc(Adc):
    """``microvolts``: the inputs and what they read at first."""

    def __init__(self, microvolts: "dict[str, int]") -> None:
        self._microvolts = dict(microvolts)

    def read_uv(self, name: str) -> int:
        """See Adc."""
        if name not in self._microvolts:
            raise PortFault("no analogue input is called %s" % name)
        return self._microvolts[name]

    def drive(self, name: str, microvolts: int) -> None:
        """What the outside world does to an input."""
        self.read_uv(name)
        self._microvolts[name] = microvolts
