"""The bench file: which real boards are on a bench, how each is found, switched and reached, and who moves them.

Law: data only. ``bwc bench scan --write`` makes one, a person completes it. Unknown keys are errors that name file,
line and the nearest key there is. A file with ``[[dock]]`` or ``[[camera]]`` describes an emulated bench instead (see
``host_tools.emulator.bench_file``); ``is_bench_of_boards`` tells one from the other.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from host_tools.bench.commands import problem_with_command
from host_tools.bench.errors import BenchFileError
from host_tools.bench.features import FEATURE, problem_with
from host_tools.hardware.errors import BoardFileError, nearest
from host_tools.hardware.files import board_models, find_board
from host_tools.hardware.model import Board
from host_tools.hardware.toml_lines import key_lines
from host_tools.hardware.usb import SYSFS_DEVICES

FILE_BYTES_MAX = 256 * 1024  # a bench file is some kilobytes; more is some other file
AUTO = "auto"

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
    values = _values(path, text)
    if "board" not in values and values.keys() & {"dock", "camera"}:
        raise BenchFileError(
            f"{path}: describes an emulated bench; `bwc emulate --bench {path}` runs it, and then "
            "`bwc bench scan --bench FOLDER --write FILE` makes a file of its boards"
        )
    try:
        bench = BenchFile.model_validate(values)
    except ValidationError as error:
        # A key that is missing comes after others, for it may be one of them, misspelt.
        worst = min(error.errors(), key=lambda fault: fault["type"] == "missing")
        raise BenchFileError(_fault_line(path, text, worst)) from error
    _check(path, text, bench)
    return _based(bench, path.resolve().parent)


def _load(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise BenchFileError(
            f"{path}: cannot be read ({error.strerror}); make one: bwc bench scan --write {path}"
        ) from error
    except OSError as error:
        inside = path / "bench.toml"
        remedy = f"did you mean {inside}?" if inside.is_file() else "name a bench file that you may read"
        raise BenchFileError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    if len(data) > FILE_BYTES_MAX:
        raise BenchFileError(f"{path}: is larger than {FILE_BYTES_MAX} bytes: this is no bench file")
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BenchFileError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return text, _values(path, text)


def _values(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BenchFileError(f"{path}: not valid TOML ({error}); mend that line") from error


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
    _check_features(path, lines, bench)
    _check_commands(path, lines, bench)


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
            raise BenchFileError(f"{path}:{_nearest_line(lines, place)}: {place[-1]}: {problem}")


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


def _fault_line(path: Path, text: str, fault: ErrorDetails) -> str:
    """``bench.toml:12: board 1: unknown key serail; did you mean serial?``"""
    place: tuple[int | str, ...] = fault["loc"]
    words = [str(part + 1) if isinstance(part, int) else part for part in place]
    line = _nearest_line(key_lines(text), place)
    *table, key = words or ["bench"]
    start = f"{path}:{line}: " + (f"{' '.join(table)}: " if table else "")
    if fault["type"] == "extra_forbidden":
        return f"{start}unknown key {key}; {nearest(key, _keys_at(place[:-1]), 'known keys')}"
    if fault["type"] == "missing":
        return f"{start}{key} is missing; add it"
    if fault["type"] == "string_pattern_mismatch":
        return f"{start}{key}: {fault['input']!r} is none; it is {PATTERNS[fault['ctx']['pattern']]}"  # pyright: ignore[reportTypedDictNotRequiredAccess]
    message = re.sub(r"^Value error, ", "", fault["msg"])
    if message != fault["msg"]:
        return f"{start}{key} {message}"
    return f"{start}{key}: {message[:1].lower()}{message[1:]}, not {fault['input']!r}; correct it"


def _nearest_line(lines: Lines, place: Place) -> int:
    """Of that key, or of the nearest table around it that is in the file."""
    return next(lines[place[:length]] for length in range(len(place), -1, -1) if place[:length] in lines)


def _keys_at(place: tuple[int | str, ...]) -> list[str]:
    """Keys that are allowed at this place."""
    model: type[BaseModel] = BenchFile
    for step in place:
        if isinstance(step, str):
            model = _model_inside(model.model_fields[step].annotation)
    return list(model.model_fields)


def _model_inside(annotation: Any) -> type[BaseModel]:
    """The model inside an annotation such as ``tuple[Model, ...]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_inside(inner)) is not Part), Part)
