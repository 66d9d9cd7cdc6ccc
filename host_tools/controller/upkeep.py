"""Keeps what the domain knows of cameras in step with which cameras there are: their models, and those that are gone.

Law: follows happenings, one after another; changes nothing that people have written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from host_tools.controller.happenings import Happening
from host_tools.controller.service import Controller
from host_tools.custody.blocking import RunBlocking
from host_tools.system.errors import DomainError
from host_tools.system.records import SOFTWARE_KEPT_MAX, CameraEntry, Device
from host_tools.system.system import Edit, System, make

BY = "controller"  # who changes what nobody asked for
DOCK = "dock_online"
GONE = ("removed", "force_removed")

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
        while True:
            what, serial = await self._queue.get()
            board = self._controller.docks.get(serial) if what == DOCK else self._controller.cameras.get(serial)
            model, version = (board.model, board.firmware) if board is not None else ("", "")
            try:
                await self._run_blocking(self._change(what, serial, model, version))
            except DomainError as error:
                LOG.warning("%s: not noted among the cameras: %s", serial, error)

    def _take(self, happening: Happening) -> None:
        if happening["what"] in (*GONE, "docked"):
            self._queue.put_nowait((happening["what"], happening["camera"]))
        elif happening["what"] == DOCK:
            self._queue.put_nowait((DOCK, happening["dock"]))

    def _change(self, what: str, serial: str, model: str, version: str) -> Callable[[], None]:
        def change() -> None:
            now_ms = self._controller.happenings.wall_ms()
            with self._system.change(BY, now_ms) as edit:
                if what in GONE:
                    forget_camera(edit, serial)
                elif what == DOCK:
                    note_device(edit, serial, "dock", model, version, now_ms)
                elif model:
                    note_camera(edit, serial, model)
                    note_device(edit, serial, "camera", model, version, now_ms)

        return change


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


def forget_camera(edit: Edit, serial: str) -> None:
    """A camera is the system's no more: its name, its tags, and that it was somebody's."""
    for kind in ("assignment", "holding", "camera"):
        if serial in edit.state.of(kind):
            edit.remove(kind, serial)
