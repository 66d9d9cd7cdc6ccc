"""Whole worlds, short ones: they live and heal, a seed has one hash, and a world that breaks a rule is told."""

import os
import subprocess
import sys

import pytest

from firmware.camera.vault import Vault
from host_tools.simulation.checkers import LETTERS
from host_tools.simulation.loop import US_PER_S
from host_tools.simulation.outcome import Outcome
from host_tools.simulation.plan import Level, Mishap, make_plan
from host_tools.simulation.world import Simulation
from tests.patience import LIMIT_S

SEEDS = (11, 12, 13)
ALWAYS = "abcdefh"  # counted checks; (g) is watched without counting


def lived(seed: int, cameras: int, hours: float, level: Level) -> Outcome:
    print(f"seed {seed}, {cameras} cameras, {hours} h, {level}")
    outcome = Simulation(make_plan(seed, cameras, hours, level)).run()
    assert outcome.violation is None, "\n".join([*outcome.tail, str(outcome.violation)])
    return outcome


@pytest.mark.req("CAM-19", "CTRL-09")
def test_a_day_without_mishaps_brings_everything_home() -> None:
    outcome = lived(1, 1, 2, "none")
    assert outcome.recordings == outcome.offloaded > 3
    assert not outcome.mishaps
    assert all(outcome.checks[letter] for letter in ALWAYS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.req("CAM-19", "CAM-21", "LINK-05", "LINK-06", "CTRL-09")
def test_a_day_of_mishaps_brings_everything_home(seed: int) -> None:
    outcome = lived(seed, 2, 1, "heavy")
    assert sum(outcome.mishaps.values()) > 10


def test_the_sample_meets_most_kinds_of_mishaps() -> None:
    kinds = {mishap.kind for seed in SEEDS for mishap in make_plan(seed, 2, 1, "heavy").mishaps}
    assert len(kinds) >= 20


PROGRAM = """
from host_tools.simulation.plan import make_plan
from host_tools.simulation.world import Simulation
print(Simulation(make_plan(21, 1, 0.5, "heavy")).run().digest)
"""


@pytest.fixture(scope="module")
def half_an_hour() -> tuple[list[str], str]:
    """The steps of a short world and its hash."""
    steps: list[str] = []
    return steps, Simulation(make_plan(21, 1, 0.5, "heavy"), sink=steps.append).run().digest


def test_a_seed_has_one_hash_whatever_the_hash_seed_of_the_process(half_an_hour: tuple[list[str], str]) -> None:
    def digest(hash_seed: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT_S,
        )
        return done.stdout.strip().splitlines()[-1]

    assert digest("1") == half_an_hour[1]
    assert digest("2") == half_an_hour[1]


def test_a_run_stops_at_the_step_that_is_asked_for_and_is_the_same_until_there(
    half_an_hour: tuple[list[str], str],
) -> None:
    steps: list[str] = []
    outcome = Simulation(make_plan(21, 1, 0.5, "heavy"), until=30, sink=steps.append).run()
    whole, _ = half_an_hour
    assert outcome.step >= 30
    assert steps[:30] == whole[:30]


def test_a_camera_that_erases_by_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Firmware with a wrong line: it removes a recording that it is about to list."""
    listed = Vault.recordings

    def wrong(vault: Vault) -> object:
        found = listed(vault)
        if len(found) > 1:
            vault._remove(found[0].recording)
        return found

    monkeypatch.setattr(Vault, "recordings", wrong)
    outcome = Simulation(make_plan(1, 1, 1, "none")).run()
    assert outcome.violation is not None
    assert outcome.violation.letter == "a"


def test_firmware_that_crashes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(vault: Vault) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(Vault, "erase_counter", wrong)
    outcome = Simulation(make_plan(1, 1, 1, "none")).run()
    assert outcome.violation is not None
    assert outcome.violation.letter == "g"
    assert "ZeroDivisionError" in str(outcome.violation)


def test_a_destination_that_stays_away_is_found_by_liveness(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(1, 1, 1, "none").with_mishaps([Mishap(1_000, "destination_away", 0, 10_000_000, 1)])
    monkeypatch.setattr("host_tools.simulation.world.hands.heal", lambda world: None)
    monkeypatch.setattr("host_tools.simulation.world.HEAL_LIMIT_US", 120 * US_PER_S)
    outcome = Simulation(plan).run()
    assert outcome.violation is not None
    assert outcome.violation.letter == "h"
    assert set(LETTERS) >= {outcome.violation.letter}
