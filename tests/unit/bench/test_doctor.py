"""What stands in the way of a bench, found without touching anything; and the file that a scan makes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from host_tools.bench.bench_file import read_bench_file
from host_tools.bench.doctor import Finding, examine, holders, udev_rules, why_denied
from host_tools.bench.errors import BenchFileError, BoardMissing
from host_tools.bench.locks import Locks
from host_tools.bench.scan import bench_text, scan, write_bench
from host_tools.hardware import read_usb_tree
from host_tools.transports.held_ports import MARK
from host_tools.transports.registry import Registry
from tests.unit.bench.parts import BENCH, CAMERA, DOCK, Desk, swapped


class Machine(Desk):
    """A desk whose processes are known too."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.proc = root / "proc"
        self.proc.mkdir()
        self.locks = Locks(root / "locks")

    def run(self, pid: int, name: str, *opened: str) -> None:
        """A process with files open."""
        (self.proc / str(pid) / "fd").mkdir(parents=True)
        (self.proc / str(pid) / "comm").write_text(name + "\n")
        for number, path in enumerate(opened):
            (self.proc / str(pid) / "fd" / str(number)).symlink_to(path)

    def findings(self, text: str = BENCH, level: str = "") -> list[Finding]:
        """What the doctor says, of one level."""
        found = examine(self.bench(text), self.locks, self.proc)
        return [each for each in found if each.level == level] if level else found

    def told(self, level: str) -> str:
        """All of one level as text."""
        return "\n".join(f"{each.board}: {each.text}" for each in self.findings(level=level))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_bench_that_is_all_right_has_no_fault(machine: Machine):
    assert machine.findings(level="fault") == []
    assert machine.findings(level="warning") == []
    notes = {each.board: each.text for each in machine.findings(level="note")}
    assert notes["camera-1"] == f"is at {machine.dev / 'ttyACM1'}"


def test_a_missing_board_is_a_fault_and_the_others_are_looked_at(machine: Machine):
    machine.unplug("1-1.2.2")
    (fault,) = machine.findings(level="fault")
    assert fault.board == "camera-2"
    assert fault.text.startswith("no device has port 1-1.2.2; there is DOCK-1")


def test_a_port_that_another_program_holds_is_told_with_its_name(machine: Machine):
    machine.run(4711, "minicom", str(machine.dev / "ttyACM1"))
    machine.run(4712, "bystander", "/dev/null")
    (fault,) = machine.findings(level="fault")
    assert (fault.board, fault.text) == (
        "camera-1",
        f"{machine.dev / 'ttyACM1'} is held by minicom (process 4711); end it, or wait for it",
    )


def test_a_port_that_a_killed_bench_has_left_is_told(machine: Machine):
    port = machine.dev / "ttyACM1"
    port.unlink()
    (machine.dev / "somebodys").touch()
    port.symlink_to(machine.dev / "somebodys")
    assert machine.findings(level="fault") == []
    (machine.dev / MARK).touch()  # whoever had locked it is gone
    (fault,) = machine.findings(level="fault")
    assert (fault.board, fault.text) == (
        "camera-1",
        f"{port} is left over from a bench that was killed; start that anew",
    )


def test_whoever_made_a_pseudo_terminal_does_not_hold_it(machine: Machine):
    machine.run(1, "emulator", "/dev/ptmx", "/dev/pts/77")
    machine.run(2, "reader", "/dev/pts/77")
    (machine.dev / "board").symlink_to("/dev/pts/77")
    assert [process.name for process in holders(machine.dev / "board", machine.proc)] == ["reader"]


