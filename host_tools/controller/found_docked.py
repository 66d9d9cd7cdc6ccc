"""Cameras that were docked when the controller before this one ended: found in the same bay they were never away, else
they left at a time that nobody saw.

Law: what is told of them is told once, and only what is known. Whoever is found where they were is not said to have
come; whoever is not found is said to have gone in between, with both ends of that time (decision 0148).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from host_tools.controller.cameras import CameraView
from host_tools.controller.docks import Dock
from host_tools.controller.happenings import Happenings
from host_tools.controller.members import Member
from host_tools.system.records import Device
from host_tools.system.system import System

DOCKED, STILL_DOCKED, LEFT_UNSEEN = "docked", "still_docked", "left_unseen"  # what is told
FOUND_S = 90.0  # from the beginning: docks and cameras have been greeted by then
FREE_S = 3.0  # a dock that begins with its controller calls a bay empty until it has felt who sits there
LOOK_S = 0.5  # between two looks at bays whose camera has not shown itself


class Seat(NamedTuple):
    """Where a camera was docked, and when it was seen there last; ``dock`` is empty where the bay was not known."""

    dock: str
    bay: int
    seen_unix_ms: int


class FoundDocked:
    """``run`` beside the controller, until all are found or known to be gone; ``cameras``, ``docks``: the
    controller's."""

    def __init__(
        self,
        seats: Mapping[str, Seat],
        cameras: Mapping[str, CameraView],
        docks: Mapping[str, Dock],
        happenings: Happenings,
    ) -> None:
        self._waited_for = dict(seats)
        self._free_since_s: dict[str, float] = {}
        self._cameras = cameras
        self._docks = docks
        self._happenings = happenings

    async def run(self) -> None:
        """A bay that its dock goes on calling empty tells soon; whoever has not shown itself by the end has gone."""
        now_s = asyncio.get_running_loop().time()
        ends_s = now_s + FOUND_S
        while self._waited_for:
            for serial, seat in list(self._waited_for.items()):
                if now_s >= ends_s or self._is_free(serial, seat, now_s):
                    self._gone(serial)
            await asyncio.sleep(LOOK_S)
            now_s = asyncio.get_running_loop().time()

    def greet(self, serial: str, place: Mapping[str, Any]) -> None:
        """A camera is greeted: tell what that is. It goes on being docked unless it is known to be elsewhere."""
        seat = self._waited_for.get(serial)
        if seat is not None and place and seat.dock and (place["dock"], place["bay"]) != (seat.dock, seat.bay):
            self._gone(serial)
            seat = None
        self._waited_for.pop(serial, None)
        self._happenings.tell(DOCKED if seat is None else STILL_DOCKED, camera=serial, **place)

    def _is_free(self, serial: str, seat: Seat, now_s: float) -> bool:
        dock = self._docks.get(seat.dock)
        if dock is None or seat.bay not in dock.bays or dock.state_of(seat.bay) != "free":
            self._free_since_s.pop(serial, None)
            return False
        return now_s - self._free_since_s.setdefault(serial, now_s) >= FREE_S

    def _gone(self, serial: str) -> None:
        seen_ms, view = self._waited_for.pop(serial).seen_unix_ms, self._cameras.get(serial)
        if view is None:  # it was taken off meanwhile
            return
        view.left_unix_ms = until_ms = max(self._happenings.wall_ms(), seen_ms)  # a clock may have begun in the past
        text = f"{serial} was taken out while the controller was away, between {_shown(seen_ms)} and {_shown(until_ms)}"
        self._happenings.tell(LEFT_UNSEEN, camera=serial, after_unix_ms=seen_ms, until_unix_ms=until_ms, text=text)


def seats_of(members: Mapping[str, Member], system: System | None) -> dict[str, Seat]:
    """Members that were docked when what is kept was written last."""
    found: dict[str, Seat] = {}
    for serial, device in system.state.of("device").items() if system is not None else ():
        member = members.get(serial)
        if member is None or not isinstance(device, Device):
            continue
        if device.docked is not None:
            seen_ms = max(device.docked.seen.unix_ms, member.seen_unix_ms)
            found[serial] = Seat(device.docked.dock, device.docked.bay, seen_ms)
        elif (device.left.unix_ms if device.left is not None else 0) < member.seen_unix_ms:  # an older one wrote that
            found[serial] = Seat("", 0, member.seen_unix_ms)
    return found


def _shown(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
