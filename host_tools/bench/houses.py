"""Benches as scenarios live on them: an emulated one in a process of its own, or one of real boards.

Law: a house is kept from scenario to scenario, as a real bench would be; a controller is new for every scenario. All
controllers are those of one system, which the bench's cameras have been added to. A board that does not come up is
``broken``, with the reason, and the house stands without it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from host_tools.bench.bench_file import AUTO, BenchFile, BoardPart, roster_beside
from host_tools.bench.board_hands import BoardHands
from host_tools.bench.errors import BenchFileError, BoardMissing
from host_tools.bench.hands import EmulatedHands, Person
from host_tools.bench.inventory import Inventory
from host_tools.bench.locks import HeldBoards, Locks
from host_tools.bench.programs import Program, ScenarioFailed, first_answer, log_end, run_command
from host_tools.bench.scenario_parts import Bench, ScenarioController
from host_tools.bench.short_folders import ShortFolder, clear_abandoned
from host_tools.controller.settings import Settings
from host_tools.emulator.bench_file import read_bench
from host_tools.emulator.remote import bench_client
from host_tools.system.roster import load_roster
from host_tools.transports.local import LocalClient

BENCH_FILE = Path("hil_tests", "bench.toml")
PASSPHRASE = "every scenario knows this one"  # noqa: S105 - and nobody else has any use for it
TRUST_NAME = "trust"  # in a controller's folder
WIRE_NAME = "wire"  # beside a controller's folder: captures of its ports
NO_WEB = "off"
SETTINGS_NAME = "settings.toml"  # beside a controller's folder, where it has some
MAKER_FILE = "maker.pem"  # in an emulated bench's
COME_UP_LIMIT_S = 60.0  # from docking a camera to its being a member; a Pi Zero boots for half of that


class House(Protocol):
    """What scenarios may ask of a bench beside its hands."""

    broken: dict[str, str]

    @property
    def folder(self) -> Path:
        """Of the bench that runs now."""
        ...

    @property
    def log(self) -> Path:
        """What the bench has said or done."""
        ...

    @property
    def worn(self) -> frozenset[str]:
        """Serials of cameras that somebody wears."""
        ...

    @property
    def seed(self) -> int:
        """Of everything that chance decides here."""
        ...

    def start(self) -> None:
        """Let every camera meet its system once, so that it knows its wearer."""
        ...

    def stop(self) -> None:
        """End it and remove all it has made."""
        ...

    def bench(self) -> Bench:
        """Hands for it, and those of its boards that work."""
        ...

    def controller(
        self, folder: Path, with_system: bool = True, web: str = NO_WEB, settings: str = ""
    ) -> ScenarioController:
        """A controller for this bench, with everything of its own in ``folder``; not started. ``with_system``: it is
        the one of the cameras' system; else it has none yet. ``web``: HOST:PORT of its manager; none by default, for
        several runs share this machine. ``settings``: further ones, as lines of TOML."""
        ...


class BenchHouse:
    """One emulated bench at a time, with wearers assigned to its cameras as the roster says."""

    def __init__(self, root: Path, file: Path | None = None, seed: int | None = None) -> None:
        self.root = root
        self.file = file or root / BENCH_FILE
        self.plan = read_bench(self.file)
        self.seed = self.plan.seed if seed is None else seed
        self.roster = roster_beside(self.file, root).resolve()
        self.worn = frozenset(load_roster(self.roster).assignments)
        self.broken: dict[str, str] = {}  # an emulated board that does not come up is a failure, not a broken board
        self._folder: ShortFolder | None = None
        self._program: Program | None = None

    @property
    def folder(self) -> Path:
        """Short, for sockets have short names."""
        if self._folder is None:
            raise ScenarioFailed("no bench is running")
        return self._folder.path

    @property
    def log(self) -> Path:
        """What the emulator has said."""
        return self.folder / "bench.log"

    def client(self) -> LocalClient:
        """Its socket."""
        return bench_client(self.folder)

    def start(self) -> None:
        """Start a bench and let every camera meet its controller once, so that it knows its wearer."""
        clear_abandoned()
        self._folder = ShortFolder()
        named = self.folder / "bench.toml"
        text = seeded(self.file.read_text(encoding="utf-8"), self.seed)
        named.write_text(f'name = "hil-{os.getpid()}"\n{unnamed(text)}', encoding="utf-8")
        arguments = ["emulate", "--debug", "--bench", str(named), "--folder", str(self.folder)]
        self._program = Program("bench", arguments, self.log)
        self._program.start()
        first_answer(self.client(), "state", self._program.check)
        self.create_system(self.folder / "system")
        with ShortFolder() as folder:
            self._introduce(folder)
        made = self.bench()
        made.tidy()
        made.until_ready(*(camera for camera in made.cameras if camera.serial in self.worn))

    def go_on_with(self, controller: ScenarioController) -> None:
        """The cameras have met a newer issuing key of their system, this controller's: all later ones must have it."""
        shutil.rmtree(self.folder / "system" / TRUST_NAME)
        shutil.copytree(controller.folder / TRUST_NAME, self.folder / "system" / TRUST_NAME)

    def create_system(self, folder: Path) -> None:
        """Set up a system that trusts the bench's maker."""
        self.passphrase_file.write_text(PASSPHRASE, encoding="utf-8")
        arguments = ["--folder", str(folder), "--passphrase-file", str(self.passphrase_file)]
        run_command("system", "create", *arguments, "--maker", str(self.folder / MAKER_FILE))

    def bench(self) -> Bench:
        """Hands for it."""
        return Bench(EmulatedHands(self.client()), _serials(self.plan.camera), _serials(self.plan.dock))

    def kill(self) -> None:
        """SIGKILL: every board loses its power at once; cards keep what was written."""
        self._running().kill()

    def restart(self) -> None:
        """Start it again after ``kill``: cameras are in the bays that the bench file says."""
        self._running().start()
        first_answer(self.client(), "state", self._running().check)

    def freeze(self) -> None:
        """SIGSTOP: every board and every cable stands still."""
        self._running().freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        self._running().thaw()

    def stop(self) -> None:
        """End it and remove all it has made."""
        if self._program is not None:
            self._program.stop()
        if self._folder is not None:
            self._folder.cleanup()
        self._program = self._folder = None

    @property
    def passphrase_file(self) -> Path:
        """Of the system that the cameras belong to."""
        return self.folder / "passphrase"

    def controller(
        self, folder: Path, with_system: bool = True, web: str = NO_WEB, settings: str = ""
    ) -> ScenarioController:
        """A controller for this bench, with everything of its own in ``folder``; not started. ``with_system``: it is
        the one of the cameras' system; else it has none yet. ``web``: HOST:PORT of its manager; none by default, for
        several runs share this machine. ``settings``: further ones, as lines of TOML."""
        if with_system:
            shutil.copytree(self.folder / "system" / TRUST_NAME, folder / "controller" / TRUST_NAME)
        arguments = ["--debug", "--bench", str(self.folder), "--roster", str(self.roster)]
        if settings:
            (folder / SETTINGS_NAME).write_text(settings, encoding="utf-8")
            arguments += ["--settings", str(folder / SETTINGS_NAME)]
        return ScenarioController(folder / "controller", [*arguments, *_own(folder, web)])

    def _running(self) -> Program:
        if self._program is None:
            raise ScenarioFailed("no bench is running")
        return self._program

    def _introduce(self, folder: Path) -> None:
        controller = self.controller(folder)
        controller.start()
        count = len(self.plan.camera)
        try:
            waiting = controller.until(
                lambda status: _as_admitted(status, "factory", count), "all cameras to wait to be added"
            )
            for serial in waiting:
                controller.command("add_camera", serial=serial)
            controller.until(lambda status: _docked(status) == count, "all cameras to be greeted")
        except ScenarioFailed as failed:
            raise ScenarioFailed(
                f"{failed}\nbench: {log_end(self.log)}\ncontroller: {log_end(controller.log)}"
            ) from None
        finally:
            controller.stop()


