"""Analogue inputs by the logical names that board.toml gives them."""

from firmware.ports.errors import Unprovided


class Adc:
    """Readings carry the converter's own quantisation and noise; the caller states the uncertainty."""

    def read_uv(self, name: str) -> int:
        """One sample in microvolts at the point of measurement (dividers and shunt gains of board.toml undone)."""
        raise Unprovided(self, "read_uv")
