"""The script that makes the environment: what it refuses, and when it finds nothing to do."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.house.tree import ROOT


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stamped(bootstrap: Any, venv: Path, lane: str) -> None:
    """An environment that seems to have been made for a lane by the Python that runs this."""
    version = bootstrap.python_version(str(venv))
    Path(bootstrap.stamp_path(lane, str(venv))).write_text(bootstrap.stamp_text(lane, version))


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    folder = tmp_path / "venv"
    folder.joinpath("bin").mkdir(parents=True)
    folder.joinpath("pyvenv.cfg").write_text("home = nowhere\n")
    folder.joinpath("bin", "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    folder.joinpath("bin", "python").chmod(0o755)
    return folder


def test_an_old_python_is_told_so(bootstrap: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    with pytest.raises(bootstrap.Refusal, match=r"Python 3\.9, OpenBWC needs 3\.11"):
        bootstrap.check_python()


@pytest.mark.parametrize("arguments", [[], ["staging"], ["dev", "a", "b"]])
def test_wrong_arguments_name_the_right_ones(bootstrap: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert bootstrap.main(arguments) == 1
    assert "demo|dev" in capsys.readouterr().err


def test_no_environment_is_not_ready(bootstrap: Any, tmp_path: Path):
    assert not bootstrap.is_ready("demo", str(tmp_path / "none"))


def test_an_environment_is_ready_for_its_lane_and_those_below(bootstrap: Any, venv: Path):
    assert not bootstrap.is_ready("demo", str(venv))
    stamped(bootstrap, venv, "demo")
    assert bootstrap.is_ready("demo", str(venv))
    assert not bootstrap.is_ready("dev", str(venv))
    stamped(bootstrap, venv, "dev")
    Path(bootstrap.stamp_path("demo", str(venv))).unlink()
    assert bootstrap.is_ready("demo", str(venv))
    assert bootstrap.is_ready("dev", str(venv))


def test_a_stamp_of_other_locks_is_stale(bootstrap: Any, venv: Path):
    stamped(bootstrap, venv, "demo")
    stamp = Path(bootstrap.stamp_path("demo", str(venv)))
    stamp.write_text(stamp.read_text().replace("python ", "python 1"))
    assert not bootstrap.is_ready("demo", str(venv))


def test_a_folder_that_is_no_environment_is_left_alone(bootstrap: Any, tmp_path: Path):
    keepsake = tmp_path / "keepsake"
    keepsake.write_text("mine")
    with pytest.raises(bootstrap.Refusal, match="no virtual environment"):
        bootstrap.make_environment(str(tmp_path))
    assert keepsake.read_text() == "mine"


def test_without_means_the_package_to_install_is_named(bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "has_ensurepip", lambda: False)
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.Refusal, match=r"sudo apt install python3\.\d+-venv"):
        bootstrap.make_environment(str(tmp_path / "venv"))
