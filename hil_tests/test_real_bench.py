"""The path of real boards, tried on boards that are not: found by USB serial, moved by commands, docked by a switch.

An emulated bench in another process is the laboratory. The bench file that names its boards is made by
``bwc bench scan`` and completed by hand, as a person would; then scenarios of this folder run on it in a pytest of
their own, which knows nothing of an emulator. Their results count as emulated, for the bench file says so.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.command_parts import bwc
from host_tools.bench.houses import MAKER_FILE, PASSPHRASE
from host_tools.bench.locks import Locks
from host_tools.bench.programs import Program, first_answer, until
from host_tools.emulator.remote import bench_client

RUN_LIMIT_S = 900  # the bench of boards is started in it too
# Locks are the machine's, and so are of one serial: every run has boards of its own.
DOCK = f"DOCK-{os.getpid()}"
CAMERAS = (f"CAM-{os.getpid()}-1", f"CAM-{os.getpid()}-2")
WORN = (CAMERAS[0], "W-001", "Ada Lovelace")

# What a laboratory has for arms and relays: a small program that moves what it is told. (`bwc bench` would do, slower.)
ARM = """
import sys
from pathlib import Path
from host_tools.transports.local import LocalClient

verb, *words = sys.argv[2:]
arguments = dict(word.split("=") for word in words)
numbers = {"hold_s": float, "bay": int, "bytes_per_s": int}
typed = {name: numbers.get(name, str)(text) for name, text in arguments.items()}
client = LocalClient(Path(sys.argv[1]) / "bench.sock", "laboratory")
if verb == "look":
    state = client.call("state")
    board, bay = typed["board"], typed["bay"]
    lamps = (state["docks"][board]["bays"][str(bay)] if bay else state["cameras"][board])["lamps"]
    print(*(lamp for lamp, lit in lamps.items() if lit))
else:
    client.call(verb, **typed)
"""
LAB = """
name = "lab"

[[dock]]
name = "dock-1"
serial = "{0}"

[[camera]]
name = "camera-1"
serial = "{1}"
bay = 1

[[camera]]
name = "camera-2"
serial = "{2}"
bay = 2
"""
BOARD = """bay = {bay}
power = {{ on = "{arm} put_in camera=camera-{bay} bay={bay}", off = "{arm} take_out camera=camera-{bay}" }}
"""
HANDS = """[hands]
person = false
press = "{arm} press camera={{board}} button={{button}} hold_s={{hold_s}}"
look = "{arm} look board={{board}} bay={{bay}}"
slow = "{arm} limit_link board={{board}} bytes_per_s={{bytes_per_s}}"
fast = "{arm} limit_link board={{board}}"

"""
ROSTER = """
[[wearer]]
id = "{1}"
name = "{2}"

[[assignment]]
camera = "{0}"
wearer = "{1}"
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A short folder for the laboratory and what belongs to it."""
    with tempfile.TemporaryDirectory(prefix="bwc-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def lab(home: Path) -> Iterator[Path]:
    """A running laboratory with a dock and two cameras in their bays."""
    folder, plan = home / "lab", home / "lab-plan.toml"
    plan.write_text(LAB.format(DOCK, *CAMERAS), encoding="utf-8")
    program = Program(
        "lab",
        ["emulate", "--folder", str(folder), "--bench", str(plan), "--name", f"lab-{os.getpid()}"],
        home / "lab.log",
    )
    program.start()
    try:
        first_answer(bench_client(folder), "state", program.check)
        ports = [folder / "ports" / name for name in ("dock-1", "camera-1", "camera-2")]
        until(lambda: all(port.exists() for port in ports), "all boards to be plugged in", check=program.check)
        yield folder
    finally:
        program.stop()


@pytest.fixture(scope="module")
def bench_file(home: Path, lab: Path) -> Path:
    """As scanned, with what only a person knows: hands, switches, the system that the cameras belong to."""
    path = home / "lab.toml"
    bwc("bench", "scan", "--bench", str(lab), "--write", str(path), "--name", "laboratory")
    passphrase = home / "passphrase"
    passphrase.write_text(PASSPHRASE, encoding="utf-8")
    arguments = ["--folder", str(home / "system"), "--passphrase-file", str(passphrase)]
    bwc("system", "create", *arguments, "--maker", str(lab / MAKER_FILE))
    (home / "roster.toml").write_text(ROSTER.format(*WORN), encoding="utf-8")
    top = 'roster = "roster.toml"\n'
    top += 'system = { folder = "system", passphrase_file = "passphrase" }\n'
    (home / "arm.py").write_text(ARM, encoding="utf-8")
    arm = f"{shlex.quote(sys.executable)} {home / 'arm.py'} {lab}"
    top += HANDS.format(arm=arm)
    text = path.read_text(encoding="utf-8")
    head, *boards = text.split("[[board]]\n")
    for number in (1, 2):
        boards[number] = BOARD.format(bay=number, arm=arm) + boards[number]
    path.write_text("[[board]]\n".join([head + top, *boards]), encoding="utf-8")
    return path


def run_scenarios(bench_file: Path, record: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A pytest of its own on that bench."""
    options = ["-q", "-p", "no:cacheprovider", "-n", "0", "--bench", str(bench_file), "--bench-record", str(record)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.emulator_only
@pytest.mark.timeout(RUN_LIMIT_S + 60)
@pytest.mark.req("HIL-01", "HIL-02")
def test_scenarios_run_on_boards_of_a_bench_file(bench_file: Path, lab: Path, scenario_folder: Path):
    checked = bwc("bench", "doctor", str(bench_file))
    assert "3 boards, 0 faults" in checked

    record = scenario_folder / "record"
    done = run_scenarios(bench_file, record, "hil_tests/test_measured.py", "hil_tests/test_chaos.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
    assert "it needs an emulated bench:" in done.stdout
    assert "test_nothing_is_lost_whatever_dies" in done.stdout

    (written,) = (record / "units" / WORN[0]).glob("*.json")
    told = json.loads(written.read_text(encoding="utf-8"))
    assert (told["dut_id"], told["station_id"], told["outcome"]) == (WORN[0], "laboratory", "PASS")
    assert told["metadata"]["board"] == "camera-1"
    assert told["metadata"]["firmware_version"]
    assert "offload rate" in told["phases"][0]["measurements"]
    assert "laboratory" in (record / "report.html").read_text(encoding="utf-8")
    assert Locks().holder(WORN[0]) is None, "the boards were given back"


@pytest.mark.slow
@pytest.mark.emulator_only
@pytest.mark.timeout(RUN_LIMIT_S + 60)
@pytest.mark.req("HIL-01")
def test_a_broken_board_costs_its_own_scenarios_and_a_locked_one_the_run(
    bench_file: Path, lab: Path, scenario_folder: Path
):
    locks = Locks()
    held = locks.take(WORN[0], "a test of locks", "ada@elsewhere")
    done = run_scenarios(bench_file, scenario_folder / "record", "hil_tests/test_measured.py")
    locks.release(held)
    assert done.returncode == 1
    assert f"{WORN[0]} is held by ada@elsewhere" in done.stdout

    bench_client(lab).call("set_power", board="dock-1", on=False)
    done = run_scenarios(bench_file, scenario_folder / "record", "hil_tests/test_measured.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 skipped" in done.stdout
    assert f"dock-1: no device has USB serial {DOCK}" in done.stdout