def test_missing_permission_is_told_with_group_or_rule(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    (machine.dev / "ttyACM1").chmod(0o660)
    (machine.dev / "ttyACM2").chmod(0o600)
    monkeypatch.setattr(os, "access", lambda path, mode, **how: not str(path).startswith(str(machine.dev / "ttyACM1")))
    denied = why_denied(machine.dev / "ttyACM1")
    assert "may be opened by group " in denied
    assert "run `sudo usermod -aG " in denied
    monkeypatch.setattr(os, "access", lambda path, mode, **how: False)
    assert " alone; put the udev rule into /etc/udev/rules.d/70-openbwc.rules" in why_denied(machine.dev / "ttyACM2")


def test_modem_manager_is_warned_of(machine: Machine):
    machine.run(900, "ModemManager")
    assert "ModemManager runs (process 900) and talks to every new serial port" in machine.told("warning")


def test_twins_are_warned_of_even_if_the_bench_does_not_use_them(machine: Machine):
    machine.plug("1-3", DOCK, "TWIN", "ttyACM8", 12)
    machine.plug("1-4", DOCK, "TWIN", "ttyACM9", 12)
    assert "2 devices 1209:0003 have the serial TWIN, at 1-3 and 1-4; give one another serial" in machine.told(
        "warning"
    )


def test_what_is_not_what_the_file_says_is_told(machine: Machine):
    machine.unplug("1-1.2.2")
    machine.plug("1-1.2.2", DOCK, "DOCK-7", "ttyACM2", 12)
    assert "camera-2: its USB serial is DOCK-7, the bench file says the board is CAM-2" in machine.told("warning")
    assert "is pico_dock_8, the bench file says pi_zero_2w_camera" in machine.told("fault")


def test_a_slow_cable_is_told(machine: Machine):
    machine.plug("1-1.2.1", CAMERA, "CAM-1", "ttyACM1", 12)
    assert "camera-1: runs at 12 Mbit/s and can 480; try another cable, port or hub" in machine.told("warning")


def test_who_holds_a_board_is_told(machine: Machine):
    machine.locks.take("CAM-1", "scenarios", "grace@lab")
    assert "camera-1: is held by grace@lab" in machine.told("warning")


def test_what_the_file_names_beside_itself_is_looked_for(machine: Machine):
    assert "no system is named, and cameras answer only to theirs" in machine.told("note")
    named = 'roster = "who.toml"\nsystem = { folder = "sys", passphrase_file = "pass" }\n' + BENCH
    faults = "\n".join(each.text for each in machine.findings(named, "fault"))
    for text in ("system folder", "passphrase file", "roster"):
        assert text in faults
    (machine.root / "sys").mkdir()
    for name in ("pass", "who.toml"):
        (machine.root / name).touch()
    assert machine.findings(named, "fault") == []


def test_a_link_that_nothing_opens_is_a_fault(machine: Machine):
    bench = machine.bench(swapped('match = { port = "1-1.2.2" }', 'link = "scoket://lab:1"'))
    (fault,) = [each for each in examine(bench, machine.locks, machine.proc, Registry().check) if each.level == "fault"]
    assert (fault.board, "unknown scheme scoket://" in fault.text) == ("camera-2", True)


def test_the_udev_rules_name_every_board_and_keep_modem_manager_off(machine: Machine):
    rules = udev_rules(read_usb_tree(machine.usb))
    for identity in ("0001", "0003"):
        assert f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="1209", ATTRS{{idProduct}}=="{identity}"' in rules
    commands = [line for line in rules.splitlines() if not line.startswith("#")]
    assert all('ENV{ID_MM_DEVICE_IGNORE}="1"' in line and 'TAG+="uaccess"' in line for line in commands)
    assert rules.startswith("# /etc/udev/rules.d/70-openbwc.rules")


def test_a_scan_makes_a_file_that_finds_what_was_scanned(machine: Machine):
    machine.plug("1-3", CAMERA, "", "ttyACM5")
    path = machine.root / "made.toml"
    write_bench(path, bench_text(scan(machine.usb), "desk", "made.toml", machine.usb, machine.dev), force=False)
    bench = read_bench_file(path)
    assert bench.names() == ["dock-1", "camera-1", "camera-2", "camera-3"]
    assert [str(part.match) for part in bench.board] == [
        "USB serial DOCK-1",
        "USB serial CAM-1",
        "USB serial CAM-2",
        "port 1-3",
    ]
    assert "put in the one that `bwc identify` shows" in path.read_text()
    assert examine(bench, machine.locks, machine.proc)[0].level == "note"
    emulated = bench_text(scan(machine.usb), "desk", "f", machine.usb, machine.dev, "emulated")
    write_bench(path, emulated, force=True)
    assert (bench.lane, read_bench_file(path).lane) == ("hardware", "emulated")
    unfit = machine.root / "unfit.toml"
    with pytest.raises(BenchFileError, match="name: 'My Desk' is none; it is a small letter"):
        write_bench(unfit, bench_text(scan(machine.usb), "My Desk", "f"), force=False)
    assert not unfit.exists(), "what cannot be read again is not written"
    with pytest.raises(BenchFileError, match="is there already; name another file, or say --force"):
        write_bench(path, "x", force=False)


def test_twins_are_scanned_by_port(machine: Machine):
    machine.plug("1-3", CAMERA, "CAM-2", "ttyACM5")
    text = bench_text(scan(machine.usb), "desk", "f")
    assert text.count('match = { usb_serial = "CAM-2" }') == 0
    assert 'match = { port = "1-3" }' in text
    assert "another board says the same serial" in text


def test_a_scan_of_nothing_says_so(tmp_path: Path):
    with pytest.raises(BoardMissing, match="no board of ours is on USB"):
        bench_text(scan(tmp_path), "desk", "f", tmp_path)
