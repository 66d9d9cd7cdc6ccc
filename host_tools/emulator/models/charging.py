"""The camera's charger across the bay's contacts: what one asks and the other gives."""

from __future__ import annotations

from host_tools.emulator.models.battery import Battery
from host_tools.emulator.models.contacts import BayContacts


def exchange(bay: BayContacts, battery: Battery, now_ms: int) -> None:
    """Bring both to ``now_ms``: the battery with the supply of the time past, then the bay with the new demand."""
    battery.advance(now_ms)
    bay.advance(now_ms)
    battery.set_input(bay.camera_supply_uv(), bay.current_ua())
    bay.set_load(battery.request_ua())
    battery.set_input(bay.camera_supply_uv(), bay.current_ua())
