"""What can be read off a bench beside what a person sees: the models' truth, and next to it what the boards make of it.

Law: looks and changes nothing; nothing here advances a model or speaks on a cable. Beliefs are read from a board's
memory, as a debug probe does: they are there without any host.
"""

from __future__ import annotations

import math
from typing import Any

from firmware.camera.app import CameraApp
from firmware.dock.application import DockApp
from firmware.formats.track import DEGREE
from firmware.link.schema import BAY_STATES, LAMP_PATTERNS, QUANTITIES, VERDICTS, word_of
from firmware.ports.application import Application
from host_tools.emulator.camera_world import CameraWorld
from host_tools.emulator.dock_world import DockWorld
from host_tools.emulator.platform import LevelPins
from host_tools.emulator.usb_ports import UsbPorts


def look_at_bay(dock: DockWorld, number: int) -> dict[str, Any]:
    """``truth`` of the contacts, ``measured`` by the dock (nothing while it is off), its ``state`` and ``pattern``."""
    contacts = dock.bays[number]
    pair_ohm = contacts.pair_ohm()
    truth = {
        "mated": contacts.is_mated(),
        "powered": contacts.is_powered(),
        "pair_mohm": None if math.isinf(pair_ohm) else round(pair_ohm * 1000, 1),
        "supply_mv": round(contacts.supply_uv() / 1000),
        "current_ma": round(contacts.current_ua() / 1000),
        "camera_supply_mv": round(contacts.camera_supply_uv() / 1000),
        "block_c": round(contacts.block_c(), 1),
        "cycles": contacts.cycles,
        "hot_breaks": contacts.hot_breaks,
    }
    application = dock.emulated.application
    if not isinstance(application, DockApp):
        return {"state": "", "pattern": "", "truth": truth, "measured": {}}
    bay, lamp = _parts(application, number)
    measured: dict[str, Any] = {
        quantity: {"value": value, "unit": unit, "verdict": word_of(VERDICTS, bay.check.verdict_of(quantity))}
        for _number, quantity, unit in QUANTITIES
        if (value := bay.check.value_of(quantity)) is not None
    }
    return {
        "state": word_of(BAY_STATES, bay.state),
        "pattern": word_of(LAMP_PATTERNS, lamp.pattern),
        "truth": truth,
        "measured": measured,
    }


def look_at_camera(camera: CameraWorld) -> dict[str, Any]:
    """``battery`` (truth and gauge), ``buttons`` (what their pins read), ``clock``, ``card`` and ``state``."""
    battery = camera.battery
    application = camera.emulated.application
    ports = camera.emulated.ports
    wall = ports.clock.wall() if ports is not None else None
    card = camera.card.files  # itself: a question to the faulty card would use up its chance
    is_camera = isinstance(application, CameraApp)
    return {
        "state": application.state if is_camera else "",
        "fed": camera.is_fed(),
        "battery": {
            "gauge_percent": round(battery.gauge_percent(), 1),
            "cell_mv": round(battery.terminal_uv() / 1000),
            "gauge_mv": round(battery.gauge_uv() / 1000),
            "current_ma": round(battery.current_ua() / 1000),
            "phase": battery.phase(),
            "cell_c": round(battery.temperature_c(), 1),
        },
        "gnss": _gnss(camera),
        "motion": _motion(camera),
        "radio": _radio(camera),
        "buttons": _buttons(camera),
        "clock": {"unix_ms": wall.unix_ms, "source": wall.source} if wall is not None else None,
        "card": {"free_bytes": card.free_bytes(), "total_bytes": card.total_bytes()},
    }


def look_at_link(world: CameraWorld | DockWorld, usb: UsbPorts) -> dict[str, Any]:
    """The cable: what has passed on it, and whether a host has a session with the board."""
    line = world.line
    return {
        "location": usb.location_of(world.part.name),
        "mbps": usb.speed_of(world.part.name),
        "session": _has_session(world.emulated.application),
        "limit_bytes_per_s": line.limit_bytes_per_s,
        "bytes_to_board": line.bytes_to_board,
        "bytes_to_host": line.bytes_to_host,
    }


def _parts(application: DockApp, number: int) -> tuple[Any, Any]:
    at = next(index for index, bay in enumerate(application.bays) if bay.number == number)
    return application.bays[at], application.lamps[at]


def _buttons(camera: CameraWorld) -> dict[str, bool]:
    ports = camera.emulated.ports
    pins = ports.pins if ports is not None and isinstance(ports.pins, LevelPins) else None
    return {each.name: pins.read(each.pin) if pins is not None else False for each in camera.board.buttons}


def _gnss(camera: CameraWorld) -> dict[str, Any] | None:
    """What its receiver has said last of all that was looked at, and the place that the firmware noted last; None
    without a receiver."""
    if camera.gnss is None:
        return None
    heard, application = camera.gnss.line.heard, camera.emulated.application
    newest = application.location.newest if isinstance(application, CameraApp) else None
    return {
        "said": list(heard[-1].fix) if heard and heard[-1].fix is not None else None,
        "noted": [newest.latitude / DEGREE, newest.longitude / DEGREE] if newest is not None else None,
    }


def _motion(camera: CameraWorld) -> dict[str, Any] | None:
    """What the wearer does, and what is wrong with the sensor as the firmware has it; None where there is none."""
    if camera.motion_chip is None:
        return None
    application = camera.emulated.application
    reason = application.falls.reason if isinstance(application, CameraApp) else ""
    return {"activity": camera.motion.activity, "reason": reason}


def _radio(camera: CameraWorld) -> dict[str, Any] | None:
    """Where it is, whether it calls or listens, and what the firmware made of what it heard; None without a radio."""
    radio = camera.radio
    if radio is None:
        return None
    application = camera.emulated.application
    calls = application.broadcasts if isinstance(application, CameraApp) else None
    return {
        "spot_m": list(camera.spot),
        "calling": radio.message is not None,
        "listening": radio.listening,
        "called": calls is not None and calls.last is not None,
        "ignored": dict(calls.ignored) if calls is not None else {},
    }


def _has_session(application: Application | None) -> bool:
    return isinstance(application, CameraApp | DockApp) and application.cable.is_up()
