"""Digital pins by the logical names that board.toml gives them."""

from firmware.ports.errors import Unprovided


class Pins:
    """``True`` is the asserted (active) level whatever the wiring; board.toml knows which pins are active-low."""

    def read(self, name: str) -> bool:
        """Level of an input, or of an output as last written. PortFault names an unknown pin."""
        raise Unprovided(self, "read")

    def write(self, name: str, level: bool) -> None:
        """Set an output."""
        raise Unprovided(self, "write")
