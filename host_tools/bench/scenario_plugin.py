"""Pytest fixtures of the scenarios: a bench and its boards, a controller, a destination, and what is measured.

``hil_tests/conftest.py`` takes them in; ``plugin`` loads them where ``--bench`` is given. The bench is the emulated one
of ``hil_tests/bench.toml``, in a process of its own behind real pseudo-terminals, or the real boards of a bench file,
kept from scenario to scenario; an emulated one is replaced after a scenario that fails. The controller is a process of
its own and new for every scenario; all of them are the controller of one system, which the bench's cameras have been
added to.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from host_tools.bench.choice import CHOICE
from host_tools.bench.errors import LockError
from host_tools.bench.houses import PASSPHRASE, WIRE_NAME, BenchHouse, House
from host_tools.bench.leaks_plugin import CALL_FAILED
from host_tools.bench.plugin import EVIDENCE, needs_of, record_folder
from host_tools.bench.programs import Pace, ScenarioFailed, log_end
from host_tools.bench.records import file_name
from host_tools.bench.scenario_parts import Bench, Camera, DestinationFolder, Dock, ScenarioController
from host_tools.bench.scenario_tools import Clock, Faults, Measure
from host_tools.bench.selection import COUNTED, Unit, parsed
from host_tools.bench.short_folders import ShortFolder
from host_tools.bench.trace import Trace
from host_tools.transports.local import LocalError

__all__ = (
    "PASSPHRASE",
    "BenchHouse",
    "bay",
    "bench",
    "bench_camera_unit",
    "bench_dock_unit",
    "bench_house",
    "camera",
    "clock",
    "controller",
    "destination",
    "dock",
    "faults",
    "measure",
    "scenario_folder",
    "trace",
)

NODE_CHARACTERS_MAX = 120  # of a scenario's name as a folder's


@pytest.fixture(scope="session")
def bench_house(pytestconfig: pytest.Config) -> Iterator[House]:
    """The bench that all scenarios share."""
    choice = pytestconfig.stash[CHOICE]
    Pace.stretch = 1 / choice.speed
    house = choice.house()
    try:
        try:
            house.start()
        except LockError as error:  # nothing of ours went wrong: who holds it is all there is to say
            pytest.fail(str(error), pytrace=False)
        yield house
    finally:
        house.stop()


@pytest.fixture
def bench(bench_house: House, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The bench: all boards on, every camera empty and in nobody's bay."""
    evidence = evidence_of(request)
    evidence["house"] = bench_house
    at_failure(request, lambda: [(f"bench, seed {bench_house.seed}", log_end(bench_house.log))])
    must_have_enough(bench_house, request.node)
    made = bench_house.bench()
    made.tidy()
    evidence["used"] = made.used
    yield made
    if request.node.stash.get(CALL_FAILED, False) and isinstance(bench_house, BenchHouse):
        bench_house.stop()
        bench_house.start()
        return
    made.tidy()
    assert made.crashes() == []


@pytest.fixture
def bench_camera_unit() -> Unit | None:
    """The camera for which a scenario is parametrised."""
    return None


@pytest.fixture
def bench_dock_unit() -> Unit | None:
    """The dock for which a scenario is parametrised."""
    return None


@pytest.fixture
def camera(bench: Bench, bench_house: House, bench_camera_unit: Unit) -> Camera:
    """One camera; the scenario runs once on each that matches."""
    must_work(bench_house, bench_camera_unit)
    return bench.camera(1 + [each.name for each in bench.cameras].index(bench_camera_unit.name))


@pytest.fixture
def dock(bench: Bench, bench_house: House, bench_dock_unit: Unit) -> Dock:
    """One dock; the scenario runs once on each that matches."""
    must_work(bench_house, bench_dock_unit)
    return bench.dock(1 + [each.name for each in bench.docks].index(bench_dock_unit.name))


@pytest.fixture
def bay(dock: Dock, bench_dock_unit: Unit, request: pytest.FixtureRequest) -> int:
    """The number of a bay of that dock: the one in which the scenario's camera stays for good, else one that the seed
    and the scenario's name decide, so that all bays are used in time."""
    params: dict[str, Any] = getattr(getattr(request.node, "callspec", None), "params", {})
    camera = params.get("bench_camera_unit")
    if isinstance(camera, Unit) and camera.bay:
        return camera.bay
    chance = crc32(f"{request.config.stash[CHOICE].seed} {request.node.nodeid}".encode())
    return bench_dock_unit.bays[chance % len(bench_dock_unit.bays)]


