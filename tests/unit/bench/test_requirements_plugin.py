"""Markers become results, lane by lane; run by a real pytest on files written here."""

import subprocess
import sys
from pathlib import Path

import pytest

from host_tools.bench.requirements import load_results
from host_tools.bench.requirements_plugin import RESULTS_FOLDER
from tests.house.tree import ROOT
from tests.patience import LIMIT_S

SAMPLE = """
import pytest

@pytest.mark.req("LINK-01", "LINK-02")
def test_good():
    pass

@pytest.mark.req("LINK-03")
@pytest.mark.parametrize("value", [1, 2])
def test_half(value):
    assert value == 1

@pytest.mark.req("DOCK-01")
class TestDock:
    @pytest.mark.req("DOCK-02")
    def test_both(self):
        pass

@pytest.fixture
def broken():
    yield
    raise OSError("tear-down")

@pytest.mark.req("LINK-04")
def test_ends_badly(broken):
    pass

def test_without():
    pass
"""

BENCH = """
from host_tools.bench.requirements_plugin import BENCH_LANE

def pytest_configure(config):
    config.stash[BENCH_LANE] = "hardware"
"""


def run_pytest(root: Path, *arguments: str) -> str:
    """Output of pytest with the plugin, started in ``root``."""
    command = [sys.executable, "-m", "pytest", "-p", "host_tools.bench.requirements_plugin", "-p", "no:cacheprovider"]
    options = ["--rootdir", str(root), "-c", str(root / "pytest.ini"), "--import-mode=importlib", "--strict-markers"]
    answer = subprocess.run(
        [*command, *options, *arguments],
        cwd=root,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return answer.stdout + answer.stderr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\n")
    for folder in ("tests", "hil_tests"):
        tmp_path.joinpath(folder).mkdir()
        tmp_path.joinpath(folder, "test_sample.py").write_text(SAMPLE)
    return tmp_path


def outcomes(root: Path, lane: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Outcome and requirements by name of test."""
    results = {str(name): value for name, value in load_results(root / RESULTS_FOLDER).items()}
    return {name.partition("::")[2]: (test.outcome, test.requirements) for name, test in results[lane].tests.items()}


def test_outcomes_are_written_by_lane(root: Path):
    run_pytest(root)
    expected = {
        "test_good": ("passed", ("LINK-01", "LINK-02")),
        "test_half[1]": ("passed", ("LINK-03",)),
        "test_half[2]": ("failed", ("LINK-03",)),
        "TestDock::test_both": ("passed", ("DOCK-01", "DOCK-02")),
        "test_ends_badly": ("failed", ("LINK-04",)),
    }
    assert outcomes(root, "unit") == expected
    assert outcomes(root, "emulated") == expected


def test_a_bench_of_real_boards_makes_it_the_hardware_lane(root: Path):
    root.joinpath("hil_tests", "conftest.py").write_text(BENCH)
    run_pytest(root, "hil_tests")
    assert set(load_results(root / RESULTS_FOLDER)) == {"hardware"}


def test_a_part_run_keeps_what_it_did_not_run_and_drops_what_is_gone(root: Path):
    run_pytest(root, "tests")
    root.joinpath("tests", "test_sample.py").write_text(SAMPLE.replace("test_good", "test_better"))
    run_pytest(root, "tests", "-k", "better")
    names = set(outcomes(root, "unit"))
    assert "test_better" in names
    assert "test_half[2]" in names
    assert "test_good" not in names


@pytest.mark.parametrize("marker", ["req()", "req('LINK')", "req(7)"])
def test_a_marker_without_an_id_ends_the_run(root: Path, marker: str):
    text = f"import pytest\n@pytest.mark.{marker}\ndef test_it():\n    pass\n"
    root.joinpath("tests", "test_bad.py").write_text(text)
    output = run_pytest(root, "tests")
    assert "test_bad.py::test_it" in output
    assert "LINK-01" in output
    assert "passed" not in output
