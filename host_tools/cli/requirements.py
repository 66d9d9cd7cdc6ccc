"""``bwc requirements``: which requirements are shown, by a table on the terminal.

Law: reads the catalogue and the results of past test runs; runs nothing and decides nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from host_tools.bench.requirements import LANES, Lane, LaneResults, Requirement, load_catalogue, load_results

State = Literal["shown", "failing", "unshown"]

STATE_WORDS: Final[dict[State, str]] = {
    "shown": "[green]shown[/]",
    "failing": "[bold red]failing[/]",
    "unshown": "[dim]no test[/]",
}

ID_COLUMN_WIDTH: Final = len("LINK-01")
STATE_COLUMN_WIDTH: Final = len("failing")


console = Console()


@dataclass(frozen=True, slots=True)
class RequirementStatus:
    """What test runs say about one requirement. ``passed``: passing tests by lane; ``failed``: node ids."""

    requirement: Requirement
    passed: dict[Lane, int]
    failed: tuple[str, ...]

    @property
    def state(self) -> State:
        """One failing test outweighs any number of passing ones; a requirement without a test does not exist yet."""
        if self.failed:
            return "failing"
        return "shown" if self.passed else "unshown"


@dataclass(frozen=True, slots=True)
class RequirementsReport:
    """All requirements in the catalogue's order, and marked IDs that the catalogue does not know."""

    statuses: tuple[RequirementStatus, ...]
    strangers: tuple[str, ...]

    def in_state(self, state: State) -> tuple[RequirementStatus, ...]:
        """The requirements in one state."""
        return tuple(status for status in self.statuses if status.state == state)

    def never_on(self, lane: Lane) -> tuple[RequirementStatus, ...]:
        """The requirements without a passing test in that lane."""
        return tuple(status for status in self.statuses if lane not in status.passed)


def requirements_report(catalogue_path: Path, results_folder: Path) -> RequirementsReport:
    """Hold the results against the catalogue. CatalogueError or ResultsError if one of them cannot be read."""
    catalogue = load_catalogue(catalogue_path)
    results = load_results(results_folder)
    known = {requirement.id for requirement in catalogue}
    marked = {identity for lane in results.values() for test in lane.tests.values() for identity in test.requirements}
    return RequirementsReport(
        statuses=tuple(status_of(requirement, results) for requirement in catalogue),
        strangers=tuple(sorted(marked - known)),
    )


def requirements(catalogue: Path = Path("docs/requirements.md"), results: Path = Path("build/requirements")) -> None:
    """Which requirements have passing tests, and which have never run on hardware."""
    report = print_requirements(catalogue, results, console)
    raise typer.Exit(1 if report.in_state("failing") else 0)


def print_requirements(catalogue_path: Path, results_folder: Path, console: Console) -> RequirementsReport:
    """Print the report: a row a requirement, then the sums, then what has never run on hardware."""
    report = requirements_report(catalogue_path, results_folder)
    console.print(requirements_table(report))
    for line in summary_lines(report):
        console.print(line)
    return report


def requirements_table(report: RequirementsReport) -> Table:
    """One row a requirement, sections kept apart."""
    table = Table(box=None, header_style="bold", pad_edge=False, expand=True)
    table.add_column("ID", no_wrap=True, min_width=ID_COLUMN_WIDTH)
    table.add_column("requirement", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("state", no_wrap=True, min_width=STATE_COLUMN_WIDTH)
    for lane in LANES:
        table.add_column(lane, no_wrap=True, min_width=len(lane), justify="right")
    section = ""
    for status in report.statuses:
        if status.requirement.section != section:
            section = status.requirement.section
            table.add_row("", f"[bold]{escape(section)}[/]")
        counts = (str(status.passed[lane]) if lane in status.passed else "" for lane in LANES)
        table.add_row(status.requirement.id, escape(status.requirement.text), STATE_WORDS[status.state], *counts)
    return table


def summary_lines(report: RequirementsReport) -> tuple[str, ...]:
    """Sums, and the IDs behind each sum that somebody has to act on."""
    failing = [f"{status.requirement.id} ({escape(', '.join(status.failed))})" for status in report.in_state("failing")]
    shown = report.in_state("shown")
    lines = [
        "",
        f"{len(report.statuses)} requirements: {len(shown)} shown, {len(failing)} failing, "
        f"{len(report.in_state('unshown'))} without a test",
        f"shown: {identities(shown)}",
        f"without a test: {identities(report.in_state('unshown'))}",
        f"never run on hardware ({len(report.never_on('hardware'))}): {identities(report.never_on('hardware'))}",
    ]
    if failing:
        lines.append(f"[bold red]failing[/]: {'; '.join(failing)}")
    if report.strangers:
        lines.append(f"[bold red]not in the catalogue[/]: {', '.join(report.strangers)}")
    return tuple(lines)


def status_of(requirement: Requirement, results: dict[Lane, LaneResults]) -> RequirementStatus:
    """Count one requirement's tests. Skipped ones show nothing."""
    passed: dict[Lane, int] = {}
    failed: list[str] = []
    for lane, lane_results in results.items():
        for name, test in lane_results.tests.items():
            if requirement.id in test.requirements:
                if test.outcome == "passed":
                    passed[lane] = passed.get(lane, 0) + 1
                elif test.outcome == "failed":
                    failed.append(name)
    return RequirementStatus(requirement, passed, tuple(failed))


def identities(statuses: tuple[RequirementStatus, ...]) -> str:
    """IDs, by section: ``LINK-01 02 05, DOCK-01``; ``none`` where there are none."""
    groups: dict[str, list[str]] = {}
    for status in statuses:
        section, _, number = status.requirement.id.partition("-")
        groups.setdefault(section, []).append(number)
    return ", ".join(f"{section}-{' '.join(numbers)}" for section, numbers in groups.items()) or "none"
