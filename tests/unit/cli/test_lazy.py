"""Commands are imported when they are asked for; nothing is forgotten, and nothing is imported before."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from host_tools.cli.lazy import classes_of, load
from host_tools.cli.main import COLLECT_AFTER, KNOWN_ERRORS, Commands, app

PAGES = ("fastapi", "jinja2")
VIDEO = ("av", "numpy")
# command -> the module it is in, and what its start must not wait for
NEEDLESS = {
    "status": (
        "status_command",
        (*PAGES, *VIDEO, "sqlalchemy", "uvicorn", "host_tools.simulation", "host_tools.emulator"),
    ),
    "emulate": (
        "emulating",
        (*PAGES, *VIDEO, "sqlalchemy", "uvicorn", "host_tools.controller.service", "host_tools.bench_page"),
    ),
    "controller": ("programs", (*PAGES, *VIDEO, "host_tools.web", "host_tools.emulator.bench", "host_tools.evidence")),
    "destination create": ("destination_commands", (*PAGES, *VIDEO, "uvicorn", "host_tools.controller.settings")),
    "destination serve": ("destination_serving", (*VIDEO, "host_tools.controller.settings", "host_tools.emulator")),
}


@pytest.mark.parametrize("name", Commands.places)
def test_every_command_is_where_the_table_says_and_tells_what_it_does(name: str):
    command = load(name, Commands.places[name])
    assert command.get_short_help_str(), name
    assert "--install-completion" not in CliRunner().invoke(app, [name, "--help"]).output


def test_every_known_error_is_an_error_of_its_module():
    for name, module in KNOWN_ERRORS.items():
        assert issubclass(getattr(importlib.import_module(module), name), Exception)
    assert len(classes_of(KNOWN_ERRORS)) == len(KNOWN_ERRORS)


def test_a_mistyped_command_finds_the_nearest():
    answer = CliRunner().invoke(app, ["stauts"])
    assert answer.exit_code == 2
    assert "status" in answer.output


@pytest.mark.parametrize("words", NEEDLESS)
def test_a_command_imports_nothing_that_it_does_not_need(words: str):
    program = (
        "import sys; from typer.testing import CliRunner; from host_tools.cli.main import app\n"
        f"CliRunner().invoke(app, [*{words.split()}, '--help']); print(*sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    module, needless = NEEDLESS[words]
    assert f"host_tools.cli.{module}" in printed
    assert [name for name in needless if name in printed] == []


def test_a_program_looks_for_garbage_now_and_then_and_not_at_its_end():
    program = (
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000))\n"
        "sys.argv = ['bwc', 'version']\n"
        "from host_tools.cli.main import main; main()"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == f"{COLLECT_AFTER} True"
