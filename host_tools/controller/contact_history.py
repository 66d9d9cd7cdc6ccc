"""Every docking's contact check, kept: the history that says which side is worn.

Law: one line of JSON a docking, appended and synced; read whole at the start. Kept for KEEP_DAYS before the newest and
at most LINES_MAX lines, BAY_LINES_MAX of a bay: a loose contact over a weekend must not push out a year of all others.
What is beyond goes when the file is written anew, at a start or once it has grown by a quarter. A line that is
not whole (a power cut) or not ours is passed over and counted, never a reason not to start. Blocking; from asyncio
through ``run_blocking``. Nothing in it is about wearers or recordings.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from host_tools.system.contact_wear import Seating

FILE = "contacts.jsonl"
KEEP_DAYS = 400  # a year of wear, and the season before
LINES_MAX = 20_000  # 5 docks of 8 bays make them in a year and a half; 5 MB
BAY_LINES_MAX = 2_000  # five dockings a day for the whole time; a contact that comes and goes makes 300 an hour
SPARE = 1.25
DAY_MS = 86_400_000


class Docking(BaseModel):
    """One docking. ``failed``: quantities with that verdict; values are None where they were not measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_unix_ms: int
    dock: str
    bay: int
    camera: str
    verdict: str
    failed: tuple[str, ...] = ()
    settle_ms: int | None = None
    bounces: int | None = None
    coupling_ppm: int | None = None
    supply_uv: int | None = None
    charge_ua: int | None = None
    resistance_uohm: int | None = None
    uncertainty_uohm: int | None = None
    temperature_mc: int | None = None

    @property
    def place(self) -> str:
        """The bay as the model of wear knows it."""
        return place_of(self.dock, self.bay)


class ContactHistory:
    """``folder``: of the controller; None: in memory alone. ``damaged``: lines that were passed over."""

    def __init__(self, folder: Path | None, now_unix_ms: int) -> None:
        self.damaged = 0
        self._path = None if folder is None else folder / FILE
        self._rows: list[Docking] = []
        if self._path is not None and self._path.exists():
            self._rows = self._read(self._path)
            self._write_anew(now_unix_ms)

    def rows(self) -> list[Docking]:
        """Oldest first."""
        return list(self._rows)

    def add(self, row: Docking) -> None:
        """Keep one more, durably. OSError if the disk does not take it; it counts in memory all the same."""
        self._rows.append(row)
        if len(self._rows) > LINES_MAX * SPARE:
            self._write_anew(row.at_unix_ms)
        elif self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(row))
                file.flush()
                os.fsync(file.fileno())

    def newest(self, dock: str, bay: int) -> Docking | None:
        """What was kept of a bay last."""
        place = place_of(dock, bay)
        return next((row for row in reversed(self._rows) if row.place == place), None)

    def seatings(self) -> list[Seating]:
        """What the model of wear takes, oldest first."""
        return [
            Seating(row.place, row.camera, row.resistance_uohm / 1000)
            for row in self._rows
            if row.resistance_uohm is not None and row.camera
        ]

    def cases(self, quantity: str) -> list[tuple[str, str]]:
        """(place, camera) of every docking at which a quantity failed."""
        return [(row.place, row.camera) for row in self._rows if quantity in row.failed]

    def _read(self, path: Path) -> list[Docking]:
        rows: list[Docking] = []
        with path.open("rb") as file:
            for line in file:
                try:
                    rows.append(Docking.model_validate(json.loads(line)))
                except (ValueError, ValidationError):
                    self.damaged += 1
        return rows

    def _write_anew(self, now_unix_ms: int) -> None:
        newest_ms = max((row.at_unix_ms for row in self._rows), default=0)
        oldest_ms = min(now_unix_ms, newest_ms) - KEEP_DAYS * DAY_MS  # a clock that runs ahead makes nothing old
        of_bay: Counter[str] = Counter()
        kept: list[Docking] = []
        for row in reversed(self._rows):
            of_bay[row.place] += 1
            if row.at_unix_ms >= oldest_ms and of_bay[row.place] <= BAY_LINES_MAX:
                kept.append(row)
        kept = kept[:LINES_MAX][::-1]
        changed = self.damaged > 0 or len(kept) != len(self._rows)
        self._rows = kept
        if self._path is not None and changed:
            _replace(self._path, map(_line, kept))


def place_of(dock: str, bay: int) -> str:
    """A bay of a dock in one word."""
    return f"{dock}/{bay}"


def is_same_docking(before: Docking, now: Docking) -> bool:
    """Whether a bay that was found in use holds what it held, for all that is known, and nothing new was learnt."""
    learnt = before.resistance_uohm is None and now.resistance_uohm is not None
    return before.camera == now.camera and not learnt


def _line(row: Docking) -> str:
    return row.model_dump_json(exclude_none=True) + "\n"


def _replace(path: Path, lines: Iterable[str]) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
