"""The controller's own lamps: what a person in front of it sees of the whole. CTRL-23.

Law: pure; two words from a few facts. Who has lamps lights them by these words; status and pages show them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

StatusLamp = Literal["amber", "green", "red"]
StorageLamp = Literal["green", "green flashing", "red"]


class PanelFacts(NamedTuple):
    """``storage_low``: less than 8 % of the spool's disk is free, or nothing; ``storage_busy``: a camera offloads."""

    destination_lost: bool
    storage_failed: bool
    storage_low: bool
    storage_busy: bool


def panel(facts: PanelFacts) -> dict[str, str]:
    """Both lamps. A controller that is starting has nobody who asks: its status lamp is amber then."""
    return {"status": status_lamp(facts), "storage": storage_lamp(facts)}


def status_lamp(facts: PanelFacts) -> StatusLamp:
    """The worst of it."""
    if facts.storage_failed or facts.destination_lost:
        return "red"
    return "amber" if facts.storage_low else "green"


def storage_lamp(facts: PanelFacts) -> StorageLamp:
    """Green while it rests, flashing while it works, red when it fails."""
    if facts.storage_failed:
        return "red"
    return "green flashing" if facts.storage_busy else "green"
