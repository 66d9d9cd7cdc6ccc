"""The record of a unit and run: what was measured of this board, by which bench, with which seed, and what came of it.

Law: one JSON file a unit and run, written whole and moved into place; a later run adds a file and changes none. The
fields have OpenHTF's names (``dut_id``, ``station_id``, ``phases``). What time it is, is an argument. Nothing in it
depends on a version control system: the version is the firmware's and the host's own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from firmware.version import VERSION
from host_tools.bench.errors import RecordError
from host_tools.bench.measurements import Measurement, Outcome, worst

FORMAT = 1
UNITS_FOLDER = "units"
SERIAL_CHARACTERS_MAX = 64
FAILING: tuple[Outcome, ...] = ("fail", "unset")  # what fails the phase in which it was measured


@dataclass(frozen=True, slots=True)
class Run:
    """What all records of one run share. ``lane``: where it ran, ``emulated`` or ``hardware`` for example."""

    station_id: str
    seed: int
    started_ms: int
    lane: str = "emulated"
    host: str = ""

    @property
    def name(self) -> str:
        """Of the run: sorts by time, and fits into a file name."""
        return f"{datetime.fromtimestamp(self.started_ms / 1000, UTC):%Y%m%dT%H%M%S}Z-{self.seed}"


@dataclass(frozen=True, slots=True)
class Phase:
    """One scenario, or one step of a check, on one unit. ``outcome``: passed, failed, error or skipped."""

    name: str
    outcome: str
    started_ms: int
    ended_ms: int
    measurements: tuple[Measurement, ...] = ()
    details: str = ""


@dataclass(slots=True)
class Unit:
    """A board as its record names it."""

    serial: str
    board: str = ""
    model: str = ""
    firmware: str = ""
    phases: list[Phase] = field(default_factory=list[Phase])


class RunRecords:
    """The records of one run, in the making. ``folder``: where all runs are kept."""

    def __init__(self, folder: Path, run: Run, wall_ms: Callable[[], int]) -> None:
        self.run = run
        self._folder = folder
        self._wall_ms = wall_ms
        self._units: dict[str, Unit] = {}

    def unit(self, serial: str, board: str = "", model: str = "", firmware: str = "") -> Unit:
        """The unit of that serial number; what is said of it now is kept, what was known stays."""
        unit = self._units.setdefault(serial, Unit(serial))
        unit.board, unit.model = board or unit.board, model or unit.model
        unit.firmware = firmware or unit.firmware
        return unit

    def units(self) -> list[Unit]:
        """All so far, by serial number."""
        return [self._units[serial] for serial in sorted(self._units)]

    def add(self, serial: str, name: str, measurements: Sequence[Measurement], **about: str) -> None:
        """A phase that measured only, and took no time to speak of. ``about``: see ``unit``."""
        now_ms = self._wall_ms()
        outcome = "failed" if worst(each.outcome for each in measurements) in FAILING else "passed"
        self.unit(serial, **about).phases.append(Phase(name, outcome, now_ms, now_ms, tuple(measurements)))

    def write(self) -> list[Path]:
        """Every unit's record, each moved into place whole. RecordError."""
        ended_ms = self._wall_ms()
        return [self._write(unit, ended_ms) for unit in self.units()]

    def _write(self, unit: Unit, ended_ms: int) -> Path:
        path = self._folder / UNITS_FOLDER / file_name(unit.serial) / f"{self.run.name}.json"
        draft = path.with_suffix(f".{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(document(self.run, unit, ended_ms), indent=1) + "\n", encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise RecordError(f"{path}: cannot be written ({error.strerror}); choose a folder you may write") from error
        return path


def document(run: Run, unit: Unit, ended_ms: int) -> dict[str, Any]:
    """What is in a unit's file."""
    return {
        "format": FORMAT,
        "dut_id": unit.serial,
        "station_id": run.station_id,
        "start_time_millis": run.started_ms,
        "end_time_millis": ended_ms,
        "outcome": outcome_of(unit),
        "marginal": any(each.outcome == "marginal" for phase in unit.phases for each in phase.measurements),
        "metadata": {
            "board": unit.board,
            "model": unit.model,
            "firmware_version": unit.firmware,
            "host_version": VERSION,
            "seed": run.seed,
            "lane": run.lane,
            "host": run.host,
        },
        "phases": [_phase(phase) for phase in unit.phases],
    }


def outcome_of(unit: Unit) -> str:
    """In OpenHTF's words. What was skipped decides nothing; nothing but that is no outcome at all."""
    outcomes = {phase.outcome for phase in unit.phases} - {"skipped"}
    if "error" in outcomes:
        return "ERROR"
    if "failed" in outcomes:
        return "FAIL"
    return "PASS" if outcomes else "ABORTED"


def read_record(path: Path) -> dict[str, Any]:
    """A record as it was written. RecordError if it is none."""
    try:
        found = cast("object", json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read as a record ({error}); name a file below {UNITS_FOLDER}") from error
    record = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if record.get("format") != FORMAT:
        raise RecordError(f"{path}: no record of format {FORMAT}; it was written by another version")
    return record


def file_name(serial: str) -> str:
    """A serial number as a folder's name: a board may say anything of itself."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", serial)[:SERIAL_CHARACTERS_MAX].lstrip(".") or "unnamed"


def _phase(phase: Phase) -> dict[str, Any]:
    return {
        "name": phase.name,
        "start_time_millis": phase.started_ms,
        "end_time_millis": phase.ended_ms,
        "outcome": _PHASE_WORDS[phase.outcome],
        "measurements": {each.name: each.as_json() for each in phase.measurements},
        **({"outcome_details": phase.details} if phase.details else {}),
    }


_PHASE_WORDS = {"passed": "PASS", "failed": "FAIL", "error": "ERROR", "skipped": "SKIP"}
