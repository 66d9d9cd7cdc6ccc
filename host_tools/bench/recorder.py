"""Gathers what scenarios report and writes it down at the end: a record a unit, and one page for people.

Law: sees reports and nothing else, so it works in the terminal's process of a distributed run too. What a report brings
is under ``ATTRIBUTE``; it was put there by ``plugin``.
"""

from __future__ import annotations

import platform
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from host_tools.bench.choice import CHOICE
from host_tools.bench.measurements import Measurement, from_json
from host_tools.bench.records import Phase, Run, RunRecords
from host_tools.bench.report_html import Page, Scenario, page
from host_tools.bench.requirements_plugin import PROPERTY_REQUIREMENT

ATTRIBUTE: Final = "bench_evidence"  # of a report: seed, boards, measurements, logs
LEFT_OUT: Final = pytest.StashKey[dict[str, list[str]]]()
REPORT_FILE: Final = "report.html"
SEVERITY: Final = ("passed", "skipped", "failed", "error")


@dataclass(slots=True)
class Heard:
    """A scenario so far."""

    outcome: str = "passed"
    started_ms: int = 0
    ended_ms: int = 0
    messages: list[str] = field(default_factory=list[str])  # of set-up, call and tear-down, as far as they failed
    details: str = ""
    requirements: tuple[str, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])

    def measurements(self) -> list[tuple[str, Measurement]]:
        """With the serial of the unit they are of."""
        taken: list[dict[str, Any]] = self.evidence.get("measurements", [])
        return [(each["unit"], from_json(each["name"], each["record"])) for each in taken]

    def boards(self) -> dict[str, str]:
        """Names of the boards it was about, by serial."""
        used: list[tuple[str, str]] = self.evidence.get("used", [])
        return dict(used) | {serial: "" for serial, _ in self.measurements() if serial and serial not in dict(used)}


class Recorder:
    """Of one run. ``folder``: where records are kept."""

    def __init__(self, folder: Path, config: pytest.Config) -> None:
        self._folder = folder
        self._config = config
        self._started_ms = _wall_ms()
        self._heard: dict[str, Heard] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of set-up, call and tear-down, and what was gathered."""
        evidence = getattr(report, ATTRIBUTE, None)
        heard = self._heard.get(report.nodeid)
        if evidence is not None and (heard is None or not report.passed or not heard.evidence):
            heard = self._heard.setdefault(report.nodeid, Heard(started_ms=round(report.start * 1000)))
            heard.evidence = {**heard.evidence, **evidence}
        if heard is None:
            return  # the set-up of a scenario that goes on, or a test that is none
        heard.ended_ms = round(report.stop * 1000)
        heard.requirements = tuple(str(value) for name, value in report.user_properties if name == PROPERTY_REQUIREMENT)
        outcome = "error" if report.failed and report.when != "call" else report.outcome
        if SEVERITY.index(outcome) > SEVERITY.index(heard.outcome):
            heard.outcome = outcome
        if not report.passed:
            heard.messages.append(_told(report))
            heard.details = heard.details or _in_a_line(report)  # what came first; a tear-down often follows from it

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write all, and say where it is."""
        if not self._heard and not self._config.stash[LEFT_OUT]:
            return
        choice = self._config.stash[CHOICE]
        run = Run(choice.offer.name, choice.seed, self._started_ms, choice.lane, platform.node())
        records = RunRecords(self._folder, run, _wall_ms)
        models = {unit.serial: unit.model for unit in choice.offer.units}
        for name, heard in self._heard.items():
            self._add(records, name, heard, models)
        paths = records.write()
        target = self._folder / REPORT_FILE
        target.write_text(page(self._page(run, records)), encoding="utf-8")
        for name, heard in self._heard.items():
            for serial, measured in heard.measurements():
                if measured.outcome != "pass":
                    terminalreporter.write_line(f"{serial} {measured} [{name.rpartition('::')[2]}]".strip())
        terminalreporter.write_line(f"bench records: {len(paths)} units and {target}")

    def _add(self, records: RunRecords, name: str, heard: Heard, models: dict[str, str]) -> None:
        firmware: dict[str, str] = heard.evidence.get("firmware", {})
        boards = heard.boards() or {records.run.station_id: ""}
        for serial, board in boards.items():
            measured = tuple(each for unit, each in heard.measurements() if unit in (serial, ""))
            unit = records.unit(serial, board, models.get(serial, ""), firmware.get(serial, ""))
            unit.phases.append(Phase(name, heard.outcome, heard.started_ms, heard.ended_ms, measured, heard.details))

    def _page(self, run: Run, records: RunRecords) -> Page:
        scenarios = [
            Scenario(
                name=name,
                outcome=heard.outcome,
                duration_s=max(0, heard.ended_ms - heard.started_ms) / 1000,
                boards=tuple(f"{board} {serial}".strip() for serial, board in heard.boards().items()),
                requirements=heard.requirements,
                measurements=tuple(heard.measurements()),
                message="\n\n".join(heard.messages),
                details=heard.details,
                logs=tuple((str(title), str(text)) for title, text in heard.evidence.get("logs", [])),
                seed=int(heard.evidence.get("seed", run.seed)),
            )
            for name, heard in self._heard.items()
        ]
        named = self._config.getoption("bench")
        again = ["pytest", *self._config.args, "--bench-seed", str(run.seed)]
        again += ["--bench", str(named)] if named else []
        return Page(
            run,
            _wall_ms(),
            tuple(scenarios),
            dict(self._config.stash[LEFT_OUT]),
            tuple(records.units()),
            shlex.join(again),
        )


def _told(report: pytest.TestReport) -> str:
    """All of it."""
    return _reason(report) if isinstance(report.longrepr, tuple) else report.longreprtext


def _in_a_line(report: pytest.TestReport) -> str:
    """What went wrong, without the code around it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = _told(report) if crash is None else str(crash.message)
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _reason(report: pytest.TestReport) -> str:
    """Of a skip, which pytest keeps as file, line and words."""
    assert isinstance(report.longrepr, tuple)
    return str(report.longrepr[2]).removeprefix("Skipped: ")


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
