"""``bwc account`` and ``bwc audit`` against a controller's own socket; and who is believed there."""

from __future__ import annotations

import asyncio
import getpass
import io
import logging
import os
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer

from host_tools.accounts.errors import LoginRefused
from host_tools.accounts.people import People
from host_tools.accounts.roles import Actor
from host_tools.bench.secret_hunt import SecretHunt, SecretLeaked
from host_tools.cli import account_commands, people, prompting
from host_tools.cli.main import app
from host_tools.cli.people import opened_people, wall_ms
from host_tools.cli.serve import LocalDoor, local_actor
from host_tools.controller.account_commands import AccountCommands
from host_tools.controller.commands import CommandGroup, Commands, Gate, command
from host_tools.controller.remote import SOCKET, controller_client
from host_tools.custody.blocking import run_in_thread
from host_tools.transports.local import LocalError, LocalServer, Peer
from tests.unit.accounts.parts import ADAS, CHEAP, ROOTS
from tests.unit.cli.parts import Bwc, Ended

NEW = "difference engine No. 1"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hash costs is tested elsewhere."""

    class CheapPeople(People):
        def __init__(self, store, secret, entropy) -> None:
            super().__init__(store, secret, entropy, cost=CHEAP)

    monkeypatch.setattr(people, "People", CheapPeople)


class Faulty(CommandGroup):
    """A command with a mistake in it. Not part of the product; under a name that the table has."""

    @command
    async def set_bay_power(self, actor: Actor, bay: int, on: bool) -> None:
        raise ZeroDivisionError(f"bay {bay}")


@asynccontextmanager
async def answering(folder: Path) -> AsyncGenerator[People]:
    """The people of a controller behind its socket, without the rest of it."""
    with opened_people(folder) as found:
        gate = Gate(found.audit, wall_ms, run_in_thread)
        commands = Commands([AccountCommands(gate, found, wall_ms, run_in_thread), Faulty(gate)])
        server = LocalServer(folder / SOCKET, LocalDoor(commands).handle)
        await server.start()
        try:
            yield found
        finally:
            await server.close()


def written(folder: Path, name: str, password: str) -> Path:
    """A file with a password."""
    path = folder / name
    path.write_text(password + "\n", encoding="utf-8")
    return path


@pytest.mark.req("CTRL-14")
def test_the_life_of_accounts(bwc: Bwc, tmp_path: Path):
    files = {name: written(tmp_path, name, words) for name, words in (("r", ROOTS), ("a", ADAS), ("n", NEW))}

    async def scenario() -> None:
        async with answering(tmp_path) as found:

            async def run(*arguments: object) -> Ended:
                return await asyncio.to_thread(bwc, "account", *arguments, "--folder", tmp_path)

            assert "no accounts yet" in (await run("list")).out
            (await run("add", "ada", "--password-file", files["a"])).must_be_one_line("no root account yet")
            assert (await run("setup", "--password-file", files["r"])).code == 0
            assert (await run("add", "Ada", "--role", "administrator", "--password-file", files["a"])).code == 0
            listed = (await run("list")).out
            assert "ada" in listed
            assert "administrator" in listed
            (await run("add", "../ada", "--password-file", files["a"])).must_be_one_line("an account's name is")
            (await run("add", "eve", "--role", "root", "--password-file", files["a"])).must_be_one_line("role")
            (await run("remove", "root")).must_be_one_line("root account cannot be removed")
            cookie = found.login("ada", ADAS, "192.0.2.7", wall_ms())
            assert (await run("logout", "ada")).code == 0
            with pytest.raises(Exception, match="log in again"):
                found.sessions.find(cookie, wall_ms())
            assert (await run("role", "ada", "viewer")).code == 0
            assert (await run("password", "ada", "--password-file", files["n"])).code == 0
            assert (await run("unlock", "ada")).code == 0
            assert found.login("ada", NEW, "192.0.2.7", wall_ms())
            wrong = await run("password", "root", "--password-file", files["n"], "--current-file", files["a"])
            wrong.must_be_one_line("name or password is wrong")
            changed = await run("password", "root", "--password-file", files["n"], "--current-file", files["r"])
            assert changed.code == 0
            assert found.login("root", NEW, "192.0.2.7", wall_ms())
            assert (await run("remove", "ada")).code == 0
            assert [person.name for person in found.list()] == ["root"]

    asyncio.run(scenario())


@pytest.mark.req("CTRL-02")
def test_an_evaluation_is_set_up_with_its_demo_account(bwc: Bwc, tmp_path: Path):
    async def scenario() -> None:
        async with answering(tmp_path) as found:
            path = written(tmp_path, "r", ROOTS)
            made = await asyncio.to_thread(
                bwc, "account", "setup", "--evaluation", "--password-file", path, "--folder", tmp_path
            )
            assert "demo, password demo" in made.out
            assert found.is_evaluation()
            assert found.login("demo", "demo", "192.0.2.7", wall_ms())
            gone = await asyncio.to_thread(bwc, "account", "remove", "demo", "--folder", tmp_path)
            gone.must_be_one_line("demo account cannot be removed")

    asyncio.run(scenario())


def test_passwords_come_from_prompts_that_show_nothing_and_from_standard_input(
    bwc: Bwc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def answer(prompt: str = "", stream: object = None) -> str:
        asked.append(prompt)
        return ROOTS

    monkeypatch.setattr(getpass, "getpass", answer)
    monkeypatch.setattr(prompting, "has_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ADAS.encode() + b"\r\n")))

    async def scenario() -> None:
        async with answering(tmp_path) as found:
            assert (await asyncio.to_thread(bwc, "account", "setup", "--folder", tmp_path)).code == 0
            assert len(asked) == 2, "asked twice, so that a slip does not lock root out"
            assert found.login("root", ROOTS, "192.0.2.7", wall_ms())
            made = await asyncio.to_thread(bwc, "account", "add", "ada", "--password-file", "-", "--folder", tmp_path)
            assert made.code == 0
            assert found.login("ada", ADAS, "192.0.2.7", wall_ms())

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 5_000, "more than 4096 bytes"),
        (b"", "12 characters"),
    ],
    ids=["missing", "binary", "endless", "empty"],
)
def test_a_password_file_that_is_none_is_one_line(bwc: Bwc, tmp_path: Path, content, why):
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)

    async def scenario() -> None:
        async with answering(tmp_path):
            ended = await asyncio.to_thread(bwc, "account", "setup", "--password-file", path, "--folder", tmp_path)
            ended.must_be_one_line(why)

    asyncio.run(scenario())


def passwords_in_arguments(program: typer.Typer) -> list[str]:
    """Parameters of any command below that are named like a secret and are no file."""
    callbacks = [made.callback for made in program.registered_commands if made.callback]
    found = [
        f"{callback.__name__}: {name}"
        for callback in callbacks
        for name, hint in get_type_hints(callback).items()
        if {"password", "passphrase", "secret", "pin"} & set(name.split("_")) and Path not in (hint, *get_args(hint))
    ]
    for group in program.registered_groups:
        found += passwords_in_arguments(group.typer_instance) if group.typer_instance else []
    return found


def test_no_command_takes_a_password_as_an_argument():
    """Of the whole program: what is in an argument is in ``ps`` and in the shell's history."""
    assert passwords_in_arguments(app) == []
    wrong, inner = typer.Typer(), typer.Typer()
    wrong.add_typer(inner, name="inner")

    @inner.command()
    def login(password: str, password_file: Path | None = None) -> None: ...

    assert passwords_in_arguments(wrong) == ["login: password"]


