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


class Move(Said):
    camera: Name
    activity: Name


class Carry(Said):
    camera: Name
    x_m: float
    y_m: float


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
    instance: Annotated[int, Field(ge=0, le=255)] = 0


class Nothing(Said):
    """No arguments."""


class Row(NamedTuple):
    """``summary``: for people and for the API's description."""

    name: str
    said: type[Said]
    do: Callable[[EmulatedBench, Any], None]
    summary: str


def perform(bench: EmulatedBench, row: Row, said: Said) -> None:
    """Do it. Problem 409: ``unsupported`` where a board cannot have it, else ``refused``."""
    try:
        row.do(bench, said)
    except FaultUnsupported as error:
        raise Problem(409, str(error), "unsupported") from error
    except BenchError as error:
        raise Problem(409, str(error), "refused") from error


def _press(bench: EmulatedBench, said: Press) -> None:
    bench.press(said.camera, said.button, said.hold_s)


def _let_go(bench: EmulatedBench, said: LetGo) -> None:
    bench.let_go(said.camera, said.button)


def _dock(bench: EmulatedBench, said: Dock) -> None:
    """Into that bay; out of the one that it is in first, if the other one is free."""
    camera = bench.cameras.get(said.camera)
    if camera is not None and camera.bay is not None and _is_free(bench, said):
        bench.take_out(said.camera)
    bench.put_in(said.camera, said.dock, said.bay)


def _is_free(bench: EmulatedBench, said: Dock) -> bool:
    dock = bench.docks.get(said.dock)
    taken = {camera.bay for camera in bench.cameras.values()}
    return dock is not None and said.bay in dock.bays and (said.dock, said.bay) not in taken


def _undock(bench: EmulatedBench, said: Camera) -> None:
    bench.take_out(said.camera)


def _move(bench: EmulatedBench, said: Move) -> None:
    bench.move(said.camera, said.activity)


def _carry(bench: EmulatedBench, said: Carry) -> None:
    bench.carry(said.camera, said.x_m, said.y_m)


def _power(bench: EmulatedBench, said: Power) -> None:
    bench.set_power(said.board, said.on)


def _reset(bench: EmulatedBench, said: Board) -> None:
    bench.reset(said.board)


def _link(bench: EmulatedBench, said: Link) -> None:
    bench.limit_link(said.board, said.bytes_per_s)


def _badge(bench: EmulatedBench, said: Badge) -> None:
    bench.show_badge(said.reader, said.uid, said.seconds)


def _plug_reader(bench: EmulatedBench, said: Reader) -> None:
    bench.plug_reader(said.reader, said.plugged)


def _fault(bench: EmulatedBench, said: Fault) -> None:
    bench.inject(said.board, said.component, said.type, said.instance)


def _heal(bench: EmulatedBench, said: Fault) -> None:
    bench.faults.clear(said.board, said.component, said.type, said.instance)


def _heal_all(bench: EmulatedBench, _said: Nothing) -> None:
    bench.faults.clear_all()


ACTIONS: tuple[Row, ...] = (
    Row("press", Press, _press, "hold a button down"),
    Row("let_go", LetGo, _let_go, "let a button go"),
    Row("dock", Dock, _dock, "put a camera into a bay, from the bench or from another bay"),
    Row("undock", Camera, _undock, "pull a camera out of its bay"),
    Row("move", Move, _move, "what the wearer of a camera does from now on"),
    Row("carry", Carry, _carry, "carry a camera to a spot, in metres"),
    Row("power", Power, _power, "switch a board's own supply"),
    Row("reset", Board, _reset, "reset a board"),
    Row("link", Link, _link, "make a board's cable slow, or as fast as it was"),
    Row("badge", Badge, _badge, "hold a badge to a reader"),
    Row("plug_reader", Reader, _plug_reader, "plug a reader in, or pull it out"),
    Row("fault", Fault, _fault, "inject a fault by name; type ok heals all of that component"),
    Row("heal", Fault, _heal, "heal one fault"),
    Row("heal_all", Nothing, _heal_all, "heal the whole bench"),
)
