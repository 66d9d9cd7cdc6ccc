"""What a record keeps of a scenario that fails in more than one of set-up, call and tear-down."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from host_tools.bench.recorder import ATTRIBUTE, Heard, Recorder

When = Literal["setup", "call", "teardown"]
NAME = "hil_tests/test_a.py::test_it"


def report(when: When, failure: str = "") -> pytest.TestReport:
    """As pytest makes it of one part of a scenario; the tear-down's carries what was gathered."""
    made = pytest.TestReport(
        NAME, (NAME, 1, "test_it"), {}, "failed" if failure else "passed", failure or None, when, start=1.0, stop=2.0
    )
    evidence: dict[str, Any] = {"seed": 7, "logs": [("controller", f"at {when}")]}
    if when != "setup":
        setattr(made, ATTRIBUTE, evidence)
    return made


def heard_of(folder: Path, config: pytest.Config, *reports: pytest.TestReport) -> Heard:
    """What the recorder has kept of the scenario."""
    recorder = Recorder(folder, config)
    for each in reports:
        recorder.pytest_runtest_logreport(each)
    return recorder._heard[NAME]


@pytest.mark.req("HIL-02")
def test_a_failed_tear_down_stands_behind_the_failure_it_follows_from(tmp_path: Path, pytestconfig: pytest.Config):
    reports = report("setup"), report("call", "E  the clip is short"), report("teardown", "E  the bench is not tidy")
    heard = heard_of(tmp_path, pytestconfig, *reports)
    assert heard.messages == ["E  the clip is short", "E  the bench is not tidy"]
    assert heard.details == "E  the clip is short", "what came first; the tear-down often follows from it"
    assert heard.outcome == "error", "a tear-down that fails is no verdict on the scenario"
    assert heard.evidence["seed"] == 7


@pytest.mark.req("HIL-02")
def test_a_tear_down_alone_that_fails_is_told(tmp_path: Path, pytestconfig: pytest.Config):
    heard = heard_of(tmp_path, pytestconfig, report("setup"), report("call"), report("teardown", "E  a port is open"))
    assert (heard.outcome, heard.messages, heard.details) == ("error", ["E  a port is open"], "E  a port is open")
