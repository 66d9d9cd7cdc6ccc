"""Commands whose modules are imported when they are asked for: a hand that presses a button needs no web server.

Law: names and places only. What a command is and does is in its own module.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


class Place(NamedTuple):
    """Where a command is: a module of this room, and in it a function or a ``typer.Typer`` by name."""

    module: str
    name: str


class LazyGroup(TyperGroup):
    """A group that knows ``places`` by command and imports each at its first use; set by a subclass."""

    places: ClassVar[dict[str, Place]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name in self.places:  # stand-ins, so that a mistyped name finds the nearest one
            self.commands[name] = TyperCommand(name, callback=None)
        self._loaded: set[str] = set()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself; None if there is none of that name."""
        if cmd_name in self.places and cmd_name not in self._loaded:
            self.commands[cmd_name] = load(cmd_name, self.places[cmd_name])
            self._loaded.add(cmd_name)
        return super().get_command(ctx, cmd_name)


def load(name: str, place: Place) -> Any:
    """Import a command."""
    found = getattr(_imported(f"host_tools.cli.{place.module}"), place.name)
    if isinstance(found, typer.Typer):
        group = get_group(found)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        group = get_command(single)
    group.name = name
    return group


def classes_of(names: dict[str, str]) -> tuple[type[Exception], ...]:
    """Those error classes (class name to module) whose modules have been imported: others cannot have been raised."""
    return tuple(getattr(sys.modules[module], name) for name, module in names.items() if module in sys.modules)


def _imported(name: str) -> ModuleType:
    """The module. Whatever its import makes is kept: nobody looks for garbage in it, now or later. What a process has
    made otherwise by then is its own, and looked through as ever: one that is imported already freezes nothing."""
    known = sys.modules.get(name)
    if known is not None:
        return known
    looks = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        if looks:
            gc.enable()
