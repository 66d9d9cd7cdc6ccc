"""``bwc ports``: every USB serial port with its identity, whether it is ours, its bay, and who can open it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from host_tools.cli import port_commands
from host_tools.cli.main import app
from host_tools.cli.port_commands import list_ports
from host_tools.emulator.usb_bus import UsbBus, UsbIdentity
from host_tools.hardware import find_board, read_usb_tree

BOARDS = [find_board("pi_zero_2w_camera"), find_board("pico_dock_8")]


def of(model: str, serial: str) -> UsbIdentity:
    usb = find_board(model).usb
    return UsbIdentity(usb.vid, usb.pid, usb.manufacturer, usb.product, serial)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A dock with a camera in bay 2, a camera beside it, and a stranger."""
    dock = find_board("pico_dock_8")
    assert dock.hub is not None
    bus = UsbBus(tmp_path / "usb")
    bus.attach(f"1-1.{dock.hub.controller_port}", of("pico_dock_8", "DOCK-1"), 12, "ttyACM0")
    bus.attach(f"1-1.{dock.hub.bays[1].port}", of("pi_zero_2w_camera", "CAM-2"), 480, "ttyACM1")
    bus.attach("1-4", of("pi_zero_2w_camera", "CAM-4"), 480, "ttyACM2")
    bus.attach("1-2", UsbIdentity(0x2341, 0x43, "Arduino", "Uno [rev 3]", "9"), 12, "ttyACM3")
    bus.attach("1-3", UsbIdentity(0x46D, 0xC077, "Logitech", "Mouse", ""), 12, None)
    (tmp_path / "ports").mkdir()
    for number in range(3):
        (tmp_path / "ports" / f"ttyACM{number}").touch()
    return tmp_path


def test_ports_are_listed_ours_first_with_bay_and_access(bench):
    rows = list_ports(read_usb_tree(bench / "usb"), BOARDS, bench / "ports")
    assert {row.serial for row in rows[:3]} == {"DOCK-1", "CAM-2", "CAM-4"}
    by_serial = {row.serial: row for row in rows}
    assert len(rows) == 4
    assert by_serial["CAM-2"].bay == "2 of DOCK-1"
    assert by_serial["CAM-2"].model == "pi_zero_2w_camera"
    assert by_serial["CAM-2"].identity == "1209:0001"
    assert by_serial["CAM-2"].access == "you"
    assert (by_serial["CAM-4"].bay, by_serial["CAM-4"].location) == ("", "1-4")
    assert by_serial["DOCK-1"].bay == ""
    assert rows[3] == by_serial["9"]
    assert (rows[3].model, rows[3].product) == ("", "Uno [rev 3]")
    assert rows[3].access == "gone"


@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o660, "group "), (0o600, " only"), (0o640, " only")],
)
def test_a_port_that_one_may_not_open_names_who_may(bench, monkeypatch, mode, words):
    os.chmod(bench / "ports" / "ttyACM1", mode)
    monkeypatch.setattr("os.access", lambda path, wanted: False)  # as it is for anybody but the administrator
    rows = list_ports(read_usb_tree(bench / "usb"), BOARDS, bench / "ports")
    assert words in next(row.access for row in rows if row.serial == "CAM-2")


def test_what_people_copy_is_whole_in_the_narrowest_terminal(bench, monkeypatch):
    monkeypatch.setattr(port_commands, "console", Console(width=40))
    printed = CliRunner().invoke(app, ["ports", "--bench", str(bench)])
    for words in (str(bench / "ports" / "ttyACM1"), "pi_zero_2w_camera", "1209:0001", "CAM-2"):
        assert words in printed.stdout


def test_the_command_prints_a_table_or_one_line(bench, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(port_commands, "console", Console(width=250))
    printed = CliRunner().invoke(app, ["ports", "--bench", str(bench)])
    assert printed.exit_code == 0
    for words in ("ttyACM1", "pi_zero_2w_camera", "2 of DOCK-1", "not ours: Uno [rev 3]", "1209:0001"):
        assert words in printed.stdout
    empty = CliRunner().invoke(app, ["ports", "--bench", str(tmp_path_factory.mktemp("empty"))])
    assert "no USB serial port is there" in empty.stdout