class BoardHouse:
    """A bench of real boards, ours for as long as the locks are. The cameras stay in the system that the bench file
    names, from run to run."""

    def __init__(self, bench: BenchFile, seed: int, person: Person | None, locks: Locks | None = None) -> None:
        if bench.system is None:
            raise BenchFileError(
                f"bench {bench.name}: names no system; make one for its cameras and add [system] folder"
            )
        self.plan = bench
        self.seed = seed
        self.worn = frozenset(load_roster(bench.roster).assignments) if bench.roster else frozenset[str]()
        self.broken: dict[str, str] = {}
        self.held = HeldBoards(locks or Locks())
        self._person = person
        self._folder: ShortFolder | None = None
        self._hands: BoardHands | None = None

    @property
    def folder(self) -> Path:
        """For what scenarios need while they run; nothing of the boards."""
        if self._folder is None:
            raise ScenarioFailed("the bench has not been started")
        return self._folder.path

    @property
    def log(self) -> Path:
        """What the hands have done."""
        return self.folder / "hands.log"

    @property
    def passphrase_file(self) -> Path:
        """Of the system that the cameras belong to."""
        assert self.plan.system is not None
        return self.plan.system.passphrase_file

    @property
    def hands(self) -> BoardHands:
        """That move its boards."""
        if self._hands is None:
            raise ScenarioFailed("the bench has not been started")
        return self._hands

    def start(self) -> None:
        """Lock its boards, find its docks, dock every camera once. What does not come up is broken. LockError."""
        self.held.take([part.serial for part in self.plan.board], f"scenarios on bench {self.plan.name}")
        clear_abandoned()
        self._folder = ShortFolder()
        self._hands = BoardHands(self.plan, self._person, self.log)
        inventory = Inventory(self.plan)
        for part in self.plan.board:
            try:
                inventory.locate(part)
                if part.board.kind == "camera":
                    self._hands.find_docked(part.name)
            except BoardMissing as missing:
                if part.board.kind == "dock":
                    self.broken[part.name] = str(missing)
        with ShortFolder() as folder:
            self._introduce(folder)
        self.bench().tidy()

    def stop(self) -> None:
        """Give the boards back."""
        self.held.release()
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = self._hands = None

    def bench(self) -> Bench:
        """Hands for it, and those of its boards that work."""
        for part in self.plan.board:
            if part.serial in self.held.lost:
                self.broken[part.name] = self.held.lost[part.serial]
        return Bench(self.hands, self._working("camera"), self._working("dock"))

    def controller(
        self, folder: Path, with_system: bool = True, web: str = NO_WEB, settings: str = ""
    ) -> ScenarioController:
        """A controller for this bench, with everything of its own in ``folder``; not started. ``with_system``: it is
        the one of the cameras' system; else it has none yet. ``web``: HOST:PORT of its manager; none by default, for
        several runs share this machine. ``settings``: further ones, as lines of TOML."""
        assert self.plan.system is not None
        if with_system:
            shutil.copytree(self.plan.system.folder / TRUST_NAME, folder / "controller" / TRUST_NAME)
        file = folder / SETTINGS_NAME
        urls = tuple(part.link for part in self.plan.board if part.link != AUTO)
        file.write_text(settings_text(self.plan, urls) + settings, encoding="utf-8")
        made = ScenarioController(folder / "controller", ["--debug", "--settings", str(file), *_own(folder, web)])
        self.hands.bay_power = lambda dock, bay, on: made.command("set_bay_power", dock=dock, bay=bay, on=on)
        return made

    def go_on_with(self, controller: ScenarioController) -> None:
        """The cameras have met a newer issuing key of their system, this controller's: all later ones must have it."""
        assert self.plan.system is not None
        trust = self.plan.system.folder / TRUST_NAME
        before = trust.with_name(f"{TRUST_NAME}-before")
        shutil.rmtree(before, ignore_errors=True)
        trust.rename(before)
        shutil.copytree(controller.folder / TRUST_NAME, trust)

    def _working(self, kind: Any) -> dict[str, str]:
        return {part.name: part.serial for part in self.plan.of_kind(kind) if part.name not in self.broken}

    def _introduce(self, folder: Path) -> None:
        """Each camera is docked once, and added to the system if it is in none."""
        docks = self._working("dock")
        if not docks:
            why = "; ".join(self.broken.values())
            self.broken |= {part.name: f"no dock to put it into ({why})" for part in self.plan.of_kind("camera")}
            return
        controller = self.controller(folder)
        controller.start()
        try:
            for number, part in enumerate(self.plan.of_kind("camera")):
                if not self.hands.can_dock(part):
                    self.broken[part.name] = "nothing and nobody can dock it; name [hands] dock, or its bay and power"
                    continue
                dock = next(iter(docks))
                bays = self.plan.find(dock).board.bays
                self._introduce_one(controller, part, dock, part.bay or bays[number % len(bays)])
        finally:
            controller.stop()

    def _introduce_one(self, controller: ScenarioController, part: BoardPart, dock: str, bay: int) -> None:
        def row(status: dict[str, Any]) -> dict[str, Any] | None:
            return next((each for each in status["cameras"] if each["serial"] == part.serial and each["online"]), None)

        try:
            if not self.hands.has_docked(part.name):
                self.hands.put_in(part.name, dock, bay)
            seen = controller.until(row, f"{part.name} ({part.serial}) to answer in its bay", COME_UP_LIMIT_S)
            if seen["admission"] == "factory":
                controller.command("add_camera", serial=part.serial)
            was = seen["admission_text"] or seen["admission"]
            controller.until(
                lambda status: (found := row(status)) and found["admission"] == "member",
                f"{part.name} ({part.serial}) to be a member of the system (it was: {was})",
            )
        except ScenarioFailed as failed:
            self.broken[part.name] = str(failed)
        self.hands.take_out(part.name)


