"""What a controller that begins knows of cameras that it has not greeted: when they went, and how they were.

Law: read from what is kept (``members``, devices of the system's data), and shown as of then; nothing is decided by it.
"""

from __future__ import annotations

from typing import Any

from host_tools.controller.cameras import CameraView
from host_tools.controller.members import Member
from host_tools.system.records import Device
from host_tools.system.system import System


def known_view(member: Member, system: System | None, now_ms: int, docked: bool = False) -> CameraView:
    """A member as it was seen last. One that was ``docked`` when the controller before this one ended was there until
    then at least, and may be there still; ``now_ms`` is the latest that it can have left."""
    view = CameraView(member.serial, member.model)
    device = system.state.of("device").get(member.serial) if system is not None else None
    if isinstance(device, Device):
        view.firmware = device.version
        seen = device.docked.seen if device.docked is not None else device.left
        if seen is not None:
            view.status = _said(seen.model_dump(exclude={"unix_ms", "after_unix_ms"}))
            view.left_unix_ms = now_ms if docked else seen.unix_ms
        elif docked:
            view.left_unix_ms = now_ms
    return view


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
