"""The bench file: which real boards are on a bench, how each is found, switched and reached, and who moves them.

Law: data only. ``bwc bench scan --write`` makes one, a person completes it. Unknown keys are errors that name file,
line and the nearest key there is. A file with ``[[dock]]`` or ``[[camera]]`` describes an emulated bench instead (see
``host_tools.emulator.bench_file``); ``is_bench_of_boards`` tells one from the other.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from host_tools.bench.commands import problem_with_command
from host_tools.bench.errors import BenchFileError
from host_tools.bench.features import FEATURE, problem_with
from host_tools.hardware.errors import BoardFileError, nearest
from host_tools.hardware.files import board_models, find_board
from host_tools.hardware.model import Board
from host_tools.hardware.toml_files import FileFault, fault_in, line_at, read_text, values_of
from host_tools.hardware.toml_lines import key_lines
from host_tools.hardware.usb import SYSFS_DEVICES

AUTO = "auto"
ROSTER_NAME = "roster.toml"  # of the file beside an emulated bench's

NAME = r"^[a-z][a-z0-9-]{0,30}$"
LOCATION = r"^[0-9]+-[0-9]+(\.[0-9]+)*$"
VID_PID = r"^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$"
URL = r"^https?://\S+$"
SERIAL = r"^[A-Za-z0-9._-]{1,64}$"
PATTERNS = {  # for people
    NAME: "a small letter, then up to 30 small letters, digits and -",
    LOCATION: "a USB port as `bwc ports` shows it, for example 1-1.2.1",
    VID_PID: "two times four hexadecimal digits, for example 1209:0001",
    URL: "an address that begins with http:// or https://",
    SERIAL: "up to 64 letters, digits and . _ -",
    FEATURE.pattern: "a word of small letters, digits and -",
}

Place = tuple[str | int, ...]
Lines = dict[Place, int]
BenchName = Annotated[str, Field(pattern=NAME)]
BoardName = Annotated[str, Field(pattern=NAME)]
Location = Annotated[str, Field(pattern=LOCATION)]
VidPid = Annotated[str, Field(pattern=VID_PID)]
Url = Annotated[str, Field(pattern=URL)]
Command = Annotated[str, Field(min_length=1, max_length=1000)]
Kind = Literal["camera", "dock"]


class Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Match(Part):
    """How a board is told from all others on USB: its serial number, the port it sits in (as in ``bwc ports``), or,
    where it is the only one of its kind, its VID:PID. ``interface``: of its terminals the one with that number."""

    usb_serial: Annotated[str, Field(min_length=1, max_length=126)] | None = None
    port: Location | None = None
    vid_pid: VidPid | None = None
    interface: Annotated[int, Field(ge=0, le=31)] | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Match:
        if self.usb_serial is None and self.port is None and self.vid_pid is None:
            raise ValueError("names nothing; give usb_serial, port or vid_pid")
        return self

    def __str__(self) -> str:
        """As a person says it."""
        words = [f"USB serial {self.usb_serial}"] if self.usb_serial is not None else []
        words += [f"port {self.port}"] if self.port is not None else []
        words += [f"VID:PID {self.vid_pid.lower()}"] if self.vid_pid is not None else []
        return " and ".join(words)


class PowerSwitch(Part):
    """What takes a board's power away and gives it back: two commands, two URLs to ask, or a bay of a dock (which the
    scenario's controller switches)."""

    on: Command | None = None
    off: Command | None = None
    on_url: Url | None = None
    off_url: Url | None = None
    method: Literal["GET", "POST", "PUT"] = "GET"  # most relays on a network know nothing else
    dock: BoardName | None = None
    bay: Annotated[int, Field(ge=1, le=8)] | None = None

    @model_validator(mode="after")
    def _is_one_of_three(self) -> PowerSwitch:
        pairs = [(self.on, self.off), (self.on_url, self.off_url), (self.dock, self.bay)]
        named = [pair for pair in pairs if any(each is not None for each in pair)]
        if len(named) != 1 or None in named[0]:
            raise ValueError("is no switch; give on and off (commands), or on_url and off_url, or dock and bay")
        return self


class HandsPart(Part):
    """Commands that move things; what is not here is asked of the person at the terminal (``person``), if one is.

    In a command stand ``{board}`` for the board's name, ``{serial}``, ``{dock}``, ``{bay}``, ``{button}``,
    ``{hold_s}``, ``{bytes_per_s}``, ``{percent}``; no shell reads it. ``look`` prints the names of the lamps that are
    lit; its ``{bay}`` is 0 for a camera's own. ``slow`` makes a board's line slow, ``fast`` as fast as before; ``cell``
    puts a cell into a camera that is charged so far."""

    dock: Command | None = None
    undock: Command | None = None
    press: Command | None = None
    look: Command | None = None
    slow: Command | None = None
    fast: Command | None = None
    cell: Command | None = None
    person: bool = True


