"""Commands about what is plugged in and what it holds: looking, bays, lamps, delivery tried again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import Field

from firmware.link import schema
from host_tools.accounts.roles import Actor
from host_tools.controller.charging import SUSPEND_HOURS_MAX
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.contact_check import FULL, QUICK
from host_tools.controller.docks import Dock
from host_tools.controller.service import Controller
from host_tools.controller.status import take_status
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.index import Index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.protocol.connection import RequestRefused

INDICATE_MS_MAX = 60_000  # a camera that shows itself is found within a minute, or asked again
INDICATE_MS = 5_000
OFF_MS = 2_000  # a camera's capacitors are empty after half a second, its USB gone after one
OFF_MS_MIN, OFF_MS_MAX = 500, 60_000
SUSPEND_HOURS = 24

Bay = Annotated[int, Field(ge=1, le=schema.BAYS_MAX)]  # the largest dock there is


class HardwareCommands(CommandGroup):
    """A facade of one running controller and its index."""

    def __init__(
        self,
        gate: Gate,
        controller: Controller,
        index: Index,
        spool: Spool,
        journey: Journey,
        run_blocking: RunBlocking,
    ) -> None:
        super().__init__(gate)
        self._controller = controller
        self._index = index
        self._spool = spool
        self._journey = journey
        self._run_blocking = run_blocking

    @command
    async def status(self, actor: Actor) -> dict[str, Any]:
        """Docks, cameras, recordings, spool, destination, problems."""
        return await take_status(self._controller, self._index, self._spool, self._run_blocking)

    @command
    async def events(self, actor: Actor) -> None:
        """Whether this actor may follow what happens; the edge that was asked then publishes it."""

    @command
    async def check_contacts(self, actor: Actor, bay: Bay, dock: str = "", quick: bool = False) -> list[dict[str, Any]]:
        """Measure a bay's contacts from both sides. CommandError while the bay is empty; LinkLost."""
        named = self._dock(dock)
        with _by(named):
            return await self._controller.contacts.check(named, bay, QUICK if quick else FULL)

    @command
    async def contact_history(
        self, actor: Actor, dock: str = "", bay: int = 0, camera: str = "", limit: int = 100
    ) -> list[dict[str, Any]]:
        """What was measured at dockings, newest first."""
        kept = self._controller.contacts.history.rows()
        rows = [row for row in kept if dock in ("", row.dock) and bay in (0, row.bay) and camera in ("", row.camera)]
        return [row.model_dump(exclude_none=True) for row in reversed(rows)][: max(limit, 0)]

    @command
    async def set_bay_power(self, actor: Actor, bay: Bay, on: bool, dock: str = "") -> None:
        """Switch the supply of one bay. CommandError, LinkLost."""
        named = self._dock(dock)
        if not on:
            self._require_no_offer(named, bay)
        with _by(named):
            await named.set_power(bay, on)

    @command
    async def power_cycle_bay(self, actor: Actor, bay: Bay, dock: str = "", off_ms: int = OFF_MS) -> str:
        """Take a bay's power away and give it back; answers the bay's state. CommandError, LinkLost."""
        if not OFF_MS_MIN <= off_ms <= OFF_MS_MAX:
            raise CommandError(f"power can stay away for {OFF_MS_MIN} to {OFF_MS_MAX} ms: not for {off_ms}")
        named = self._dock(dock)
        self._require_no_offer(named, bay)
        with _by(named):
            return await named.power_cycle(bay, off_ms)

    @command
    async def suspend_smart_charge(self, actor: Actor, hours: int = SUSPEND_HOURS) -> int:
        """Charge all cameras to full for so long, or (0) go back to smart charge; answers until when."""
        if not 0 <= hours <= SUSPEND_HOURS_MAX:
            raise CommandError(f"smart charge can be suspended for 0 to {SUSPEND_HOURS_MAX} hours: not for {hours}")
        return await self._controller.contacts.suspend_smart_charge(hours, actor.account)

    @command
    async def indicate_camera(
        self, actor: Actor, serial: str, pattern: str = "assigned", duration_ms: int = INDICATE_MS
    ) -> None:
        """Let a docked camera show a lamp pattern, so that somebody finds it."""
        known = [row[1] for row in schema.LAMP_PATTERNS]
        if pattern not in known:
            raise CommandError(f"no lamp pattern is called {pattern[:40]}; known: {', '.join(known)}")
        if not 0 < duration_ms <= INDICATE_MS_MAX:
            raise CommandError(f"a camera shows itself for 1 to {INDICATE_MS_MAX} ms: not for {duration_ms}")
        session = self._controller.session_of(serial)
        if session is None:
            raise CommandError(f"camera {serial[:40]} is not docked: dock it first")
        await session.indicate(pattern, duration_ms)

    @command
    async def prioritise_wearer(self, actor: Actor, wearer: str, on: bool = True) -> int | None:
        """Offload a wearer's recordings before others' for 24 hours, or not any more; answers until when."""
        priorities = self._controller.priorities
        if not on:
            await self._run_blocking(lambda: priorities.end(wearer, actor.account))
            return None
        try:
            return await self._run_blocking(lambda: priorities.begin(wearer, actor.account))
        except KeyError:
            raise CommandError(f"no wearer has the id {wearer[:40]}: see the list of wearers") from None

    @command
    async def priorities(self, actor: Actor) -> dict[str, int]:
        """Whose recordings are offloaded first because somebody asked for it, and until when."""
        return self._controller.priorities.now()

    @command
    async def retry_delivery(self, actor: Actor, recording: str = "") -> list[str]:
        """Take up a recording that was set aside, or all of them; answers which."""
        names = await self._run_blocking(lambda: self._retry(recording))
        self._controller.look_again()
        return names

    def _retry(self, recording: str) -> list[str]:
        rows = [row for row in self._index.recordings() if row.poison or row.trouble]
        chosen = [row for row in rows if recording in ("", row.recording.hex())]
        if recording and not chosen:
            raise CommandError(f"recording {recording[:40]} was not set aside and has no trouble: nothing to try again")
        for row in chosen:
            self._journey.retry(row.recording)
        return [row.recording.hex() for row in chosen]

    def _require_no_offer(self, dock: Dock, bay: int) -> None:
        """To a camera that flashes for somebody, a bay that goes dark is a hand that takes it."""
        if self._controller.may_flash(dock.serial, bay):
            raise CommandError(f"bay {bay} flashes for somebody: ask again when its camera is taken, or that is over")

    def _dock(self, serial: str) -> Dock:
        docks = self._controller.docks
        if serial in docks:
            return docks[serial]
        if not serial and len(docks) == 1:
            return next(iter(docks.values()))
        there = f"there is {', '.join(sorted(docks))}" if docks else "none is connected"
        raise CommandError(f"no dock {serial}; {there}" if serial else f"which dock? {there}")


@contextmanager
def _by(dock: Dock) -> Generator[None]:
    """What a dock refuses, in its own words. CommandError."""
    try:
        yield
    except RequestRefused as refused:
        raise CommandError(f"{dock.serial} refuses: {refused.text}") from refused
