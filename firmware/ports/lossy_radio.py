"""A bad place for radio: a wrapper that loses, garbles and repeats what is heard, the same for the same seed."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.radio import Heard, Radio

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview

PERCENT = 100


class LossyRadio(Radio):
    """Rates are chances of a hundred for each message that is heard; what is sent goes as it is."""

    def __init__(
        self, radio: Radio, seed: int, drop_percent: int = 0, flip_percent: int = 0, repeat_percent: int = 0
    ) -> None:
        self._radio = radio
        self._entropy = SeededEntropy(seed)
        self._percents = (drop_percent, flip_percent, repeat_percent)
        self._again: "Heard | None" = None

    def power_for(self, wanted_dbm: int) -> int:
        """See Radio."""
        return self._radio.power_for(wanted_dbm)

    def broadcast(self, data: "Buffer", power_dbm: int) -> None:
        """See Radio."""
        self._radio.broadcast(data, power_dbm)

    def be_silent(self) -> None:
        """See Radio."""
        self._radio.be_silent()

    def listen(self, on: bool) -> None:
        """See Radio."""
        self._again = None
        self._radio.listen(on)

    def receive(self) -> "Heard | None":
        """See Radio."""
        if self._again is not None:
            heard, self._again = self._again, None
            return heard
        while (found := self._radio.receive()) is not None:
            drop, flip, repeat = (self._entropy.below(PERCENT) < percent for percent in self._percents)
            if drop:
                continue
            heard = self._garbled(found) if flip else found
            if repeat:
                self._again = heard
            return heard
        return None

    def _garbled(self, heard: Heard) -> Heard:
        data = bytearray(heard.data)
        data[self._entropy.below(len(data))] ^= 1 << self._entropy.below(8)
        return Heard(bytes(data), heard.rssi_dbm)
