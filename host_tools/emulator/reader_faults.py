"""What can be wrong with an RFID reader: what its field feels of a badge, and what becomes of what it says.

Law: between the emulated reader, which knows no faults, and its cable, which has its own (``line``). All chance is the
seed's. What a fault is worth is in ``faults.TABLE``, for people.
"""

from __future__ import annotations

import random

ONE_IN = 4  # a weak field feels a badge, and a bad solder joint spoils an answer, one time in so many
SLOW_S = 0.4  # later than it should answer: within what a host waits for an answer (0.6 s), and felt by people
NOISE_BYTES = (1, 24)
KINDS = ("off", "stuck", "garbage", "wrong", "slow", "intermittent", "bitflip", "duplicated")


class ReaderFaults:
    """``on``: kinds that are on now. ``brownout`` and ``unplug`` are its USB port's."""

    def __init__(self, seed: str) -> None:
        self.on: set[str] = set()
        self._random = random.Random(f"reader {seed}")

    def feels(self, number: bytes) -> bytes | None:
        """The number that a badge's is taken for; None if it is not felt."""
        if "intermittent" in self.on and self._random.randrange(ONE_IN):
            return None
        return bytes(reversed(number)) if "wrong" in self.on else number

    def spoils(self, said: bytes) -> bytes:
        """What goes onto the cable of something that it says."""
        if "off" in self.on or not said:
            return b""
        if "garbage" in self.on:
            return self.noise()
        if "bitflip" in self.on and not self._random.randrange(ONE_IN):
            place = self._random.randrange(len(said))
            said = said[:place] + bytes([said[place] ^ 1 << self._random.randrange(8)]) + said[place + 1 :]
        return said * 2 if "duplicated" in self.on else said

    def noise(self) -> bytes:
        """Bytes that mean nothing."""
        return self._random.randbytes(self._random.randint(*NOISE_BYTES))

    def delay_s(self) -> float:
        """By which it is late."""
        return SLOW_S if "slow" in self.on else 0.0
