"""Pytest fixtures of the scenarios: a bench, a controller, a destination; and what a failure brings along.

``hil_tests/conftest.py`` takes them in. The bench is the emulated one of ``hil_tests/bench.toml``, in a process of its
own behind real pseudo-terminals, kept from scenario to scenario as a real bench would be; a scenario that fails gets it
replaced. The controller is a process of its own and new for every scenario.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tools.bench.leaks_plugin import CALL_FAILED
from host_tools.bench.programs import Program, ScenarioFailed, first_answer, log_end
from host_tools.bench.scenario_parts import Bench, DestinationFolder, ScenarioController
from host_tools.emulator.bench_file import read_bench
from host_tools.emulator.remote import bench_client
from host_tools.system.roster import load_roster
from host_tools.transports.local import LocalClient, LocalError

BENCH_FILE = Path("hil_tests", "bench.toml")
ROSTER_FILE = Path("hil_tests", "roster.toml")

__all__ = ("bench", "bench_house", "controller", "destination", "pytest_runtest_makereport", "scenario_folder")


class BenchHouse:
    """One emulated bench at a time, with wearers assigned to its cameras as the roster says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.plan = read_bench(root / BENCH_FILE)
        self.worn = load_roster(root / ROSTER_FILE).assignments.keys()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._program: Program | None = None

    @property
    def folder(self) -> Path:
        """Of the bench that runs now; short, for sockets have short names."""
        if self._folder is None:
            raise ScenarioFailed("no bench is running")
        return Path(self._folder.name)

    @property
    def log(self) -> Path:
        """What the emulator has said."""
        return self.folder / "bench.log"

    def client(self) -> LocalClient:
        """Its hands."""
        return bench_client(self.folder)

    def start(self) -> None:
        """Start a bench and let every camera meet its controller once, so that it knows its wearer."""
        self._folder = tempfile.TemporaryDirectory(prefix="bwc-")
        named = self.folder / "bench.toml"
        text = (self.root / BENCH_FILE).read_text(encoding="utf-8")
        named.write_text(f'name = "hil-{os.getpid()}"\n{text}', encoding="utf-8")
        self._program = Program("bench", ["emulate", "--bench", str(named), "--folder", str(self.folder)], self.log)
        self._program.start()
        first_answer(self.client(), "state", self._program.check)
        with tempfile.TemporaryDirectory(prefix="bwc-") as folder:
            self._introduce(Path(folder))
        made = self.bench()
        made.tidy()
        made.until_ready(*(camera for camera in made.cameras if camera.serial in self.worn))

    def bench(self) -> Bench:
        """Hands for it."""
        cameras, docks = [part.name for part in self.plan.camera], [part.name for part in self.plan.dock]
        return Bench(self.client(), cameras, docks)

    def stop(self) -> None:
        """End it and remove all it has made."""
        if self._program is not None:
            self._program.stop()
        if self._folder is not None:
            self._folder.cleanup()
        self._program = self._folder = None

    def controller(self, folder: Path) -> ScenarioController:
        """A controller for this bench, with everything of its own in ``folder``; not started."""
        arguments = ["--bench", str(self.folder), "--roster", str(self.root / ROSTER_FILE)]
        arguments += ["--destination", str(folder / "destination"), "--create-destination"]
        return ScenarioController(folder / "controller", arguments)

    def _introduce(self, folder: Path) -> None:
        controller = self.controller(folder)
        controller.start()
        try:
            controller.until(
                lambda status: (
                    sum(camera["state"] == "docked" for camera in status["cameras"]) == len(self.plan.camera)
                ),
                "all cameras to be greeted",
            )
        except ScenarioFailed as failed:
            raise ScenarioFailed(
                f"{failed}\nbench: {log_end(self.log)}\ncontroller: {log_end(controller.log)}"
            ) from None
        finally:
            controller.stop()


@pytest.fixture(scope="session")
def bench_house(pytestconfig: pytest.Config) -> Iterator[BenchHouse]:
    """The bench that all scenarios share."""
    house = BenchHouse(pytestconfig.rootpath)
    try:
        house.start()
        yield house
    finally:
        house.stop()


@pytest.fixture
def bench(bench_house: BenchHouse, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The bench: all boards on, every camera empty and in nobody's bay."""
    made = bench_house.bench()
    made.tidy()
    yield made
    if request.node.stash.get(CALL_FAILED, False):
        bench_house.stop()
        bench_house.start()
        return
    made.tidy()
    assert made.crashes() == []


@pytest.fixture
def scenario_folder() -> Iterator[Path]:
    """A short folder for one scenario."""
    with tempfile.TemporaryDirectory(prefix="bwc-") as folder:
        yield Path(folder)


@pytest.fixture
def controller(bench: Bench, bench_house: BenchHouse, scenario_folder: Path) -> Iterator[ScenarioController]:
    """A controller that knows nothing yet, being started."""
    made = bench_house.controller(scenario_folder)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def destination(scenario_folder: Path) -> DestinationFolder:
    """Where the controller delivers."""
    return DestinationFolder(scenario_folder / "destination")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure brings seed, logs and status along."""
    report = yield
    if report.failed and report.when != "teardown":
        arguments: dict[str, Any] = getattr(item, "funcargs", {})
        house, made = arguments.get("bench_house"), arguments.get("controller")
        if isinstance(house, BenchHouse):
            report.sections.append((f"bench, seed {house.plan.seed}", log_end(house.log)))
        if isinstance(made, ScenarioController):
            report.sections.append(("controller", log_end(made.log)))
            report.sections.append(("status", _status_text(made)))
    return report


def _status_text(controller: ScenarioController) -> str:
    try:
        return json.dumps(controller.status(), indent=1)
    except (ScenarioFailed, LocalError) as error:
        return str(error)