@pytest.mark.req("CTRL-14")
def test_the_trail_is_shown_and_verified_on_a_copy(bwc: Bwc, tmp_path: Path):
    folder, copy = tmp_path / "c", tmp_path / "copy"
    folder.mkdir()

    async def scenario() -> None:
        async with answering(folder):
            path = written(tmp_path, "r", ROOTS)
            for _ in range(2):  # the second is refused, and both are told
                await asyncio.to_thread(bwc, "account", "setup", "--password-file", path, "--folder", folder)
            beside = await asyncio.to_thread(bwc, "audit", "verify", "--folder", folder)
            assert "holds: 4 entries, sealed" in beside.out

    asyncio.run(scenario())
    shutil.copytree(folder, copy)
    shown = bwc("audit", "show", "--folder", copy).out
    assert "set_up_accounts" in shown
    assert "failed" in shown
    head = shown.strip().splitlines()[-1].removeprefix("head ")
    assert head.startswith("4:")
    assert "holds" in bwc("audit", "verify", "--folder", copy, "--head", head).out
    (copy / "people.key").unlink()
    assert "the seal was not checked" in bwc("audit", "verify", "--folder", copy).out
    other = f"4:{'00' * 32}"
    bwc("audit", "verify", "--folder", copy, "--head", other).must_be_one_line("broken at entry 4", "made anew")
    bwc("audit", "verify", "--folder", copy, "--head", "nonsense").must_be_one_line("not a head")
    bwc("audit", "verify", "--folder", tmp_path / "nowhere").must_be_one_line("people.sqlite", "cannot be opened")


def test_a_database_edited_to_grant_a_role_is_found(bwc: Bwc, tmp_path: Path):
    with opened_people(tmp_path) as found:
        found.set_up(ROOTS, wall_ms())
        found.add("wall", "viewer", ADAS, wall_ms())
        found._store.database.run("UPDATE accounts SET role = 'administrator' WHERE name = 'wall'")
    bwc("audit", "verify", "--folder", tmp_path).must_be_one_line("changed from outside")


@pytest.mark.parametrize("name", ["people.sqlite", "people.key", "people.sqlite-wal"])
def test_what_people_have_is_for_the_owner_alone(tmp_path: Path, name):
    mask = os.umask(0)
    try:
        with opened_people(tmp_path) as found:
            found.set_up(ROOTS, wall_ms())
            assert (tmp_path / name).stat().st_mode & 0o077 == 0
    finally:
        os.umask(mask)


