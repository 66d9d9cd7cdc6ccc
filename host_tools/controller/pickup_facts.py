"""What pick-up by badge knows of docked cameras, readers' places and the system's rules, at this moment.

Law: looks and changes nothing. Everything is read anew for each tap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from host_tools.controller.cameras import Camera, CameraView
from host_tools.controller.docks import Dock, worst_verdict
from host_tools.controller.happenings import Happenings
from host_tools.controller.membership import Membership
from host_tools.system.assignment import Demand, DockedCamera
from host_tools.system.assignment_desk import Note
from host_tools.system.records import PICKUP_SECONDS_MAX, Device, Wearer
from host_tools.system.system import System
from host_tools.trust.admission import MEMBER

FIXED_MODE, MULTI_MODE = "fixed", "self_multi"
HOLD_MORE_MS = (
    5_000  # that a camera holds an offer for longer than a person is given: this controller takes it back first
)
HOLD_MS_LONGEST = PICKUP_SECONDS_MAX * 1000 + HOLD_MORE_MS  # of an offer whose note does not say it


class Fleet(Protocol):
    """What pick-up needs of a controller."""

    happenings: Happenings
    cameras: dict[str, CameraView]
    docks: dict[str, Dock]
    membership: Membership
    problems: dict[str, str]

    def session_of(self, serial: str) -> Camera | None: ...

    def place_of(self, view: CameraView) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class PickupRules:
    """``software``: version of the whole system; ``dock_places``: where docks stand, by serial."""

    software: str
    dock_places: Mapping[str, str] = field(default_factory=dict[str, str])


class PickupFacts:
    """See ``Fleet`` and ``PickupRules``."""

    def __init__(self, fleet: Fleet, system: System, rules: PickupRules) -> None:
        self._fleet = fleet
        self._system = system
        self._rules = rules

    def mode(self) -> str:
        """How cameras are assigned: a word of records.ASSIGNMENT_MODES."""
        return self._system.settings.assignment_mode

    def take_ms(self) -> int:
        """How long a camera is offered now."""
        return self._system.settings.pickup_seconds * 1000

    def place(self, dock: str) -> str:
        """Where a dock stands, as far as that matters."""
        return self._rules.dock_places.get(dock, "") if self.mode() == MULTI_MODE else ""

    def demand(self, place: str) -> Demand:
        """What a camera must be to be offered at that place."""
        settings = self._system.settings
        here = place if self.mode() == MULTI_MODE else None
        return Demand(self._rules.software, here, settings.ready_battery_percent, settings.ready_storage_percent)

    def notes(self) -> list[Note]:
        """Whose cameras are."""
        return [
            Note(each.camera, each.wearer, each.undocked_unix_ms is not None, each.hold_ms or HOLD_MS_LONGEST)
            for each in self._system.holdings.values()
        ]

    def is_in_order(self, serial: str) -> bool:
        """Whether a camera stands greeted in a bay."""
        view = self._fleet.cameras.get(serial)
        return view is not None and view.online and view.status.get("state") == "docked"

    def is_back(self, serial: str) -> bool:
        """Whether a camera stands greeted in a bay, in order or not: whoever had it has docked it."""
        view = self._fleet.cameras.get(serial)
        return view is not None and view.online and view.status.get("state") in ("docked", "malfunctioning")

    def may_be_had(self, serial: str) -> bool:
        """Whether a camera that is offered still may be: in order, and not to be removed."""
        return self.is_in_order(serial) and self._stays(serial)

    def whose(self, tag: str) -> str:
        """Id of the wearer whose badge that is now; empty if it is nobody's."""
        wearer = self._system.wearer_of_tag(tag)
        return wearer.id if wearer is not None else ""

    def cameras(self, wearer: Wearer, offered: Collection[str]) -> list[DockedCamera]:
        """All that are docked now, as this wearer could get them; ``offered``: serials of those that are on offer."""
        busy = {*offered, *self._system.holdings}
        return [
            self._docked(view, wearer, view.serial in busy)
            for view in self._fleet.cameras.values()
            if view.online and view.admission == MEMBER
        ]

    def _docked(self, view: CameraView, wearer: Wearer, busy: bool) -> DockedCamera:
        bound = self._fleet.place_of(view)
        dock, bay = bound.get("dock", ""), bound.get("bay", 0)
        station, status = self._fleet.docks.get(dock), view.status
        device = self._system.state.of("device").get(view.serial)
        dark = station is not None and bay in station.switched_off
        return DockedCamera(
            serial=view.serial,
            model=view.model,
            firmware=view.firmware,
            place=self.place(dock),
            dock=dock,
            bay=bay,
            idle=self.is_in_order(view.serial) and self._stays(view.serial) and not (busy or view.trouble or dark),
            battery_percent=status.get("battery_percent", 0),
            storage_free_bytes=status.get("storage_free_bytes", 0),
            storage_total_bytes=status.get("storage_total_bytes", 0),
            unsupported=tuple(self._system.unsupported(wearer.profile, view.model)),
            contacts=worst_verdict(station.rows(bay)) if station is not None else "not_measured",
            waiting=status.get("recordings", 0),
            taken_unix_ms=device.taken_unix_ms if isinstance(device, Device) else 0,
        )

    def _stays(self, serial: str) -> bool:
        member = self._fleet.membership.members.find(serial)
        return member is not None and not member.removing
