"""The description of an emulated bench: which boards, where they sit, what the cameras see.

Law: data only; unknown keys are errors that name file, line and key. ``default_bench`` is the bench of the demo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from host_tools.emulator.reader_world import ReaderKind
from host_tools.hardware import board_models, find_board
from host_tools.hardware.errors import nearest
from host_tools.hardware.said import printable
from host_tools.hardware.toml_files import FileFault, fault_in, line_at, read_text, values_of
from host_tools.hardware.toml_lines import key_lines

CAMERA_MODEL = "pi_zero_2w_camera"
SPOT_M_MAX = 10_000.0  # no radio carries farther
NAME = r"^[a-z][a-z0-9-]{0,30}$"
SERIAL = r"^[A-Z0-9-]{4,24}$"
PORT = r"^[0-9]+-[0-9]+(\.[0-9]+)*$"
PATTERNS = {  # for people
    NAME: "a small letter, then up to 30 small letters, digits and -",
    SERIAL: "4 to 24 capital letters, digits and -",
    PORT: "a place on the USB tree, for example 1-1.2",
}
BenchName = Annotated[str, Field(pattern=NAME)]
BoardName = Annotated[str, Field(pattern=NAME)]
Metres = Annotated[float, Field(ge=-SPOT_M_MAX, le=SPOT_M_MAX)]
Serial = Annotated[str, Field(pattern=SERIAL)]


class BenchFileError(Exception):
    """The bench cannot be made. One line that names file, line and key."""

    def __init__(self, line: str) -> None:
        super().__init__(printable(line))


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Picture(Part):
    """What emulated cameras encode: smaller than a real sensor's, so that a laptop carries several at once."""

    width_px: Annotated[int, Field(ge=64, le=3840)] = 640
    height_px: Annotated[int, Field(ge=64, le=2160)] = 360
    frames_per_second: Annotated[int, Field(ge=1, le=60)] = 25
    bit_rate_bps: Annotated[int, Field(ge=50_000, le=50_000_000)] = 2_000_000


class DockPart(Part):
    """A docking station; ``port``: where its hub is on the bench's USB tree."""

    name: BoardName
    model: str = "pico_dock_8"
    serial: Serial
    port: Annotated[str, Field(pattern=PORT)] = "1-1"


class CameraPart(Part):
    """A camera. ``bay``: of the first dock, 0 for undocked. ``card_bytes``: a smaller card than the board's.
    ``walk``: a GPX file that its wearer walks each time it is taken out, else one of our own; ``gnss_start``: what its
    satellite receiver knows when the bench starts. ``spot_m``: where it is on the bench, for radio; else the cameras
    are a metre apart."""

    name: BoardName
    model: str = CAMERA_MODEL
    serial: Serial
    bay: Annotated[int, Field(ge=0, le=8)] = 0
    battery_percent: Annotated[float, Field(ge=0, le=100)] = 85.0
    card_bytes: Annotated[int, Field(ge=1 << 20)] | None = None
    scene: str | None = None
    walk: str | None = None
    gnss_start: Literal["cold", "warm", "hot"] = "hot"
    spot_m: tuple[Metres, Metres] | None = None


class ReaderPart(Part):
    """An RFID reader; ``port``: where it is on the bench's USB tree."""

    name: BoardName
    kind: ReaderKind = "twn4"
    port: Annotated[str, Field(pattern=PORT)] = "1-4"


class Bench(Part):
    """A whole bench. ``scene``: for cameras that name none themselves; None is the synthetic street."""

    name: BenchName = "demo"
    seed: int = 1
    scene: str | None = None
    picture: Picture = Picture()
    dock: tuple[DockPart, ...] = ()
    camera: tuple[CameraPart, ...] = ()
    reader: tuple[ReaderPart, ...] = ()

    @model_validator(mode="after")
    def _once_each(self) -> Bench:
        parts = [*self.dock, *self.camera]
        for what in ("name", "serial"):
            twin = _twice(getattr(part, what) for part in parts)
            if twin is not None:
                raise ValueError(f"two boards have the {what} {twin}; give each its own")
        named = _twice(part.name for part in (*parts, *self.reader))
        if named is not None:
            raise ValueError(f"a reader has the name of another board or reader, {named}; give each its own")
        bays = [camera.bay for camera in self.camera if camera.bay]
        crowded = _twice(bays)
        if crowded is not None:
            held = " and ".join(camera.name for camera in self.camera if camera.bay == crowded)
            raise ValueError(f"{held} are in one bay, {crowded}; give each its own")
        if bays and not self.dock:
            raise ValueError("a camera is in a bay, but the bench has no dock; add [[dock]], or leave bay out")
        return self


