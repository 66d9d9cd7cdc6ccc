"""The adc port on Linux: chips that a driver of the kernel owns through sysfs, all others by their registers.

Where the kernel puts a reading: bus voltages of ina2xx and ina3221 in ``hwmon/hwmon*/inN_input`` (mV), a gauge's or
charger's cell in ``power_supply/*/voltage_now`` (uV), converters in ``iio:device*`` (steps, and mV a step).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware.drivers.chip_adc import ChipAdc
from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault
from firmware.ports.i2c import I2c

ATTRIBUTE_BYTES_MAX = 64  # a number

# Part -> pattern of its attribute below the chip's folder for input N, and microvolts a step.
CHIP_ATTRIBUTES: "dict[str, tuple[str, int]]" = {
    "INA219": ("hwmon/hwmon*/in1_input", 1000),
    "INA226": ("hwmon/hwmon*/in1_input", 1000),
    "INA3221": ("hwmon/hwmon*/in{number}_input", 1000),
    "MAX17048": ("power_supply/*/voltage_now", 1),
    "BQ25895": ("power_supply/*/voltage_now", 1),
}
CONVERTERS = ("MCP3008", "MCP3208")  # on SPI, with the kernel's driver mcp320x


class LinuxAdc(Adc):
    """The channels of ``board`` (board_data). ``buses``: I2C by name, for chips without a driver of the kernel."""

    def __init__(self, board: "dict[str, Any]", buses: "Mapping[str, I2c]", sys_root: "str | Path" = "/sys") -> None:
        self._board = board
        self._sys = Path(sys_root)
        self._chips = ChipAdc(dict(buses), board)

    def read_uv(self, name: str) -> int:
        """See Adc."""
        channel = self._board["channels"].get(name)
        if channel is None:
            raise PortFault(f"no analogue input is called {name}")
        chip = self._board["chips"].get(channel["source"], {})
        if chip.get("part") in CONVERTERS:
            return round(self._read_converter(chip["part"], channel["input"]) / channel["gain"])
        attribute = self._attribute(chip, channel["input"])
        if attribute is None:
            return self._chips.read_uv(name)
        return round(_number(attribute) * CHIP_ATTRIBUTES[chip["part"]][1] / channel["gain"])

    def _attribute(self, chip: "dict[str, Any]", number: int) -> "Path | None":
        """The kernel's file for this reading; None where no driver has the chip."""
        if chip.get("part") not in CHIP_ATTRIBUTES or "address" not in chip:
            return None
        unit = self._board["buses"][chip["bus"]]["unit"]
        folder = self._sys / "bus" / "i2c" / "devices" / f"{unit}-{chip['address']:04x}"
        if not (folder / "driver").exists():
            return None
        pattern = CHIP_ATTRIBUTES[chip["part"]][0].format(number=number + 1)
        found = sorted(folder.glob(pattern))
        if not found:
            raise PortFault(f"{folder}: the kernel's driver shows no {pattern}")
        return found[0]

    def _read_converter(self, part: str, number: int) -> float:
        for folder in sorted((self._sys / "bus" / "iio" / "devices").glob("iio:device*")):
            if _text(folder / "name").upper() == part:
                scale_mv = float(_text(folder / "in_voltage_scale") or "0")
                return _number(folder / f"in_voltage{number}_raw") * scale_mv * 1000
        raise PortFault(f"the kernel shows no {part}; put dtoverlay={part.lower()}:spi0-0-present into config.txt")


def _number(attribute: Path) -> int:
    text = _text(attribute)
    try:
        return int(text)
    except ValueError:
        raise PortFault(f"{attribute} holds no number but {text!r}") from None


def _text(attribute: Path) -> str:
    try:
        with attribute.open("rb") as file:
            return file.read(ATTRIBUTE_BYTES_MAX).decode(errors="replace").strip()
    except OSError as error:
        raise PortFault(f"{attribute} cannot be read: {error.strerror}") from None
