"""Wearers as a CSV file: what an import would do, before anything is done; and an export that imports as what it was.

Law: pure. A plan is made of the whole file and the whole system; either all of it is applied or nothing. An empty cell
says nothing: a new wearer has the default there, a known one keeps what it has. A single ``-`` empties.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from host_tools.system import csv_text, rules
from host_tools.system.catalogue import Abilities
from host_tools.system.csv_text import CsvFault, Line
from host_tools.system.errors import SystemRefused
from host_tools.system.records import Wearer
from host_tools.system.rules import WEARERS_MAX
from host_tools.system.state import State, as_people_read
from host_tools.system.system import body_of, make

HEADER = ("ID", "Name", "Profile", "E-mail", "RFID", "Prioritised", "Username")
REQUIRED = ("id", "name")
EMPTY = "-"
YES, NO = "yes", "no"
CONFLICTS_MAX = 200  # of one preview: whoever has more has one cause for them

_COLUMNS: dict[str, str] = {
    "id": "id",
    "name": "name",
    "profile": "profile",
    "e-mail": "email",
    "email": "email",
    "rfid": "tags",
    "tags": "tags",
    "prioritised": "prioritised",
    "username": "linked_username",
}
_CLEARED: dict[str, Any] = {"email": "", "tags": (), "prioritised": False}
_SAID: dict[str, str] = {"email": "e-mail", "tags": "RFID", "linked_username": "username"}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a line cannot be imported: in English, and as ``code`` and ``values`` of ``errors.CONFLICTS`` for whoever
    says it otherwise; a refusal of another kind has no code."""

    line: int
    text: str
    code: str = ""
    values: Mapping[str, object] = field(default_factory=dict[str, object], compare=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a wearer, as it was and as it is to be."""

    field: str
    before: Any
    after: Any


@dataclass(slots=True)
class ImportPlan:
    """What an import would do. ``token``: of exactly this."""

    added: list[Wearer] = field(default_factory=list[Wearer])
    changed: list[tuple[Wearer, Wearer]] = field(default_factory=list[tuple[Wearer, Wearer]])
    same: int = 0
    conflicts: list[Conflict] = field(default_factory=list[Conflict])

    def token(self) -> str:
        """What a person has agreed to when they agree to this plan."""
        bodies = [body_of(each) for each in self.added]
        bodies += [part for before, after in self.changed for part in (body_of(before), body_of(after))]
        return hashlib.sha256("\n".join((str(len(self.added)), *bodies)).encode()).hexdigest()


def plan_import(text: str, state: State, abilities: Mapping[str, Abilities]) -> ImportPlan:
    """What importing a file into ``state`` would do; its conflicts, if it cannot be."""
    plan = ImportPlan()
    try:
        lines = csv_text.read(text, WEARERS_MAX + 1)
        columns = _columns(lines[0]) if lines else None
    except CsvFault as fault:
        plan.conflicts.append(_conflict(fault.line, fault))
        return plan
    if columns is None:
        text = f"the file is empty: its first line is {', '.join(HEADER[:2])}, …"
        plan.conflicts.append(Conflict(1, text, "table_empty"))
        return plan
    read = _read_rows(lines[1:], columns, state, plan)
    _check_together(read, state, abilities, plan)
    for _, before, after in read:
        if before is None:
            plan.added.append(after)
        elif before != after:
            plan.changed.append((before, after))
        else:
            plan.same += 1
    plan.conflicts = sorted(plan.conflicts, key=lambda each: (each.line, each.text))[:CONFLICTS_MAX]
    return plan


def export(state: State) -> str:
    """All wearers, by id."""
    return csv_text.write(HEADER, [_cells(wearer) for _, wearer in sorted(state.wearers.items())])


def template() -> str:
    """The columns, and an example of each."""
    example = Wearer(id="W-001", name="Ada Example", email="ada@example.org", tags=("04A1B2C3D4",))
    return csv_text.write(HEADER, [_cells(example)])


def differences(before: Wearer, after: Wearer) -> list[Difference]:
    """What is different."""
    was, now = before.model_dump(mode="json"), after.model_dump(mode="json")
    return [Difference(name, was[name], now[name]) for name in Wearer.model_fields if was[name] != now[name]]


def said(found: list[Difference]) -> str:
    """The same in English: ``name Ada → Eve; e-mail …``."""
    return "; ".join(
        f"{_SAID.get(each.field, each.field)} {_said(each.before)} → {_said(each.after)}" for each in found
    )


Read = tuple[int, "Wearer | None", Wearer]  # line, as it is known, as it is to be


def _columns(header: Line) -> list[str]:
    found: list[str] = []
    for cell in header.cells:
        column = _COLUMNS.get(cell.strip().casefold())
        if column is None:
            text = f"unknown column {cell.strip()[:40]!r}; known: {', '.join(HEADER)}"
            raise CsvFault(header.number, text, "column_unknown", column=cell.strip()[:40])
        if column in found:
            text = f"column {cell.strip()[:40]!r} is there twice: take one out"
            raise CsvFault(header.number, text, "column_twice", column=cell.strip()[:40])
        found.append(column)
    for column in REQUIRED:
        if column not in found:
            text = f"there is no column {column.upper() if column == 'id' else 'Name'}: add it"
            raise CsvFault(header.number, text, "column_missing", field=column)
    return found


def _read_rows(lines: list[Line], columns: list[str], state: State, plan: ImportPlan) -> list[Read]:
    read: list[Read] = []
    seen: dict[str, int] = {}
    for line in lines:
        try:
            before, after = _read_row(line, columns, state)
        except SystemRefused as refused:
            plan.conflicts.append(_conflict(line.number, refused))
            continue
        first = seen.setdefault(as_people_read(after.id), line.number)
        if first != line.number:
            text = f"ID {after.id} is already in line {first}: take one out"
            plan.conflicts.append(Conflict(line.number, text, "id_twice", {"id": after.id, "line": first}))
        else:
            read.append((line.number, before, after))
    return read


def _read_row(line: Line, columns: list[str], state: State) -> tuple[Wearer | None, Wearer]:
    if len(line.cells) > len(columns) and any(cell.strip() for cell in line.cells[len(columns) :]):
        text = f"{len(line.cells)} cells, and only {len(columns)} columns: put quotes around commas"
        raise SystemRefused(text, "cells_too_many", cells=len(line.cells), columns=len(columns))
    values: dict[str, Any] = {}
    for column, raw in zip(columns, line.cells, strict=False):
        cell = raw.strip()
        if cell == EMPTY and column in _CLEARED:
            values[column] = _CLEARED[column]
        elif cell:
            values[column] = _value(column, cell)
    for column in REQUIRED:
        if column not in values:
            raise SystemRefused(f"the {'ID' if column == 'id' else 'name'} is missing", "missing", field=column)
    wanted = make(Wearer, {"profile": state.settings.default_profile, **values})
    before = state.wearers.get(wanted.id)
    if before is None:
        return None, wanted
    return before, make(Wearer, {**before.model_dump(), **values})


def _value(column: str, cell: str) -> Any:
    if column == "tags":
        return tuple(cell.replace(";", " ").replace(",", " ").split())
    if column == "prioritised":
        if cell.casefold() not in (YES, NO):
            raise SystemRefused(f"prioritised {cell[:20]!r}: write {YES} or {NO}", "not_yes_or_no", given=cell[:20])
        return cell.casefold() == YES
    return cell


def _check_together(read: list[Read], state: State, abilities: Mapping[str, Abilities], plan: ImportPlan) -> None:
    """What the lines mean to each other and to what is there: by the rules that the change itself is checked with."""
    after = state.copy()
    for _, _, wearer in read:
        after.put(wearer)
    if len(after.wearers) > WEARERS_MAX:
        text = f"a system has at most {WEARERS_MAX} wearers: remove some first"
        plan.conflicts.append(Conflict(1, text, "wearers_too_many", {"most": WEARERS_MAX}))
    whole = {_without_zeros(each): each for each in state.wearers if _without_zeros(each)}
    there = {wearer.id for _, _, wearer in read}
    for number, before, wearer in read:
        known = whole.get(wearer.id) if before is None else None
        if known is not None and known not in there:
            text = f"ID {wearer.id}: there is {known} ({state.wearers[known].name}): bring back the zeros"
            plan.conflicts.append(Conflict(number, text, "id_zeros", {"id": wearer.id, "known": known}))
        if before == wearer and not any(len(after.owners_of_tag(tag)) > 1 for tag in wearer.tags):
            continue
        try:
            rules.check_one("wearer", wearer.id, state, after, abilities)
        except SystemRefused as refused:
            plan.conflicts.append(_conflict(number, refused))


def _without_zeros(wearer_id: str) -> str:
    """An id as a spreadsheet makes it that takes it for a number; empty where it would leave it as it is."""
    numeric = wearer_id.isascii() and wearer_id.isdigit() and wearer_id.startswith("0")
    return (wearer_id.lstrip("0") or "0") if numeric and len(wearer_id) > 1 else ""


def _conflict(line: int, fault: CsvFault | SystemRefused) -> Conflict:
    return Conflict(line, str(fault), fault.code, fault.values)


def _cells(wearer: Wearer) -> tuple[str, ...]:
    return (
        wearer.id,
        wearer.name,
        wearer.profile,
        wearer.email,
        " ".join(wearer.tags),
        YES if wearer.prioritised else "",
        wearer.linked_username,
    )


def _said(value: object) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, list):
        return " ".join(str(each) for each in cast("list[object]", value)) or "none"
    return str(value) or "none"
