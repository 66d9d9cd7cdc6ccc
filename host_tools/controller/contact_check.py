"""The contact check of one bay over the links to its dock and its camera.

Law: asks, measures and answers rows; keeps nothing and judges nobody. What one board does not answer is a row that says
so; only the loss of the dock ends a check.
"""

from __future__ import annotations

import asyncio
from typing import Any

from host_tools.controller.cameras import Camera
from host_tools.controller.contact_procedure import FULL, QUICK, Form, two_loads
from host_tools.controller.contact_readings import Row, at_load, path_of, resistance_row, sensors_of
from host_tools.controller.contact_resistance import AtLoad, Resistance
from host_tools.controller.docks import Dock
from host_tools.controller.power_line import CameraPower, NoReading, overlap
from host_tools.controller.probing import FULL_FRAMES
from host_tools.hardware import Board
from host_tools.protocol.connection import RequestRefused
from host_tools.transports.errors import LinkLost

OVERLAP_MIN = 0.7  # of both readings surely taken at the same time; the load is constant beyond that, and checked
DRAWN_WINDOW_MS = 50
NO_CAMERA = "no camera of this system answers in this bay: only the dock's side is known"

__all__ = ("FULL", "QUICK", "ContactCheck")


class ContactCheck:
    """One bay with the camera that is in it."""

    def __init__(self, dock: Dock, bay: int, camera: Camera | None, camera_board: Board | None) -> None:
        self._dock = dock
        self._bay = bay
        self._camera = camera
        self._board = camera_board

    async def resistance(self, form: Form) -> Row:
        """The pair of power contacts. LinkLost of the dock."""
        return resistance_row(await self._resistance(form))

    async def delivery(self) -> Row | None:
        """A long test of the data pair; None without a camera."""
        if self._camera is None:
            return None
        try:
            return await self._camera.probe(FULL_FRAMES)
        except LinkLost as lost:
            return self._camera.view.delivery_check | {"verdict": "not_measured", "note": str(lost)}

    async def _resistance(self, form: Form) -> Resistance | str:
        if self._camera is None or self._board is None or self._dock.board is None:
            return NO_CAMERA
        sensors = sensors_of(self._dock.board, self._board)
        if sensors is None:
            return "the sensors of this dock or this camera are not known to this controller"
        sides = _Sides(self._dock, self._bay, self._camera.power)
        try:
            return await two_loads(sides, form, path_of(self._board), sensors)
        except (RequestRefused, NoReading) as refused:
            return str(refused)
        except LinkLost as lost:
            if self._dock.connection.closed.done():
                raise
            return f"the link to the camera went while it was measured ({lost})"


class _Sides:
    """Both boards over their links. See contact_procedure.Sides."""

    def __init__(self, dock: Dock, bay: int, camera: CameraPower) -> None:
        self._dock = dock
        self._bay = bay
        self._camera = camera

    async def drawn_ua(self) -> int:
        told = await self._dock.power.measure(self._bay, DRAWN_WINDOW_MS)
        return int(told.fields["current_ua"])

    async def limit(self, limit_ua: int, duration_ms: int) -> None:
        await self._camera.limit(limit_ua, duration_ms)

    async def pause(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)

    async def measure(self, window_ms: int) -> AtLoad | str:
        dock, camera = await _both(self._dock.power.measure(self._bay, window_ms), self._camera.measure(0, window_ms))
        common = overlap(dock, camera, window_ms)
        if common < OVERLAP_MIN:
            return f"only {100 * common:.0f} % of both readings were surely taken at the same time: a link is too slow"
        return at_load(dock.fields, camera.fields)


async def _both(first: Any, second: Any) -> Any:
    """Both at once; a failure of one ends the other."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(first), group.create_task(second)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tasks[0].result(), tasks[1].result()
