"""Notes of cameras that stand in a bay again: each is asked to be nobody's, and its note goes when it has said so.

Law: a note goes in no other way by itself (decision 0098). A camera that refuses keeps it, and its wearer gets no other
one: that is a problem which names the way out, for as long as it lasts. So is a camera that nobody saw taken while its
dock was dark: whoever takes it there does so in the name that it flashed for (decision 0148).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from host_tools.controller.pickup_facts import Fleet, PickupFacts
from host_tools.custody.blocking import RunBlocking
from host_tools.protocol.connection import RequestRefused
from host_tools.system.assignment_offer import Offer
from host_tools.system.errors import DomainError
from host_tools.system.records import Holding
from host_tools.system.system import System
from host_tools.transports.errors import LinkLost

SWEEP_S = 1.0  # between two looks at notes of cameras that are back
STUCK_S = 10.0  # a card that is just being mounted, or repaired, takes less
NOTE_PROBLEM = "note of "  # name of a problem, before the camera's serial
UNSEEN_PROBLEM = "offer of "  # likewise
REMEDY = "take it out and dock it again; if that does not help, bwc camera release {camera}, then replace it"
BY = "badge"  # who changes notes

LOG = logging.getLogger("openbwc.controller")


class Returns:
    """``run`` until cancelled, beside the offers. ``is_in_hand``: whether an offer of that camera is not over;
    ``on_settled``: told which camera is nobody's."""

    def __init__(
        self,
        fleet: Fleet,
        system: System,
        facts: PickupFacts,
        run_blocking: RunBlocking,
        is_in_hand: Callable[[str], bool],
        on_settled: Callable[[str], None],
    ) -> None:
        self._fleet = fleet
        self._system = system
        self._facts = facts
        self._run_blocking = run_blocking
        self._is_in_hand = is_in_hand
        self._on_settled = on_settled
        self._settling: set[str] = set()
        self._unseen: set[str] = set()  # cameras of the problems that bear UNSEEN_PROBLEM
        self._refused_s: dict[str, float] = {}  # camera -> since when, by the loop's clock
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Look at all notes again and again: they go, whatever has kept them until now."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                while True:
                    await asyncio.sleep(SWEEP_S)
                    for camera in [each for each in self._refused_s if not self._is_back(each)]:
                        self._end(camera)
                    for camera in [each for each in self._unseen if self._is_known(each)]:
                        self._unseen.discard(camera)
                        self._fleet.problems.pop(UNSEEN_PROBLEM + camera, None)
                    for camera in list(self._system.holdings):
                        self.settle(camera)
        finally:
            self._tasks = None

    def settle(self, camera: str) -> None:
        """It may be back: ask it, unless that is being done."""
        busy = camera in self._settling or self._is_in_hand(camera)
        if not busy and self._tasks is not None and self._is_back(camera):
            self._settling.add(camera)
            self._tasks.create_task(self._take_back(camera))

    def note_unseen(self, offer: Offer, name: str) -> str:
        """Nobody knows whether a camera was taken that was offered: what people are told."""
        text = f"{offer.camera} was gone while it flashed for {name}, who may have it: nobody saw it taken"
        if offer.dock not in self._fleet.docks:
            text += f"; {offer.dock} is gone too, and whoever takes it there is {name} to it: give that dock its power"
            self._unseen.add(offer.camera)
            self._fleet.problems[UNSEEN_PROBLEM + offer.camera] = text
        return text

    def is_stuck(self, camera: str) -> bool:
        """Whether a camera stands in a bay and does not confirm that it is nobody's."""
        return NOTE_PROBLEM + camera in self._fleet.problems

    def forget(self, camera: str) -> None:
        """Take its note out. Blocks. DomainError."""
        with self._system.change(BY, self._fleet.happenings.wall_ms()) as edit:
            if edit.find("holding", camera) is not None:
                edit.remove("holding", camera)

    def _is_known(self, camera: str) -> bool:
        view = self._fleet.cameras.get(camera)
        return camera not in self._system.holdings or (view is not None and view.online)

    def _is_back(self, camera: str) -> bool:
        return camera in self._system.holdings and self._facts.is_back(camera)

    async def _take_back(self, camera: str) -> None:
        """The camera says that it is nobody's; then its note goes."""
        session, note = self._fleet.session_of(camera), self._system.holdings.get(camera)
        try:
            if session is not None and note is not None:
                await session.release()
                await self._run_blocking(lambda: self.forget(camera))
                self._end(camera)
                self._on_settled(camera)
                self._tell_back(note)
        except RequestRefused as refused:
            self._note_refusal(camera, str(refused))
        except (LinkLost, DomainError) as error:
            LOG.info("%s is not settled yet: %s", camera, error)
        finally:
            self._settling.discard(camera)

    def _tell_back(self, note: Holding) -> None:
        if note.undocked_unix_ms is not None:
            self._fleet.happenings.tell("brought_back", camera=note.camera)
            return
        text = f"{note.camera} stands in a bay and is nobody's: nobody saw whether it was taken when it flashed"
        self._fleet.happenings.tell("offer_ended", camera=note.camera, wearer=note.wearer, text=text)

    def _note_refusal(self, camera: str, why: str) -> None:
        now_s = asyncio.get_running_loop().time()
        holding = self._system.holdings.get(camera)
        if now_s - self._refused_s.setdefault(camera, now_s) < STUCK_S or holding is None:
            return
        wearer = self._system.wearers.get(holding.wearer)
        name = wearer.name if wearer is not None else holding.wearer
        self._fleet.problems[NOTE_PROBLEM + camera] = (
            f"{camera} is docked and does not confirm that it is nobody's ({why}): {name} gets no other camera; "
            + REMEDY.format(camera=camera)
        )

    def _end(self, camera: str) -> None:
        self._refused_s.pop(camera, None)
        self._fleet.problems.pop(NOTE_PROBLEM + camera, None)
