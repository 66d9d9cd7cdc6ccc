"""One seed's world: a fleet, its people, its mishaps, one controller and one destination; run, healed and judged.

Law: drives and watches; what must hold is in ``checkers``, what goes wrong in ``mishaps``. Everything is on the two
timelines of ``loop``: the bench falls asleep when nothing has happened at it for a while, and every hand, mishap and
telling that touches it wakes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from firmware.ports.errors import PortFault
from firmware.ports.memory_files import MemoryFiles
from firmware.secure import document
from host_tools.controller.happenings import Happening
from host_tools.controller.members import PATH as MEMBERS_PATH
from host_tools.custody.errors import CustodyError
from host_tools.custody.ledger import Head, read_entry
from host_tools.custody.spool import COMMIT_BYTES
from host_tools.custody.states import State
from host_tools.destinations.memory import StoredContainer
from host_tools.hardware import board_models, find_board
from host_tools.simulation import checkers, hands
from host_tools.simulation.badges import Badges
from host_tools.simulation.bench import SimBench, SimCamera
from host_tools.simulation.checkers import Memory, Space, Violation
from host_tools.simulation.destination import Network, WatchedDestination
from host_tools.simulation.disk import Disk, Survive
from host_tools.simulation.loop import US_PER_S, Stuck, VirtualLoop
from host_tools.simulation.mishaps import EFFECTS, RESTART_US
from host_tools.simulation.outcome import Outcome
from host_tools.simulation.plan import Action, Mishap, Plan, dock_count
from host_tools.simulation.records import CameraWitness, Recorded
from host_tools.simulation.site import INDEX_PATH, SPOOL_FOLDER, SPOOLED, TRUST_FOLDER, Site
from host_tools.simulation.trace import Trace
from host_tools.system.records import SettingValue
from host_tools.system.roster import Assignment, Roster, Wearer
from host_tools.trust.errors import TrustError

US_PER_MS = 1_000
EPOCH_UNIX_MS = 1_767_225_600_000  # 2026-01-01, when every simulated world begins
CARD_BYTES = 256 << 20
DISK_BYTES = 2 << 30
FRAGMENT_BYTES = 4096
DWELL_US = 45 * US_PER_S  # without anything happening the bench falls asleep: three of the controller's slowest looks
QUIET_US = 8 * US_PER_S  # the same where everything docked is empty and everything held is delivered
AUDIT_US = 6 * 3_600 * US_PER_S
HEAL_LIMIT_US = 1_800 * US_PER_S  # bench time in which everything must have arrived once all is well again
HEAL_LOOK_US = 5 * US_PER_S
HEADS_KEPT_MAX = 200  # of the ledger, as delivered recordings carry them; the newest
PENDING_BYTES_MAX = COMMIT_BYTES + (8 << 20)
UNDELIVERED: tuple[State, ...] = ("offloading", "held", "delivering")
SETTLED_FILES = frozenset(
    {
        INDEX_PATH,
        INDEX_PATH + "-wal",
        INDEX_PATH + "-journal",
        SPOOL_FOLDER,
        TRUST_FOLDER,
        MEMBERS_PATH,
        f"{MEMBERS_PATH}.new",
    }
)


class DeskRoster(Roster):
    """Who gets which camera next, as the people at the desk have it; known to the controller at the next docking."""

    def __init__(self, people: int) -> None:
        super().__init__(tuple(Wearer(id=f"W-{n:04}", name=f"Wearer {n}") for n in range(people)), ())

    def assign(self, serial: str, wearer_id: str) -> None:
        """From the next docking on."""
        assignment = Assignment(camera=serial, wearer=wearer_id)
        self.assignments[assignment.camera] = assignment.wearer

    def settings_for(self, wearer: Wearer | None, model: str) -> dict[str, SettingValue]:
        """Everybody's camera is told how to behave, so that what can befall that befalls it here too."""
        return {"audio": True, "front_indicator": "flash" if wearer is not None else "steady"}


