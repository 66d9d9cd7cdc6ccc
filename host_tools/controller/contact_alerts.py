"""What a bad contact means for people: remedies in their order, the last of which names the part. Pure.

The order is the one that costs least first: seat anew, clean, try elsewhere; only then a part. Which part, the model of
wear says for resistances, and counting says for everything else: the side that has the same trouble with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from host_tools.controller.contact_history import place_of, place_text
from host_tools.controller.contact_readings import Row
from host_tools.system.contact_wear import (
    BAY,
    BOTH,
    CAMERA,
    NEITHER,
    UNDECIDED,
    Attribution,
    ContactWear,
    Seating,
    Swap,
)

RESEAT = "take the camera out and seat it anew"
CLEAN = "clean the camera's contacts and the bay's pins"

EMPTY_REMEDIES = (
    "leave the camera docked until it has charge for a shift",
    "dock it earlier; if its battery does not last a shift any more, see its cycles and replace the battery",
)

MEANINGS = {
    "contact_resistance": "the power contacts carry badly",
    "pin_coupling": "two pins are joined: no power is applied",
    "presence": "the camera's identification is not read as it should be",
    "supply_voltage": "the bay's supply is out of its limits",
    "charge_current": "the current is out of its limits",
    "supply_droop": "the bay's supply sags under load",
    "settle_time": "the contacts come to rest slowly",
    "bounces": "the contacts bounce",
    "block_temperature": "the block of contacts is hot",
    "delivery_integrity": "bytes are lost on the way",
    "loose": "the camera comes and goes in its bay",
}

# Unit of the wire -> (factor, unit for people, digits after the point); other units are shown as they are.
UNITS = {
    "uV": (1e-6, "V", 3),
    "uA": (1e-3, "mA", 0),
    "uOhm": (1e-3, "mOhm", 1),
    "mC": (1e-3, "°C", 1),
    "ppm": (1e-4, "%", 2),
    "bytes": (1, "B", 0),
    "count": (1, "", 0),
    "losses a minute": (1, "a minute", 0),
}


class Alert(NamedTuple):
    """``kind`` and ``device`` as the system's list of alerts has them; ``remedies`` in their order."""

    kind: str
    device: str
    details: str
    remedies: tuple[str, ...]

    def text(self) -> str:
        """On one line."""
        steps = "; ".join(f"{number}. {each}" for number, each in enumerate(self.remedies, 1))
        return f"{self.kind.replace('_', ' ')}: {self.details} ({steps})"


@dataclass(frozen=True)
class Part:
    """``side``: a word of contact_wear; ``text``: the last remedy, which names the part or says what would decide."""

    side: str
    text: str


def number(value: float, unit: str) -> str:
    """In the unit for people, without it."""
    factor, _, digits = UNITS.get(unit, (1, unit, 0))
    return f"{value * factor:.{digits}f}"


def amount(value: float, unit: str) -> str:
    """In the unit for people, with it."""
    word = UNITS[unit][1] if unit in UNITS else unit
    return f"{number(value, unit)} {word}".rstrip()


def shown(row: Row) -> str:
    """A row's value with the limit that it is beyond."""
    unit = row["unit"]
    limit = (
        f"at least {amount(row['low'], unit)}" if row["value"] < row["low"] else f"at most {amount(row['high'], unit)}"
    )
    return f"{amount(row['value'], unit)}, {limit}"


def remedies(dock: str, bay: int, camera: str, part: Part) -> tuple[str, ...]:
    """In their order, for a docking issue or a camera that cannot be charged."""
    elsewhere = f"dock {camera or 'the camera'} in a bay that is known to be good"
    outcome = "if the alert goes, the bay is bad: replace the dock; if it stays, replace the camera"
    return RESEAT, CLEAN, f"{elsewhere}: {outcome}", part.text


def named_by_wear(seatings: Iterable[Seating], dock: str, bay: int, camera: str) -> Part:
    """By the model of wear."""
    found = ContactWear(seatings).attribute(place_of(dock, bay), camera)
    return Part(found.side, _wear_text(found, dock, bay, camera))


def named_by_cases(cases: Sequence[tuple[str, str]], dock: str, bay: int, camera: str) -> Part:
    """By who else had the same trouble: (place, camera) of every case."""
    place = place_of(dock, bay)
    with_others = len({other for where, other in cases if where == place and other not in (camera, "")})
    elsewhere = len({where for where, other in cases if other == camera and camera and where != place})
    if with_others and not elsewhere:
        return Part(BAY, f"replace dock {dock}: its bay {bay} has this with {with_others} other cameras too")
    if elsewhere and not with_others:
        return Part(CAMERA, f"replace camera {camera}: it has this in {elsewhere} other bays too")
    if with_others and elsewhere:
        return Part(BOTH, f"replace dock {dock} and camera {camera}: both have this with others too")
    swap = f"dock another camera in bay {bay} of {dock}, and {camera or 'this one'} elsewhere"
    return Part(UNDECIDED, f"undecided: {swap}")


def _wear_text(found: Attribution, dock: str, bay: int, camera: str) -> str:
    of_bay = f"bay {bay} is {found.bay.excess:.0f} +- {2 * found.bay.error:.0f} mOhm worse than sound bays"
    of_camera = f"it is {found.camera.excess:.0f} +- {2 * found.camera.error:.0f} mOhm worse than sound cameras"
    texts = {
        BAY: f"replace dock {dock}: {of_bay}",
        CAMERA: f"replace camera {camera}: {of_camera}",
        BOTH: f"replace dock {dock} and camera {camera}: {of_bay}, and the camera {of_camera[3:]}",
        NEITHER: "neither side is worn by what was measured until now: clean both again, and watch it",
    }
    if found.side != UNDECIDED:
        return texts[found.side]
    swap = _swap_text(found.swap) if found.swap else f"dock {camera} in another bay a few times"
    lacks = found.bay.lacks if found.bay.worn is None else found.camera.lacks
    return f"undecided ({lacks}): {swap}"


def _swap_text(swap: Swap) -> str:
    where = place_text(swap.bay) if swap.bay else "another bay"
    return f"dock {swap.camera or 'another camera'} in {where} a few times"
