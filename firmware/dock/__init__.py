"""The docking-station application: sees cameras arrive, checks their contacts, powers them, shows it on the lamps.

Law: portable dialect; imports link, ports and drivers only. A dock carries no evidence and no secret: nothing here
knows of formats or secure. Bays and lamps know no messages, the service knows no pins, the application joins them.
"""

from firmware.dock.application import DockApp, compose

__all__ = ("DockApp", "compose")
