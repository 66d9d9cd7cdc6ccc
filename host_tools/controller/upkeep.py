"""Keeps what the domain knows of cameras in step with which cameras there are: their models, where they are docked, how
they left, and those that are gone.

Law: follows happenings, one after another; changes nothing that people have written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from firmware.secure.certificates import LDEVID
from host_tools.controller.cameras import CameraView
from host_tools.controller.found_docked import DOCKED, LEFT_UNSEEN, STILL_DOCKED
from host_tools.controller.happenings import Happening
from host_tools.controller.members import Member
from host_tools.controller.service import Controller
from host_tools.custody.blocking import RunBlocking
from host_tools.system.errors import DomainError
from host_tools.system.records import SOFTWARE_KEPT_MAX, CameraEntry, Device, Docked, Left
from host_tools.system.system import Edit, Stamp, System, make

BY = "controller"  # who changes what nobody asked for
DOCK = "dock_online"
GONE = ("removed", "force_removed")
UNDOCKED = "undocked"
HERE, AWAY = (DOCKED, STILL_DOCKED), (UNDOCKED, LEFT_UNSEEN)
UNSEEN_MS = 1_000  # that a camera may have been gone for without its being noticed: a look, and the end of a session
SEEN_S = 3_600.0  # between two notes that cameras are docked still: after a power cut nobody knows it better
LEFT_FIELDS = ("battery_percent", "recordings", "storage_free_bytes", "storage_total_bytes")

LOG = logging.getLogger("openbwc.controller")


class Upkeep:
    """``run`` is a task beside the controller; ``end`` when both have ended in order."""

    def __init__(self, controller: Controller, system: System, run_blocking: RunBlocking) -> None:
        self._controller = controller
        self._system = system
        self._run_blocking = run_blocking
        self._queue: asyncio.Queue[Callable[[], None]] = asyncio.Queue()
        self._here: set[str] = set()  # cameras that this controller has greeted, and not seen go
        controller.happenings.listen(self._take)

    async def run(self) -> None:
        """Until cancelled."""
        now_ms = self._controller.happenings.wall_ms()
        members = {member.serial: member for member in self._controller.membership.members.all()}
        revoked = self._controller.membership.trust.record.revocations.devices
        try:
            await self._run_blocking(lambda: self._catch_up(members, revoked, now_ms))
        except DomainError as error:
            LOG.warning("what happened while no controller ran is not noted among the cameras: %s", error)
        sees_s = asyncio.get_running_loop().time() + SEEN_S
        while True:
            try:
                async with asyncio.timeout_at(sees_s):
                    change = await self._queue.get()
            except TimeoutError:
                sees_s += SEEN_S
                change = self._see_all
            try:
                await self._run_blocking(change)
            except DomainError as error:
                LOG.warning("not noted among the cameras: %s", error)

    def end(self) -> None:
        """Controller and ``run`` have ended in order: what was told until then is noted, and that whoever was docked is
        docked still. Blocks."""
        try:
            while not self._queue.empty():
                self._queue.get_nowait()()
            self._see_all()
        except DomainError as error:
            LOG.warning("which cameras are docked is not noted: %s", error)

    def _take(self, happening: Happening) -> None:
        what = happening["what"]
        if what == DOCK:
            self._queue.put_nowait(self._change_of_dock(happening["dock"]))
        elif what in HERE:
            self._here.add(happening["camera"])
            self._queue.put_nowait(self._change_of_docked(happening["camera"], what == STILL_DOCKED))
        elif what in GONE:
            self._here.discard(happening["camera"])
            self._queue.put_nowait(lambda: self._forget(happening["camera"]))
        elif what in AWAY:
            self._go(happening)

    def _go(self, happening: Happening) -> None:
        serial = happening["camera"]
        view = self._controller.cameras.get(serial)
        if view is None or (happening["what"] == UNDOCKED and view.online):  # that was the end of an older session
            return
        self._here.discard(serial)
        left = left_of(view, happening.get("after_unix_ms"))
        self._queue.put_nowait(lambda: self._note_left(serial, left))

    def _catch_up(self, members: Mapping[str, Member], revoked: Mapping[tuple[str, str], int], now_ms: int) -> None:
        """What the controller before this one has not noted. Cameras that it took off, and had not told yet, are the
        system's no more; what was written of them since stays."""
        with self._system.change(BY, now_ms) as edit:
            for (kind, serial), at_ms in revoked.items():
                if kind == LDEVID and serial not in members:
                    forget_camera(edit, serial, lambda stamp, at_ms=at_ms: stamp.changed_unix_ms <= at_ms)

    def _change_of_dock(self, serial: str) -> Callable[[], None]:
        dock = self._controller.docks.get(serial)
        model, version = (dock.model, dock.firmware) if dock is not None else ("", "")

        def change() -> None:
            now_ms = self._controller.happenings.wall_ms()
            with self._system.change(BY, now_ms) as edit:
                note_device(edit, serial, "dock", model, version, now_ms)

        return change

    def _change_of_docked(self, serial: str, goes_on: bool) -> Callable[[], None]:
        view = self._controller.cameras.get(serial)
        if view is None or not view.model:
            return lambda: None
        model, version, place = view.model, view.firmware, self._controller.place_of(view)

        def change() -> None:
            now_ms = self._controller.happenings.wall_ms()
            with self._system.change(BY, now_ms) as edit:
                note_camera(edit, serial, model)
                note_device(edit, serial, "camera", model, version, now_ms)
                note_docked(edit, serial, place, now_ms, goes_on)

        return change

    def _forget(self, serial: str) -> None:
        with self._system.change(BY, self._controller.happenings.wall_ms()) as edit:
            forget_camera(edit, serial)
            device = edit.find("device", serial)
            if isinstance(device, Device) and device.docked is not None:
                edit.put(device.model_copy(update={"docked": None}))

    def _note_left(self, serial: str, left: Left) -> None:
        """A clock that was set back makes nobody leave before they were seen: it would look docked to ``seats_of``."""
        with self._system.change(BY, left.unix_ms) as edit:
            device = edit.find("device", serial)
            if isinstance(device, Device):
                seen_ms = device.docked.seen.unix_ms if device.docked is not None else 0
                went = left.model_copy(update={"unix_ms": max(left.unix_ms, seen_ms)})
                edit.put(device.model_copy(update={"left": went, "docked": None}))

    def _see_all(self) -> None:
        """Whoever is docked was so until a moment ago, and is as it said last."""
        seen_ms = self._controller.happenings.wall_ms() - UNSEEN_MS
        with self._system.change(BY, seen_ms) as edit:
            for serial in sorted(self._here):
                device, view = edit.find("device", serial), self._controller.cameras.get(serial)
                if isinstance(device, Device) and device.docked is not None and view is not None:
                    seen = left_of(view).model_copy(update={"unix_ms": max(seen_ms, device.docked.unix_ms)})
                    docked = device.docked.model_copy(update={"seen": seen})
                    edit.put(device.model_copy(update={"docked": docked}))


