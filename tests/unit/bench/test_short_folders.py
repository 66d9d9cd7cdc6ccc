"""What a killed run leaves is cleared away by the next one, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from host_tools.bench.short_folders import AGE_S_MIN, PREFIX, ShortFolder, clear_abandoned
from host_tools.transports.held_ports import MARK

HOLDS = (
    "import sys; from host_tools.bench.short_folders import ShortFolder\n"
    "made = ShortFolder(); (made.path / 'ports').mkdir(); print(made.path, flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, for us and for programs of ours."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def made_long_ago(folder: Path) -> None:
    """It is held since before anybody looked."""
    long_ago_s = (folder / MARK).stat().st_mtime - 2 * AGE_S_MIN
    os.utime(folder / MARK, (long_ago_s, long_ago_s))


def left_by_a_killed_program(when_it_was_made: Callable[[Path], object]) -> Path:
    """A folder whose holder was killed; as long as they lived, it stayed."""
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=-1, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        folder = Path(program.stdout.readline().strip())
        when_it_was_made(folder)
        clear_abandoned()
        assert (folder / "ports").is_dir()
        program.kill()
    return folder


def test_what_a_killed_run_left_is_cleared_away(place: Path):
    folder = left_by_a_killed_program(made_long_ago)
    assert folder.parent == place
    clear_abandoned()
    assert not folder.exists()


def test_what_is_young_or_somebody_elses_stays(place: Path):
    young = left_by_a_killed_program(lambda folder: folder)
    others = place / f"{PREFIX}without-a-mark"
    others.mkdir()
    clear_abandoned()
    assert young.is_dir()
    assert others.is_dir()


def test_a_folder_is_short_of_name_and_goes_once():
    with ShortFolder() as path:
        assert path.is_dir()
    assert not path.exists()
    folder = ShortFolder()
    assert len(folder.path.name) <= len(PREFIX) + 8
    folder.cleanup()
    folder.cleanup()
    assert not folder.path.exists()
