"""Pytest fixtures of the scenarios: a bench, a controller, a destination; and what a failure brings along.

``hil_tests/conftest.py`` takes them in. The bench is the emulated one of ``hil_tests/bench.toml``, in a process of its
own behind real pseudo-terminals, kept from scenario to scenario as a real bench would be; a scenario that fails gets it
replaced. The controller is a process of its own and new for every scenario; all of them are the controller of one
system, which the bench's cameras have been added to.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tools.bench.leaks_plugin import CALL_FAILED
from host_tools.bench.programs import Program, ScenarioFailed, first_answer, log_end, run_command
from host_tools.bench.scenario_parts import Bench, DestinationFolder, ScenarioController
from host_tools.emulator.bench_file import read_bench
from host_tools.emulator.remote import bench_client
from host_tools.system.roster import load_roster
from host_tools.transports.local import LocalClient, LocalError

BENCH_FILE = Path("hil_tests", "bench.toml")
ROSTER_FILE = Path("hil_tests", "roster.toml")
PASSPHRASE = "every scenario knows this one"  # noqa: S105 - and nobody else has any use for it
TRUST_NAME = "trust"  # in a controller's folder
MAKER_FILE = "maker.pem"  # in a bench's

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
        arguments = ["emulate", "--debug", "--bench", str(named), "--folder", str(self.folder)]
        self._program = Program("bench", arguments, self.log)
        self._program.start()
        first_answer(self.client(), "state", self._program.check)
        self.create_system(self.folder / "system")
        with tempfile.TemporaryDirectory(prefix="bwc-") as folder:
            self._introduce(Path(folder))
        made = self.bench()
        made.tidy()
        made.until_ready(*(camera for camera in made.cameras if camera.serial in self.worn))

    def go_on_with(self, controller: ScenarioController) -> None:
        """The cameras have met a newer issuing key of their system, this controller's: all later ones must have it."""
        shutil.rmtree(self.folder / "system" / TRUST_NAME)
        shutil.copytree(controller.folder / TRUST_NAME, self.folder / "system" / TRUST_NAME)

    def create_system(self, folder: Path) -> None:
        """Set up a system that trusts the bench's maker."""
        self.passphrase_file.write_text(PASSPHRASE, encoding="utf-8")
        arguments = ["--folder", str(folder), "--passphrase-file", str(self.passphrase_file)]
        run_command("system", "create", *arguments, "--maker", str(self.folder / MAKER_FILE))

    def bench(self) -> Bench:
        """Hands for it."""
        cameras, docks = [part.name for part in self.plan.camera], [part.name for part in self.plan.dock]
        return Bench(self.client(), cameras, docks)

    def kill(self) -> None:
        """SIGKILL: every board loses its power at once; cards keep what was written."""
        self._running().kill()

    def restart(self) -> None:
        """Start it again after ``kill``: cameras are in the bays that the bench file says."""
        self._running().start()
        first_answer(self.client(), "state", self._running().check)

    def freeze(self) -> None:
        """SIGSTOP: every board and every cable stands still."""
        self._running().freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        self._running().thaw()

    def _running(self) -> Program:
        if self._program is None:
            raise ScenarioFailed("no bench is running")
        return self._program

    def stop(self) -> None:
        """End it and remove all it has made."""
        if self._program is not None:
            self._program.stop()
        if self._folder is not None:
            self._folder.cleanup()
        self._program = self._folder = None

    @property
    def passphrase_file(self) -> Path:
        """Of the system that the cameras belong to."""
        return self.folder / "passphrase"

    def controller(self, folder: Path, with_system: bool = True) -> ScenarioController:
        """A controller for this bench, with everything of its own in ``folder``; not started. ``with_system``: it is
        the one of the cameras' system; else it has none yet."""
        if with_system:
            shutil.copytree(self.folder / "system" / TRUST_NAME, folder / "controller" / TRUST_NAME)
        arguments = ["--debug", "--bench", str(self.folder), "--roster", str(self.root / ROSTER_FILE)]
        arguments += ["--destination", str(folder / "destination"), "--create-destination"]
        return ScenarioController(folder / "controller", arguments)

    def _introduce(self, folder: Path) -> None:
        controller = self.controller(folder)
        controller.start()
        try:
            waiting = controller.until(
                lambda status: _serials(status, "factory", len(self.plan.camera)), "all cameras to wait to be added"
            )
            for serial in waiting:
                controller.command("add_camera", serial=serial)
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


def _serials(status: dict[str, Any], admission: str, count: int) -> list[str]:
    """Cameras of that admission, as soon as there are so many."""
    found = [camera["serial"] for camera in status["cameras"] if camera["admission"] == admission]
    return found if len(found) >= count else []


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
