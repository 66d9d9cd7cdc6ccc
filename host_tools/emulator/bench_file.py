"""The description of an emulated bench: which boards, where they sit, what the cameras see.

Law: data only; unknown keys are errors that name file, line and key. ``default_bench`` is the bench of the demo.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from host_tools.emulator.reader_world import ReaderKind
from host_tools.hardware.errors import nearest
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
            seen: set[str] = set()
            for part in parts:
                value = getattr(part, what)
                if value in seen:
                    raise ValueError(f"two boards have the {what} {value}; give each its own")
                seen.add(value)
        names = [part.name for part in (*parts, *self.reader)]
        if len(set(names)) != len(names):
            raise ValueError("a reader has the name of another board or reader; give each its own")
        bays = [camera.bay for camera in self.camera if camera.bay]
        if len(set(bays)) != len(bays):
            raise ValueError("two cameras are in one bay; give each its own")
        if bays and not self.dock:
            raise ValueError("a camera is in a bay, but the bench has no dock")
        return self


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
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise BenchFileError(f"{path}: cannot be read ({error.strerror}); name an existing bench file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BenchFileError(f"{path}: not valid TOML ({error}); mend that line") from error
    try:
        return Bench.model_validate(values)
    except ValidationError as error:
        # A key that is missing comes after others, for it may be one of them, misspelt.
        worst = min(error.errors(), key=lambda fault: fault["type"] == "missing")
        raise BenchFileError(_fault_line(path, text, worst)) from error


def _fault_line(path: Path, text: str, fault: ErrorDetails) -> str:
    """``bench.toml:12: camera 1: unknown key bayy; did you mean bay?``"""
    place: tuple[int | str, ...] = fault["loc"]
    words = [str(part + 1) if isinstance(part, int) else part for part in place]
    if not words:
        return f"{path}: {fault['msg'].removeprefix('Value error, ')}"
    *table, key = words
    start = f"{path}:{_line_of(text, place)}: " + (f"{' '.join(table)}: " if table else "")
    if fault["type"] == "extra_forbidden":
        model = _TABLES[table[0]] if table else Bench
        return f"{start}unknown key {key}; {nearest(key, model.model_fields, 'known keys')}"
    if fault["type"] == "missing":
        return f"{start}{key} is missing; add it"
    if fault["type"] == "string_pattern_mismatch":
        return f"{start}{key}: {fault['input']!r} is none; it is {PATTERNS[fault['ctx']['pattern']]}"  # pyright: ignore[reportTypedDictNotRequiredAccess]
    return f"{start}{key}: {fault['msg'][:1].lower()}{fault['msg'][1:]}, not {fault['input']!r}; correct it"


def _line_of(text: str, place: tuple[int | str, ...]) -> int:
    """The line of that key, or of the nearest table around it that is in the file."""
    lines = key_lines(text)
    return next(lines[place[:length]] for length in range(len(place), -1, -1) if place[:length] in lines)


_TABLES: dict[str, type[Part]] = {"dock": DockPart, "camera": CameraPart, "reader": ReaderPart, "picture": Picture}
