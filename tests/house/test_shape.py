"""Shape of all our Python, and the checks' own trials."""

import pytest

from tests.house import shape, tree

SHIPPED = tree.python_files(*tree.PACKAGES)
TESTS = tree.python_files("tests", "hil_tests")
PURE = tree.python_files(
    *(f"firmware/{room}" for room in ("link", "ports", "drivers", "dock", "camera", "formats", "secure"))
)
LONG_BODY = "def long():\n" + "    pass\n" * shape.FUNCTION_LINES_MAX


def test_files_and_functions_are_short():
    tree.hold(tree.python_files(), shape.file_length, shape.function_lengths)


def test_most_functions_are_very_short():
    texts = [tree.read(path) for path in SHIPPED]
    assert shape.median_function_length(texts) <= shape.FUNCTION_LINES_MEDIAN_MAX


def test_every_file_opens_with_its_law():
    tree.hold(tree.python_files(), shape.module_docstring)


def test_broad_excepts_give_their_reason():
    tree.hold(tree.python_files(), shape.broad_excepts)


def test_nothing_is_left_over():
    tree.hold(tree.python_files(), shape.left_over_marks, shape.evasions)


def test_tests_do_not_sleep():
    tree.hold(TESTS, shape.sleeps)


def test_pure_layers_take_time_and_randomness_as_arguments():
    tree.hold(PURE, shape.impurities)


def test_nothing_names_the_machine_it_was_written_on():
    tree.hold(tree.text_files(), shape.machine_places)


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (shape.file_length, "x = 1\n" * (shape.FILE_LINES_MAX + 1)),
        (shape.function_lengths, LONG_BODY),
        (shape.function_lengths, "class Thing:\n" + "".join("    " + line + "\n" for line in LONG_BODY.splitlines())),
        (shape.module_docstring, "x = 1\n"),
        (shape.broad_excepts, "try:\n    pass\nexcept Exception:\n    pass\n"),
        (shape.broad_excepts, "try:\n    pass\nexcept:\n    pass\n"),
        (shape.broad_excepts, "try:\n    pass\nexcept (OSError, BaseException):  # noqa: BLE001\n    pass\n"),
        (shape.left_over_marks, "# TO" + "DO: later\n"),
        (shape.left_over_marks, "raise NotImplemented" + "Error\n"),
        (shape.evasions, "@pytest.mark.ski" + "p\n"),
        (shape.evasions, "from unittest import moc" + "k\n"),
        (shape.sleeps, "time.slee" + "p(1)\n"),
        (shape.impurities, "now = time.time()\n"),
        (shape.impurities, "nonce = os.urandom(8)\n"),
        (shape.machine_places, "cd /ro" + "ot/project\n"),
        (shape.machine_places, "open('/ho" + "me/somebody/x')\n"),
        (shape.machine_places, "--index" + "-url x\n"),
    ],
)
def test_each_check_sees_what_it_is_for(check: tree.Check, bad: str):
    assert len(check(bad)) == 1


@pytest.mark.parametrize(
    ("check", "good"),
    [
        (shape.file_length, "x = 1\n" * shape.FILE_LINES_MAX),
        (shape.function_lengths, LONG_BODY.removesuffix("    pass\n")),
        (shape.module_docstring, '"""Law."""\n'),
        (shape.broad_excepts, "try:\n    pass\nexcept OSError:\n    pass\n"),
        (shape.broad_excepts, "try:\n    pass\nexcept BaseException:\n    close()\n    raise\n"),
        (
            shape.broad_excepts,
            "try:\n    pass\nexcept Exception:  # noqa: BLE001 - the task ends here and reports\n    pass\n",
        ),
        (shape.impurities, '"""Not time.time()."""\nnow_ms = clock.now_ms()  # never time.time()\n'),
        (shape.machine_places, "/dev/ttyACM0 host_tools/root ~/work /home/pi /roots\n"),
    ],
)
def test_each_check_lets_good_code_pass(check: tree.Check, good: str):
    assert check(good) == []
