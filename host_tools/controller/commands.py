"""Everything that can be asked of a running controller, whichever way it is asked.

Law: a command is a method of a ``CommandGroup`` that takes an ``Actor`` first. The group does not decide who may: the
``@command`` around the method looks into ``permissions.TABLE``, writes the audit trail, and only then lets it act.
Local socket, REST routes, page events and tests all come through here; nothing of the controller is reachable beside.

**Adding a command** takes two things, and forgetting either fails:

1. a row in ``permissions.py``, named as the command;
2. the method, with types that ``pydantic`` can check, in a group (a file of its own for each subject)::

       class CameraCommands(CommandGroup):
           def __init__(self, gate: Gate, trust: SystemTrust) -> None:
               super().__init__(gate)
               self._trust = trust

           @command
           async def force_remove_camera(self, actor: Actor, serial: str, passphrase: SecretStr) -> None:
               \"\"\"Take a camera off that cannot be drained.\"\"\"
               ...

   The group is given to ``Commands`` where the program is composed (``host_tools/cli/serve.py``).

A public method without ``@command``, or one without ``actor: Actor`` first, is a TypeError when the class is made.
Passwords and passphrases are ``pydantic.SecretStr``: they are in no audit line, no log and no error. Of a badge's
number and the like the trail shows what ``audited.AuditedAs`` says. Raise ``CommandError`` (or any error of the rooms
below) with one line for the person who asked. Answer with plain data.

Typed callers use the method: ``await cameras.force_remove_camera(actor, serial, passphrase)``. Edges that have words
use ``await commands.call(actor, "force_remove_camera", {"serial": …, "passphrase": …})``; arguments are checked first.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from host_tools.accounts.audit import ASKED_IN, AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.controller import permissions
from host_tools.controller.audited import shown_arguments, shown_error, ways_of
from host_tools.controller.permissions import ACTS, Row
from host_tools.custody.blocking import RunBlocking
from host_tools.hardware.faults import line_of

P = ParamSpec("P")
T = TypeVar("T")
G = TypeVar("G", bound="CommandGroup")


class CommandError(Exception):
    """It cannot be done as asked. One line for the person who asked."""


class CommandRefused(CommandError):
    """This actor may not do that."""


class Gate:
    """What every command passes: the table and the audit trail."""

    def __init__(self, audit: AuditTrail, wall_ms: Callable[[], int], run_blocking: RunBlocking) -> None:
        self._audit = audit
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking

    async def check(self, actor: Actor, row: Row) -> None:
        """CommandRefused unless the table lets this actor."""
        if actor.role not in row.roles:
            await self.note(actor, row, "refused", {})
            raise CommandRefused(f"{actor.account} is {actor.role} and may not {row.meaning}: ask an administrator")

    async def enter(self, actor: Actor, row: Row, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """``check``; then what is about to be done, with its arguments as the trail shows them, is in the audit trail.
        Answers by what the line of its outcome names this one."""
        await self.check(actor, row)
        number = await self.note(actor, row, "asked", {"arguments": arguments})
        return {ASKED_IN: number} if number else {}

    async def note(self, actor: Actor, row: Row, outcome: str, more: Mapping[str, Any]) -> int:
        """One line of the audit trail, durable when this returns, and its number; of what only reads there is none."""
        if row.kind != ACTS:
            return 0
        at_ms = self._wall_ms()
        head = await self._run_blocking(lambda: self._audit.append(row.command, actor, outcome, at_ms, more))
        return head.sequence


def command(
    method: Callable[Concatenate[G, Actor, P], Awaitable[T]],
) -> Callable[Concatenate[G, Actor, P], Coroutine[Any, Any, T]]:
    """Make a method a command: the table's row of the same name decides who may."""
    row = permissions.row_of(method.__name__)
    signature = inspect.signature(method)
    ways = functools.cache(lambda: ways_of(_hints(method)))

    @functools.wraps(method)
    async def guarded(self: G, actor: Actor, *args: P.args, **kwargs: P.kwargs) -> T:
        arguments = signature.bind(self, actor, *args, **kwargs).arguments
        asked = await self.gate.enter(actor, row, shown_arguments(dict(list(arguments.items())[2:]), ways()))
        try:
            answer = await method(self, actor, *args, **kwargs)
        except Exception as error:
            await self.gate.note(actor, row, "failed", asked | {"error": shown_error(error)})
            raise
        await self.gate.note(actor, row, "done", asked)
        return answer

    guarded.__dict__["row"] = row
    return guarded


