"""Pytest plugin: writes down which requirements were shown by which test, in which lane, and with what outcome.

Law: knows markers and reports, nothing of benches or boards. A test says ``@pytest.mark.req("LINK-02", "LINK-03")``;
after a run ``build/requirements/<lane>-results.json`` holds the newest outcome of every marked test. A run of some
tests is merged into what is there; a test that is gone from its file is dropped.

The lane is ``unit`` for everything outside ``hil_tests``; there it is ``emulated`` unless a bench file of real boards
has been chosen, which whoever reads bench files says by setting ``config.stash[BENCH_LANE]`` before collection.
"""

from pathlib import Path
from typing import Final

import pytest

from host_tools.bench.requirements import (
    LANES,
    REQUIREMENT_ID,
    Lane,
    TestResult,
    load_results,
    merge_results,
    no_longer_written,
)

RESULTS_FOLDER: Final = Path("build", "requirements")
SCENARIOS_FOLDER: Final = "hil_tests"
BENCH_LANE: Final = pytest.StashKey[Lane]()
PROPERTY_REQUIREMENT: Final = "requirement"
PROPERTY_LANE: Final = "lane"


class RequirementsRecorder:
    """Collects outcomes from reports (so from the workers of a distributed run too) and writes them at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._results: dict[Lane, dict[str, TestResult]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome of a test's set-up, call and tear-down."""
        requirements = tuple(str(value) for name, value in report.user_properties if name == PROPERTY_REQUIREMENT)
        for lane in LANES:
            if requirements and (PROPERTY_LANE, lane) in report.user_properties:
                tests = self._results.setdefault(lane, {})
                before = tests.get(report.nodeid)
                if before is None or report.failed or (report.skipped and before.outcome == "passed"):
                    tests[report.nodeid] = TestResult(requirements=requirements, outcome=report.outcome)

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        folder = self._root / RESULTS_FOLDER
        for lane, tests in self._results.items():
            merge_results(folder, lane, tests)
        for lane, results in load_results(folder).items():
            merge_results(folder, lane, {}, gone=no_longer_written(self._root, results.tests))


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known and start recording, except in the workers of a distributed run."""
    config.addinivalue_line("markers", "req(id, ...): requirements of docs/requirements.md that this test shows")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RequirementsRecorder(config.rootpath), "requirements-recorder")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Hang requirements and lane on the test, from where they reach reports and JUnit files."""
    requirements = requirements_of(item)
    if requirements:
        item.user_properties.extend((PROPERTY_REQUIREMENT, requirement) for requirement in requirements)
        item.user_properties.append((PROPERTY_LANE, lane_of(item)))


def requirements_of(item: pytest.Item) -> tuple[str, ...]:
    """IDs of all ``req`` markers on a test, its class and its module. UsageError for a marker without a proper ID."""
    identities: set[str] = set()
    for marker in item.iter_markers("req"):
        if not marker.args:
            raise pytest.UsageError(f"{item.nodeid}: a req marker names no requirement, such as 'LINK-01'")
        for identity in marker.args:
            if not isinstance(identity, str) or not REQUIREMENT_ID.fullmatch(identity):
                raise pytest.UsageError(f"{item.nodeid}: {identity!r} is no requirement ID such as 'LINK-01'")
            identities.add(identity)
    return tuple(sorted(identities))


def lane_of(item: pytest.Item) -> Lane:
    """Where a test runs; the head of this file says how that is known."""
    if item.nodeid.startswith(SCENARIOS_FOLDER + "/"):
        return item.config.stash.get(BENCH_LANE, "emulated")
    return "unit"
