"""All records at one moment, and the few ways to look them up. Never changed once it is the committed one.

Law: pure; a mapping a kind, and three indexes that always fit them. A copy is made for each change: ten thousand
wearers take a millisecond.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, cast

from host_tools.system.records import (
    KINDS,
    SYSTEM_KEY,
    CameraEntry,
    Category,
    FixedAssignment,
    Holding,
    Priority,
    Profile,
    Record,
    Suspension,
    SystemSettings,
    Wearer,
)

Index = dict[str, tuple[str, ...]]
_WORN = ("assignment", "holding")


def as_people_read(text: str) -> str:
    """What two ids have in common that nobody tells apart: without case, without what cannot be seen (a space of no
    width, a turn of the writing's direction), in the plain form of each letter."""
    if text.isascii():
        return text.casefold()
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")


class State:
    """Records by kind and key."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
        self._alike: Index = {}  # an id, as people read it -> ids
        self._tags: Index = {}  # tag -> ids
        self._cameras: Index = {}  # wearer's id -> cameras they have, in either way
        self.technologies: dict[str, str] = {}  # of tags that a reader has read for this very change, by their text

    def copy(self) -> State:
        """One that can be changed without changing this."""
        other = State()
        other._records = {kind: dict(records) for kind, records in self._records.items()}
        other._alike, other._tags, other._cameras = dict(self._alike), dict(self._tags), dict(self._cameras)
        return other

    def of(self, kind: str) -> Mapping[str, Record]:
        """All of a kind. KeyError: there is no such kind."""
        return self._records[kind]

    @property
    def wearers(self) -> Mapping[str, Wearer]:
        """By id."""
        return cast("dict[str, Wearer]", self._records["wearer"])

    @property
    def cameras(self) -> Mapping[str, CameraEntry]:
        """By serial."""
        return cast("dict[str, CameraEntry]", self._records["camera"])

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """By name."""
        return cast("dict[str, Profile]", self._records["profile"])

    @property
    def assignments(self) -> Mapping[str, FixedAssignment]:
        """By camera."""
        return cast("dict[str, FixedAssignment]", self._records["assignment"])

    @property
    def holdings(self) -> Mapping[str, Holding]:
        """By camera."""
        return cast("dict[str, Holding]", self._records["holding"])

    @property
    def priorities(self) -> Mapping[str, Priority]:
        """By wearer."""
        return cast("dict[str, Priority]", self._records["priority"])

    @property
    def suspensions(self) -> Mapping[str, Suspension]:
        """By what rests."""
        return cast("dict[str, Suspension]", self._records["suspension"])

    @property
    def categories(self) -> Mapping[str, Category]:
        """By name."""
        return cast("dict[str, Category]", self._records["category"])

    @property
    def settings(self) -> SystemSettings:
        """The one row of them."""
        found = self._records["settings"].get(SYSTEM_KEY)
        return found if isinstance(found, SystemSettings) else SystemSettings()

    def ids_alike(self, wearer_id: str) -> tuple[str, ...]:
        """Ids that people would not tell from this one."""
        return self._alike.get(as_people_read(wearer_id), ())

    def owners_of_tag(self, tag: str) -> tuple[str, ...]:
        """Ids of wearers with that tag; one, in a state that holds."""
        return self._tags.get(tag, ())

    def cameras_of(self, wearer_id: str) -> list[str]:
        """Cameras that are the wearer's, for always or for now."""
        return sorted(set(self._cameras.get(wearer_id, ())))

    def held_by(self, wearer_id: str) -> list[Holding]:
        """What the wearer has taken for now."""
        found = [self.holdings.get(camera) for camera in self.cameras_of(wearer_id)]
        return [each for each in found if each is not None and each.wearer == wearer_id]

    def wearer_id_for(self, camera: str) -> str | None:
        """Whose camera it is: whoever has taken it, else, where cameras are assigned for always, its owner."""
        holding = self.holdings.get(camera)
        if holding is not None:
            return holding.wearer
        assignment = self.assignments.get(camera) if self.settings.assignment_mode == "fixed" else None
        return assignment.wearer if assignment is not None else None

    def worn(self) -> dict[str, str]:
        """Every camera that is somebody's, and whose."""
        found = {camera: self.wearer_id_for(camera) for camera in (*self.assignments, *self.holdings)}
        return {camera: wearer for camera, wearer in found.items() if wearer is not None}

    # -- of a copy only

    def put(self, record: Record) -> None:
        """Add or replace."""
        self.drop(record.KIND, record.key)
        self._records[record.KIND][record.key] = record
        for index, word, value in self._entries(record):
            index[word] = (*index.get(word, ()), value)

    def drop(self, kind: str, key: str) -> None:
        """Take out, if it is there."""
        record = self._records[kind].pop(key, None)
        for index, word, value in self._entries(record) if record is not None else ():
            left = list(index[word])
            left.remove(value)
            if left:
                index[word] = tuple(left)
            else:
                del index[word]

    def _entries(self, record: Record) -> list[tuple[Index, str, str]]:
        if isinstance(record, Wearer):
            tags = [(self._tags, tag, record.id) for tag in record.tags]
            return [(self._alike, as_people_read(record.id), record.id), *tags]
        if record.KIND in _WORN:
            worn = cast("Any", record)
            return [(self._cameras, worn.wearer, worn.camera)]
        return []
