"""What is generated is fresh, and staleness is seen."""

from pathlib import Path

import pytest

from tests.house import generated, tree
from tests.house.generated import Generated

PART = Generated("page.md", "tests.house.test_generated:sample", part="numbers")
WHOLE = Generated("page.md", "tests.house.test_generated:sample")


def sample() -> str:
    """A generator as a room would have it."""
    return "one\ntwo\n"


def test_generated_files_are_fresh():
    tree.require_none(
        [f"{row.file}: stale, `make docs` writes it" for row in generated.GENERATED if generated.stale(row, tree.ROOT)]
    )


def test_a_missing_or_different_file_is_stale(tmp_path: Path):
    assert generated.stale(WHOLE, tmp_path)
    tmp_path.joinpath("page.md").write_text("one\n")
    assert generated.stale(WHOLE, tmp_path)
    tmp_path.joinpath("page.md").write_text("one\ntwo\n")
    assert not generated.stale(WHOLE, tmp_path)


def test_a_part_is_put_between_its_marks_and_nowhere_else(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("head\n<!-- generated numbers -->\nold\n<!-- end of generated numbers -->\ntail\n")
    assert generated.stale(PART, tmp_path)
    page.write_text(generated.wanted(PART, tmp_path))
    assert page.read_text() == "head\n<!-- generated numbers -->\none\ntwo\n<!-- end of generated numbers -->\ntail\n"
    assert not generated.stale(PART, tmp_path)


def test_a_page_without_marks_is_named(tmp_path: Path):
    tmp_path.joinpath("page.md").write_text("head\n")
    with pytest.raises(generated.MarksMissing, match=r"page\.md"):
        generated.wanted(PART, tmp_path)
