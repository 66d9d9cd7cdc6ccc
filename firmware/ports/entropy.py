"""Randomness."""

from firmware.ports.errors import Unprovided


class Entropy:
    """Random bytes fit for keys and nonces."""

    def random_bytes(self, count: int) -> bytes:
        """``count`` fresh bytes."""
        raise Unprovided(self, "random_bytes")
