"""The plugin as pytest runs it: what is left out is told, what is broken costs its dependants, what is measured counts.

Each run is a real pytest on files written here, with a house of boards that needs no boards: fixtures are the plugin's
own, the house is put in their place by a conftest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.patience import LIMIT_S
from tests.unit.bench.parts import BENCH, Desk

CONFTEST = """
from pathlib import Path
import pytest
from host_tools.bench.board_hands import BoardHands
from host_tools.bench.choice import CHOICE
from host_tools.bench.scenario_parts import Bench

class House:
    def __init__(self, plan):
        self.plan, self.seed, self.broken = plan, 5, {"camera-2": "its cable is cut"}
        self.log = Path("house.log")
    def bench(self):
        parts = [part for part in self.plan.board if part.name not in self.broken]
        of = lambda kind: {part.name: part.serial for part in parts if part.board.kind == kind}
        return Bench(BoardHands(self.plan, None), of("camera"), of("dock"))

@pytest.fixture(scope="session")
def bench_house(pytestconfig):
    return House(pytestconfig.stash[CHOICE].boards)
"""

SCENARIOS = """
import pytest
from host_tools.bench.measurements import in_range
from host_tools.bench.errors import HandsFailed

@pytest.mark.req("DOCK-02")
def test_on_each(camera, dock, bay, measure):
    measure("loop", 70, "mΩ", in_range(0, 120, marginal_maximum=60), unit=camera, instance=f"bay {bay}")
    assert 1 <= bay <= 8

def test_too_much(dock, measure):
    measure("supply", 5.9, "V", in_range(4.75, 5.25), unit=dock)
    measure("current", 0.4, "A", in_range(0, 1.2), unit=dock)

@pytest.mark.needs("cameras:2")
def test_with_two(bench):
    pass

@pytest.mark.needs("slow-link", "cameras:9")
def test_never(bench):
    pass

@pytest.mark.emulator_only
def test_emulated(bench):
    pass

@pytest.mark.hardware_only
@pytest.mark.needs("x-spare")
def test_spare(camera):
    pass

def test_unsupported(camera):
    camera.lamps()

@pytest.mark.parametrize("time", [1, 2])
def test_breaks(dock, time):
    raise HandsFailed("the arm is stuck")
