"""What hands can do at the page: one row each, a name with its arguments and what of the bench it moves.

Law: every action is one that ``EmulatedBench`` has; nothing is checked here that the bench checks itself, and what it
refuses is told in its own words. *Unsupported* is a refusal of its own kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from host_tools.emulator.bench import HELD_S_MAX, SHORT_PRESS_S, BenchError, EmulatedBench
from host_tools.emulator.errors import FaultUnsupported
from host_tools.emulator.faults import OK
from host_tools.emulator.reader_world import HOLD_S
from host_tools.web_kit.problems import Problem

BADGE_S_MAX = 60.0  # nobody holds a badge longer
NAME_CHARACTERS_MAX = 40
UID_CHARACTERS_MAX = 40

Name = Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)]


class Said(BaseModel):
    """Arguments of an action: known names alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Press(Said):
    camera: Name
    button: Name
    hold_s: Annotated[float, Field(gt=0, le=HELD_S_MAX)] = SHORT_PRESS_S


class LetGo(Said):
    camera: Name
    button: Name


class Dock(Said):
    camera: Name
    dock: Name
    bay: int


class Camera(Said):
    camera: Name


class Power(Said):
    board: Name
    on: bool


class Board(Said):
    board: Name


class Link(Said):
    board: Name
    bytes_per_s: int | None = None


class Badge(Said):
    reader: Name
    uid: Annotated[str, Field(max_length=UID_CHARACTERS_MAX)]
    seconds: Annotated[float, Field(gt=0, le=BADGE_S_MAX)] = HOLD_S


class Reader(Said):
    reader: Name
    plugged: bool


class Fault(Said):
    board: Name
    component: Name
    type: Name
    instance: Annotated[int, Field(ge=0, le=64)] = 0


class Nothing(Said):
    """No arguments."""


def _put_in(bench: EmulatedBench, said: Dock) -> None:
    """Into that bay; out of the one that it is in first, if the other one is free."""
    camera = bench.cameras.get(said.camera)
    if camera is not None and camera.bay is not None and _is_free(bench, said):
        bench.take_out(said.camera)
    bench.put_in(said.camera, said.dock, said.bay)


def _is_free(bench: EmulatedBench, said: Dock) -> bool:
    dock = bench.docks.get(said.dock)
    taken = {camera.bay for camera in bench.cameras.values()}
    return dock is not None and said.bay in dock.bays and (said.dock, said.bay) not in taken


def _clear(bench: EmulatedBench, said: Fault) -> None:
    """That one fault and no other."""
    if said.type == OK:
        bench.inject(said.board, said.component, OK, said.instance)
    else:
        bench.faults.clear(said.board, said.component, said.type, said.instance)


class Row(NamedTuple):
    """``summary``: for people and for the API's description."""

    name: str
    said: type[Said]
    do: Callable[[EmulatedBench, Any], object]
    summary: str


ACTIONS: tuple[Row, ...] = (
    Row("press", Press, lambda bench, said: bench.press(said.camera, said.button, said.hold_s), "hold a button down"),
    Row("let_go", LetGo, lambda bench, said: bench.let_go(said.camera, said.button), "let a button go"),
    Row("dock", Dock, _put_in, "put a camera into a bay"),
    Row("undock", Camera, lambda bench, said: bench.take_out(said.camera), "pull a camera out of its bay"),
    Row("power", Power, lambda bench, said: bench.set_power(said.board, said.on), "switch a board's own supply"),
    Row("reset", Board, lambda bench, said: bench.reset(said.board), "reset a board"),
    Row("link", Link, lambda bench, said: bench.limit_link(said.board, said.bytes_per_s), "make a cable slow"),
    Row("badge", Badge, lambda bench, said: bench.show_badge(said.reader, said.uid, said.seconds), "hold a badge to it"),
    Row("plug_reader", Reader, lambda bench, said: bench.plug_reader(said.reader, said.plugged), "plug in or pull out"),
    Row("fault", Fault, lambda bench, said: bench.inject(said.board, said.component, said.type, said.instance),
        "inject a fault by name"),
    Row("heal", Fault, _clear, "heal one fault; type ok: all of that component"),
    Row("heal_all", Nothing, lambda bench, _said: bench.faults.clear_all(), "heal the whole bench"),
)  # fmt: skip


def perform(bench: EmulatedBench, row: Row, said: Said) -> None:
    """Do it. Problem 409: ``unsupported`` where a board cannot have it, else ``refused``."""
    try:
        row.do(bench, said)
    except FaultUnsupported as error:
        raise Problem(409, str(error), "unsupported") from error
    except BenchError as error:
        raise Problem(409, str(error), "refused") from error
