"""Pytest plugin: scenarios on a bench, emulated unless ``--bench FILE`` names one of real boards.

Law: options, markers, which scenario runs on which board, and what a failure brings along. The fixtures themselves are
in ``scenario_plugin``: loaded with ``--bench``, or by a conftest that takes them in. Nothing is left out silently: what
this bench cannot run is told in a section of its own at the end, with the reason. A board that is broken costs the
scenarios that need it, not the run.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from host_tools.bench.choice import CHOICE, Choice
from host_tools.bench.errors import BenchTrouble, Unsupported
from host_tools.bench.measurements import from_json
from host_tools.bench.recorder import ATTRIBUTE, LEFT_OUT, Recorder
from host_tools.bench.records import FAILING
from host_tools.bench.requirements_plugin import BENCH_LANE
from host_tools.bench.selection import NeedError, Unit, unmet
from host_tools.transports.errors import LinkLost

FIXTURES: Final = "host_tools.bench.scenario_plugin"
SCENARIO_FIXTURES: Final = {"bench_house", "scenario_folder", "measure"}
NOT_TOLD: Final = ("at_failure", "at_end", "house")  # of the evidence: for this process alone
UNIT_FIXTURES: Final = {"bench_camera_unit": "camera", "bench_dock_unit": "dock"}
EVIDENCE: Final = pytest.StashKey[dict[str, Any]]()
JUNIT_FILE: Final = "junit.xml"
PATIENCE: Final = 6.0  # a scenario's time limit is so much longer where a person moves the boards


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a bench."""
    group = parser.getgroup("bench", "hardware-in-the-loop bench")
    group.addoption("--bench", metavar="FILE", help="bench file: real boards ([[board]]) or another emulated bench")
    group.addoption("--bench-seed", type=int, metavar="N", help="seed of everything that chance decides")
    group.addoption(
        "--bench-speed",
        type=float,
        default=1.0,
        metavar="X",
        help="how fast this machine is against an ordinary one (0.1 to 1): deadlines are stretched by it",
    )
    group.addoption("--bench-record", metavar="DIR", help="keep records of units, captures and report.html there")
    group.addoption("--bench-all", action="store_true", help="emulated bench: on every board, not one of each sort")


