"""No folder of tests is empty, and every package says what it is."""

from pathlib import Path

from tests.house import markers, tree

TEST_ROOTS = ("tests", "hil_tests")
MADE_OF_ROOMS = ("tests", "tests/unit")
DATA = {Path("tests/vectors")}


def folders_of_tests() -> set[Path]:
    """Folders with Python in them, and every folder that stands for a room or a kind of test."""
    with_python = {path.parent for path in tree.python_files(*TEST_ROOTS)}
    named = {
        Path(parent, path.relative_to(parent).parts[0])
        for parent in MADE_OF_ROOMS
        for path in tree.files()
        if path.is_relative_to(parent) and len(path.relative_to(parent).parts) > 1
    }
    return (with_python | named) - DATA


def names_below(folder: Path, files: list[Path]) -> list[str]:
    """Names of all tests in a folder and below it. ``files``: of the house."""
    return [
        name
        for path in files
        if path.is_relative_to(folder) and path.name.startswith(markers.TEST_FILE_PREFIX)
        for name in markers.test_functions(tree.read(path))
    ]


def test_every_folder_of_tests_has_tests():
    files = tree.python_files(*TEST_ROOTS)
    tree.require_none(
        [f"{folder}: no test in it" for folder in sorted(folders_of_tests()) if not names_below(folder, files)]
    )


def test_every_test_file_has_tests():
    files = [path for path in tree.python_files(*TEST_ROOTS) if path.name.startswith(markers.TEST_FILE_PREFIX)]
    tree.require_none([f"{path}: no test in it" for path in files if not markers.test_functions(tree.read(path))])


def test_every_package_is_one():
    """A folder with Python in a shipped package has an ``__init__.py``, or import contracts would not see it."""
    folders = {path.parent for path in tree.python_files(*tree.PACKAGES)}
    tree.require_none(
        [f"{folder}: no __init__.py" for folder in sorted(folders) if not (tree.ROOT / folder / "__init__.py").exists()]
    )


def test_tests_are_found_where_they_are():
    files = tree.python_files()
    assert "test_tests_are_found_where_they_are" in names_below(Path("tests/house"), files)
    assert names_below(Path("docs"), files) == []