class Simulation:
    """Use: ``Simulation(plan).run()``, once. ``survive``: what a power cut leaves of a medium."""

    def __init__(
        self,
        plan: Plan,
        until: int = 0,
        sink: Callable[[str], None] | None = None,
        survive: Survive | None = None,
        fragment_bytes: int = FRAGMENT_BYTES,
    ) -> None:
        self.plan = plan
        self.loop = VirtualLoop(lambda text: self.fail(Violation("g", text)))
        self.trace = Trace(lambda: self.loop.world.now_us // US_PER_MS, until, sink)
        self.records: dict[str, Recorded] = {}
        self.checks: Counter[str] = Counter()
        self.mishaps: Counter[str] = Counter()
        self.harmless: Counter[str] = Counter()
        self.undos: list[Callable[[], None]] = []
        self.healed = False
        self.start_after_death_ms = 0
        self.violation: Violation | None = None
        boards = {model: find_board(model) for model in board_models()}
        self.bench = SimBench(self.loop, boards, plan.seed, self._on_crash)
        self.roster = DeskRoster(plan.cameras)
        self.network = Network(WatchedDestination(self._on_complete), lambda: self.site.running is not None, plan.seed)
        self._survive = survive or MemoryFiles.crash_torn
        self._fragment_bytes = fragment_bytes
        self._clock_jump_ms = 0
        self._heads: list[Head] = []
        self._stirred_us = 0
        self._heal_s = 0.0
        self.badges = Badges(self) if plan.badges else None
        self.site = Site(
            self.loop,
            self.bench.bus,
            boards,
            Disk(DISK_BYTES, self._survive),
            self.network,
            self.roster,
            self.wall_ms,
            plan.seed,
            self._on_told,
            lambda text: self.fail(Violation("g", text)),
            self.badges.store if self.badges is not None else None,
            self.badges.readers if self.badges is not None else None,
        )
        self.site.disk.on_cut = self._on_site_cut

    # -- the run

    def run(self, progress: Callable[[float], None] | None = None) -> Outcome:
        """Live through the plan, heal, judge. A violation ends it and is in the outcome."""
        self._begin()
        try:
            self._live(progress)
            if self.violation is None and not self.trace.is_over():
                self._heal()
        except Stuck as stuck:
            self.fail(Violation("g", str(stuck)))
        self._end()
        return self._outcome()

    def camera(self, number: int) -> SimCamera:
        """By its number in the plan."""
        return self.bench.cameras[serial_of(number)]

    def wall_ms(self) -> int:
        """The controller's wall clock."""
        return EPOCH_UNIX_MS + self.loop.world.now_us // US_PER_MS + self._clock_jump_ms

    def jump_clock(self, seconds: int) -> None:
        """Somebody sets the controller's clock."""
        self._clock_jump_ms += seconds * 1_000

    def stir(self) -> None:
        """Something happens at the bench: it is awake for a while."""
        self._stirred_us = self.loop.bench.now_us
        if self.loop.asleep:
            self.loop.wake_up()
            self.loop.bench.after(QUIET_US, self._doze)

    def start_site_after(self, delay_ms: int) -> None:
        """The controller's program is started then, and again until it starts."""
        self.loop.world.after(delay_ms * US_PER_MS, self._start_site)

    def fail(self, violation: Violation) -> None:
        """Remember the first violation; the run ends between two moments."""
        if self.violation is None and self.site.lives >= 0:
            self.violation = violation
            self.trace.note("violation", letter=violation.letter)

    def guarded(self, letter: str, check: Callable[[], object]) -> None:
        """Run a check; what it raises ends the run."""
        self.checks[letter] += 1
        try:
            check()
        except Violation as violation:
            self.fail(violation)

    def _begin(self) -> None:
        for _ in range(dock_count(self.plan.cameras)):
            self.bench.add_dock()
        for number in range(self.plan.cameras):
            self._add_camera(number)
        for camera, place in zip(self.bench.cameras.values(), self.bench.free_bays(), strict=False):
            camera.put_in(*place)
        self.site.set_up(self.bench.workshop.maker.root)
        self.loop.world.after(0, self._start_site)
        for action in self.plan.actions:
            self.loop.world.at(action.at_ms * US_PER_MS, lambda action=action: self._act(action))
        for mishap in self.plan.mishaps:
            self.loop.world.at(mishap.at_ms * US_PER_MS, lambda mishap=mishap: self._befall(mishap))
        self.loop.world.after(AUDIT_US, self._audit_again)
        self.loop.bench.after(QUIET_US, self._doze)

    def _live(self, progress: Callable[[float], None] | None) -> None:
        end_us = self.plan.end_ms * US_PER_MS
        parts = 200 if progress is not None else 1
        for part in range(1, parts + 1):
            self.loop.run_until(end_us * part // parts, self._is_over)
            if progress is not None:
                progress(part / parts)
            if self._is_over():
                return

    def _is_over(self) -> bool:
        return self.violation is not None or self.trace.is_over()

    def _heal(self) -> None:
        """Put everything right, bring all cameras home, and wait until everything has arrived."""
        self.healed = True
        self.trace.note("healed")
        hands.heal(self)
        started_us = self.loop.bench.now_us
        while not self._is_over():
            self.stir()
            hands.retry_set_aside(self)
            waited_us = self.loop.bench.now_us - started_us
            self._heal_s = waited_us / US_PER_S
            if self._has_all_arrived():
                break
            if waited_us > HEAL_LIMIT_US:
                self.guarded("h", lambda: checkers.check_all_arrived(self.records.values(), self._heal_s))
                break
            self.loop.run_until(self.loop.world.now_us + HEAL_LOOK_US, self._is_over)
        if not self._is_over():
            self.guarded("h", lambda: checkers.check_all_arrived(self.records.values(), self._heal_s))
            self.audit()

    def _has_all_arrived(self) -> bool:
        apps = [camera.app for camera in self.bench.cameras.values()]
        return (
            self.site.running is not None
            and all(not record.must_arrive() or record.erased for record in self.records.values())
            and all(app is not None and not app.vault.recordings() for app in apps)
            and (self.badges is None or self.badges.is_settled())
        )

    def _end(self) -> None:
        for camera in self.bench.cameras.values():
            camera.power_off()
        for dock in self.bench.docks:
            dock.power_off()
        self.loop.wake_up()
        self.site.stop()
        while self.site.is_unwinding():
            self.loop.run_until(self.loop.world.now_us + US_PER_S)
        self.loop.close()

    def _outcome(self) -> Outcome:
        done = [record for record in self.records.values() if record.delivered]
        fragments = sum(record.fragments for record in self.records.values())
        return Outcome(
            plan=self.plan,
            step=self.trace.step,
            digest=self.trace.digest(),
            violation=self.violation,
            mishaps=self.mishaps,
            harmless=self.harmless,
            counts=self.trace.counts,
            checks=self.checks,
            simulated_s=self.loop.world.now_us / US_PER_S,
            recordings=len(self.records),
            offloaded=len(done),
            fragments=fragments,
            bytes_recorded=fragments * self._fragment_bytes,
            heal_s=self._heal_s,
            tail=list(self.trace.tail),
        )

    # -- the bench's sleep

    def _doze(self) -> None:
        still_us = self.loop.bench.now_us - self._stirred_us
        if still_us >= DWELL_US or (still_us >= QUIET_US and self._is_quiet()):
            self.loop.fall_asleep()
        else:
            self.loop.bench.after(QUIET_US, self._doze)

    def _is_quiet(self) -> bool:
        """Whether no program has anything left to do for now."""
        running = self.site.running
        docked = [camera.app for camera in self.bench.cameras.values() if camera.place is not None]
        if running is None or any(app is None or app.vault.recordings() for app in docked):
            return False
        return not any(running.index.recordings(state) for state in UNDELIVERED)

    # -- people and mishaps

    def _act(self, action: Action) -> None:
        if self.healed:
            return
        done = hands.act(self, action)
        if done:
            self.trace.note(action.verb, camera=serial_of(action.camera), who=action.who)
            self._check_step()

    def _befall(self, mishap: Mishap) -> None:
        if self.healed:
            return
        self.stir()
        undo = EFFECTS[mishap.kind](self, mishap)
        if undo is False:
            self.harmless[mishap.kind] += 1
            return
        self.mishaps[mishap.kind] += 1
        self.trace.note("mishap", kind=mishap.kind, target=mishap.target, length_ms=mishap.length_ms)
        if callable(undo):
            self.undos.append(undo)
            self.loop.world.after(mishap.length_ms * US_PER_MS, lambda: self._undo(undo))
        self._check_step()

    def _undo(self, undo: Callable[[], None]) -> None:
        if undo in self.undos:
            self.undos.remove(undo)
            self.stir()
            undo()

    def _start_site(self) -> None:
        if self.site.is_unwinding():
            self.loop.world.after(RESTART_US, self._start_site)
            return
        self.stir()
        try:
            self.site.start()
        except (CustodyError, TrustError, PortFault) as error:
            self.trace.note("controller_cannot_start", error=type(error).__name__)
            if self.healed:
                self.fail(Violation("h", f"everything has healed, and the controller cannot start: {error}"))
            self.loop.world.after(RESTART_US, self._start_site)
            return
        self.trace.note("controller_started", life=self.site.lives)
        self.audit()

    def _on_site_cut(self) -> None:
        self.site.died()
        self.trace.note("controller_died_writing")
        self.start_site_after(self.start_after_death_ms)

    # -- what is watched

    def _add_camera(self, number: int) -> None:
        serial = serial_of(number)
        disk = Disk(CARD_BYTES, self._survive)
        camera = self.bench.add_camera(serial, disk, self._fragment_bytes)
        disk.witness = CameraWitness(
            serial, self.records, lambda: camera.wearer, self._on_erase, lambda name: self._on_quarantine(serial, name)
        )
        camera.booted = self._on_boot
        self.roster.assign(serial, wearer_of(number))
        camera.power_on()

    def _on_crash(self, text: str) -> None:
        self.fail(Violation("g", f"firmware crashed\n{text}"))

    def _on_erase(self, record: Recorded) -> None:
        self.guarded("a", lambda: checkers.check_erase(record))
        record.erased = True
        if record.must_arrive():
            self.trace.note("card_erases", recording=record.recording)

    def _on_quarantine(self, serial: str, name: str) -> None:
        record = self.records.get(name)
        self.trace.note("card_quarantines", camera=serial, name=name)
        if record is None or record.must_arrive():
            self.fail(Violation("b", f"{serial} puts {name} into quarantine: nothing damages cards here"))

    def _on_boot(self, camera: SimCamera) -> None:
        self.trace.note("camera_booted", camera=camera.serial, state=camera.state)
        if camera.app is not None and camera.disk.mood == "well" and camera.state != "malfunctioning":
            held = held_by(camera)
            self.guarded("b", lambda: checkers.check_card(self.records.values(), held, camera.serial))

    def _on_complete(self, container: str, box: StoredContainer) -> None:
        self.guarded("b", lambda: self._arrive(container, box))

    def _arrive(self, container: str, box: StoredContainer) -> None:
        record = checkers.check_arrival(self.records, container, box)
        (stored,) = box.objects.values()
        if record.prefixes:
            record.delivered = record.fragments_of(bytes.fromhex(stored.receipt.sha256))
        record.container = container
        self.trace.note("arrived", recording=record.recording, fragments=record.delivered, container=container)

    def _on_told(self, happening: Happening) -> None:
        what = happening["what"]
        if what in ("camera_idle", "progress"):
            return
        self.stir()
        details = {
            key: value
            for key, value in happening.items()
            if key in ("camera", "recording", "dock", "bay", "state", "container", "wearer", "chunk", "verdict", "ok")
        }
        self.trace.note(f"told_{what}", **details)
        if what in ("held", "delivered", "erased"):
            self._check_told(what, happening["recording"])
        if self.badges is not None:
            self.badges.on_told(happening)
        if what == "stranger":
            hands.add_later(self, happening["camera"])
        self._check_step()

    def _check_told(self, what: str, recording: str) -> None:
        running, record = self.site.running, self.records.get(recording)
        if running is None:
            return
        if record is None:
            self.fail(Violation("b", f"the controller tells of recording {recording}, which nobody recorded"))
            return
        identity = bytes.fromhex(recording)
        words = [read_entry(link).word for link in running.index.ledger_links(identity)]
        self.guarded("c", lambda: checkers.check_story(words, record))
        if what == "delivered":
            self.guarded("d", lambda: checkers.check_wearer(record, running.index.get(identity)))
            self._heads = [*self._heads[-HEADS_KEPT_MAX:], running.index.ledger_head()]
        if what == "erased":
            record.settle()

    def _check_step(self) -> None:
        running = self.site.running
        if running is None:
            return
        storage = running.spool.storage()
        used, reserved = storage.used_bytes, storage.reserved_bytes
        self.guarded("e", lambda: checkers.check_space(Space(used, reserved, used + reserved, 0), idle=False))
        memory = Memory(
            boards=len(self.bench.cameras) + len(self.bench.docks),
            tasks=self.loop.tasks_open,
            timers=len(self.loop.bench.heap),
            cable_bytes=self.bench.bus.held_bytes(),
            pending_bytes=running.spool.pending_bytes(),
            pending_bytes_max=PENDING_BYTES_MAX,
            views=len(running.controller.cameras),
        )
        self.guarded("f", lambda: checkers.check_memory(memory))

    def _audit_again(self) -> None:
        self.audit()
        self.loop.world.after(AUDIT_US, self._audit_again)

    def audit(self) -> None:
        """The slow checks: the whole ledger, the whole spool, all cards."""
        running = self.site.running
        if running is None or self.site.disk.mood != "well":
            return
        self.guarded("c", lambda: checkers.check_ledger(running.index, self._heads))
        stored = running.index.stored_recordings()
        storage, expected = running.spool.storage(), sum(row.chunks_bytes for row in stored)
        space = Space(storage.used_bytes, storage.reserved_bytes, expected, self._left_on_disk())
        self.guarded("e", lambda: checkers.check_space(space, idle=self.healed and not stored))
        for record in self.records.values():
            if record.must_arrive() and not record.delivered:
                self.guarded("b", lambda record=record: self._check_held(record))

    def _check_held(self, record: Recorded) -> None:
        """What has not arrived is on its card, closed and listed or not."""
        disk = self.bench.cameras[record.camera].disk
        if not disk.is_dead() and not disk.files.exists(f"recordings/{record.recording}/chunks"):
            raise Violation("b", f"recording {record.recording} is neither delivered nor on its card ({record.camera})")

    def _left_on_disk(self) -> int:
        """Entries on the controller's disk beyond what an empty spool has."""
        files = self.site.disk.files
        return len(set(files.list_folder("")) - SETTLED_FILES) + len(files.list_folder(SPOOLED))


def serial_of(number: int) -> str:
    """Of a camera in the plan."""
    return f"CAM-{number + 1:04}"


def wearer_of(number: int) -> str:
    """Of a person in the plan."""
    return f"W-{number:04}"


def held_by(camera: SimCamera) -> dict[str, bytes]:
    """Recordings that the camera's firmware lists, with the content digest of each manifest on the card."""
    held: dict[str, bytes] = {}
    for stored in camera.app.vault.recordings() if camera.app is not None else ():
        name = stored.recording.hex()
        file = camera.disk.files.open(f"recordings/{name}/manifest")
        buffer = bytearray(file.size_bytes())
        file.read_at(0, buffer)
        held[name] = document.decode(bytes(buffer)).manifest.content_sha256
    return held