@pytest.hookimpl(tryfirst=True)  # before pytest's own JUnit, which looks for its path then
def pytest_configure(config: pytest.Config) -> None:
    """Markers, the lane, and whoever writes records."""
    for line in (
        "needs(word, ...): what the bench must have; words of host_tools.bench.features, cameras:3, docks:2",
        "hardware_only: needs real boards; left out, and told, on an emulated bench",
        "emulator_only: needs an emulated bench; left out, and told, on real boards",
    ):
        config.addinivalue_line("markers", line)
    choice = Choice(config)
    config.stash[CHOICE] = choice
    config.add_cleanup(choice.close)
    config.stash[LEFT_OUT] = {}
    if config.getoption("bench") is not None:  # else it is the emulated one, and is read when a scenario needs it
        try:
            config.stash[BENCH_LANE] = choice.lane
            choice.read()
            _refuse_workers(config, choice)
        except BenchTrouble as error:
            raise pytest.UsageError(str(error)) from error
        config.pluginmanager.register(importlib.import_module(FIXTURES), FIXTURES)
    kept = record_folder(config)
    if kept is not None and not hasattr(config, "workerinput"):
        _make(kept)
        config.option.xmlpath = config.option.xmlpath or str(kept / JUNIT_FILE)
        config.pluginmanager.register(Recorder(kept, config), "bench-recorder")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which bench it is, and its seed."""
    return [config.stash[CHOICE].header()] if config.getoption("bench") or config.getoption("bench_record") else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A scenario that asks for a camera or a dock runs once on each that matches. None matching: it is told later."""
    for fixture, kind in UNIT_FIXTURES.items():
        if fixture in metafunc.fixturenames:
            choice = metafunc.config.stash[CHOICE]
            needs = needs_of(metafunc.definition)
            try:
                units: Sequence[Unit | None] = choice.offer.matching(kind, needs, choice.every) or [None]  # pyright: ignore[reportArgumentType]
            except NeedError as error:
                raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from error
            metafunc.parametrize(fixture, units, ids=[str(unit) if unit else f"no-{kind}" for unit in units])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this bench cannot run, and remember why."""
    stays: list[pytest.Item] = []
    gone: list[pytest.Item] = []
    for item in items:
        reasons = why_not(item)
        (gone if reasons else stays).append(item)
        for reason in reasons:
            config.stash[LEFT_OUT].setdefault(reason, []).append(item.nodeid)
        if not reasons and config.getoption("bench") and config.stash[CHOICE].asks_a_person:
            _be_patient(item)
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = stays


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Somewhere for the fixtures to put what a report should have."""
    if SCENARIO_FIXTURES & set(getattr(item, "fixturenames", ())):
        choice = item.config.stash[CHOICE]
        item.stash[EVIDENCE] = {"seed": choice.seed, "bench": choice.offer.name, "lane": choice.lane}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """What was measured out of its limits fails the scenario at its end; what a real bench cannot do skips it."""
    try:
        result = yield
    except Unsupported as error:
        if item.config.stash[CHOICE].is_emulated:
            raise
        raise pytest.skip.Exception(f"unsupported: {error}", _use_item_location=True) from error
    _judge_measurements(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the fixtures have gathered goes with the report: to the terminal, into JUnit, and to the recorder."""
    report = yield
    evidence = item.stash.get(EVIDENCE, None)
    if evidence is None:
        return report
    if call.excinfo is not None and isinstance(call.excinfo.value, (BenchTrouble, LinkLost)):
        _note_broken(item, str(call.excinfo.value))
    for gather in evidence.pop("at_failure", []) if report.failed else []:
        for title, text in gather():
            evidence.setdefault("logs", []).append((title, text))
            report.sections.append((title, "\n".join(text.splitlines()[-_LINES_SHOWN_MAX:])))
    if report.when == "call":
        for look in evidence.get("at_end", []):
            look()
        item.user_properties += _properties(evidence)  # of the item: the report of its tear-down closes its JUnit case
    if report.when == "call" or not report.passed:
        plain = {name: value for name, value in evidence.items() if name not in NOT_TOLD}
        setattr(report, ATTRIBUTE, {**plain, "logs": [list(pair) for pair in plain.get("logs", [])]})
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was left out, what was skipped, and why."""
    reasons = dict(config.stash[LEFT_OUT])
    skipped: Iterable[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    for report in skipped:
        if hasattr(report, ATTRIBUTE) and isinstance(report.longrepr, tuple):
            reasons.setdefault(str(report.longrepr[2]), []).append(report.nodeid)
    if reasons:
        terminalreporter.section("left out on this bench")
        for reason, names in sorted(reasons.items()):
            terminalreporter.write_line(f"{reason}:")
            for name in names:
                terminalreporter.write_line(f"    {name}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a distributed run tells what it has left out to the process that has a terminal."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["bench_left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker has left out. All have collected the same."""
    node.config.stash[LEFT_OUT].update(getattr(node, "workeroutput", {}).get("bench_left_out", {}))


def needs_of(item: Any) -> list[str]:
    """All that a test, its class and its module need."""
    return [need for marker in item.iter_markers("needs") for need in marker.args]


def why_not(item: pytest.Item) -> list[str]:
    """Why this bench cannot run a test; empty if it can, or if it needs none. UsageError for a need that is none."""
    hardware, emulator = item.get_closest_marker("hardware_only"), item.get_closest_marker("emulator_only")
    needs, missing = needs_of(item), [kind for name, kind in UNIT_FIXTURES.items() if _unit_of(item, name) is None]
    if not (hardware or emulator or needs or missing):
        return []
    choice = item.config.stash[CHOICE]
    try:
        is_emulated = choice.is_emulated
        reasons = ["it needs real boards: --bench FILE"] if hardware and is_emulated else []
        reasons += ["it needs an emulated bench"] if emulator and not is_emulated else []
        reasons += unmet(needs, choice.offer) if needs else []
    except (NeedError, BenchTrouble) as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from error
    return reasons or [f"bench {choice.offer.name} has no {kind} with {', '.join(needs) or 'it'}" for kind in missing]


def _unit_of(item: pytest.Item, fixture: str) -> object:
    """The unit it is parametrised with; something else than None if it is not."""
    parameters: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    return parameters.get(fixture, item)


def _judge_measurements(item: pytest.Item) -> None:
    evidence = item.stash.get(EVIDENCE, None) or {}
    measured = [from_json(each["name"], each["record"]) for each in evidence.get("measurements", [])]
    bad = [str(each) for each in measured if each.outcome in FAILING]
    if bad:
        pytest.fail("measured outside of its limits:\n" + "\n".join(f"  {text}" for text in bad), pytrace=False)


def _properties(evidence: dict[str, Any]) -> list[tuple[str, object]]:
    """For JUnit."""
    found: list[tuple[str, object]] = [("bench", evidence["bench"]), ("bench_seed", evidence["seed"])]
    found += [("board", f"{name} {serial}") for serial, name in evidence.get("used", [])]
    for measured in evidence.get("measurements", []):
        found.append(("measurement", f"{measured['unit']} {from_json(measured['name'], measured['record'])}".strip()))
    return found


def _note_broken(item: pytest.Item, reason: str) -> None:
    """What the bench itself could not do breaks the board on which it was tried: its other scenarios need not try."""
    house, params = item.stash[EVIDENCE].get("house"), getattr(getattr(item, "callspec", None), "params", {})
    unit = next((params[name] for name in UNIT_FIXTURES if isinstance(params.get(name), Unit)), None)
    if house is not None and unit is not None and not item.config.stash[CHOICE].is_emulated:
        house.broken.setdefault(unit.name, reason)


def _be_patient(item: pytest.Item) -> None:
    marker = item.get_closest_marker("timeout")
    usual: object = marker.args[0] if marker and marker.args else item.config.getini("timeout")
    item.add_marker(pytest.mark.timeout(float(str(usual or 600)) * PATIENCE), append=False)


def _make(folder: Path) -> None:
    """Before the run: at its end nobody would want to hear of it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise pytest.UsageError(
            f"--bench-record {folder}: cannot be written ({error.strerror}); name another folder"
        ) from error


def _refuse_workers(config: pytest.Config, choice: Choice) -> None:
    workers = getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput")
    if workers and not choice.is_emulated:
        raise pytest.UsageError("a bench of real boards is used by one process: leave -n out, or make test JOBS=0")


_LINES_SHOWN_MAX: Final = 60  # of a log or a trace on the terminal; the report has more


def record_folder(config: pytest.Config) -> Path | None:
    """Where records are kept; None if they are not."""
    chosen = config.getoption("bench_record")
    return Path(chosen) if chosen else None
