"""Readers and pick-up together, beside one controller: what ``bwc controller``, the simulation and tests all put up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from host_tools.controller.badge_reading import BadgeReading
from host_tools.controller.happenings import Happening
from host_tools.controller.pickup import Pickup
from host_tools.controller.pickup_facts import PickupRules
from host_tools.controller.readers import ReaderDesk, ReaderFinder, ReaderView
from host_tools.controller.service import Controller
from host_tools.custody.blocking import RunBlocking
from host_tools.readers.tags import Tag
from host_tools.system.system import System
from host_tools.transports.registry import Registry


class PickupDesk:
    """``run`` is a task beside the controller's. Status shows ``readers`` and ``pickup``."""

    def __init__(
        self,
        controller: Controller,
        system: System,
        rules: PickupRules,
        finder: ReaderFinder,
        ports: Registry,
        run_blocking: RunBlocking,
        now_ms: Callable[[], int],
    ) -> None:
        self.pickup = Pickup(controller, system, rules, run_blocking, now_ms)
        self.readers = ReaderDesk(finder, ports, now_ms, controller.happenings, self._on_tap)
        self._system = system
        self.badges = BadgeReading(self.readers, self._paired, controller.happenings, now_ms)
        self.pickup.lamps = self.readers
        controller.desk_view = self.view
        controller.may_flash = self.pickup.may_flash
        self._problems = controller.problems
        controller.happenings.listen(self._note_problem)

    def view(self) -> dict[str, Any]:
        """What status shows."""
        return {"readers": [view.plain() for view in self.readers.views.values()], "pickup": self.pickup.view()}

    def _on_tap(self, view: ReaderView, tag: Tag) -> None:
        """A badge that somebody waits for, to give it to a wearer, picks no camera."""
        if not self.badges.take(view, tag):
            self.pickup.on_tap(view, tag)

    def _paired(self) -> dict[str, str]:
        return {tag: f"{each.name} ({each.id})" for each in self._system.wearers.values() for tag in each.tags}

    def _note_problem(self, happening: Happening) -> None:
        """A reader that cannot be used is a problem of the controller's, as long as it lasts."""
        if happening["what"] == "reader":
            key = f"reader {happening['url']}"
            if happening["text"]:
                self._problems[key] = happening["text"]
            else:
                self._problems.pop(key, None)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.readers.run())
            tasks.create_task(self.pickup.run())
