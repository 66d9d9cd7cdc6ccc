"""The controller's machine: real controller, real custody on a medium that can lose power, the destination's near end.

Law: composes as ``bwc controller`` does, with the seams of the simulation put in. A power cut freezes disk, cables and
destination at one instant; what the dead program still does while its tasks unwind is seen by nobody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from firmware.ports.errors import PortFault
from firmware.ports.subtree_files import SubtreeFiles
from firmware.secure.signing import P256Signer
from firmware.version import VERSION
from host_tools.controller.happenings import Happening
from host_tools.controller.members import Members
from host_tools.controller.pickup_desk import PickupDesk
from host_tools.controller.pickup_facts import PickupRules
from host_tools.controller.service import Controller, World
from host_tools.controller.upkeep import Upkeep
from host_tools.custody.belief import Belief
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError
from host_tools.custody.files_vfs import FilesVfs
from host_tools.custody.index import Index, open_index
from host_tools.custody.spool import Spool
from host_tools.destinations.interface import Destination
from host_tools.emulator.platform import ReplayEntropy
from host_tools.hardware import Board
from host_tools.simulation.bus import SimBus
from host_tools.simulation.channel import SimChannel
from host_tools.simulation.disk import Disk
from host_tools.simulation.loop import VirtualLoop
from host_tools.simulation.reader import SimReaders
from host_tools.simulation.sealing import SimBelief
from host_tools.system.roster import Roster
from host_tools.system.store import Store
from host_tools.system.system import System
from host_tools.trust.system import SystemTrust, create_system, open_system
from host_tools.trust.wrapping import ArgonCost

T = TypeVar("T")

SLOW_SHARE = 0.05  # of all blocking work takes time, up to
SLOW_S_MAX = 0.04
INDEX_PATH = "index.sqlite"
TRUST_FOLDER = "trust"
SPOOL_FOLDER = "spool"
SPOOLED = SPOOL_FOLDER + "/recordings"
PASSPHRASE = "a simulated passphrase"  # noqa: S105 - of systems that live for some seconds
CONTROLLER = "controller-1"
CHEAP = ArgonCost(memory_kib=8, iterations=1, lanes=1)  # the least that Argon2id can be: nobody attacks it here
SPARE_BYTES = 4 << 20  # of a disk of some hundred megabytes, as SPARE_BYTES of custody is of a real one


@dataclass
class Running:
    """One life of the controller."""

    controller: Controller
    index: Index
    spool: Spool
    vfs: FilesVfs
    task: asyncio.Task[None]
    desk: PickupDesk | None = None
    upkeep: Upkeep | None = None  # while the program is to end in order, or runs


class Site:
    """``wall_ms``: the controller's wall clock. ``told``: gets what the controller tells. ``ended``: called with an
    error that the controller could not handle. ``store``, ``readers``: where cameras are picked up by badge; what is
    in the store outlives a power cut, as a database does."""

    def __init__(
        self,
        loop: VirtualLoop,
        bus: SimBus,
        boards: Mapping[str, Board],
        disk: Disk,
        destination: Destination,
        roster: Roster,
        wall_ms: Callable[[], int],
        seed: int,
        told: Callable[[Happening], None],
        ended: Callable[[str], None],
        store: Store | None = None,
        readers: SimReaders | None = None,
    ) -> None:
        self.disk = disk
        self.running: Running | None = None
        self.lives = 0
        self._loop = loop
        self._bus = bus
        self._boards = boards
        self._destination = destination
        self._roster = roster
        self._wall_ms = wall_ms
        self._seed = seed
        self._told = told
        self._ended = ended
        self._store = store
        self._readers = readers
        self._dying: list[Running] = []

    def set_up(self, maker_root: bytes) -> None:
        """What an administrator does once: a system of its own, which takes cameras of that maker."""
        for folder in (TRUST_FOLDER, SPOOL_FOLDER):
            self.disk.make_folder(folder)
        self.disk.sync_folder("")
        entropy = ReplayEntropy(f"system {self._seed}")
        files = SubtreeFiles(self.disk, TRUST_FOLDER)
        trust = create_system(files, PASSPHRASE, CONTROLLER, self._wall_ms(), entropy, CHEAP)
        trust.trust_manufacturer(maker_root)

    def start(self) -> None:
        """Start the program. CustodyError or TrustError, as for a person who starts it. Nothing if it runs."""
        if self.running is not None:
            return
        self.disk.boot()
        self.lives += 1
        entropy = ReplayEntropy(f"controller {self._seed} {self.lives}")
        trust = open_system(SubtreeFiles(self.disk, TRUST_FOLDER), entropy)
        belief = SimBelief(trust)
        vfs = FilesVfs(self.disk, entropy, self._wall_ms)
        try:
            index = open_index(INDEX_PATH, exclusive=True, vfs=vfs.name)
            try:
                spool = Spool(SubtreeFiles(self.disk, SPOOL_FOLDER), index, self._wall_ms, SPARE_BYTES, belief=belief)
            except BaseException:
                index.close()
                raise
        except BaseException:
            vfs.close()
            raise
        system = System(self._store) if self._store is not None else None
        world = self._world(index, spool, trust, belief, entropy, system)
        controller = Controller(world)
        desk = self._make_desk(controller, world)
        upkeep = Upkeep(controller, system, world.run_blocking) if system is not None and desk is not None else None
        if upkeep is None or desk is None:
            task = self._loop.create_task(controller.run())
        else:
            task = self._loop.create_task(_side_by_side(controller, desk, upkeep))
        running = self.running = Running(controller, index, spool, vfs, task, desk, upkeep)
        controller.happenings.listen(lambda happening: self._hear(running, happening))
        task.add_done_callback(lambda _task: self._over(running))

    def stop(self) -> None:
        """End it in order (Ctrl-C). It is over when its tasks have ended, within this moment of bench time."""
        running, self.running = self.running, None
        if running is not None:
            self._dying.append(running)
            running.task.cancel()

    def cut(self, seed: int) -> None:
        """The machine loses its power at this instant."""
        self.disk.cut_now(seed)
        self.died()

    def died(self) -> None:
        """The power has gone. Hang everything up; the dead program unwinds where nobody sees it."""
        self._bus.hang_up()
        if self.running is not None:
            self.running.upkeep = None
        self.stop()

    def is_unwinding(self) -> bool:
        """Whether an earlier life has not ended yet."""
        return bool(self._dying)

    def _hear(self, running: Running, happening: Happening) -> None:
        if running is self.running:
            self._told(happening)

    def _over(self, running: Running) -> None:
        """A life has ended: close what it had open."""
        if running is self.running:  # by itself
            self.running = None
            error = None if running.task.cancelled() else running.task.exception()
            self._ended(f"the controller ended by itself: {error!r}")
        elif running in self._dying:
            self._dying.remove(running)
            if not running.task.cancelled():
                running.task.exception()
        if running.upkeep is not None:
            running.upkeep.end()
        for close in (running.spool.close, running.index.close):
            with suppress(CustodyError, PortFault):  # a medium that fails now does so to a program that has ended
                close()
        running.vfs.close()

    def blocking(self, seed: int) -> RunBlocking:
        """How this controller's blocking work is done."""
        return SometimesSlow(seed)

    def _make_desk(self, controller: Controller, world: World) -> PickupDesk | None:
        if world.system is None or self._readers is None:
            return None
        self._readers.add_to(world.registry)
        bench = self._loop.bench
        return PickupDesk(
            controller,
            world.system,
            PickupRules(VERSION),
            self._readers,
            world.registry,
            world.run_blocking,
            lambda: bench.now_us // 1_000,
        )

    def _world(
        self,
        index: Index,
        spool: Spool,
        trust: SystemTrust,
        belief: Belief,
        entropy: ReplayEntropy,
        system: System | None,
    ) -> World:
        chance = random.Random(f"chance {self._seed} {self.lives}")
        return World(
            finder=self._bus,
            registry=self._bus.registry(),
            boards=self._boards,
            index=index,
            spool=spool,
            destination=self._destination,
            roster=system or self._roster,
            system=system,
            wall_ms=self._wall_ms,
            nonce=lambda: int.from_bytes(entropy.random_bytes(8), "little"),
            opener_of=belief.opener_of,
            run_blocking=self.blocking(self._seed),
            trust=trust,
            members=Members(self.disk),
            make_channel=SimChannel,
            erase_signer=lambda: P256Signer(trust.controller_key()),
            chance=chance.random,
        )


async def _side_by_side(controller: Controller, desk: PickupDesk, upkeep: Upkeep) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(controller.run())
        tasks.create_task(upkeep.run())
        tasks.create_task(desk.run())


class SometimesSlow:
    """Blocking work done at once, after which now and then some time has passed, as a disk takes it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"disk {seed}")

    async def __call__(self, function: Callable[[], T], /) -> T:
        result = function()
        if self._random.random() < SLOW_SHARE:
            await asyncio.sleep(self._random.random() * SLOW_S_MAX)
        return result
