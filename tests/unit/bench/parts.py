"""A bench on paper: a USB tree and terminals in a folder, and bench files about it."""

from __future__ import annotations

from pathlib import Path

from host_tools.bench.bench_file import BenchFile, read_bench_file
from host_tools.emulator.usb_bus import UsbBus, UsbIdentity
from host_tools.hardware import find_board

DOCK = "pico_dock_8"
CAMERA = "pi_zero_2w_camera"

BENCH = """
name = "lab"
usb = "usb"
dev = "dev"

[[board]]
name = "dock-1"
model = "pico_dock_8"
serial = "DOCK-1"
match = { usb_serial = "DOCK-1" }

[[board]]
name = "camera-1"
model = "pi_zero_2w_camera"
serial = "CAM-1"
match = { usb_serial = "CAM-1" }
bay = 1
power = { on = "true", off = "true" }

[[board]]
name = "camera-2"
model = "pi_zero_2w_camera"
serial = "CAM-2"
match = { port = "1-1.2.2" }
features = ["x-spare"]
"""


class Desk:
    """A machine with boards plugged in; everything below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.usb = root / "usb"
        self.dev = root / "dev"
        self.dev.mkdir()
        self._bus = UsbBus(self.usb)
        self.plug("1-1.1", DOCK, "DOCK-1", "ttyACM0", 12)
        self.plug("1-1.2.1", CAMERA, "CAM-1", "ttyACM1")
        self.plug("1-1.2.2", CAMERA, "CAM-2", "ttyACM2")

    def plug(self, location: str, model: str, serial: str, tty: str | None, speed_mbps: int = 480) -> None:
        """One more board, with its terminal."""
        usb = find_board(model).usb
        identity = UsbIdentity(usb.vid, usb.pid, usb.manufacturer, usb.product, serial)
        self._bus.attach(location, identity, speed_mbps, tty)
        if tty is not None:
            (self.dev / tty).touch()

    def unplug(self, location: str) -> None:
        """It is gone, its terminal too."""
        for tty in (self.usb / f"{location}:1.0" / "tty").iterdir():
            (self.dev / tty.name).unlink()
        self._bus.detach(location)

    def write(self, text: str = BENCH) -> Path:
        """A bench file beside the tree."""
        path = self.root / "bench.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def bench(self, text: str = BENCH) -> BenchFile:
        """As it is read."""
        return read_bench_file(self.write(text))


def swapped(old: str, new: str) -> str:
    """The bench file with another line in it."""
    assert BENCH.count(old) == 1
    return BENCH.replace(old, new)
