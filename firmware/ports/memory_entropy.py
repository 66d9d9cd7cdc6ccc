"""Randomness that a seed repeats. For tests and simulation; it guards no key."""

from hashlib import sha256

from firmware.ports.entropy import Entropy


class SeededEntropy(Entropy):
    """The SHA-256 of seed and block number, block after block: the same on every platform."""

    def __init__(self, seed: "int | str") -> None:
        self._seed = str(seed).encode()
        self._block = 0
        self._rest = b""

    def random_bytes(self, count: int) -> bytes:
        """See Entropy."""
        drawn = bytearray(self._rest)
        while len(drawn) < count:
            drawn += sha256(self._seed + b"/%d" % self._block).digest()
            self._block += 1
        self._rest = bytes(drawn[count:])
        return bytes(drawn[:count])

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit - 1``; for limits far below 2**64 evenly so."""
        return int.from_bytes(self.random_bytes(8), "little") % limit
