"""Physical models of what surrounds a board: contacts, converters, batteries.

Law: seeded and pure functions of time (``advance(now_ms)``): no thread, no wall clock, no randomness but the seed's.
Each model states formula, source and error, and knows terms (offsets, wear, diodes, quantisation) that the firmware's
estimators do not. They know no message and no application.
"""

from host_tools.emulator.models.adc import AdcModel, AdcTraits
from host_tools.emulator.models.battery import Battery, BatteryTraits
from host_tools.emulator.models.charging import exchange
from host_tools.emulator.models.contacts import BayContacts, CameraSide, Node, Short
from host_tools.emulator.models.dock_io import DockAdc, DockPins

__all__ = (
    "AdcModel",
    "AdcTraits",
    "Battery",
    "BatteryTraits",
    "BayContacts",
    "CameraSide",
    "DockAdc",
    "DockPins",
    "Node",
    "Short",
    "exchange",
)
