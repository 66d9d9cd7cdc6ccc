"""Which board this is, from the device tree that the firmware of its processor handed to Linux.

Device tree strings end in a zero byte, device tree numbers are big-endian words of 32 bits.
"""

from pathlib import Path
from typing import NamedTuple

from firmware.ports.errors import NotFound

TREE = "proc/device-tree"
CPUINFO = "proc/cpuinfo"
MACHINE_ID = "etc/machine-id"
ATTRIBUTE_BYTES_MAX = 4096  # a model or a serial number has some dozens; cpuinfo of four cores about 1500


class BootState(NamedTuple):
    """``partition``: that was started from, 0 where nobody says; ``trying``: whether this start is a trial."""

    partition: int
    trying: bool


class LinuxIdentity:
    """``root``: the file system's, or a folder that looks like it."""

    def __init__(self, root: "str | Path" = "/") -> None:
        self._root = Path(root)

    def model(self) -> str:
        """What the board calls itself, such as ``Raspberry Pi Zero 2 W Rev 1.0``; empty where it does not."""
        return self._text(f"{TREE}/model")

    def serial(self) -> str:
        """The processor's own serial number, 16 hexadecimal digits on a Raspberry Pi. NotFound if there is none: two
        boards must never share one."""
        serial = self._text(f"{TREE}/serial-number") or self._cpuinfo_serial()
        if not serial.strip("0"):
            raise NotFound("this board has no serial number: not in its device tree, not in /proc/cpuinfo")
        return serial.upper()

    def machine(self) -> str:
        """The installed system's own number: it changes when the card is written anew. Empty where there is none."""
        return self._text(MACHINE_ID)

    def boot(self) -> BootState:
        """Where the processor's firmware started from."""
        folder = f"{TREE}/chosen/bootloader"
        return BootState(self._word(f"{folder}/partition"), self._word(f"{folder}/tryboot") == 1)

    def _cpuinfo_serial(self) -> str:
        for line in self._text(CPUINFO).splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "Serial":
                return value.strip()
        return ""

    def _text(self, path: str) -> str:
        return self._bytes(path).rstrip(b"\0").decode(errors="replace").strip()

    def _word(self, path: str) -> int:
        data = self._bytes(path)
        return int.from_bytes(data, "big") if len(data) == 4 else 0

    def _bytes(self, path: str) -> bytes:
        try:
            with (self._root / path).open("rb") as file:
                return file.read(ATTRIBUTE_BYTES_MAX)
        except OSError:
            return b""