@pytest.fixture
def scenario_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A short folder for one scenario. Its captures are kept where records are, if it fails."""
    with ShortFolder() as folder:
        yield folder
        kept = record_folder(request.config)
        if kept is not None and request.node.stash.get(CALL_FAILED, False):
            place = kept / "captures" / file_name(request.node.name[:NODE_CHARACTERS_MAX])
            shutil.rmtree(place, ignore_errors=True)  # of an earlier run
            if (folder / WIRE_NAME).is_dir():
                shutil.copytree(folder / WIRE_NAME, place)


@pytest.fixture
def controller(
    bench: Bench, bench_house: House, scenario_folder: Path, trace: Trace, request: pytest.FixtureRequest
) -> Iterator[ScenarioController]:
    """A controller that knows nothing yet, being started."""
    made = bench_house.controller(scenario_folder)
    at_failure(request, lambda: _told_by(made, trace))
    evidence_of(request)["at_end"] = [lambda: about_firmware(request, made)]
    made.start()
    yield made
    made.stop()


@pytest.fixture
def destination(scenario_folder: Path) -> DestinationFolder:
    """Where the controller delivers."""
    return DestinationFolder(scenario_folder / "destination")


@pytest.fixture
def trace(scenario_folder: Path) -> Trace:
    """What the controller's ports carry, decoded."""
    return Trace(scenario_folder / WIRE_NAME)


@pytest.fixture
def clock() -> Clock:
    """Time as a scenario may use it: to let some pass, and to wait for something with a deadline."""
    return Clock()


@pytest.fixture
def faults(bench: Bench) -> Iterator[Faults]:
    """Faults by name; all of them are over when the scenario ends."""
    made = Faults(bench.hands)
    yield made
    made.heal_all()


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Values with units and limits, for the record of their unit."""
    return Measure(evidence_of(request))


def evidence_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the scenario's report will have."""
    found: dict[str, Any] = request.node.stash[EVIDENCE]
    return found


def at_failure(request: pytest.FixtureRequest, gather: Callable[[], list[tuple[str, str]]]) -> None:
    """What to gather if the scenario fails: titles and texts."""
    evidence_of(request).setdefault("at_failure", []).append(gather)


def about_firmware(request: pytest.FixtureRequest, controller: ScenarioController) -> None:
    """Which firmware the boards said they have, if the controller still answers."""
    try:
        status = controller.status()
    except (ScenarioFailed, LocalError):
        return
    rows = [*status["docks"], *status["cameras"]]
    evidence_of(request)["firmware"] = {row["serial"]: row["firmware"] for row in rows if row.get("firmware")}


def must_work(house: House, unit: Unit) -> None:
    """Skips the scenario, and tells why, if its board is broken."""
    if unit.name in house.broken:
        reason = house.broken[unit.name].removeprefix(f"{unit.name}: ")
        raise pytest.skip.Exception(f"{unit.name} is broken: {reason}")


def must_have_enough(house: House, node: Any) -> None:
    """Skips the scenario, and tells why, if so many boards are broken that too few are left for it."""
    made = house.bench()
    working = {"cameras": len(made.cameras), "docks": len(made.docks)}
    needed = {"docks": 1} | dict(parsed(need) for need in needs_of(node))
    for word in COUNTED:
        if working[word] < needed.get(word, 0):
            why = "; ".join(f"{name}: {reason.removeprefix(f'{name}: ')}" for name, reason in house.broken.items())
            raise pytest.skip.Exception(f"{needed[word]} {word} needed, {working[word]} work: {why}")


def _told_by(controller: ScenarioController, trace: Trace) -> list[tuple[str, str]]:
    try:
        status = json.dumps(controller.status(), indent=1)
    except (ScenarioFailed, LocalError) as error:
        status = str(error)
    return [("controller", log_end(controller.log)), ("status", status), ("wire", "\n".join(trace.lines()))]