def test_the_local_actor_is_the_owner_or_root_and_nobody_else():
    owner = os.geteuid() or 1000
    assert local_actor(Peer(1, owner, 1), owner) == Actor(local_actor(Peer(1, owner, 1), owner).account,
                                                          "administrator", "local")  # fmt: skip
    assert local_actor(Peer(1, 0, 0), owner).account == "local:root"
    assert local_actor(Peer(1, 54_321, 0), 54_321).account == "local:54321"
    with pytest.raises(LocalError, match="user 65534 is not the owner"):
        local_actor(Peer(1, 65_534, 0), owner)


def test_the_socket_tells_who_connected_and_not_what_they_claim(tmp_path: Path):
    seen: list[Peer] = []

    async def handle(verb: str, arguments: dict[str, object], peer: Peer) -> None:
        seen.append(peer)

    async def scenario() -> None:
        server = LocalServer(tmp_path / SOCKET, handle)
        await server.start()
        await controller_client(tmp_path).ask("status", peer={"uid": 0}, actor="root")
        await server.close()

    asyncio.run(scenario())
    assert seen == [Peer(os.getpid(), os.geteuid(), os.getegid())]


def test_following_what_happens_is_asked_for_too(tmp_path: Path):
    async def refuse(verb: str, arguments: dict[str, object], peer: Peer) -> None:
        raise LocalError(f"{verb}: not for you: ask an administrator")

    async def scenario() -> None:
        server = LocalServer(tmp_path / SOCKET, refuse)
        await server.start()
        events = controller_client(tmp_path).events()
        with pytest.raises(LocalError, match="events: not for you"):
            await anext(events)
        await server.close()

    asyncio.run(scenario())


def test_a_mistake_in_a_command_ends_the_question_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async def scenario() -> None:
        async with answering(tmp_path):
            client = controller_client(tmp_path)
            with pytest.raises(LocalError, match=r"set_bay_power failed \(ZeroDivisionError\): report"):
                await client.ask("set_bay_power", bay=1, on=True)
            with pytest.raises(LocalError, match="knows no nothing"):
                await client.ask("nothing")
            with pytest.raises(LocalError, match="is not known"):
                await client.ask("list_accounts", actor="root")
            assert await client.ask("list_accounts") == []
            told = await client.ask("audit")
            assert [(entry["action"], entry["outcome"]) for entry in told] == [
                ("set_bay_power", "asked"),
                ("set_bay_power", "failed"),
            ]

    asyncio.run(scenario())
    assert "ZeroDivisionError" in caplog.text


def test_no_password_cookie_or_key_is_in_any_log(bwc: Bwc, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Everything that people can do, well and badly, at debug level; then the log, what was printed, and the database
    are searched for all that was used."""
    folder = tmp_path / "c"
    folder.mkdir()
    caplog.set_level(logging.DEBUG)
    hunt, printed = SecretHunt(), tmp_path / "printed"
    secrets = {
        "root's": ROOTS,
        "ada's": ADAS,
        "her next": NEW,
        "a wrong one": "tried and wrong 77",
        "weak": "Zyx-short",
    }
    files = {name: written(tmp_path, f"p{number}", words) for number, (name, words) in enumerate(secrets.items())}

    async def scenario() -> None:
        async with answering(folder) as found:

            async def run(*arguments: object) -> None:
                ended = await asyncio.to_thread(bwc, "account", *arguments, "--folder", folder)
                with printed.open("a") as file:
                    file.write(ended.out + ended.err)

            await run("setup", "--password-file", files["root's"])
            await run("add", "ada", "--role", "administrator", "--password-file", files["ada's"])
            await run("add", "eve", "--password-file", files["weak"])
            await run("password", "ada", "--password-file", files["weak"])
            wrong = files["a wrong one"]
            await run("password", "root", "--password-file", files["her next"], "--current-file", wrong)
            cookie = found.login("ada", ADAS, "192.0.2.7", wall_ms())
            session = found.sessions.find(cookie, wall_ms())
            hunt.add("a cookie", cookie)
            hunt.add("a token", found.sessions.csrf_token(session))
            for name in ("ada", ADAS):
                with pytest.raises(LoginRefused):
                    found.login(name, secrets["a wrong one"], "192.0.2.7", wall_ms())
            await run("password", "ada", "--password-file", files["her next"])
            client = controller_client(folder)
            with pytest.raises(LocalError):
                await client.ask("set_account_password", name=ADAS, password=[NEW], current=7)
            with pytest.raises(LocalError):
                await client.ask("add_account", password=NEW)
            printed.write_text(printed.read_text() + str(await client.ask("audit")))

    asyncio.run(scenario())
    log = tmp_path / "log"
    log.write_text(caplog.text)
    for name, words in secrets.items():
        hunt.add(f"{name} password", words)
    assert hunt.add_folder(folder) == ["people.key"]
    hunt.must_find_nothing(log, printed, *folder.glob("people.sqlite*"))
    log.write_text(caplog.text + f"DEBUG password={NEW!r}")
    with pytest.raises(SecretLeaked):
        hunt.must_find_nothing(log)


def test_every_command_of_accounts_is_helped_with(bwc: Bwc):
    for group in ("account", "audit"):
        assert bwc(group, "--help").code == 0
    assert account_commands.PASSWORD_FILE_BYTES_MAX < 10_000
