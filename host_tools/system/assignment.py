"""Self-assignment, the choice: which camera somebody gets who has shown a badge, and why a camera is not given.

Law: pure. Facts about docked cameras in, a choice or reasons out. The order of the gates is the order in which people
are told; the order of the cameras is healthiest first and, among equals, whichever has rested longest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

BATTERY_PERCENT = 60  # RFID-02
STORAGE_PERCENT = 60  # RFID-02
BATTERY_STEPS = (95, 80)  # percent; cameras are equally healthy within a step, so that all of them get worn

# word -> what it means for people. A camera that meets several is counted under the first.
GATES = {
    "place": "docked somewhere else",
    "unbound": "in no bay that the controller knows",
    "busy": "being prepared or not in order",
    "software": "with other software than the system",
    "features": "unable to do what the profile asks",
    "battery": "below {battery} % battery",
    "storage": "below {storage} % free storage",
}
_CONTACTS = {"pass": 0, "not_measured": 1, "marginal": 2, "fail": 3}


class DockedCamera(NamedTuple):
    """A camera that is docked now, as the controller knows it. ``place``: where its dock is; ``dock`` and ``bay``: in
    which it sits, empty and 0 if that is not known; ``idle``: greeted, in the state *docked*, a member, without
    trouble, and offered to nobody; ``unsupported``: what its model cannot do of the wearer's profile; ``contacts``:
    verdict on its bay; ``waiting``: recordings that are still on it; ``taken_unix_ms``: when it was taken last, 0 for
    never."""

    serial: str
    model: str
    firmware: str
    place: str
    dock: str
    bay: int
    idle: bool
    battery_percent: int
    storage_free_bytes: int
    storage_total_bytes: int
    unsupported: tuple[str, ...] = ()
    contacts: str = "not_measured"
    waiting: int = 0
    taken_unix_ms: int = 0


class Demand(NamedTuple):
    """What a camera must be. ``software``: version of the whole system; ``place``: where the reader is, None in a
    system where that is no matter."""

    software: str
    place: str | None = None
    battery_percent: int = BATTERY_PERCENT
    storage_percent: int = STORAGE_PERCENT


class Choice(NamedTuple):
    """``camera`` is None where none is ready; then ``reasons`` counts cameras by word of GATES."""

    camera: DockedCamera | None
    reasons: dict[str, int]


def choose(cameras: Iterable[DockedCamera], demand: Demand) -> Choice:
    """The camera to be offered."""
    reasons: Counter[str] = Counter()
    ready: list[DockedCamera] = []
    for camera in cameras:
        reason = held_back(camera, demand)
        if reason:
            reasons[reason] += 1
        else:
            ready.append(camera)
    if ready:
        return Choice(min(ready, key=rank), {})
    return Choice(None, {word: reasons[word] for word in GATES if reasons[word]})


def held_back(camera: DockedCamera, demand: Demand) -> str:
    """Why a camera is not offered: a word of GATES; empty for one that may be."""
    if demand.place is not None and camera.place != demand.place:
        return "place"
    if not camera.dock or not camera.bay:
        return "unbound"
    if not camera.idle:
        return "busy"
    if camera.firmware != demand.software:
        return "software"
    if camera.unsupported:
        return "features"
    if camera.battery_percent < demand.battery_percent:
        return "battery"
    if camera.storage_total_bytes <= 0 or (
        camera.storage_free_bytes * 100 < demand.storage_percent * camera.storage_total_bytes
    ):
        return "storage"
    return ""


def rank(camera: DockedCamera) -> tuple[int, int, int, int, str]:
    """Less is offered first: sound contacts, nothing to offload, well charged; then whichever has rested longest."""
    charge = next((step for step, percent in enumerate(BATTERY_STEPS) if camera.battery_percent >= percent), 2)
    return (
        _CONTACTS.get(camera.contacts, 1),
        1 if camera.waiting else 0,
        charge,
        camera.taken_unix_ms,
        camera.serial,
    )


def reasons_text(reasons: dict[str, int], demand: Demand) -> str:
    """For people: ``2 below 60 % battery, 1 with other software than the system``."""
    if not reasons:
        return "no camera is docked here"
    said = {"battery": demand.battery_percent, "storage": demand.storage_percent}
    return ", ".join(f"{count} {GATES[word].format(**said)}" for word, count in reasons.items())
