"""``bwc bench scan``, ``doctor`` and ``locks`` as people call them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host_tools.bench.errors import BenchTrouble
from host_tools.bench.locks import Locks
from host_tools.cli.lazy import classes_of
from host_tools.cli.main import KNOWN_ERRORS, app
from tests.unit.bench.parts import BENCH, CAMERA, Desk
from tests.unit.cli.parts import folder_for_all, without_privileges


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With its terminals where an emulated bench has them."""
    made = Desk(tmp_path)
    (tmp_path / "ports").symlink_to(made.dev)
    return made


def bwc(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["bench", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert isinstance(done.exception, classes_of(KNOWN_ERRORS)), done.exception
        return 1, str(done.exception)
    return done.exit_code, done.output


@pytest.mark.req("HIL-01")
def test_a_scanned_bench_passes_the_doctor(desk: Desk):
    path = desk.root / "lab.toml"
    assert bwc("scan", "--bench", desk.root, "--write", path) == (
        0,
        f"{path}: 3 boards; complete it, then `bwc bench doctor {path}`\n",
    )
    code, said = bwc("doctor", path, "--locks", desk.root / "locks")
    assert (code, said.count("note ")) == (0, said.count("note "))
    assert "bench lab: 3 boards, 0 faults" in said
    assert "udev" not in said
    assert "is there already" in bwc("scan", "--bench", desk.root, "--write", path)[1]
    code, said = bwc("doctor", path, "--udev", "--locks", desk.root / "locks")
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in said
    assert bwc("scan", "--bench", desk.root)[1].splitlines()[3] == f'usb = "{desk.usb}"'


def test_a_bench_that_is_not_there_is_told_with_the_option_that_names_it(desk: Desk):
    assert "no emulated bench is there" in bwc("scan", "--bench", desk.root / "nowhere")[1]
    assert "make one: bwc bench scan --write" in bwc("doctor", desk.root / "none.toml")[1]


def test_emulated_boards_are_never_written_down_as_hardware(desk: Desk):
    assert 'lane = "emulated"' in bwc("scan", "--bench", desk.root)[1]


def test_the_doctor_names_what_is_missing_and_ends_with_1(desk: Desk):
    desk.unplug("1-1.2.1")
    code, said = bwc("doctor", desk.write(), "--locks", desk.root / "locks")
    assert code == 1
    assert "fault camera-1: no device has USB serial CAM-1; there is DOCK-1" in said
    assert "bench lab: 3 boards, 1 fault\n" in said


@pytest.mark.req("HIL-01")
def test_the_doctor_tells_of_two_boards_with_one_serial(desk: Desk):
    desk.unplug("1-1.2.2")
    desk.plug("1-1.2.2", CAMERA, "CAM-1", "ttyACM2")
    code, said = bwc("doctor", desk.write(), "--locks", desk.root / "locks")
    assert code == 1
    assert "fault camera-1: 2 devices have USB serial CAM-1, at 1-1.2.1, 1-1.2.2; give one another serial, or" in said
    text = desk.write(BENCH.replace('serial = "CAM-2"', 'serial = "CAM-1"', 1))
    twice = bwc("doctor", text, "--locks", desk.root / "locks")
    assert twice[0] == 1
    assert "has the serial of camera-1, CAM-1; give each its own" in twice[1]


@pytest.mark.req("HIL-01")
def test_the_doctor_names_the_process_that_holds_a_port(desk: Desk):
    command = [sys.executable, "-c", "import sys; held = open(sys.argv[1]); print(flush=True); sys.stdin.read()"]
    with subprocess.Popen([*command, desk.dev / "ttyACM1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        code, said = bwc("doctor", desk.write(), "--locks", desk.root / "locks")
        assert code == 1
        assert f"fault camera-1: {desk.dev / 'ttyACM1'} is held by " in said
        assert f"(process {other.pid}); end it, or wait for it" in said


@pytest.mark.req("HIL-01")
def test_the_doctor_prints_the_rule_where_a_port_may_not_be_opened():
    with folder_for_all() as folder:
        desk = Desk(folder)
        locks = desk.root / "locks"
        locks.mkdir()
        locks.chmod(0o777)
        path = desk.write()
        for port in desk.dev.iterdir():
            port.chmod(0o666)
        held = desk.dev / "ttyACM1"
        held.chmod(0o000)
        with without_privileges():
            code, said = bwc("doctor", path, "--locks", locks)
    assert code == 1
    assert f"fault camera-1: {held} may be opened by " in said
    assert "alone; put the udev rule into /etc/udev/rules.d/70-openbwc.rules" in said
    assert 'SUBSYSTEM=="tty", ATTRS{idVendor}=="1209", ATTRS{idProduct}=="0001"' in said, "the rule itself"
    assert said.count("fault ") == 1


def test_locks_are_listed_with_their_holders(desk: Desk):
    folder = desk.root / "locks"
    assert bwc("locks", "--locks", folder) == (0, f"nobody holds a board ({folder})\n")
    Locks(folder).take("CAM-1", "scenarios", "grace@lab")
    assert bwc("locks", "--locks", folder)[1].startswith("CAM-1: held by grace@lab (process ")


def test_what_goes_wrong_at_a_bench_is_a_known_error():
    assert issubclass(BenchTrouble, classes_of(KNOWN_ERRORS))
