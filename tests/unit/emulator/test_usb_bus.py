"""The emulated bus in the layout of a Linux host."""

from __future__ import annotations

from pathlib import Path

from host_tools.emulator.usb_bus import UsbBus, UsbIdentity
from host_tools.hardware import read_usb_tree

CAMERA = UsbIdentity(0x1209, 0x0001, "OpenBWC", "camera", "CAM-0001")


def test_what_is_attached_is_read_back_by_the_real_reader(tmp_path: Path):
    bus = UsbBus(tmp_path / "usb")
    bus.attach("1-1.3", CAMERA, 480, "camera-1")
    (device,) = read_usb_tree(tmp_path / "usb")
    assert (device.location, device.vid, device.pid) == ("1-1.3", 0x1209, 0x0001)
    assert (device.serial, device.product, device.speed_mbps) == ("CAM-0001", "camera", 480)
    assert device.ttys == ("camera-1",)


def test_what_is_detached_is_gone_and_twice_is_no_error(tmp_path: Path):
    bus = UsbBus(tmp_path / "usb")
    bus.attach("1-1.3", CAMERA, 480, "camera-1")
    bus.detach("1-1.3")
    bus.detach("1-1.3")
    assert read_usb_tree(tmp_path / "usb") == ()
    assert list((tmp_path / "usb").iterdir()) == []


def test_what_an_earlier_run_left_is_cleared(tmp_path: Path):
    UsbBus(tmp_path / "usb").attach("1-1", CAMERA, 480, None)
    UsbBus(tmp_path / "usb").clear()
    assert read_usb_tree(tmp_path / "usb") == ()
