"""The requirements catalogue and what test runs have shown of it.

Law: two plain files in, frozen values out. The catalogue (``docs/requirements.md``) is written by people, the results
(``build/requirements/<lane>-results.json``) by ``requirements_plugin``; this file knows both formats and no pytest.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

Lane = Literal["unit", "emulated", "guest", "hardware"]
Outcome = Literal["passed", "failed", "skipped"]

LANES: Final[tuple[Lane, ...]] = ("unit", "emulated", "guest", "hardware")
REQUIREMENT_ID: Final = re.compile(r"[A-Z]{3,4}-[0-9]{2}")
TABLE_HEAD: Final = ("ID", "requirement", "shown by", "lane")


class CatalogueError(Exception):
    """The catalogue cannot be read: file, line and what is wrong, in one line."""


class ResultsError(Exception):
    """A file of results cannot be read: which, and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the catalogue. ``shown_by``: the observable; ``lanes``: where it is meant to be shown."""

    id: str
    section: str
    text: str
    shown_by: str
    lanes: tuple[Lane, ...]


class TestResult(BaseModel):
    """Newest outcome of one test and the requirements it carries."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    __test__ = False  # the name is no invitation to pytest

    requirements: tuple[str, ...]
    outcome: Outcome


class LaneResults(BaseModel):
    """All marked tests that ran in one lane, by node id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    lane: Lane
    tests: dict[str, TestResult]


def parse_catalogue(text: str, name: str = "docs/requirements.md") -> tuple[Requirement, ...]:
    """Every row of every table of the catalogue, in its order. CatalogueError for a row that does not fit."""
    section = ""
    requirements: dict[str, Requirement] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            section = line.removeprefix("## ").strip()
        elif section and line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
            if cells == TABLE_HEAD or set("".join(cells)) <= set("-: "):
                continue
            requirement = parse_row(cells, section, f"{name}:{number}")
            if requirement.id in requirements:
                raise CatalogueError(f"{name}:{number}: {requirement.id} is there twice: give one a free number")
            requirements[requirement.id] = requirement
    if not requirements:
        raise CatalogueError(f"{name}: no requirement in it: is this the catalogue?")
    return tuple(requirements.values())


def load_catalogue(path: Path) -> tuple[Requirement, ...]:
    """The catalogue in a file."""
    try:
        return parse_catalogue(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as fault:
        raise CatalogueError(f"{path}: cannot be read ({fault}): run this in a checkout of the project") from fault


def parse_row(cells: tuple[str, ...], section: str, place: str) -> Requirement:
    """One table row. CatalogueError names ``place``."""
    if len(cells) != len(TABLE_HEAD):
        raise CatalogueError(f"{place}: {len(cells)} cells, a row has {len(TABLE_HEAD)}: {' | '.join(TABLE_HEAD)}")
    requirement_id, text, shown_by, lanes = cells
    if not REQUIREMENT_ID.fullmatch(requirement_id):
        raise CatalogueError(f"{place}: {requirement_id!r} is no ID such as LINK-01")
    if not text or not shown_by:
        raise CatalogueError(f"{place}: {requirement_id} has an empty cell")
    words = [word.strip() for word in lanes.split(",")]
    known: tuple[Lane, ...] = tuple(lane for lane in LANES if lane in words)
    if len(known) != len(words):
        raise CatalogueError(f"{place}: {requirement_id} has the lanes {lanes!r}; known are {', '.join(LANES)}")
    return Requirement(requirement_id, section, text, shown_by, known)


def results_path(folder: Path, lane: Lane) -> Path:
    """Where the results of one lane are."""
    return folder / f"{lane}-results.json"


def load_results(folder: Path) -> dict[Lane, LaneResults]:
    """What has been written down so far, lane by lane; a lane that never ran is not in it."""
    return {lane: load_lane(folder, lane) for lane in LANES if results_path(folder, lane).exists()}


def load_lane(folder: Path, lane: Lane) -> LaneResults:
    """Results of one lane. ResultsError if the file is not ours."""
    path = results_path(folder, lane)
    try:
        return LaneResults.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as fault:
        raise ResultsError(f"{path}: not a file of results: remove it and run the tests again") from fault


def merge_results(folder: Path, lane: Lane, fresh: Mapping[str, TestResult], gone: Iterable[str] = ()) -> None:
    """Put newer outcomes over older ones, drop the tests that are ``gone``, and move the whole file into place.

    A file that cannot be read any more is replaced: results can always be made again.
    """
    try:
        tests = dict(load_lane(folder, lane).tests)
    except ResultsError:
        tests = {}
    for name in gone:
        tests.pop(name, None)
    tests.update(fresh)
    folder.mkdir(parents=True, exist_ok=True)
    path = results_path(folder, lane)
    draft = path.with_suffix(f".{os.getpid()}.new")
    results = LaneResults(lane=lane, tests=dict(sorted(tests.items())))
    draft.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def no_longer_written(root: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Which of the tests, by node id, are no longer written in their file under ``root``."""
    written: dict[str, frozenset[str]] = {}  # a file has many tests, and is read once
    gone: list[str] = []
    for name in names:
        file, _, rest = name.partition("[")[0].partition("::")
        if file not in written:
            written[file] = functions_of(root / file)
        if rest.rpartition("::")[2] not in written[file]:
            gone.append(name)
    return tuple(gone)


def functions_of(file: Path) -> frozenset[str]:
    """Names of the functions that are written in a file; none if it is not there."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(re.findall(r"\bdef (\w+)", text))
