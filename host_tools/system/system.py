"""The domain of one controller: what is known, changes to it that are whole, and whoever wants to hear of them.

Law: everything is in memory, as the last commit left it, so that looking costs nothing and never waits; the store is
written before memory says so. A change is checked as a whole, and fails as a whole. No clock: ``now_ms`` is given.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from firmware.formats import canonical
from host_tools.hardware.faults import line_of
from host_tools.system import catalogue, rules
from host_tools.system.catalogue import Abilities
from host_tools.system.errors import StaleWrite, SystemFault, SystemRefused
from host_tools.system.records import (
    DEFAULT_PROFILE,
    KINDS,
    SYSTEM_KEY,
    CameraEntry,
    Category,
    FixedAssignment,
    Holding,
    Profile,
    Record,
    SettingValue,
    SystemSettings,
    Wearer,
)
from host_tools.system.state import State
from host_tools.system.store import MemoryStore, Row, Store

REMOVED_REMEMBERED_MAX = 1_000  # for telling who removed what somebody else still looks at
BY_CHARACTERS_MAX = 80  # of who changed something
FIRST = "set-up"  # who made what every system begins with
# What pydantic says of what is too long, as ``errors.CONFLICTS`` has it, and by which name it says the limit.
_LIMITS = {"string_too_long": ("too_long", "max_length"), "too_long": ("too_many", "max_length")}


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a record was changed last, by whom, in which change."""

    version: int
    changed_unix_ms: int
    changed_by: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One record of a committed change. ``before`` None: it is new; ``after`` None: it is gone."""

    kind: str
    key: str
    before: Record | None
    after: Record | None
    version: int
    by: str
    at_unix_ms: int


Listener = Callable[[Changed], None]
Deliver = Callable[[Callable[[], object]], object]


class Edit:
    """A change in the making; made by ``System.change``. It sees what it has put itself."""

    def __init__(self, system: System, state: State) -> None:
        self._system = system
        self._state = state
        self.touched: set[tuple[str, str]] = set()
        self.is_reset = False

    @property
    def state(self) -> State:
        """What it will be."""
        return self._state

    def find(self, kind: str, key: str) -> Record | None:
        """A record, by its key."""
        return self._state.of(kind).get(key)

    def all(self, kind: str) -> list[Record]:
        """All of a kind, by key."""
        return [record for _, record in sorted(self._state.of(kind).items())]

    def stamp_of(self, kind: str, key: str) -> Stamp | None:
        """When a record was changed last, before this change; None if it was not there."""
        return self._system.stamp_of(kind, key)

    def put(self, record: Record, seen: int | None = None) -> None:
        """Write a record. ``seen``: 0 it must be new, else the version that was looked at; None: whatever is there.
        StaleWrite, SystemRefused."""
        self._system.require_seen(record.KIND, record.key, seen)
        self._state.put(record)
        self.touched.add((record.KIND, record.key))

    def remove(self, kind: str, key: str, seen: int | None = None) -> None:
        """Take a record out. SystemRefused if there is none; StaleWrite."""
        if key not in self._state.of(kind):
            self._system.require_seen(kind, key, seen)
            raise SystemRefused(f"there is no {kind} {key}: look at the list again")
        self._system.require_seen(kind, key, seen)
        self._state.drop(kind, key)
        self.touched.add((kind, key))

    def require_seen(self, kind: str, key: str, seen: int | None) -> None:
        """StaleWrite or SystemRefused unless a record is as somebody saw it."""
        self._system.require_seen(kind, key, seen)

    def allow_reset(self) -> None:
        """This change is the system reset: it may choose again what a set-up system cannot."""
        self.is_reset = True


class System:
    """Made over a store that is this object's alone. ``abilities``: what is known of camera models. SystemFault,
    SystemTampered."""

    def __init__(self, store: Store | None = None, abilities: Mapping[str, Abilities] | None = None) -> None:
        self.store: Store = store if store is not None else MemoryStore()
        self.abilities: dict[str, Abilities] = dict(abilities or {})
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._deliver: Deliver = _at_once
        self._removed: dict[tuple[str, str], Stamp] = {}
        self._revision, rows = self.store.load()
        self._stamps = {(row.kind, row.key): Stamp(*row[2:5]) for row in rows}
        state = State()
        for row in rows:
            state.put(_record_of(row))
        self._state = state
        if DEFAULT_PROFILE not in state.profiles or SYSTEM_KEY not in state.of("settings"):
            self._begin()

    # -- looking

    @property
    def state(self) -> State:
        """All of it, at one moment."""
        return self._state

    @property
    def revision(self) -> int:
        """Of the last change."""
        return self._revision

    @property
    def wearers(self) -> Mapping[str, Wearer]:
        """By id."""
        return self._state.wearers

    @property
    def cameras(self) -> Mapping[str, CameraEntry]:
        """By serial."""
        return self._state.cameras

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """By name."""
        return self._state.profiles

    @property
    def assignments(self) -> Mapping[str, FixedAssignment]:
        """By camera."""
        return self._state.assignments

    @property
    def holdings(self) -> Mapping[str, Holding]:
        """By camera."""
        return self._state.holdings

    @property
    def categories(self) -> Mapping[str, Category]:
        """By name."""
        return self._state.categories

    @property
    def settings(self) -> SystemSettings:
        """Those of the system."""
        return self._state.settings

    def wearer_for(self, camera_serial: str) -> Wearer | None:
        """Whose camera it is now; None if it is nobody's."""
        state = self._state
        wearer_id = state.wearer_id_for(camera_serial)
        return state.wearers.get(wearer_id) if wearer_id is not None else None

    def owner_of(self, camera_serial: str) -> Wearer | None:
        """Whose camera it is for always; None where cameras are taken as they come."""
        state = self._state
        assignment = state.assignments.get(camera_serial) if state.settings.assignment_mode == "fixed" else None
        return state.wearers.get(assignment.wearer) if assignment is not None else None

    def wearer_of_tag(self, tag: str) -> Wearer | None:
        """Whose RFID tag it is; ``tag`` in its canonical form."""
        state = self._state
        owners = state.owners_of_tag(tag)
        return state.wearers[owners[0]] if owners else None

    def camera_held_by(self, wearer_id: str) -> list[Holding]:
        """What a wearer has taken for now."""
        return self._state.held_by(wearer_id)

    def stamp_of(self, kind: str, key: str) -> Stamp | None:
        """When a record was changed last; None if there is no such record."""
        return self._stamps.get((kind, key))

    def settings_for(self, wearer: Wearer | None, model: str) -> dict[str, SettingValue]:
        """What a camera of that model is told when it is this wearer's; nobody's gets the default profile's."""
        state = self._state
        name = wearer.profile if wearer is not None else state.settings.default_profile
        profile = state.profiles.get(name) or state.profiles[state.settings.default_profile]
        return catalogue.effective(profile, model)

    def unsupported(self, profile_name: str, model: str) -> list[str]:
        """Why a camera of that model cannot be used with a profile, one line each; empty if it can."""
        profile = self._state.profiles.get(profile_name)
        if profile is None:
            return [f"there is no profile {profile_name}"]
        return rules.unsupported(self._state, profile, model, self.abilities)

    # -- changing

    @contextmanager
    def change(self, by: str, now_ms: int) -> Generator[Edit]:
        """All that is put in the block, or nothing of it; durable when the block has ended, and told then. Blocks.
        StaleWrite, SystemRefused, SystemFault."""
        with self._lock:
            edit = Edit(self, self._state.copy())
            yield edit
            self._commit(edit, by[:BY_CHARACTERS_MAX], now_ms)

    def listen(self, listener: Listener) -> None:
        """Tell of every record that changes from now on, in order, after it is durable. It must not block."""
        self._listeners.append(listener)

    def deliver_with(self, deliver: Deliver) -> None:
        """How listeners are called: with ``loop.call_soon_threadsafe`` on the loop, else where the change was made."""
        self._deliver = deliver

    def require_seen(self, kind: str, key: str, seen: int | None) -> None:
        """StaleWrite or SystemRefused unless a record is as somebody saw it."""
        stamp = self._stamps.get((kind, key))
        if seen is None or (stamp.version if stamp else 0) == seen:
            return
        if seen == 0:
            raise SystemRefused(f"{kind} {key} is there already: change it instead, or choose another")
        done = "changed" if stamp is not None else "removed"
        stamp = stamp or self._removed.get((kind, key))
        if stamp is None:
            raise StaleWrite(f"{kind} {key} is not there any more: look at the list again", "", 0)
        when = datetime.fromtimestamp(stamp.changed_unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise StaleWrite(
            f"{kind} {key} was {done} by {stamp.changed_by} on {when}: look at it again, then change it",
            stamp.changed_by,
            stamp.changed_unix_ms,
        )

    def close(self) -> None:
        """Give the store back."""
        self.store.close()

    # -- inside

    def _begin(self) -> None:
        with self.change(FIRST, 0) as edit:
            if DEFAULT_PROFILE not in edit.state.profiles:
                edit.put(Profile(name=DEFAULT_PROFILE, description="What every system begins with."))
            if SYSTEM_KEY not in edit.state.of("settings"):
                edit.put(SystemSettings())

    def _commit(self, edit: Edit, by: str, now_ms: int) -> None:
        before, after = self._state, edit.state
        changed = {(kind, key) for kind, key in edit.touched if before.of(kind).get(key) != after.of(kind).get(key)}
        if not changed:
            return
        rules.check(before, after, changed, self.abilities, edit.is_reset)
        stamp = Stamp(self._revision + 1, now_ms, by)
        rows: list[Row] = []
        gone: list[tuple[str, str]] = []
        for kind, key in sorted(changed):
            record = after.of(kind).get(key)
            if record is None:
                gone.append((kind, key))
            else:
                rows.append(Row(kind, key, stamp.version, now_ms, by, body_of(record)))
        self.store.write(stamp.version, rows, gone)
        self._revision = stamp.version
        for row in rows:
            self._stamps[row.kind, row.key] = stamp
        for place in gone:
            del self._stamps[place]
            self._remember_removed(place, stamp)
        self._state = after
        self._tell(
            [
                Changed(kind, key, before.of(kind).get(key), after.of(kind).get(key), stamp.version, by, now_ms)
                for kind, key in sorted(changed)
            ]
        )

    def _remember_removed(self, place: tuple[str, str], stamp: Stamp) -> None:
        self._removed.pop(place, None)
        self._removed[place] = stamp
        while len(self._removed) > REMOVED_REMEMBERED_MAX:
            del self._removed[next(iter(self._removed))]

    def _tell(self, changes: list[Changed]) -> None:
        listeners = list(self._listeners)
        if listeners:
            self._deliver(lambda: _tell_all(listeners, changes))


def body_of(record: Record) -> str:
    """A record in its one canonical form."""
    return canonical.encode(record.model_dump(mode="json")).decode()


def make(kind: type[Record], values: Mapping[str, Any]) -> Any:
    """A record from words. SystemRefused names the first field that does not hold."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        code, values = _said_of(error)
        raise SystemRefused(f"{kind.KIND}: {first_fault(error, kind.model_fields)}", code, **values) from error


def first_fault(error: ValidationError, known: Iterable[str] = ()) -> str:
    """The first thing that is wrong with a record, in one line. ``known``: the names of its fields."""
    return line_of(error.errors(include_url=False, include_input=False)[0], known)


def _said_of(error: ValidationError) -> tuple[str, dict[str, object]]:
    """The same as a word of ``errors.CONFLICTS``, with its values."""
    fault = error.errors(include_url=False, include_input=False)[0]
    name = str(fault["loc"][0]) if fault["loc"] else ""
    code, limit = _LIMITS.get(fault["type"], ("not_allowed", ""))
    return code, {"field": name, **({"most": fault.get("ctx", {})[limit]} if limit else {})}


def _record_of(row: Row) -> Record:
    kind = KINDS.get(row.kind)
    if kind is None:
        raise SystemFault(f"system data: {row.kind} is no kind that this software knows: use the newer software")
    try:
        return kind.model_validate(json.loads(row.body))
    except (ValidationError, ValueError) as error:
        raise SystemFault(f"system data: {row.kind} {row.key} cannot be read: put a backup of it back") from error


def _tell_all(listeners: list[Listener], changes: list[Changed]) -> None:
    for change in changes:
        for listener in listeners:
            listener(change)


def _at_once(function: Callable[[], object]) -> None:
    function()
