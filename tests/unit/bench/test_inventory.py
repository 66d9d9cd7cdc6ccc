"""Boards found on USB by serial, port, or kind and interface; and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.bench.errors import BoardMissing
from host_tools.bench.inventory import Inventory
from tests.unit.bench.parts import BENCH, CAMERA, DOCK, Desk, swapped


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_boards_are_found_by_serial_and_by_port(desk: Desk):
    bench = desk.bench()
    found = {part.name: Inventory(bench).locate(part) for part in bench.board}
    assert {name: located.url for name, located in found.items()} == {
        "dock-1": str(desk.dev / "ttyACM0"),
        "camera-1": str(desk.dev / "ttyACM1"),
        "camera-2": str(desk.dev / "ttyACM2"),
    }


def test_a_board_is_found_by_kind_where_it_is_the_only_one(desk: Desk):
    by_kind = swapped('match = { usb_serial = "DOCK-1" }', 'match = { vid_pid = "1209:0003", interface = 0 }')
    bench = desk.bench(by_kind)
    assert Inventory(bench).locate(bench.find("dock-1")).url == str(desk.dev / "ttyACM0")
    desk.plug("1-2.1", DOCK, "DOCK-2", "ttyACM7", 12)
    with pytest.raises(BoardMissing, match=r"2 devices have VID:PID 1209:0003, at 1-1\.1, 1-2\.1; .*match it by port"):
        Inventory(bench).locate(bench.find("dock-1"))


def test_the_interface_chooses_among_several_terminals(desk: Desk):
    (desk.usb / "1-1.1:1.2" / "tty" / "ttyACM9").mkdir(parents=True)
    (desk.dev / "ttyACM9").touch()
    first, second = (
        desk.bench(swapped('{ usb_serial = "DOCK-1" }', f'{{ usb_serial = "DOCK-1", interface = {number} }}'))
        for number in (0, 2)
    )
    assert Inventory(first).locate(first.board[0]).url == str(desk.dev / "ttyACM0")
    assert Inventory(second).locate(second.board[0]).url == str(desk.dev / "ttyACM9")
    wrong = desk.bench(swapped('{ usb_serial = "DOCK-1" }', '{ usb_serial = "DOCK-1", interface = 1 }'))
    with pytest.raises(BoardMissing, match=r"no terminal on interface 1; it has ttyACM0 on interface 0, ttyACM9 on"):
        Inventory(wrong).locate(wrong.board[0])


def test_a_missing_board_is_told_with_what_is_there(desk: Desk):
    desk.unplug("1-1.2.1")
    bench = desk.bench()
    with pytest.raises(BoardMissing) as caught:
        Inventory(bench).locate(bench.find("camera-1"))
    told = str(caught.value)
    assert told.startswith("camera-1: no device has USB serial CAM-1; there is DOCK-1 (1209:0003 ")
    assert "CAM-2 (1209:0001 " in told
    assert told.endswith("plug it in and switch it on; a board that is undocked shows no USB")


def test_nothing_at_all_is_told_too(desk: Desk):
    bench = desk.bench(BENCH.replace('usb = "usb"', 'usb = "nowhere"'))
    with pytest.raises(BoardMissing, match=r"no USB serial device is there \(.*nowhere\)"):
        Inventory(bench).locate(bench.find("camera-1"))


def test_two_boards_with_one_serial_are_never_guessed(desk: Desk):
    desk.plug("1-3", CAMERA, "CAM-1", "ttyACM5")
    bench = desk.bench()
    with pytest.raises(
        BoardMissing, match=r"2 devices have USB serial CAM-1, at 1-1\.2\.1, 1-3; give one another serial"
    ):
        Inventory(bench).locate(bench.find("camera-1"))


def test_a_board_without_a_terminal_says_why(desk: Desk):
    desk.plug("1-4", CAMERA, "CAM-9", None)
    bench = desk.bench(swapped('match = { port = "1-1.2.2" }', 'match = { usb_serial = "CAM-9" }'))
    with pytest.raises(BoardMissing, match=r"shows no terminal; no driver has made one \(on Linux: cdc_acm\)"):
        Inventory(bench).locate(bench.find("camera-2"))


def test_a_link_needs_no_usb(desk: Desk):
    bench = desk.bench(swapped('match = { port = "1-1.2.2" }', 'link = "rfc2217://lab:4000"'))
    located = Inventory(bench).locate(bench.find("camera-2"))
    assert (located.url, located.port, located.device) == ("rfc2217://lab:4000", None, None)
    gone = desk.bench(swapped('match = { port = "1-1.2.2" }', 'link = "/dev/ttyNONE7"'))
    with pytest.raises(BoardMissing, match="its link /dev/ttyNONE7 is not there"):
        Inventory(gone).locate(gone.find("camera-2"))
