"""What a controller that begins knows of cameras that are away: when they went, and how they were.

Law: read from what is kept (``members``, devices of the system's data), and shown as of then; nothing is decided by it.
"""

from __future__ import annotations

from typing import Any

from host_tools.controller.cameras import CameraView
from host_tools.controller.members import Member
from host_tools.system.records import Device
from host_tools.system.system import System


def known_view(member: Member, system: System | None, now_ms: int) -> CameraView:
    """A member as it was seen last. One that was docked when the controller before this one ended, and is not here, was
    there until then at least; ``now_ms`` is the latest that it can have left."""
    view = CameraView(member.serial, member.model)
    device = system.state.of("device").get(member.serial) if system is not None else None
    if isinstance(device, Device):
        view.firmware = device.version
        if device.left is not None:
            view.status = _said(device.left.model_dump(exclude={"unix_ms"}))
            view.left_unix_ms = device.left.unix_ms
        if view.left_unix_ms <= member.seen_unix_ms:
            view.left_unix_ms = now_ms
    return view


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
