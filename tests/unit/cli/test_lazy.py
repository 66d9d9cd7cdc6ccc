"""Commands are imported when they are asked for; nothing is forgotten, and nothing is imported before."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from host_tools.cli.lazy import classes_of, load
from host_tools.cli.main import KNOWN_ERRORS, Commands, app

# What one look at a controller must not wait for.
HEAVY = ("fastapi", "sqlalchemy", "uvicorn", "av", "numpy", "host_tools.simulation", "host_tools.emulator")


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


def test_asking_for_the_status_imports_nothing_heavy():
    program = (
        "import sys; from typer.testing import CliRunner; from host_tools.cli.main import app\n"
        "CliRunner().invoke(app, ['status', '--help']); print(*sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "host_tools.cli.status_command" in printed
    assert [name for name in HEAVY if name in printed] == []