"""

HTML_START = "<!doctype html>"


def run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pytest with the plugin, on one file of scenarios."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    plugins = [
        "host_tools.bench.requirements_plugin",
        "host_tools.bench.leaks_plugin",
        "host_tools.bench.plugin",
        "xdist",
    ]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "pytest.ini", "-rs"]
    for plugin in plugins:
        command += ["-p", plugin]
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # without a terminal: nobody is there to be asked
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """One run of all of them on a bench of boards."""
    folder = tmp_path_factory.mktemp("bench")
    bench = Desk(folder).write(BENCH)
    record = folder / "record"
    done = run(folder, SCENARIOS, "--bench", str(bench), "--bench-record", str(record), "--bench-seed", "5")
    return done, record


@pytest.mark.req("HIL-01")
def test_what_a_bench_cannot_run_is_left_out_and_told(whole: tuple[subprocess.CompletedProcess[str], Path]):
    said = whole[0].stdout
    assert f"bench: {whole[1].parent / 'bench.toml'} (real boards, 1 dock, 2 cameras), seed 5" in said
    section = said.partition("left out on this bench")[2]
    for reason, name in (
        ("bench lab has no slow-link (the line to a board can be made slow):", "test_never"),
        ("bench lab has 2 cameras, 9 needed:", "test_never"),
        ("it needs an emulated bench:", "test_emulated"),
    ):
        assert name in section.partition(reason)[2].splitlines()[1]
    assert "1 failed" not in said.partition("short test summary")[0]


@pytest.mark.req("HIL-01")
def test_a_broken_board_costs_its_dependants_and_not_the_run(whole: tuple[subprocess.CompletedProcess[str], Path]):
    said = whole[0].stdout
    assert "camera-2 is broken: its cable is cut" in said
    assert "2 cameras needed, 1 work: camera-2: its cable is cut" in said
    assert "unsupported: nothing on bench lab sees the lamps of camera-1" in said
    assert "1 docks needed, 0 work: camera-2: its cable is cut; dock-1: the arm is stuck" in said, (
        "what the hands could not do breaks the board for the next one"
    )
    # passed: test_on_each[camera-1]; failed: test_too_much, test_breaks[1]
    assert "2 failed, 1 passed, 6 skipped, 2 deselected" in said


@pytest.mark.req("HIL-02")
def test_measurements_fail_a_scenario_and_are_on_record(whole: tuple[subprocess.CompletedProcess[str], Path]):
    done, record = whole
    assert "measured outside of its limits:\n  supply: 5.9 V (4.75 to 5.25): fail" in done.stdout.replace("E   ", "")
    assert "CAM-1 bay " in done.stdout
    assert "marginal above 60): marginal [test_on_each" in done.stdout
    (path,) = (record / "units" / "DOCK-1").glob("*-5.json")
    told = json.loads(path.read_text())
    measured = {name: row["outcome"] for phase in told["phases"] for name, row in phase["measurements"].items()}
    assert measured["supply"] == "FAIL"
    assert measured["current"] == "PASS"
    assert told["outcome"] == "FAIL"
    (camera,) = (record / "units" / "CAM-1").glob("*.json")
    assert json.loads(camera.read_text())["marginal"]

    cases = ElementTree.parse(record / "junit.xml").getroot().iter("testcase")
    properties = {
        case.get("name"): [(row.get("name"), row.get("value")) for row in case.iter("property")] for case in cases
    }
    case = properties["test_too_much[dock-1]"]
    assert ("bench_seed", "5") in case
    assert ("board", "dock-1 DOCK-1") in case
    assert ("measurement", "DOCK-1 supply: 5.9 V (4.75 to 5.25): fail") in case

    page = (record / "report.html").read_text()
    assert page.startswith(HTML_START)
    assert "test_never" in page
    assert "supply: 5.9 V" in page


def test_a_slip_of_the_pen_in_a_marker_ends_the_run(tmp_path: Path):
    bench = Desk(tmp_path).write()
    text = "import pytest\n@pytest.mark.needs('slowlink')\ndef test_it(bench): pass\n"
    done = run(tmp_path, text, "--bench", str(bench))
    assert done.returncode == 4
    assert "did you mean slow-link?" in done.stderr + done.stdout


def test_one_in_a_scenario_that_asks_for_a_board_is_a_line_and_no_traceback(tmp_path: Path):
    bench = Desk(tmp_path).write()
    text = "import pytest\n@pytest.mark.needs('slowlink')\ndef test_it(camera): pass\n"
    done = run(tmp_path, text, "--bench", str(bench))
    assert done.returncode == 2
    assert "test_it.py::test_it: needs('slowlink'): no feature is called slowlink;" in done.stdout
    assert "Traceback" not in done.stdout
    assert "selection.py" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--bench", "none.toml"], "none.toml: cannot be read (No such file or directory); make one: bwc bench scan"),
        (["--bench", "wrong.toml"], "wrong.toml:1: name: 3 is no text: write it in quotes"),
        (["--bench-record", "wrong.toml"], "--bench-record wrong.toml: cannot be written (File exists); name another"),
        (["--bench-speed", "4"], "boards behind ports run by the wall clock, so 0.1 to 1"),
        (["--bench", "bench.toml", "-n", "2"], "a bench of real boards is used by one process: leave -n out"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(tmp_path: Path, arguments: list[str], told: str):
    Desk(tmp_path).write()
    (tmp_path / "wrong.toml").write_text("name = 3\n", encoding="utf-8")
    done = run(tmp_path, "def test_it(): pass\n", *arguments)
    assert done.returncode == 4
    assert told in done.stderr


def test_a_distributed_run_tells_what_its_workers_left_out(tmp_path: Path):
    text = "import pytest\n@pytest.mark.hardware_only\ndef test_it(): pass\ndef test_other(): pass\n"
    done = run(tmp_path, text, "-n", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it needs real boards: --bench FILE:\n    test_it.py::test_it" in done.stdout


def test_tests_that_are_no_scenarios_are_left_alone(tmp_path: Path):
    text = "import pytest\n@pytest.fixture\ndef camera(): return 7\ndef test_it(camera): assert camera == 7\n"
    done = run(tmp_path, text)
    assert "1 passed" in done.stdout
    assert "bench" not in done.stdout


@pytest.mark.req("HIL-01")
def test_the_emulated_bench_leaves_no_scenario_of_this_house_out():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "hil_tests", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_a_recording_is_docked_checked_offloaded_delivered_and_erased" in done.stdout
    assert "left out" not in done.stdout
    assert "no-camera" not in done.stdout