def left_of(view: CameraView, after_ms: int | None = None) -> Left:
    """How a camera went; of one that has told what cannot be, when."""
    when = {"unix_ms": view.left_unix_ms, "after_unix_ms": after_ms}
    try:
        return Left.model_validate(when | {name: view.status.get(name) for name in LEFT_FIELDS})
    except ValidationError:
        return Left.model_validate(when)


def note_docked(edit: Edit, serial: str, place: Mapping[str, Any], now_ms: int, goes_on: bool) -> None:
    """It is docked there; ``goes_on``: since before this controller."""
    device = edit.find("device", serial)
    if not isinstance(device, Device):
        return
    known = device.docked if goes_on else None
    since_ms, where = (known.unix_ms, {"dock": known.dock, "bay": known.bay}) if known is not None else (now_ms, {})
    seen = Left(unix_ms=now_ms)
    try:
        docked = Docked.model_validate({"unix_ms": since_ms, "seen": seen, **where, **place})
    except ValidationError:  # a dock's name is its own word
        docked = Docked(unix_ms=since_ms, seen=seen)
    edit.put(device.model_copy(update={"docked": docked}))


def note_camera(edit: Edit, serial: str, model: str) -> None:
    """A camera of the system is of that model."""
    known = edit.state.cameras.get(serial)
    if known is None or known.model != model:
        values = known.model_dump() if known is not None else {"serial": serial}
        edit.put(make(CameraEntry, {**values, "model": model}))


def note_device(edit: Edit, serial: str, device: str, model: str, version: str, now_ms: int) -> None:
    """What runs on a device now; written where it is another version than before."""
    known = edit.find("device", serial)
    before = known.software if isinstance(known, Device) else ()
    if isinstance(known, Device) and (known.model, known.version) == (model, version):
        return
    software = [each.model_dump() for each in before]
    if not before or before[-1].version != version:
        software.append({"version": version or "unknown", "since_unix_ms": now_ms})
    kept = known.model_dump() if isinstance(known, Device) else {"serial": serial, "device": device}
    edit.put(make(Device, {**kept, "model": model, "software": software[-SOFTWARE_KEPT_MAX:]}))


def forget_camera(edit: Edit, serial: str, is_old: Callable[[Stamp], bool] | None = None) -> None:
    """A camera is the system's no more: its name, its tags, and that it was somebody's; with ``is_old`` only what it
    says so of."""
    for kind in ("assignment", "holding", "camera"):
        stamp = edit.stamp_of(kind, serial)
        if serial in edit.state.of(kind) and (is_old is None or (stamp is not None and is_old(stamp))):
            edit.remove(kind, serial)
