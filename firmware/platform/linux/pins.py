"""The pins port on Linux, through the GPIO character device (gpiod, an optional package).

One request takes all lines at once, so that no other program has half of them; inputs and outputs of board.toml, no
bus line and no pulse. An output is deasserted at its request and what the kernel leaves it at when the program ends.
"""

from collections.abc import Callable
from typing import Any

from firmware.ports.errors import PortFault
from firmware.ports.pins import Pins

CHIP = "/dev/gpiochip0"  # the processor's own lines on every Raspberry Pi up to the 4; their offsets are BCM numbers
CONSUMER = "openbwc"  # what `gpioinfo` shows as the holder of a line


def request_lines(chip: str, config: "dict[int, Any]") -> Any:
    """The lines as gpiod has them. PortFault if the package is not there or a line cannot be had."""
    import gpiod

    try:
        return gpiod.request_lines(chip, config={**config}, consumer=CONSUMER)
    except FileNotFoundError:
        raise PortFault(f"there is no {chip}; `gpiodetect` lists the chips there are") from None
    except PermissionError:
        raise PortFault(f"{chip}: no permission; is this user in the group gpio?") from None
    except (OSError, ValueError) as error:
        lines = ", ".join(map(str, sorted(config)))
        raise PortFault(f"{chip}: lines {lines} cannot be had: {error}; `gpioinfo` shows who holds them") from None


class LinuxPins(Pins):
    """The digital inputs and outputs of ``board`` (board_data)."""

    def __init__(
        self,
        board: "dict[str, Any]",
        chip: str = CHIP,
        request: "Callable[[str, dict[int, Any]], Any]" = request_lines,
    ) -> None:
        used = {name: pin for name, pin in board["pins"].items() if pin["function"] in ("in", "out")}
        self._gpios = {name: pin["gpio"] for name, pin in used.items()}
        self._outputs = {name for name, pin in used.items() if pin["function"] == "out"}
        self._levels = dict.fromkeys(self._outputs, False)
        self._lines = request(chip, {pin["gpio"]: line_settings(pin) for pin in used.values()})

    def read(self, name: str) -> bool:
        """See Pins."""
        gpio = self._gpio(name)
        if name in self._outputs:
            return self._levels[name]
        try:
            return bool(self._lines.get_value(gpio).value)
        except OSError as error:
            raise PortFault(f"pin {name} cannot be read: {error.strerror}") from None

    def write(self, name: str, level: bool) -> None:
        """See Pins."""
        from gpiod.line import Value

        gpio = self._gpio(name)
        if name not in self._outputs:
            raise PortFault(f"pin {name} is an input")
        try:
            self._lines.set_value(gpio, Value.ACTIVE if level else Value.INACTIVE)
        except OSError as error:
            raise PortFault(f"pin {name} cannot be written: {error.strerror}") from None
        self._levels[name] = bool(level)

    def close(self) -> None:
        """Give the lines back."""
        self._lines.release()

    def _gpio(self, name: str) -> int:
        if name not in self._gpios:
            raise PortFault(f"no pin is called {name}")
        return self._gpios[name]


def line_settings(pin: "dict[str, Any]") -> Any:
    """What gpiod is asked for: direction, polarity and pull of one line. PortFault without the package."""
    try:
        from gpiod import LineSettings
        from gpiod.line import Bias, Direction, Value
    except ImportError:
        raise PortFault("GPIO needs the package gpiod: install openbwc[board]") from None
    bias = {"none": Bias.AS_IS, "up": Bias.PULL_UP, "down": Bias.PULL_DOWN}[pin["pull"]]
    direction = Direction.OUTPUT if pin["function"] == "out" else Direction.INPUT
    return LineSettings(direction=direction, bias=bias, active_low=pin["active_low"], output_value=Value.INACTIVE)
