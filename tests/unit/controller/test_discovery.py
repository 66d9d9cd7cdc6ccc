"""Which ports count as ours."""

from __future__ import annotations

from pathlib import Path

from host_tools.controller.discovery import Finder, FoundPort
from host_tools.emulator.usb_bus import UsbBus, UsbIdentity
from host_tools.hardware import find_board

CAMERA = find_board("pi_zero_2w_camera")
DOCK = find_board("pico_dock_8")


def identity(vid: int, pid: int, serial: str) -> UsbIdentity:
    """What a device says of itself."""
    return UsbIdentity(vid, pid, "somebody", "something", serial)


def test_boards_are_known_by_their_identity_and_strangers_left_alone(tmp_path: Path):
    usb = UsbBus(tmp_path / "usb")
    usb.attach("1-1.2", identity(CAMERA.usb.vid, CAMERA.usb.pid, "CAM-1"), 480, "ttyACM3")
    usb.attach("1-1.1", identity(DOCK.usb.vid, DOCK.usb.pid, "DOCK-1"), 12, "ttyACM0")
    usb.attach("1-4", identity(0x0403, 0x6001, "someone's instrument"), 12, "ttyUSB0")
    usb.attach("1-5", identity(CAMERA.usb.vid, CAMERA.usb.pid, "still booting"), 480, None)
    finder = Finder([CAMERA, DOCK], tmp_path / "usb", Path("/dev"), ())
    assert set(finder.look()) == {
        FoundPort("/dev/ttyACM3", "1-1.2", "CAM-1", CAMERA.model),
        FoundPort("/dev/ttyACM0", "1-1.1", "DOCK-1", DOCK.model),
    }
    usb.detach("1-1.2")
    assert [port.serial for port in finder.look()] == ["DOCK-1"]


def test_configured_ports_are_always_there(tmp_path: Path):
    finder = Finder([CAMERA], None, Path("/dev"), ("socket://bench:4000", "/dev/ttyAMA0"))
    assert [port.url for port in finder.look()] == ["socket://bench:4000", "/dev/ttyAMA0"]
    assert Finder([CAMERA], tmp_path / "no-usb", Path("/dev"), ()).look() == []


def test_a_device_that_a_url_names_is_opened_by_that_alone_and_its_place_is_known(tmp_path: Path):
    usb = UsbBus(tmp_path / "usb")
    usb.attach("1-1.2", identity(CAMERA.usb.vid, CAMERA.usb.pid, "CAM-1"), 480, "ttyACM3")
    usb.attach("1-1.3", identity(CAMERA.usb.vid, CAMERA.usb.pid, "CAM-2"), 480, "ttyACM4")
    url = f"usb://{CAMERA.usb.vid:04x}:{CAMERA.usb.pid:04x}/CAM-1"
    finder = Finder([CAMERA], tmp_path / "usb", Path("/dev"), (url, "usb://nonsense"))
    there = {
        FoundPort(url, "1-1.2", "CAM-1", CAMERA.model),
        FoundPort("usb://nonsense", "", "", ""),
        FoundPort("/dev/ttyACM4", "1-1.3", "CAM-2", CAMERA.model),
    }
    assert set(finder.look()) == there
    usb.detach("1-1.2")
    assert FoundPort(url, "", "", "") in finder.look()
    assert len(finder.look()) == 3
