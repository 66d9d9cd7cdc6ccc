"""Keeps what the domain knows of cameras in step with which cameras there are: their models, how they left, and those
that are gone.

Law: follows happenings, one after another; changes nothing that people have written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from firmware.secure.certificates import LDEVID
from host_tools.controller.cameras import CameraView
from host_tools.controller.happenings import Happening
from host_tools.controller.members import Member
from host_tools.controller.service import Controller
from host_tools.custody.blocking import RunBlocking
from host_tools.system.errors import DomainError
from host_tools.system.records import SOFTWARE_KEPT_MAX, CameraEntry, Device, Left
from host_tools.system.system import Edit, Stamp, System, make

BY = "controller"  # who changes what nobody asked for
DOCK = "dock_online"
GONE = ("removed", "force_removed")
LEFT_FIELDS = ("battery_percent", "recordings", "storage_free_bytes", "storage_total_bytes")

LOG = logging.getLogger("openbwc.controller")


class Upkeep:
    """``run`` is a task beside the controller."""

    def __init__(self, controller: Controller, system: System, run_blocking: RunBlocking) -> None:
        self._controller = controller
        self._system = system
        self._run_blocking = run_blocking
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
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
        while True:
            what, serial = await self._queue.get()
            board = self._controller.docks.get(serial) if what == DOCK else self._controller.cameras.get(serial)
            model, version = (board.model, board.firmware) if board is not None else ("", "")
            try:
                await self._run_blocking(self._change(what, serial, model, version))
            except DomainError as error:
                LOG.warning("%s: not noted among the cameras: %s", serial, error)

    def _take(self, happening: Happening) -> None:
        if happening["what"] in (*GONE, "docked", "undocked"):
            self._queue.put_nowait((happening["what"], happening["camera"]))
        elif happening["what"] == DOCK:
            self._queue.put_nowait((DOCK, happening["dock"]))

    def _catch_up(self, members: Mapping[str, Member], revoked: Mapping[tuple[str, str], int], now_ms: int) -> None:
        """What the controller before this one has not noted. Cameras that were docked when it ended, and may have been
        taken since, were seen no later than now; a greeting is later. Those that it took off, and had not told yet, are
        the system's no more; what was written of them since stays."""
        with self._system.change(BY, now_ms) as edit:
            for member in members.values():
                device = edit.find("device", member.serial)
                if isinstance(device, Device) and left_ms(device) <= member.seen_unix_ms:
                    before = device.left or Left(unix_ms=0)
                    edit.put(device.model_copy(update={"left": before.model_copy(update={"unix_ms": now_ms})}))
            for (kind, serial), at_ms in revoked.items():
                if kind == LDEVID and serial not in members:
                    forget_camera(edit, serial, lambda stamp, at_ms=at_ms: stamp.changed_unix_ms <= at_ms)

    def _change(self, what: str, serial: str, model: str, version: str) -> Callable[[], None]:
        view = self._controller.cameras.get(serial) if what == "undocked" else None
        if view is not None and not view.online:  # else that was the end of an older session
            left = left_of(view)
            return lambda: self._note_left(serial, left)

        def change() -> None:
            now_ms = self._controller.happenings.wall_ms()
            with self._system.change(BY, now_ms) as edit:
                if what in GONE:
                    forget_camera(edit, serial)
                elif what == DOCK:
                    note_device(edit, serial, "dock", model, version, now_ms)
                elif what == "docked" and model:
                    note_camera(edit, serial, model)
                    note_device(edit, serial, "camera", model, version, now_ms)

        return change

    def _note_left(self, serial: str, left: Left) -> None:
        with self._system.change(BY, left.unix_ms) as edit:
            device = edit.find("device", serial)
            if isinstance(device, Device):
                edit.put(device.model_copy(update={"left": left}))


def left_of(view: CameraView) -> Left:
    """How a camera went; of one that has told what cannot be, when."""
    try:
        return Left.model_validate(
            {"unix_ms": view.left_unix_ms} | {name: view.status.get(name) for name in LEFT_FIELDS}
        )
    except ValidationError:
        return Left(unix_ms=view.left_unix_ms)


def left_ms(device: Device) -> int:
    """When it went from its bay last; 0 for never."""
    return device.left.unix_ms if device.left is not None else 0


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
