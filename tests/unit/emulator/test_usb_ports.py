"""Enumeration that fails on the emulated bus, as the real reader of a Linux host's tree sees and names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.controller.discovery import Finder
from host_tools.emulator.usb_bus import UsbBus, UsbIdentity
from host_tools.emulator.usb_ports import Socket, UsbPorts
from host_tools.hardware import board_models, find_board, read_usb_tree
from host_tools.simulation.loop import VirtualLoop

BOARDS = [find_board(model) for model in board_models()]
PLACE = "1-1.2.3"
SEED = 5


class Host:
    """A host with one camera at a port of the dock's second hub, on virtual time."""

    def __init__(self, folder: Path) -> None:
        print(f"seed {SEED}")
        self.loop = VirtualLoop(lambda text: pytest.fail(text))
        self.root = folder / "usb"
        self.bus = UsbBus(self.root)
        self.ports = UsbPorts(self.bus, SEED)
        self.ups = self.downs = 0
        identity = UsbIdentity(0x1209, 0x0001, "OpenBWC", "camera", "CAM-0001")
        self.ports.add(Socket("camera-1", identity, 480, "camera-1", self._up, self._down))
        self.finder = Finder(BOARDS, self.root, folder / "ports", ())
        self.finder.look()

    def do(self, word: str, *arguments: str) -> None:
        """Plug, unplug, fault, clear."""

        async def act() -> None:
            getattr(self.ports, word)("camera-1", *arguments)

        self.loop.run_until_complete(act())

    def look(self, seconds: float) -> set[str]:
        """Look as often as a controller does; returns the serials found at last."""
        found: set[str] = set()
        for _ in range(round(seconds / 0.2)):
            self.loop.run_until(self.loop.world.now_us + 200_000)
            found = {port.serial for port in self.finder.look()}
        return found

    def _up(self) -> None:
        self.ups += 1

    def _down(self) -> None:
        self.downs += 1


@pytest.mark.req("EMU-02")
def test_a_tree_of_hubs_is_what_a_linux_host_shows(tmp_path: Path):
    host = Host(tmp_path)
    host.do("plug", PLACE)
    assert host.look(1) == {"CAM-0001"}
    devices = {device.location: device for device in read_usb_tree(host.root)}
    assert list(devices) == ["1-1", "1-1.2", PLACE]
    assert (devices["1-1.2"].vid, devices["1-1.2"].pid, devices["1-1.2"].ttys) == (0x0424, 0x2514, ())
    assert (host.root / "usb1" / "product").read_text(encoding="utf-8") == "emulated host controller\n"
    assert (host.root / "1-1.2:1.0" / "1-1.2-port3" / "state").read_text(encoding="ascii") == "configured\n"
    assert host.finder.faults == {}
    host.do("unplug")
    assert host.look(1) == set()
    assert (host.root / "1-1.2:1.0" / "1-1.2-port3" / "state").read_text(encoding="ascii") == "not-attached\n"
    assert (host.ups, host.downs, host.finder.faults) == (1, 1, {})


@pytest.mark.req("EMU-04")
@pytest.mark.parametrize(
    ("fault", "seen", "line"),
    [
        ("stuck", set(), "USB port 1-1.2.3: a device does not enumerate, it does not accept an address; take it out"),
        ("brownout", set(), "USB port 1-1.2.3: over-current, 1 times: look for a short"),
        ("wrong", set(), "USB port 1-1.2.3: CAM-0001 has no serial port: its configuration failed; take it out"),
        ("garbage", {""}, "USB port 1-1.2.3: pi_zero_2w_camera does not tell its serial number: its descriptors"),
        ("slow", {"CAM-0001"}, "USB port 1-1.2.3: CAM-0001 runs at 12 Mbit/s instead of 480: clean its contacts"),
    ],
)
def test_each_failure_is_one_line_and_gone_when_it_is_mended(fault: str, seen: set[str], line: str, tmp_path: Path):
    host = Host(tmp_path)
    host.do("fault", fault)
    host.do("plug", PLACE)
    assert host.look(4) == seen
    assert list(host.finder.faults) == [PLACE]
    assert host.finder.faults[PLACE].startswith(line)
    assert "\n" not in host.finder.faults[PLACE]
    host.do("clear", fault)
    assert host.look(2) == {"CAM-0001"}
    assert host.finder.faults == {}


def test_a_healthy_or_slow_enumeration_is_no_fault(tmp_path: Path):
    host = Host(tmp_path)
    host.do("plug", PLACE)
    for _ in range(10):
        host.look(0.2)
        assert host.finder.faults == {}


def test_the_kernel_gives_up_after_four_attempts_and_tries_again_when_replugged(tmp_path: Path):
    host = Host(tmp_path)
    host.do("fault", "brownout")
    host.do("plug", PLACE)
    host.look(60)
    assert "over-current, 4 times" in host.finder.faults[PLACE]
    host.do("unplug")
    host.do("plug", PLACE)
    host.look(4)
    assert "over-current, 5 times" in host.finder.faults[PLACE]