def settings_text(bench: BenchFile, urls: tuple[str, ...]) -> str:
    """A controller's settings for these boards."""
    values = {"usb_root": str(bench.usb), "dev": str(bench.dev)}
    values |= {"roster": str(bench.roster)} if bench.roster else {}
    assert values.keys() <= Settings.model_fields.keys()
    lines = [f"{key} = {_quoted(value)}" for key, value in values.items()]
    lines.append(f"urls = [{', '.join(map(_quoted, urls))}]")
    return "\n".join(lines) + "\n"


def seeded(text: str, seed: int) -> str:
    """An emulated bench's file with another seed."""
    return f"seed = {seed}\n" + re.sub(r"(?m)^seed\s*=.*$", "", text)


def unnamed(text: str) -> str:
    """An emulated bench's file without its name: each run has its own, several run at once."""
    head, table, rest = text.partition("\n[")
    return re.sub(r"(?m)^name\s*=.*$", "", head) + table + rest


def _own(folder: Path, web: str) -> list[str]:
    """What a scenario's controller has to itself."""
    return [
        "--web",
        web,
        "--destination",
        str(folder / "destination"),
        "--create-destination",
        "--capture",
        str(folder / WIRE_NAME),
    ]


def _serials(parts: Any) -> Mapping[str, str]:
    return {part.name: part.serial for part in parts}


def _as_admitted(status: dict[str, Any], admission: str, count: int) -> list[str]:
    """Cameras of that admission, as soon as there are so many."""
    found = [camera["serial"] for camera in status["cameras"] if camera["admission"] == admission]
    return found if len(found) >= count else []


def _docked(status: dict[str, Any]) -> int:
    return sum(camera["state"] == "docked" for camera in status["cameras"])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
