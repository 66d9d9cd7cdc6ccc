"""What a bad contact means for people: remedies in their order, the last of which names the part. Pure.

The order is the one that costs least first: seat anew, clean, try elsewhere; only then a part. Which part, the model of
wear says for resistances, and counting says for everything else: the side that has the same trouble with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from host_tools.controller.contact_history import place_of
from host_tools.controller.contact_readings import Row
from host_tools.system.alert_texts import Saying
from host_tools.system.alerts import Details, Words, sayings, text_of
from host_tools.system.contact_wear import (
    BAY,
    BOTH,
    CAMERA,
    NEITHER,
    UNDECIDED,
    Attribution,
    ContactWear,
    Judgement,
    Seating,
    Swap,
)

EMPTY_REMEDIES = sayings("charge_for_shift", "dock_earlier")

# Of what the catalogue says in words of its own; what else boards measure is told by its name.
QUANTITIES = frozenset(
    {
        "contact_resistance", "pin_coupling", "presence", "supply_voltage", "charge_current", "supply_droop",
        "settle_time", "bounces", "block_temperature", "delivery_integrity", "loose",
    }
)  # fmt: skip

# Unit of the wire -> (factor, unit for people, digits after the point); other units are shown as they are.
UNITS = {
    "uV": (1e-6, "V", 3),
    "uA": (1e-3, "mA", 0),
    "uOhm": (1e-3, "mΩ", 1),
    "mC": (1e-3, "°C", 1),
    "ppm": (1e-4, "%", 2),
    "bytes": (1, "B", 0),
    "count": (1, "", 0),
    "losses a minute": (1, "/min", 0),
}


class Alert(NamedTuple):
    """``kind`` and ``device`` as the system's list of alerts has them; ``details``: a saying, or a line that was told;
    ``remedies`` in their order."""

    kind: str
    device: str
    details: Details
    remedies: tuple[Saying, ...]

    def words(self) -> Words:
        """For whoever says it in another language."""
        return Words(None if isinstance(self.details, str) else self.details, self.remedies)

    def text(self) -> str:
        """On one line."""
        steps = " ".join(f"{number}. {each.text()}" for number, each in enumerate(self.remedies, 1))
        return f"{self.kind.replace('_', ' ')}: {text_of(self.details)} ({steps})"


@dataclass(frozen=True)
class Part:
    """``side``: a word of contact_wear; ``saying``: the last remedy, which names the part or says what would decide."""

    side: str
    saying: Saying


def number(value: float, unit: str) -> str:
    """In the unit for people, without it."""
    factor, _, digits = UNITS.get(unit, (1, unit, 0))
    return f"{value * factor:.{digits}f}"


def amount(value: float, unit: str) -> str:
    """In the unit for people, with it."""
    word = UNITS[unit][1] if unit in UNITS else unit
    return f"{number(value, unit)} {word}".rstrip()


def beyond(row: Row) -> Saying:
    """A row's value with the limit that it is beyond."""
    unit = row["unit"]
    which, limit = ("at_least", row["low"]) if row["value"] < row["low"] else ("at_most", row["high"])
    return Saying(f"beyond.{which}", {"value": amount(row["value"], unit), "limit": amount(limit, unit)})


def details_of(row: Row, dock: str, bay: int) -> Saying:
    """What a row that is out of its limits means."""
    quantity = row["quantity"]
    values = {"dock": dock, "bay": bay, "beyond": beyond(row)}
    if quantity in QUANTITIES:
        return Saying(f"contact.{quantity}", values)
    return Saying("contact.another", {**values, "quantity": quantity})


def remedies(camera: str, part: Part) -> tuple[Saying, ...]:
    """In their order, for a docking issue or a camera that cannot be charged. ``camera``: empty if it is not known."""
    elsewhere = Saying("remedy.known_good_bay_for", {"camera": camera}) if camera else Saying("remedy.known_good_bay")
    return *sayings("reseat", "clean"), elsewhere, part.saying


def named_by_wear(seatings: Iterable[Seating], dock: str, bay: int, camera: str) -> Part:
    """By the model of wear."""
    found = ContactWear(seatings).attribute(place_of(dock, bay), camera)
    return Part(found.side, _by_wear(found, dock, bay, camera))


def named_by_cases(cases: Sequence[tuple[str, str]], dock: str, bay: int, camera: str) -> Part:
    """By who else had the same trouble: (place, camera) of every case."""
    place = place_of(dock, bay)
    with_others = len({other for where, other in cases if where == place and other not in (camera, "")})
    elsewhere = len({where for where, other in cases if other == camera and camera and where != place})
    values = {"dock": dock, "bay": bay, "camera": camera}
    if with_others and not elsewhere:
        return Part(BAY, Saying("part.dock_with_others", {**values, "n": with_others}))
    if elsewhere and not with_others:
        return Part(CAMERA, Saying("part.camera_elsewhere", {**values, "n": elsewhere}))
    if with_others and elsewhere:
        return Part(BOTH, Saying("part.both_with_others", values))
    swap = Saying("swap.crosswise" if camera else "swap.crosswise_any", values)
    return Part(UNDECIDED, _undecided(swap))


_BY_SIDE = {BAY: "part.dock_worn", CAMERA: "part.camera_worn", BOTH: "part.both_worn", NEITHER: "part.neither_worn"}


def _by_wear(found: Attribution, dock: str, bay: int, camera: str) -> Saying:
    if found.side == UNDECIDED:
        lacks = found.bay.lacks if found.bay.worn is None else found.camera.lacks
        swap = _swap(found.swap) if found.swap else Saying("swap.camera_elsewhere", {"camera": camera})
        return Saying("part.undecided_lacking", {"lacks": lacks, "swap": swap}) if lacks else _undecided(swap)
    of_bay, of_camera = _worse(found.bay), _worse(found.camera)
    values: dict[str, str | int] = {"dock": dock, "bay": bay, "camera": camera}
    if found.side == BOTH:
        values |= of_bay | {f"camera_{name}": value for name, value in of_camera.items()}
    elif found.side != NEITHER:
        values |= of_bay if found.side == BAY else of_camera
    return Saying(_BY_SIDE[found.side], values)


def _worse(found: Judgement) -> dict[str, str]:
    """In milliohm, with the 95 % interval."""
    return {"excess": f"{found.excess:.0f}", "error": f"{2 * found.error:.0f}"}


def _undecided(swap: Saying) -> Saying:
    return Saying("part.undecided", {"swap": swap})


def _swap(swap: Swap) -> Saying:
    dock, _, bay = swap.bay.rpartition("/")
    if swap.camera:
        code = "swap.camera_in_bay" if swap.bay else "swap.camera_elsewhere"
    else:
        code = "swap.another_in_bay" if swap.bay else "swap.another_elsewhere"
    return Saying(code, {"camera": swap.camera, "dock": dock, "bay": bay})
