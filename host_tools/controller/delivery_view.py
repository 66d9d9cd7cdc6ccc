"""What status tells of the destination: whether it takes recordings, why not, what it can, and what it has lost.

Law: reads what delivery knows already; asks the destination nothing.
"""

from __future__ import annotations

from typing import Any

from host_tools.controller.delivery import Delivery
from host_tools.controller.delivery_around import LACKS
from host_tools.destinations.clock_check import CLOCK_TOLERANCE_MS
from host_tools.destinations.time_watch import TOLERANCE_MS, Told

TIME_PROBLEM = "time server "  # how its problem begins to be named
LOSSES_SHOWN_MAX = 20  # recordings; whoever has lost more has one cause for them


def destination_view(delivery: Delivery) -> dict[str, Any]:
    """``fault``: one word (``destinations.faults``) for the line in ``trouble``; ``categories``: None where they are
    this system's own; ``time_server``: None where it is not ours."""
    described, upkeep = delivery.destination.describe(), delivery.around.upkeep
    categories = upkeep.categories if upkeep is not None else None
    missing = upkeep.missing_capabilities if upkeep is not None else ()
    return {
        "name": str(described),
        "trouble": delivery.trouble,
        "fault": delivery.fault,
        "kind": described.kind,
        "container_type": described.container_type,
        "capabilities": sorted(described.capabilities),
        "lacks": {name: LACKS.get(name, "") for name in missing},
        "clock_ahead_ms": described.clock_ahead_ms,
        "clock_tolerance_ms": CLOCK_TOLERANCE_MS,
        "time_server": _time_server(upkeep.time_told if upkeep is not None else None),
        "time_zone": described.time_zone,
        "own_time_zone": delivery.around.time_zone(),
        "categories": None if categories is None else [each._asdict() for each in categories],
    }


def destination_alerts(delivery: Delivery) -> dict[str, str]:
    """Wearers and cameras that it does not take, a clock that does not follow its own, recordings that it has lost."""
    upkeep = delivery.around.upkeep
    alerts = {f"destination: {key}": text for key, text in (upkeep.refused_people if upkeep else {}).items()}
    alerts |= {f"ID of {key}": text for key, text in (upkeep.known_by_name if upkeep else {}).items()}
    told = upkeep.time_told if upkeep is not None else None
    if told is not None and told.problem:
        alerts[TIME_PROBLEM + told.server] = told.problem
    lost = list(delivery.losses.lost.values())
    alerts |= {f"lost {each.row.recording.hex()}": each.text for each in lost[:LOSSES_SHOWN_MAX]}
    return alerts


def _time_server(told: Told | None) -> dict[str, Any] | None:
    """``ahead_ms``: by how much its clock is before ours, which may be wrong by ``error_ms``; None while it says
    nothing."""
    if told is None:
        return None
    return {
        "server": told.server,
        "ahead_ms": told.reading.ahead_ms if told.reading is not None else None,
        "error_ms": told.reading.error_ms if told.reading is not None else None,
        "stratum": told.reading.stratum if told.reading is not None else None,
        "tolerance_ms": TOLERANCE_MS,
        "asked_unix_ms": told.asked_unix_ms,
        "problem": told.problem,
    }
