"""What the machine refuses is one line with a remedy, wherever in a verb it happens; a defect keeps its traceback."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from firmware.ports.errors import NoSpace
from host_tools.cli.main import _parted
from host_tools.cli.mishaps import REMEDIES, is_mishap, told, working_in
from tests.unit.cli.parts import Bwc


@pytest.mark.parametrize("number", sorted(REMEDIES), ids=[errno.errorcode[each] for each in sorted(REMEDIES)])
def test_each_is_a_line_that_names_the_file_and_the_remedy(number: int):
    error = OSError(number, "refused", "some/file")
    assert is_mishap(error)
    assert told(error) == f"some/file: refused; {REMEDIES[number]}"


def test_a_full_disk_is_told_where_no_file_is_named():
    assert told(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device; make room"


def test_a_full_disk_is_told_with_the_place_where_the_work_is(tmp_path: Path):
    for error in (OSError(errno.ENOSPC, "No space left on device"), NoSpace("cannot write otp: no space left")):
        with pytest.raises(OSError, match="No space") as caught, working_in(tmp_path):
            raise error
        assert told(caught.value) == f"{tmp_path}: No space left on device; make room"
    with pytest.raises(OSError, match="denied") as caught, working_in(tmp_path):
        raise OSError(errno.EACCES, "denied", "some/file")
    assert told(caught.value).startswith("some/file: denied; ")


def test_a_link_that_cannot_be_made_is_told_by_its_own_name():
    error = OSError(errno.EACCES, "Permission denied", "/dev/pts/7", None, "bench/ports/camera-1")
    assert told(error).startswith("bench/ports/camera-1: Permission denied; ")


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