class SystemPart(Part):
    """The system that the cameras belong to: its folder (of ``bwc system create``) and the file with its passphrase."""

    folder: Path
    passphrase_file: Path


class BoardPart(Part):
    """A board. ``serial``: its own, by which a controller knows it. ``link``: ``auto`` for the terminal that USB shows,
    else a URL. ``bay``: of the first dock, in which a camera stays for good: it is docked by its power switch."""

    name: BoardName
    model: str
    serial: Annotated[str, Field(pattern=SERIAL)]
    match: Match | None = None
    link: Annotated[str, Field(min_length=1, max_length=200)] = AUTO
    power: PowerSwitch | None = None
    bay: Annotated[int, Field(ge=0, le=8)] = 0
    features: tuple[Annotated[str, Field(pattern=FEATURE.pattern)], ...] = ()

    @model_validator(mode="after")
    def _can_be_found(self) -> BoardPart:
        if self.match is None and self.link == AUTO:
            raise ValueError(f"{self.name} cannot be found; give match = {{ usb_serial = … }}, or a link")
        return self

    @property
    def board(self) -> Board:
        """Its description."""
        return find_board(self.model)


class BenchFile(Part):
    """A bench of real boards. ``lane``: where its results count; ``roster``, ``maker``: beside the file.

    ``usb`` and ``dev``: where this machine shows its USB and its terminals; named for containers and for tests."""

    name: BenchName
    lane: Literal["hardware", "guest", "emulated"] = "hardware"
    usb: Path = SYSFS_DEVICES
    dev: Path = Path("/dev")
    roster: Path | None = None
    system: SystemPart | None = None
    hands: HandsPart = HandsPart()
    features: tuple[Annotated[str, Field(pattern=FEATURE.pattern)], ...] = ()
    board: Annotated[tuple[BoardPart, ...], Field(min_length=1)]

    def of_kind(self, kind: Kind) -> tuple[BoardPart, ...]:
        """Its cameras, or its docks."""
        return tuple(part for part in self.board if part.board.kind == kind)

    def find(self, name: str) -> BoardPart:
        """The board of that name. BenchFileError says which there are."""
        found = next((part for part in self.board if part.name == name), None)
        if found is None:
            raise BenchFileError(f"bench {self.name} has no {name}; {nearest(name, self.names(), 'boards')}")
        return found

    def names(self) -> list[str]:
        """Of all boards."""
        return [part.name for part in self.board]


def is_bench_of_boards(path: Path) -> bool:
    """Whether a file lists real boards and no emulated ones. BenchFileError if it cannot be read."""
    return "board" in _load(path)[1]


def read_bench_file(path: Path) -> BenchFile:
    """The bench in this file, its paths made absolute. BenchFileError."""
    return parse_bench(path, _load(path)[0])


def parse_bench(path: Path, text: str) -> BenchFile:
    """The same of a text that is to be, or was, that file's. BenchFileError."""
    try:
        bench = _bench_of(path, text)
    except FileFault as fault:
        raise BenchFileError(fault.at(path)) from fault
    _check(path, text, bench)
    return _based(bench, path.resolve().parent)


def roster_beside(path: Path, root: Path) -> Path:
    """Who wears the cameras of the emulated bench in this file: the roster in its folder, else that of ``hil_tests``
    below ``root``."""
    own = path.with_name(ROSTER_NAME)
    return own if own.is_file() else root / "hil_tests" / ROSTER_NAME


def _bench_of(path: Path, text: str) -> BenchFile:
    values = values_of(text)
    if "board" not in values and values.keys() & {"dock", "camera", "reader"}:
        raise FileFault(
            f"describes an emulated bench; `bwc emulate --bench {path}` runs it, and then "
            "`bwc bench scan --bench FOLDER --write FILE` makes a file of its boards"
        )
    try:
        return BenchFile.model_validate(values)
    except ValidationError as error:
        raise fault_in(text, error, BenchFile, PATTERNS) from error


def _load(path: Path) -> tuple[str, dict[str, Any]]:
    inside = path / "bench.toml"
    if os.path.isfile(inside):  # Path.is_file raises where this folder may not be entered
        raise BenchFileError(f"{path}: is a folder; did you mean {inside}?")
    try:
        text = read_text(path, "bench file", f"make one: bwc bench scan --write {path}")
        return text, values_of(text)
    except FileFault as fault:
        raise BenchFileError(fault.at(path)) from fault


