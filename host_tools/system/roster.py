"""Who wears which camera: wearers and fixed assignments, from a TOML file.

Law: pure rules over a file that people write. Whatever is wrong in it is one line with the file, its line, the key and
the nearest name that would have been right; nothing of a wrong file is used.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from host_tools.hardware.toml_files import FileFault, fault_in, read_text, values_of
from host_tools.system.records import FixedAssignment, Profile, SettingValue, Wearer
from host_tools.system.rules import WEARERS_MAX
from host_tools.system.system import System

Assignment = FixedAssignment
ROSTER_BYTES_MAX = 8 << 20  # as many wearers with the longest of names


class RosterFileError(Exception):
    """The file cannot be used; one line with file, key and remedy."""


class WhoWears(Protocol):
    """What a session with a camera asks. The whole domain answers it (``System``), and a ``Roster`` does."""

    @property
    def wearers(self) -> Mapping[str, Wearer]:
        """By id."""
        ...

    def wearer_for(self, camera_serial: str, /) -> Wearer | None:
        """Whose camera it is now; None if it is nobody's."""
        ...

    def owner_of(self, camera_serial: str, /) -> Wearer | None:
        """Whose camera it is for always; None where cameras are taken as they come."""
        ...

    def settings_for(self, wearer: Wearer | None, model: str, /) -> dict[str, SettingValue]:
        """What a camera of that model is told of how to behave; nothing where no profiles are kept."""
        ...


class _RosterFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    wearer: Annotated[tuple[Wearer, ...], Field(max_length=WEARERS_MAX)] = ()
    assignment: Annotated[tuple[Assignment, ...], Field(max_length=WEARERS_MAX)] = ()


class Roster:
    """Wearers and assignments that fit each other."""

    def __init__(self, wearers: tuple[Wearer, ...] = (), assignments: tuple[Assignment, ...] = ()) -> None:
        """RosterFileError if an id or a camera comes twice, or a camera is assigned to nobody known."""
        self.wearers = {wearer.id: wearer for wearer in wearers}
        self.assignments = {assignment.camera: assignment.wearer for assignment in assignments}
        _require_unique("wearer", "id", [wearer.id for wearer in wearers])
        _require_unique("assignment", "camera", [assignment.camera for assignment in assignments])
        for camera, wearer_id in self.assignments.items():
            if wearer_id not in self.wearers:
                hint = _hint(wearer_id, self.wearers)
                raise RosterFileError(f"assignment of camera {camera!r}: no wearer has the id {wearer_id!r}{hint}")

    def wearer_for(self, camera_serial: str) -> Wearer | None:
        """Whose camera it is; None if it is nobody's."""
        wearer_id = self.assignments.get(camera_serial)
        return self.wearers[wearer_id] if wearer_id is not None else None

    def owner_of(self, camera_serial: str) -> Wearer | None:
        """The same: a roster knows of no other way."""
        return self.wearer_for(camera_serial)

    def settings_for(self, wearer: Wearer | None, model: str) -> dict[str, SettingValue]:
        """None: a profile of a roster is a name and no more."""
        return {}


def load_roster(path: Path) -> Roster:
    """Read a roster: tables ``[[wearer]]`` (id, name, profile) and ``[[assignment]]`` (camera, wearer)."""
    text = ""
    try:
        text = read_text(path, "roster", "check its name", ROSTER_BYTES_MAX)
        found = _RosterFile.model_validate(values_of(text))
        return Roster(found.wearer, found.assignment)
    except FileFault as fault:
        raise RosterFileError(f"roster {fault.at(path)}") from fault
    except ValidationError as error:
        raise RosterFileError(f"roster {fault_in(text, error, _RosterFile).at(path)}") from error
    except RosterFileError as error:
        raise RosterFileError(f"roster {path}: {error}") from error


def import_roster(system: System, roster: Roster, by: str, now_ms: int) -> None:
    """Have a roster's wearers and assignments in the system, over what is there of them; others stay. Profiles that it
    names and nobody has made begin as the catalogue's defaults. SystemRefused, SystemFault. Blocks."""
    with system.change(by, now_ms) as edit:
        for wearer in roster.wearers.values():
            if wearer.profile not in edit.state.profiles:
                edit.put(Profile(name=wearer.profile))
            known = edit.state.wearers.get(wearer.id)
            if known is None:
                edit.put(wearer)
            else:
                edit.put(known.model_copy(update={name: getattr(wearer, name) for name in wearer.model_fields_set}))
        for camera, wearer_id in roster.assignments.items():
            edit.put(Assignment(camera=camera, wearer=wearer_id))


def _require_unique(table: str, key: str, values: list[str]) -> None:
    """People do not tell ``w-7`` from ``W-7``, so neither may the file."""
    seen: dict[str, int] = {}
    for number, value in enumerate(values, start=1):
        first = seen.setdefault(value.casefold(), number)
        if first != number:
            raise RosterFileError(f"{table} {number}: {key} {value!r} is already used by {table} {first}: change one")


def _hint(wrong: str, known: dict[str, Any]) -> str:
    near = get_close_matches(wrong, list(known), n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(sorted(known)[:10])}" if known else ""
