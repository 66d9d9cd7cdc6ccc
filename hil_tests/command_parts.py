"""What people type between two looks at a scenario: a ``bwc`` command, run to its end.

Law: for commands that ask, write and end, where the scenario is about what comes of them. They run in this process:
their start would be most of what a scenario costs, and ``tests/unit/cli`` shows how a process of them starts and ends.
What is to be killed, frozen or limited is a ``Program``.
"""

from __future__ import annotations

from typer.testing import CliRunner

from host_tools.bench.programs import ScenarioFailed
from host_tools.cli.main import app


def bwc(*arguments: str) -> str:
    """One command to its end; what it says. ScenarioFailed if it could not."""
    done = CliRunner().invoke(app, arguments)
    if done.exit_code != 0:
        raise ScenarioFailed(f"bwc {' '.join(arguments)}: {done.exception}\n{done.stderr}") from done.exception
    return done.stdout
