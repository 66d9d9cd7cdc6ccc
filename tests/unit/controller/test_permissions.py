"""The table and the commands are one to one, and every command asks the table, for every role, on every way in."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import pkgutil
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import pytest
from pydantic import Field, SecretStr

import host_tools.controller
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.audit import ASKED_IN, AuditTrail
from host_tools.accounts.roles import ROLES, Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.controller.commands import (
    CommandError,
    CommandGroup,
    CommandRefused,
    Commands,
    Gate,
    command,
    commands_of,
    form_of,
)
from host_tools.controller.permissions import ACTS, LETTERS, TABLE, NoSuchCommand, Row
from host_tools.custody.blocking import run_inline
from host_tools.system.errors import DomainError

AT_MS = 1_767_225_600_000
DEMO_MAY = {
    "log_out_everywhere",
    "back_up",
    "restore_backup",
    "remove_camera",
    "remove_extension",
    "retrieve_recording",
}
# CTRL-14: cameras and wearers, assigning, pairing, logs and reports; with them the bays, and words about recordings.
LOCAL_ADMINISTRATOR_MAY = {
    "add_camera",
    "add_wearer",
    "assign_camera",
    "bookmark_recording",
    "change_camera",
    "change_own_password",
    "change_wearer",
    "check_contacts",
    "describe_recording",
    "end_holding",
    "export_wearers",
    "import_wearers",
    "indicate_camera",
    "locate_recording",
    "log_out_everywhere",
    "make_system_report",
    "pair_tag",
    "power_cycle_bay",
    "prioritise_wearer",
    "remove_camera",
    "remove_wearer",
    "report",
    "set_bay_power",
    "suspend_smart_charge",
    "tap_badge",
    "unassign_camera",
    "unpair_tag",
}
READING_VERBS = ("get_", "judge_", "list_", "preview_", "read_", "search_")
READING_NOUNS = {
    "archive_drives",
    "audit",
    "audit_head",
    "camera_charges",
    "contact_history",
    "events",
    "live",
    "notification_state",
    "priorities",
    "recording_description",
    "rejected_recordings",
    "safe_mode",
    "setting_catalogue",
    "status",
    "wearer_template",
}
SECRET_WORDS = ("current", "password", "passphrase", "secret", "pin")


def all_groups() -> list[type[CommandGroup]]:
    """Every group of the controller's room, found by walking its files."""
    for module in pkgutil.iter_modules(host_tools.controller.__path__, "host_tools.controller."):
        importlib.import_module(module.name)
    found, todo = [], CommandGroup.__subclasses__()
    while todo:
        group = todo.pop()
        todo += group.__subclasses__()
        if group.__module__.startswith("host_tools."):
            found.append(group)
    return found


def walked() -> list[tuple[str, Row, type[CommandGroup]]]:
    """Every command there is."""
    return [(name, row, group) for group in all_groups() for name, row in commands_of(group).items()]


@pytest.fixture
def audit():
    store = open_store(":memory:", load_secret(MemoryFiles(), SeededEntropy("people")))
    yield AuditTrail(store)
    store.close()


def bare(group: type[CommandGroup], audit: AuditTrail) -> CommandGroup:
    """A group with a gate and nothing behind it: what gets past the gate meets an AttributeError."""
    made = group.__new__(group)
    made.gate = Gate(audit, lambda: AT_MS, run_inline)
    return made