Value = TypeVar("Value", str, int)


def _twice(values: Iterable[Value]) -> Value | None:
    """The first that is there a second time."""
    seen: set[Value] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def default_bench(
    name: str = "demo", cameras: int = 3, seed: int = 1, scene: str | None = None, model: str = CAMERA_MODEL
) -> Bench:
    """One dock with eight bays and some cameras of that model in its first bays. BenchFileError for a name that cannot
    be one."""
    if re.fullmatch(NAME, name) is None:
        raise BenchFileError(f"{name!r} is no name of a bench; it is {PATTERNS[NAME]}")
    return Bench(
        name=name,
        seed=seed,
        scene=scene,
        dock=(DockPart(name="dock-1", serial="DOCK-0001"),),
        reader=(ReaderPart(name="reader-1"),),
        camera=tuple(
            CameraPart(name=f"camera-{number}", serial=f"CAM-{number:04}", bay=number, model=model)
            for number in range(1, cameras + 1)
        ),
    )


def read_bench(path: Path) -> Bench:
    """A bench from a TOML file. BenchFileError."""
    try:
        text = read_text(path, "bench file")
        bench = _bench_of(text)
        _check_boards(text, bench)
    except FileFault as fault:
        raise BenchFileError(fault.at(path)) from fault
    cameras = tuple(
        camera.model_copy(update={"walk": _beside(path, camera.walk), "scene": _beside(path, camera.scene)})
        for camera in bench.camera
    )
    return bench.model_copy(update={"scene": _beside(path, bench.scene), "camera": cameras})


def _beside(path: Path, name: str | None) -> str | None:
    """A file that lies beside the one that names it, wherever the reader stands; anything else as it is written."""
    return str(path.parent / name) if name is not None and (path.parent / name).is_file() else name


def _bench_of(text: str) -> Bench:
    values = values_of(text)
    try:
        bench = Bench.model_validate(values)
    except ValidationError as error:
        raise fault_in(text, error, Bench, PATTERNS) from error
    if not (bench.dock or bench.camera or bench.reader):
        raise FileFault("describes no board; add [[dock]], [[camera]] or [[reader]]")
    return bench


def _check_boards(text: str, bench: Bench) -> None:
    """What one table cannot know of another, or of the boards that there are."""
    for number, dock in enumerate(bench.dock):
        _check_model(text, dock.model, "dock", number)
    for number, camera in enumerate(bench.camera):
        _check_model(text, camera.model, "camera", number)
        bays = find_board(bench.dock[0].model).bays if camera.bay else ()
        if camera.bay and camera.bay not in bays:
            known = ", ".join(map(str, bays))
            raise _at(text, "camera", number, "bay", f"{bench.dock[0].name} has no bay {camera.bay}; it has {known}")
    _check_ports(text, bench)


def _check_model(text: str, model: str, kind: str, number: int) -> None:
    if model not in board_models():
        told = f"there is no board {model}; {nearest(model, board_models(), 'boards')}"
    elif find_board(model).kind != kind:
        known = [each for each in board_models() if find_board(each).kind == kind]
        told = f"{model} is a {find_board(model).kind}; there are {', '.join(known)}"
    else:
        return
    raise _at(text, kind, number, "model", told)


def _check_ports(text: str, bench: Bench) -> None:
    taken: dict[str, str] = {}
    for kind, parts in (("dock", bench.dock), ("reader", bench.reader)):
        for number, part in enumerate(parts):
            other = next((name for port, name in taken.items() if _meet(port, part.port)), None)
            if other is not None:
                raise _at(text, kind, number, "port", f"{part.port} is where {other} is plugged in; name another")
            taken[part.port] = part.name


def _meet(first: str, second: str) -> bool:
    """Whether one is the other's place on the USB tree, or inside of its hub."""
    return f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")


def _at(text: str, table: str, number: int, key: str, told: str) -> FileFault:
    return FileFault(f"{table} {number + 1}: {key}: {told}", line_at(key_lines(text), (table, number, key)))
