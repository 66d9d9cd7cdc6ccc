"""USB topology from a folder laid out like sysfs: devices, terminals, bays, and entries that vanish."""

import os
from pathlib import Path

import pytest

from host_tools.hardware import UsbDevice, bay_of, device_of_tty, find_board, find_device, link_tty, read_usb_tree
from host_tools.hardware.usb import location_of_bay, location_of_controller

DOCK_8 = find_board("pico_dock_8")
DOCK_1 = find_board("pico_dock_1")
CAMERA = find_board("pi_zero_2w_camera")


def attach(
    root: Path, location: str, vid: int, pid: int, *, serial: str = "", tty: str = "", speed: str = "480"
) -> None:
    folder = root / location
    folder.mkdir(parents=True)
    files = {"idVendor": f"{vid:04x}", "idProduct": f"{pid:04x}", "speed": speed, "product": "a board"}
    if serial:
        files["serial"] = serial
    for name, text in files.items():
        (folder / name).write_text(text + "\n")
    (root / f"{location}:1.0").mkdir()
    if tty:
        (root / f"{location}:1.0" / "tty" / tty).mkdir(parents=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dock of eight bays behind port 4 of a root hub, cameras in bays 1 and 8, and devices of others."""
    (tmp_path / "usb1").mkdir()
    (tmp_path / "1-0:1.0").mkdir()
    attach(tmp_path, "1-4", 0x0424, 0x2514)
    attach(tmp_path, "1-4.1", DOCK_8.usb.vid, DOCK_8.usb.pid, serial="DOCK1", tty="ttyACM0", speed="12")
    attach(tmp_path, "1-4.2", 0x0424, 0x2514)
    attach(tmp_path, "1-4.3", 0x0424, 0x2514)
    attach(tmp_path, "1-4.2.1", CAMERA.usb.vid, CAMERA.usb.pid, serial="CAM1", tty="ttyACM1")
    attach(tmp_path, "1-4.3.4", CAMERA.usb.vid, CAMERA.usb.pid, serial="CAM8", tty="ttyACM12")
    attach(tmp_path, "1-10", 0x046D, 0xC31C, speed="1.5")
    return tmp_path


@pytest.mark.req("DOCK-01")
def test_devices_are_read_with_identity_place_and_terminal(root: Path):
    devices = read_usb_tree(root)
    assert [device.location for device in devices] == ["1-4", "1-4.1", "1-4.2", "1-4.2.1", "1-4.3", "1-4.3.4", "1-10"]
    assert devices[1] == UsbDevice("1-4.1", 0x1209, 0x0003, "DOCK1", "a board", 12, ("ttyACM0",))
    assert devices[-1].speed_mbps == 1
    assert devices[-1].serial == ""


@pytest.mark.req("DOCK-01")
def test_a_cameras_bay_follows_from_its_port(root: Path):
    devices = read_usb_tree(root)
    (dock,) = find_device(devices, DOCK_8)
    cameras = find_device(devices, CAMERA)
    assert {camera.serial: bay_of(camera.location, DOCK_8, dock.location) for camera in cameras} == {
        "CAM1": 1,
        "CAM8": 8,
    }


@pytest.mark.req("DOCK-01")
@pytest.mark.parametrize(
    ("location", "dock_location"),
    [
        ("1-4", "1-4.1"),  # the dock's own hub
        ("1-4.1", "1-4.1"),  # its own controller
        ("1-4.4", "1-4.1"),  # the spare port of the first chip
        ("2-4.2.1", "1-4.1"),  # another bus
        ("1-5.2.1", "1-4.1"),  # another dock's bay
        ("1-4.2.1.1", "1-4.1"),  # something behind a bay
        ("1-4.2.1", "1-4.2"),  # not where a controller chip of this dock can be
    ],
)
def test_other_places_are_no_bay(location: str, dock_location: str):
    assert bay_of(location, DOCK_8, dock_location) is None


@pytest.mark.parametrize("board", [DOCK_8, DOCK_1], ids=lambda board: board.model)
@pytest.mark.parametrize("hub", ["1-1", "3-2.4"])
def test_places_of_bays_and_bays_of_places_agree(board, hub: str):
    controller = location_of_controller(board, hub)
    for bay in board.bays:
        assert bay_of(location_of_bay(bay, board, hub), board, controller) == bay
    with pytest.raises(KeyError):
        location_of_bay(9, board, hub)


def test_a_camera_has_no_bays():
    assert bay_of("1-4.2.1", CAMERA, "1-4.1") is None


def test_terminals_lead_to_devices(root: Path):
    devices = read_usb_tree(root)
    found = device_of_tty(devices, "/dev/ttyACM12")
    assert found is not None
    assert found.serial == "CAM8"
    assert device_of_tty(devices, "ttyACM2") is None


def test_terminals_of_usb_serial_chips_and_of_several_interfaces(tmp_path: Path):
    attach(tmp_path, "1-1", 0x0403, 0x6001)
    (tmp_path / "1-1:1.0" / "ttyUSB0" / "tty" / "ttyUSB0").mkdir(parents=True)
    attach(tmp_path, "1-2", 0x1209, 1, tty="ttyACM5")
    (tmp_path / "1-2:1.2" / "tty" / "ttyACM6").mkdir(parents=True)
    assert [device.ttys for device in read_usb_tree(tmp_path)] == [("ttyUSB0",), ("ttyACM5", "ttyACM6")]


def test_the_links_of_real_sysfs_are_followed(root: Path, tmp_path: Path):
    links = tmp_path / "links"
    links.mkdir()
    for entry in root.iterdir():
        if entry != links:
            os.symlink(entry, links / entry.name)
    assert read_usb_tree(links) == read_usb_tree(root)


def test_what_has_gone_is_left_out(root: Path):
    os.symlink(root / "nowhere", root / "1-7")
    (root / "1-4.2.1" / "idVendor").unlink()
    (root / "1-4.3.4" / "idProduct").write_text("garbage\n")
    (root / "1-10" / "speed").unlink()
    locations = [device.location for device in read_usb_tree(root)]
    assert locations == ["1-4", "1-4.1", "1-4.2", "1-4.3", "1-10"]
    assert read_usb_tree(root / "no such folder") == ()


@pytest.mark.req("EMU-01")
def test_the_link_is_on_its_own_terminal():
    """A Pico's first terminal is MicroPython's prompt."""
    dock, camera = find_board("pico_dock_1"), find_board("pi_zero_2w_camera")
    shown = UsbDevice("1-1", 0x1209, 4, "S", "P", 12, ("ttyACM3", "ttyACM4"))
    assert link_tty(shown, dock) == "ttyACM4"
    assert link_tty(shown, camera) == "ttyACM3"
    assert link_tty(UsbDevice("1-1", 0x1209, 4, "S", "P", 12, ("ttyACM3",)), dock) == "ttyACM3"
    assert link_tty(UsbDevice("1-1", 0x1209, 4, "S", "P", 12, ()), dock) is None