def _check(path: Path, text: str, bench: BenchFile) -> None:
    """What one table cannot know of another."""
    lines = key_lines(text)
    seen: dict[tuple[str, str], str] = {}
    docks = {part.name for part in bench.board if _model_of(path, lines, bench, part).kind == "dock"}
    for number, part in enumerate(bench.board):
        place = f"{path}:{lines[('board', number)]}: board {part.name}"
        for what, value in _once_each(part):
            if value and (what, value) in seen:
                raise BenchFileError(f"{place}: has the {what} of {seen[what, value]}, {value}; give each its own")
            seen[what, value] = part.name
        if part.power is not None and part.power.dock is not None and part.power.dock not in docks:
            raise BenchFileError(
                f"{place}: its power is of {part.power.dock}; {nearest(part.power.dock, docks, 'docks')}"
            )
    _check_bays(path, lines, bench)
    _check_features(path, lines, bench)
    _check_commands(path, lines, bench)


def _check_bays(path: Path, lines: Lines, bench: BenchFile) -> None:
    """A camera that stays in a bay, and one whose power is a bay's: of a dock that has that bay."""
    docks = {part.name: part.board.bays for part in bench.of_kind("dock")}
    first = next(iter(docks), "")
    for number, part in enumerate(bench.board):
        power = part.power
        named: list[tuple[Place, str, int]] = [(("bay",), first, part.bay)] if part.bay else []
        if power is not None and power.dock is not None and power.bay is not None:
            named.append((("power", "bay"), power.dock, power.bay))
        for key, dock, bay in named:
            place = f"{path}:{line_at(lines, ('board', number, *key))}: board {part.name}"
            if not dock or part.name in docks:
                raise BenchFileError(f"{place}: bay: the bench has no dock that it could stay in; leave bay out")
            if bay not in docks[dock]:
                known = ", ".join(map(str, docks[dock]))
                raise BenchFileError(f"{place}: bay: {dock} has no bay {bay}; it has {known}")


def _check_features(path: Path, lines: Lines, bench: BenchFile) -> None:
    boards = [(("board", number, "features"), part.features) for number, part in enumerate(bench.board)]
    for place, features in [(("features",), bench.features), *boards]:
        for feature in features:
            if problem := problem_with(feature):
                raise BenchFileError(f"{path}:{lines[place]}: features: {problem}")


def _check_commands(path: Path, lines: Lines, bench: BenchFile) -> None:
    """A placeholder that is none would be found out at the first press only, in the middle of a scenario."""
    hands = bench.hands
    commands: list[tuple[Place, str | None]] = [
        (("hands", word), getattr(hands, word)) for word in ("dock", "undock", "press", "look", "slow", "fast", "cell")
    ]
    for number, part in enumerate(bench.board):
        for word in ("on", "off") if part.power else ():
            commands.append((("board", number, "power", word), getattr(part.power, word)))
    for place, command in commands:
        if command is not None and (problem := problem_with_command(command, str(place[-1]))):
            raise BenchFileError(f"{path}:{line_at(lines, place)}: {place[-1]}: {problem}")


def _model_of(path: Path, lines: Lines, bench: BenchFile, part: BoardPart) -> Board:
    if part.model not in board_models():
        line = lines[("board", bench.board.index(part), "model")]
        raise BenchFileError(
            f"{path}:{line}: no board model {part.model}; {nearest(part.model, board_models(), 'models')}"
        )
    try:
        return part.board
    except BoardFileError as error:
        raise BenchFileError(f"{path}: {part.name}: {error}") from error


def _once_each(part: BoardPart) -> list[tuple[str, str]]:
    """What no two boards may share. (Two cameras of one bay is no mistake: one after the other.)"""
    match, kind = part.match, [("name", part.name), ("serial", part.serial)]
    kind += [("link", part.link)] if part.link != AUTO else []
    if match is not None and match.usb_serial is not None:
        kind.append(
            ("USB serial", f"{match.usb_serial}{'' if match.interface is None else f' interface {match.interface}'}")
        )
    elif match is not None and match.port is not None:
        kind.append(("port", f"{match.port}{'' if match.interface is None else f' interface {match.interface}'}"))
    return kind


def _based(bench: BenchFile, base: Path) -> BenchFile:
    """Paths are relative to the file that names them."""
    system = bench.system
    if system is not None:
        system = SystemPart(folder=base / system.folder, passphrase_file=base / system.passphrase_file)
    roster = None if bench.roster is None else base / bench.roster
    return bench.model_copy(
        update={"system": system, "roster": roster, "usb": base / bench.usb, "dev": base / bench.dev}
    )
