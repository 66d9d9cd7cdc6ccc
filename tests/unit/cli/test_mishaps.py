"""What the machine refuses is one line with a remedy, wherever in a verb it happens; a defect keeps its traceback."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from host_tools.cli.main import _parted
from host_tools.cli.mishaps import REMEDIES, is_mishap, told
from tests.unit.cli.parts import Bwc


@pytest.mark.parametrize("number", sorted(REMEDIES), ids=[errno.errorcode[each] for each in sorted(REMEDIES)])
def test_each_is_a_line_that_names_the_file_and_the_remedy(number: int):
    error = OSError(number, "refused", "some/file")
    assert is_mishap(error)
    assert told(error) == f"some/file: refused; {REMEDIES[number]}"


def test_a_full_disk_is_told_where_no_file_is_named():
    assert told(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device; make room"


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad file", "x"), OSError(errno.ENOENT, "no"), KeyError("x")])
def test_a_defect_is_none(error: Exception):
    assert not is_mishap(error)
    assert _parted(error) == ([], error)


def test_several_tasks_may_meet_it_at_once():
    full, defect = OSError(errno.ENOSPC, "full", "a"), ZeroDivisionError()
    known, unknown = _parted(ExceptionGroup("tasks", [ExceptionGroup("more", [full]), defect]))
    assert known == [full]
    assert isinstance(unknown, ExceptionGroup)
    assert unknown.exceptions == (defect,)


def test_verbs_that_are_given_a_file_for_a_folder_say_so(bwc: Bwc, tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    bwc("destination", "account", "remove", "ada", "--folder", file).must_be_one_line("Not a directory", str(file))
