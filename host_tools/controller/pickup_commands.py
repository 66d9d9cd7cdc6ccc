"""Commands about cameras that are picked up by badge."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from firmware.secure import certificates
from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.pickup import Pickup
from host_tools.controller.wearer_commands import BadgeTag

PLACE_CHARACTERS_MAX = 60

Serial = Annotated[str, Field(min_length=1, max_length=certificates.SERIAL_CHARACTERS_MAX)]
Place = Annotated[str, Field(max_length=PLACE_CHARACTERS_MAX)]


class PickupCommands(CommandGroup):
    """A facade of one controller's pick-up."""

    def __init__(self, gate: Gate, pickup: Pickup) -> None:
        super().__init__(gate)
        self._pickup = pickup

    @command
    async def tap_badge(self, actor: Actor, tag: BadgeTag, place: Place = "") -> dict[str, Any]:
        """Do as if that badge had been held to a reader at that place; answers what became of it."""
        return self._pickup.tap(tag, place)

    @command
    async def end_holding(self, actor: Actor, camera: Serial) -> None:
        """Note that a camera is nobody's any more, though it has not been docked since it was taken: its wearer can
        take another one. A camera that was lost goes on in their name until it is docked or removed."""
        if not await self._pickup.end_holding(camera):
            if self._pickup.is_in_hand(camera):
                raise CommandError(f"camera {camera[:40]} may still flash: ask again in a minute, when it has given up")
            raise CommandError(f"camera {camera[:40]} is held by nobody: see the list of holdings")
