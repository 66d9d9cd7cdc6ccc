"""The catalogue and the files of results, as values."""

from pathlib import Path

import pytest

from host_tools.bench.requirements import (
    CatalogueError,
    ResultsError,
    TestResult,
    load_catalogue,
    load_results,
    merge_results,
    no_longer_written,
    parse_catalogue,
    results_path,
)

HEAD = """# Catalogue

| lane | what runs |
|---|---|
| unit | tests |

## LINK — wire

| ID | requirement | shown by | lane |
|---|---|---|---|
"""
ROW = "| LINK-01 | Frames. | a session | unit, hardware |\n"
PASSED = TestResult(requirements=("LINK-01",), outcome="passed")
FAILED = TestResult(requirements=("LINK-01",), outcome="failed")


def test_a_row_becomes_a_requirement():
    (requirement,) = parse_catalogue(HEAD + ROW)
    assert requirement.id == "LINK-01"
    assert requirement.section == "LINK — wire"
    assert requirement.text == "Frames."
    assert requirement.shown_by == "a session"
    assert requirement.lanes == ("unit", "hardware")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("| LINK-01 | Frames. | a session |\n", "3 cells"),
        ("| LINK-1 | Frames. | a session | unit |\n", "no ID"),
        ("| LINK-01 | Frames. |  | unit |\n", "empty cell"),
        ("| LINK-01 | Frames. | a session | lab |\n", "known are unit"),
        (ROW + ROW, "twice"),
        ("", "no requirement"),
    ],
)
def test_a_bad_row_is_named_with_its_line(row: str, what: str):
    with pytest.raises(CatalogueError, match=what) as caught:
        parse_catalogue(HEAD + row, "page.md")
    assert str(caught.value).startswith("page.md:")
    assert "\n" not in str(caught.value)


def test_a_missing_catalogue_is_one_line(tmp_path: Path):
    with pytest.raises(CatalogueError, match="checkout") as caught:
        load_catalogue(tmp_path / "none.md")
    assert "\n" not in str(caught.value)


def test_newer_outcomes_replace_older_ones_and_others_stay(tmp_path: Path):
    merge_results(tmp_path, "unit", {"a::test_x": PASSED, "a::test_y": PASSED})
    merge_results(tmp_path, "unit", {"a::test_x": FAILED}, gone=["a::test_z"])
    merge_results(tmp_path, "hardware", {"b::test_x": PASSED})
    results = load_results(tmp_path)
    assert results["unit"].tests == {"a::test_x": FAILED, "a::test_y": PASSED}
    assert set(results) == {"unit", "hardware"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hardware-results.json", "unit-results.json"]


def test_an_unreadable_file_is_named_to_the_reader_and_replaced_by_the_writer(tmp_path: Path):
    results_path(tmp_path, "unit").write_text('{"format": 2}')
    with pytest.raises(ResultsError, match=r"unit-results\.json") as caught:
        load_results(tmp_path)
    assert "\n" not in str(caught.value)
    merge_results(tmp_path, "unit", {"a::test_x": PASSED})
    assert load_results(tmp_path)["unit"].tests == {"a::test_x": PASSED}


def test_a_test_is_gone_when_its_file_no_longer_has_it(tmp_path: Path):
    tmp_path.joinpath("test_a.py").write_text(
        "def test_x():\n    pass\n\nclass TestIt:\n    def test_y(self):\n        pass\n"
    )
    here = ["test_a.py::test_x", "test_a.py::test_x[1::2]", "test_a.py::TestIt::test_y[a-b]"]
    gone = ["test_a.py::test_xx", "test_a.py::test_", "test_b.py::test_x"]
    assert no_longer_written(tmp_path, here + gone) == tuple(gone)
