"""``bwc sim`` as a person types it."""

import logging

import pytest
from typer.testing import CliRunner

from host_tools.cli import sim_commands
from host_tools.cli.main import app
from host_tools.simulation.checkers import Violation
from host_tools.simulation.mishaps import EFFECTS
from host_tools.simulation.plan import Mishap, make_plan
from host_tools.simulation.world import Simulation

SHORT = ["sim", "--hours", "0.2", "--cameras", "1", "--seed", "21"]


def test_a_run_prints_its_seed_and_its_trace() -> None:
    done = CliRunner().invoke(app, [*SHORT, "--faults", "light"])
    assert done.exit_code == 0, done.output
    outcome = Simulation(make_plan(21, 1, 0.2, "light")).run()
    assert f"seed 21, {outcome.step} steps" in done.output
    assert outcome.digest in done.output.replace("\n", "")


def test_an_unknown_level_is_refused() -> None:
    done = CliRunner().invoke(app, [*SHORT, "--faults", "severe"])
    assert done.exit_code == 2


def test_a_failure_is_shrunk_and_can_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mishap that breaks a rule by itself: it alone is needed."""

    def breaks(world: Simulation, mishap: Mishap) -> bool:
        world.fail(Violation("a", f"made by seed {mishap.seed}"))
        return True

    monkeypatch.setitem(EFFECTS, "clock_wrong", breaks)
    monkeypatch.setattr(sim_commands, "_commit", lambda: "abc123")
    plan = make_plan(1, 1, 0.1, "heavy")
    assert any(mishap.kind == "clock_wrong" for mishap in plan.mishaps)
    done = CliRunner().invoke(app, ["sim", "--hours", "0.1", "--cameras", "1", "--seed", "1", "--faults", "heavy"])
    assert done.exit_code == 1
    assert logging.getLogger("openbwc").isEnabledFor(logging.ERROR), "whoever comes after it has a log"
    told = " ".join(done.output.split())
    assert "commit abc123" in told
    assert "replay: bwc sim --seed 1 --hours 0.1 --cameras 1 --faults heavy --until" in told
    assert f"needed of {len(plan.mishaps)} mishaps: 1" in told
    assert "kind='clock_wrong'" in told
