"""Commands about badges at this controller's readers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from host_tools.accounts.roles import Actor
from host_tools.controller.badge_reading import BadgeReading, NoReading
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.readers.elsewhere import READINGS_MAX, Kind
from host_tools.readers.errors import TagRefused

WAIT_S, WAIT_S_MAX = 10.0, 30.0  # of one question: far below what ends a request; whoever goes on waiting asks again

Wait = Annotated[float, Field(gt=0, le=WAIT_S_MAX)]
READING_DIGITS_MAX = 128  # the longest answer of a TWN4 to a search has 21 bytes


class Reading(BaseModel):
    """What a reader at somebody's own computer said: a frame of ``ascii125k``, or an answer of ``twn4`` to a search."""

    reader: Kind
    data: Annotated[str, Field(pattern="^([0-9A-Fa-f]{2})+$", max_length=READING_DIGITS_MAX)]


Readings = Annotated[list[Reading], Field(min_length=1, max_length=READINGS_MAX)]


class BadgeCommands(CommandGroup):
    """A facade of one controller's readers."""

    def __init__(self, gate: Gate, badges: BadgeReading) -> None:
        super().__init__(gate)
        self._badges = badges

    @command
    async def read_badge(self, actor: Actor, wait_s: Wait = WAIT_S) -> dict[str, str]:
        """The number of the next badge that is held to a reader here twice; empty if none was. Meanwhile taps pick no
        camera. Pairing it is a command of its own."""
        try:
            return {"tag": await self._badges.next_badge(actor.account, wait_s)}
        except NoReading as error:
            raise CommandError(str(error)) from error

    @command
    async def judge_badge(self, actor: Actor, readings: Readings) -> dict[str, Any]:
        """Whether a badge that a reader elsewhere has read can be paired: ``readings`` are all of it so far, oldest
        first. ``sure``: it can; ``left``: how often it is to be held there again. Pairing is a command of its own."""
        try:
            found = self._badges.judge([(each.reader, bytes.fromhex(each.data)) for each in readings])
        except TagRefused as refused:
            raise CommandError(str(refused)) from refused
        return {"tag": found.tag.text, "technology": found.tag.technology, "sure": found.is_sure, "left": found.left}