def some_value(annotation: object) -> object:
    """A value that a command's argument may have."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if get_origin(annotation) is dict:
        return {}
    if get_origin(annotation) in (UnionType, Union, Annotated):
        return some_value(get_args(annotation)[0])
    plain = {str: "x", int: 1, bool: True, SecretStr: SecretStr("a passphrase")}
    return plain.get(annotation, ["x"])  # type: ignore[call-overload]


def arguments_of(method) -> dict[str, object]:
    return {name: some_value(field.annotation) for name, field in form_of(method).model_fields.items()}


@pytest.mark.req("CTRL-14")
def test_every_row_has_one_command_and_every_command_a_row():
    names = sorted(name for name, _, _ in walked())
    assert names == sorted(TABLE), "a row without a command, or a command in two groups"
    assert all(row is TABLE[name] for name, row, _ in walked())


@pytest.mark.req("CTRL-14")
def test_every_command_asks_the_table_for_every_role(audit: AuditTrail):
    """Both as a method and by its word: refused before anything is done, or let through to what it does."""

    async def scenario() -> None:
        tried = 0
        for name, row, group in walked():
            for role in ROLES:
                actor = Actor("somebody", role, "192.0.2.7")
                made = bare(group, audit)
                arguments = arguments_of(getattr(made, name))
                for ask in (
                    lambda made=made, name=name, actor=actor, arguments=arguments: getattr(made, name)(
                        actor, **arguments
                    ),
                    lambda made=made, name=name, actor=actor, arguments=arguments: Commands([made]).call(
                        actor, name, arguments
                    ),
                ):
                    tried += 1
                    was_refused = False
                    try:
                        await ask()
                    except CommandRefused:
                        was_refused = True
                    except (AttributeError, CommandError, DomainError):
                        pass  # past the gate, where nothing is behind it
                    assert was_refused == (role not in row.roles), (name, role)
        assert tried == 2 * len(TABLE) * len(ROLES)

    asyncio.run(scenario())


def test_acts_are_in_the_audit_trail_before_and_after_and_reads_are_not(audit: AuditTrail):
    async def scenario() -> None:
        for name, row, group in walked():
            made = bare(group, audit)
            before = audit.head().sequence
            actor = Actor("boss", "administrator", "192.0.2.7")
            with contextlib.suppress(AttributeError, CommandError, DomainError):  # nothing is behind the gate
                await getattr(made, name)(actor, **arguments_of(getattr(made, name)))
            outcomes = [entry.outcome for entry in audit.entries(before)]
            if row.kind == ACTS and "administrator" in row.roles:
                assert outcomes[0] == "asked", name
                assert outcomes[1:] in (["done"], ["failed"]), name
            elif row.kind != ACTS:
                assert outcomes == [], name

    asyncio.run(scenario())
    assert audit.verify().holds


def test_what_is_secret_has_the_type_that_keeps_it_so():
    for name, _, group in walked():
        for argument, field in form_of(getattr(group, name)).model_fields.items():
            if any(word in argument.split("_") for word in SECRET_WORDS):
                types = get_args(field.annotation) or (field.annotation,)
                assert (SecretStr in types, str in types) == (True, False), f"{name}: {argument} must be a SecretStr"


@pytest.mark.req("CTRL-14")
def test_roles_are_what_the_catalogue_says():
    may = {role: {name for name, row in TABLE.items() if role in row.roles} for role in ROLES}
    assert may["root"] == may["administrator"] == set(TABLE), "an administrator may everything"
    harmless = {name for name, row in TABLE.items() if row.kind != ACTS}
    own = {"change_own_password", "log_out_everywhere"}
    assert may["viewer"] <= harmless | own, "a viewer reads and changes nothing but what is its own"
    assert may["demo"] - harmless <= DEMO_MAY, "CTRL-02 says exactly what the demo account may"
    assert may["demo"] >= DEMO_MAY & set(TABLE)
    assert sorted(LETTERS.values()) == sorted(ROLES)
    assert all(row.meaning for row in TABLE.values())


@pytest.mark.req("CTRL-14")
def test_a_local_administrator_does_what_the_catalogue_says_and_no_more():
    may = {name for name, row in TABLE.items() if "local_administrator" in row.roles}
    acts = {name for name, row in TABLE.items() if row.kind == ACTS}
    assert may & acts == LOCAL_ADMINISTRATOR_MAY
    hidden = ("account", "audit", "certificate", "network_login", "reset", "departure")
    assert [name for name in may - acts if any(word in name for word in hidden)] == []


@pytest.mark.req("CTRL-14")
def test_what_leaves_no_trace_changes_nothing_and_takes_nothing_away():
    """An act that the table called a read would be done without a line in the audit trail."""
    reads = {name for name, row in TABLE.items() if row.kind != ACTS}
    assert {name for name in reads if not name.startswith(READING_VERBS)} == READING_NOUNS


class Trial(CommandGroup):
    """Not part of the product: one command of each kind, under names that the table has."""

    @command
    async def set_bay_power(self, actor: Actor, bay: int, on: bool, dock: str = "") -> None:
        """Nothing."""

    @command
    async def check_contacts(
        self, actor: Actor, passphrase: SecretStr, names: Annotated[list[str], Field(max_length=99)]
    ) -> None:
        """Fails."""
        raise CommandError("not today: come tomorrow")


def test_a_command_without_a_row_cannot_be_written():
    async def open_all_doors(self, actor: Actor) -> None: ...

    with pytest.raises(NoSuchCommand, match="open_all_doors: no row"):
        command(open_all_doors)


@pytest.mark.parametrize(
    "member",
    [
        lambda self, actor: None,
        property(lambda self: 1),
        staticmethod(lambda actor: None),
        vars(Trial)["set_bay_power"],  # a command, under another name than its row's
    ],
    ids=["method", "property", "static", "alias"],
)
def test_nothing_in_a_group_is_public_but_commands(member):
    with pytest.raises(TypeError, match="is public and no command"):
        type("Wrong", (CommandGroup,), {"sneak": member})


def test_a_command_takes_an_actor_first():
    async def status(self, who: Actor) -> None: ...

    async def events(self, actor: str) -> None: ...

    for method in (status, events):
        with pytest.raises(TypeError, match="first argument is actor"):
            type("Wrong", (CommandGroup,), {method.__name__: command(method)})  # type: ignore[arg-type]


def test_the_trail_has_arguments_and_errors_and_no_secrets(audit: AuditTrail):
    trial = bare(Trial, audit)
    boss = Actor("boss", "administrator", "192.0.2.7")

    async def scenario() -> None:
        with pytest.raises(CommandError):
            await trial.check_contacts(boss, SecretStr("open sesame"), ["a"] * 99)  # type: ignore[attr-defined]
        await Commands([trial]).call(boss, "set_bay_power", {"bay": 3, "on": False})
        with pytest.raises(CommandRefused, match="guest is viewer and may not switch the supply"):
            await Commands([trial]).call(Actor("guest", "viewer", "::1"), "set_bay_power", {"bay": 3, "on": True})

    asyncio.run(scenario())
    told = [(entry.action, entry.account, entry.outcome, entry.more) for entry in audit.entries()]
    assert told == [
        ("check_contacts", "boss", "asked", {"arguments": {"names": ["a"] * 50}}),
        ("check_contacts", "boss", "failed", {ASKED_IN: 1, "error": "not today: come tomorrow"}),
        ("set_bay_power", "boss", "asked", {"arguments": {"bay": 3, "on": False, "dock": ""}}),
        ("set_bay_power", "boss", "done", {ASKED_IN: 3}),
        ("set_bay_power", "guest", "refused", {}),
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "wrong"),
    [
        ("format_disk", {}, "knows no format_disk; it knows check_contacts, set_bay_power"),
        ("set_bay_power", {"bay": 3}, "^on: is missing: give it"),
        ("set_bay_power", {"bay": "three", "on": True}, "^bay: is no whole number: write digits"),
        ("set_bay_power", {"bay": 3, "on": True, "role": "root"}, "role: is not known; known are: bay, dock, on"),
        ("set_bay_power", {"bay": 3, "on": True, "actor": "root"}, "actor: is not known"),
        ("check_contacts", {"passphrase": 7, "names": ["sesame"]}, "^passphrase: is no text"),
        ("check_contacts", {"passphrase": "sesame", "names": ["a"] * 100}, "^names: has more than 99 entries"),
        ("__init__", {}, "knows no __init__"),
        ("gate", {}, "knows no gate"),
    ],
)
def test_words_are_checked_before_anything_is_done(audit: AuditTrail, name, arguments, wrong):
    boss = Actor("boss", "administrator", "192.0.2.7")
    with pytest.raises(CommandError, match=wrong) as refused:
        asyncio.run(Commands([bare(Trial, audit)]).call(boss, name, arguments))
    assert "sesame" not in str(refused.value)
    assert audit.head().sequence == 0


def test_whoever_may_not_learns_nothing_of_the_arguments(audit: AuditTrail):
    with pytest.raises(CommandRefused, match="ask an administrator"):
        asyncio.run(Commands([bare(Trial, audit)]).call(Actor("wall", "viewer", "::1"), "set_bay_power", {"x": 1}))
    assert [entry.outcome for entry in audit.entries()] == ["refused"]


def test_when_the_trail_cannot_be_written_nothing_is_done(audit: AuditTrail):
    done: list[int] = []

    class Counting(CommandGroup):
        @command
        async def set_bay_power(self, actor: Actor, bay: int, on: bool, dock: str = "") -> None:
            done.append(bay)

    counting = bare(Counting, audit)
    audit._store.database.run("DELETE FROM seal")

    with pytest.raises(Exception, match="changed from outside"):
        asyncio.run(counting.set_bay_power(Actor("boss", "root", "::1"), 1, True))  # type: ignore[attr-defined]
    assert done == []


def test_the_table_can_be_read_by_people():
    """``ada is viewer and may not switch the supply of a bay``."""
    assert [row for row in TABLE.values() if not row.meaning[:1].islower() or row.meaning.endswith(".")] == []