class CommandGroup:
    """Commands of one subject. Whatever is public in a subclass is a command."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def __init_subclass__(cls) -> None:
        for name, member in vars(cls).items():
            if name.startswith("_"):
                continue
            row = getattr(member, "__dict__", {}).get("row")
            if not inspect.isfunction(member) or row is None or row.command != name:
                raise TypeError(f"{cls.__name__}.{name} is public and no command: put @command before it, or an _")
            if list(inspect.signature(member).parameters)[:2] != ["self", "actor"]:
                raise TypeError(f"{cls.__name__}.{name}: a command's first argument is actor: Actor")
            if _hints(member).get("actor") is not Actor:
                raise TypeError(f"{cls.__name__}.{name}: a command's first argument is actor: Actor")


class Commands:
    """All groups of one controller behind one door, for edges that have words instead of types."""

    def __init__(self, groups: Iterable[CommandGroup]) -> None:
        self._commands: dict[str, Callable[..., Awaitable[Any]]] = {}
        self._gates: dict[str, tuple[Gate, Row]] = {}
        for group in groups:
            for name, row in commands_of(type(group)).items():
                self._commands[name] = getattr(group, name)
                self._gates[name] = group.gate, row
        self._forms: dict[str, type[BaseModel]] = {}  # each made when it is asked for: there are a hundred

    def names(self) -> list[str]:
        """What can be asked."""
        return sorted(self._commands)

    def row(self, name: str) -> Row:
        """The table's row of a command. KeyError."""
        return self._gates[name][1]

    def form(self, name: str) -> type[BaseModel]:
        """A command's arguments. KeyError."""
        if name not in self._forms:
            self._forms[name] = form_of(self._commands[name])
        return self._forms[name]

    def method(self, name: str) -> Callable[..., Awaitable[Any]]:
        """What is called, for its documentation and the type of its answer. KeyError."""
        return self._commands[name]

    async def check(self, actor: Actor, name: str) -> None:
        """CommandRefused unless the table lets this actor: for edges that look at what came before they ask."""
        gate, row = self._gates[name]
        await gate.check(actor, row)

    async def call(self, actor: Actor, name: str, arguments: Mapping[str, Any]) -> Any:
        """Do a command by its name. CommandError if there is none, or if the arguments are not its own; whoever may
        not do it does not learn what they would be."""
        method = self._commands.get(name)
        if method is None:
            raise CommandError(f"the controller knows no {name[:40]}; it knows {', '.join(self.names())}")
        gate, row = self._gates[name]
        await gate.check(actor, row)
        try:
            form = self.form(name).model_validate(dict(arguments))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            raise CommandError(line_of(fault, self.form(name).model_fields)) from None
        return await method(actor, **{key: getattr(form, key) for key in type(form).model_fields})


def commands_of(group: type[CommandGroup]) -> dict[str, Row]:
    """The commands of a group, inherited ones too, with their rows."""
    found: dict[str, Row] = {}
    for name, member in inspect.getmembers(group, callable):
        row = getattr(member, "__dict__", {}).get("row")
        if row is not None:
            found[name] = cast("Row", row)
    return found


def form_of(method: Callable[..., Any]) -> type[BaseModel]:
    """A command's arguments after the actor, as a model that checks them and can describe them."""
    hints = _hints(method)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name not in ("self", "actor"):
            fields[name] = (hints[name], ... if parameter.default is parameter.empty else parameter.default)
    return create_model(method.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _hints(method: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(inspect.unwrap(method), include_extras=True)
