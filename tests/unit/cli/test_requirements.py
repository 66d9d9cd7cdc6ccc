"""``bwc requirements``: states, sums and what is printed."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from host_tools.bench.requirements import CatalogueError, TestResult, merge_results
from host_tools.cli.requirements import identities, print_requirements, requirements_report

CATALOGUE = """# Catalogue

## LINK — wire

| ID | requirement | shown by | lane |
|---|---|---|---|
| LINK-01 | Frames [all]. | a session | unit |
| LINK-02 | Resynchronises. | noise | unit |
| LINK-03 | Versions. | refusal | unit |

## DOCK — bays

| ID | requirement | shown by | lane |
|---|---|---|---|
| DOCK-01 | Detects. | event | hardware |
"""


def result(outcome: str, *requirements: str) -> TestResult:
    return TestResult.model_validate({"outcome": outcome, "requirements": requirements})


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.md"
    path.write_text(CATALOGUE)
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    merge_results(
        folder,
        "unit",
        {
            "tests/a.py::test_frames": result("passed", "LINK-01", "LINK-02"),
            "tests/a.py::test_noise[1]": result("failed", "LINK-02"),
            "tests/a.py::test_more": result("passed", "LINK-01", "LINK-77"),
            "tests/a.py::test_never": result("skipped", "LINK-03"),
        },
    )
    merge_results(folder, "hardware", {"hil_tests/a.py::test_bay": result("passed", "DOCK-01")})
    return folder


def test_one_failing_test_outweighs_passing_ones_and_a_skipped_one_shows_nothing(catalogue: Path, results: Path):
    report = requirements_report(catalogue, results)
    assert {status.requirement.id: status.state for status in report.statuses} == {
        "LINK-01": "shown",
        "LINK-02": "failing",
        "LINK-03": "unshown",
        "DOCK-01": "shown",
    }
    assert report.statuses[0].passed == {"unit": 2}
    assert report.statuses[1].failed == ("tests/a.py::test_noise[1]",)
    assert [status.requirement.id for status in report.never_on("hardware")] == ["LINK-01", "LINK-02", "LINK-03"]
    assert report.strangers == ("LINK-77",)


def test_before_any_run_nothing_is_shown(catalogue: Path, tmp_path: Path):
    report = requirements_report(catalogue, tmp_path / "none")
    assert len(report.in_state("unshown")) == 4


def test_everything_is_printed(catalogue: Path, results: Path):
    out = io.StringIO()
    print_requirements(catalogue, results, Console(file=out, width=160))
    text = out.getvalue()
    assert "Frames [all]." in text
    assert "4 requirements: 2 shown, 1 failing, 1 without a test" in text
    assert "shown: LINK-01, DOCK-01" in text
    assert "without a test: LINK-03" in text
    assert "never run on hardware (3): LINK-01 02 03" in text
    assert "failing: LINK-02 (tests/a.py::test_noise[1])" in text
    assert "not in the catalogue: LINK-77" in text


def test_a_narrow_terminal_loses_words_and_no_ids(catalogue: Path, results: Path):
    out = io.StringIO()
    print_requirements(catalogue, results, Console(file=out, width=60))
    rows = [line.split() for line in out.getvalue().splitlines() if line.startswith("LINK-0")]
    assert [row[0] for row in rows] == ["LINK-01", "LINK-02", "LINK-03"]
    assert rows[0][-2:] == ["shown", "2"]
    assert "failing" in rows[1]


def test_a_missing_catalogue_is_an_error_of_one_line(tmp_path: Path):
    with pytest.raises(CatalogueError, match=r"requirements\.md"):
        print_requirements(tmp_path / "requirements.md", tmp_path, Console(file=io.StringIO()))


def test_no_ids_are_called_none():
    assert identities(()) == "none"
