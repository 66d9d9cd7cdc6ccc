"""``bwc destination …`` for whoever looks after one: its accounts, its log, and its move to another server."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from host_tools.accounts.roles import GIVEN, MEANING, Actor, Role
from host_tools.accounts.uploads import read_bytes
from host_tools.cli.destination_folder import private
from host_tools.cli.people import opened_people, user_of_machine, wall_ms
from host_tools.cli.prompting import ask_secret
from host_tools.cli.show import plain
from host_tools.evidence import certificates, moving
from host_tools.evidence import folder as folders
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.health import health
from host_tools.evidence.logbook import LOG_NAME, OLDER_NAME, LogBook
from host_tools.evidence.plain_names import written
from host_tools.evidence.settings import SETTINGS_NAME
from host_tools.evidence.sole import LOCK_NAME

Open = Callable[[Path], AbstractContextManager[folders.Destination]]

account_app = typer.Typer(help="Who may search, play and export at a destination.", no_args_is_help=True)
console = Console()

PASSWORD_FILE_BYTES_MAX = 4_096
# Of a folder that moves, and of no folder in it: an object that was set apart has the name that its controller gave it.
# Databases are copied as such, with what their journals have.
LEFT_OUT = (LOG_NAME, OLDER_NAME, LOCK_NAME, "*.sqlite", "*.sqlite-wal", "*.sqlite-shm")
Folder = Annotated[Path, typer.Option(help="The destination's folder.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="A file whose first line is the password; else it is asked for.")
]
Hosts = Annotated[
    list[str] | None, typer.Option("--host", help="Address or name that controllers reach the new one by.")
]


def register(app: typer.Typer, opened: Open, alone: Open) -> None:
    """Add these commands. ``opened``: a destination from its folder; ``alone``: one whose server does not run."""
    app.add_typer(account_app, name="account")
    _register_stores(app, opened)
    _register_logs(app, opened)
    _register_people(app, opened)
    _register_moves(app, alone)


@account_app.command("list")
def list_accounts(
    folder: Folder = Path("destination"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """All accounts."""
    with opened_people(folder) as people:
        found = people.list()
    if as_json:
        console.print_json(data=plain(found))
        return
    table = Table("Account", "Role", "May")
    for person in found:
        table.add_row(person.name, person.role.replace("_", " "), MEANING[person.role])
    console.print(table if found else "no accounts yet: bwc destination account setup")


@account_app.command()
def setup(folder: Folder = Path("destination"), password_file: PasswordFile = None) -> None:
    """Make the first account, root."""
    password = _password(password_file)
    with opened_people(folder) as people:
        people.set_up(password, wall_ms())
    console.print("root can log in")


@account_app.command()
def add(
    name: str,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(GIVEN)}.")] = "viewer",
    folder: Folder = Path("destination"),
    password_file: PasswordFile = None,
) -> None:
    """Give somebody an account."""
    given: dict[str, Role] = {each: each for each in GIVEN}
    if role not in given:
        raise EvidenceError(f"role {role!r}: is none of {', '.join(GIVEN)}: choose one")
    password = _password(password_file)
    with opened_people(folder) as people:
        people.audit.append("add_account", _me(), "asked", wall_ms(), {"name": name, "role": role})
        people.add(name, given[role], password, wall_ms())
    _tell(f"{name} can log in")


@account_app.command()
def remove(name: str, folder: Folder = Path("destination")) -> None:
    """Take an account away."""
    with opened_people(folder) as people:
        people.audit.append("remove_account", _me(), "asked", wall_ms(), {"name": name})
        people.remove(name)
    _tell(f"{name} is removed")


def keep(opened: Open, folder: Path, file: Path) -> None:
    """Objects of this destination go into that Swift store."""
    with opened(folder) as destination:
        keys = folders.keep_in(destination, file, lambda: secrets.token_hex(16))
    _tell(f"{folder}: objects go into {keys.container} at {keys.auth}; delete {file} now")


def _register_stores(app: typer.Typer, opened: Open) -> None:
    @app.command("keep-in")
    def keep_in(
        keys: Annotated[Path, typer.Argument(help="A file with auth, user and key of a Swift store.")],
        folder: Folder = Path("destination"),
    ) -> None:
        """Keep new objects in a Swift store, or give it new credentials; restart the server then."""
        keep(opened, folder, keys)


def _register_logs(app: typer.Typer, opened: Open) -> None:
    @app.command()
    def logs(
        output: Annotated[Path, typer.Argument(help="A new zip archive.")],
        folder: Folder = Path("destination"),
    ) -> None:
        """Everything that helps to find a fault: log, health, settings, certificate. Nothing secret."""
        with opened(folder) as destination:
            validity = certificates.validity(destination.certificate.read_bytes())
            found = health(destination.intake, validity, wall_ms()).as_document()
            settings = (folder / SETTINGS_NAME).read_text(encoding="utf-8")
        parts = {
            "destination.log": LogBook(folder).text(),
            "health.json": json.dumps(found, indent=2, ensure_ascii=False),
            SETTINGS_NAME: settings,
            "certificate.json": json.dumps(validity._asdict(), indent=2),
        }
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in parts.items():
                archive.writestr(name, text)
        _write_down(folder, "export_log", output)
        _write_new(output, packed.getvalue())
        _tell(f"{output}: {len(parts)} files; it names people")


def _register_people(app: typer.Typer, opened: Open) -> None:
    @app.command("export-people")
    def export_people(
        output: Annotated[Path, typer.Argument(help="A new file.")], folder: Folder = Path("destination")
    ) -> None:
        """Write wearers, cameras and systems down, for a new server. Recordings stay here."""
        with opened(folder) as destination:
            text = (folder / SETTINGS_NAME).read_text(encoding="utf-8")
            data = moving.write_people(destination.store, text)
        _write_down(folder, "export_people", output)
        _write_new(output, data)
        _tell(f"{output}: next, there: bwc destination import-people {output} FOLDER --host …")

    @app.command("import-people")
    def import_people(
        people: Annotated[Path, typer.Argument(help="What export-people wrote.")],
        folder: Annotated[Path, typer.Argument(help="A new folder.")],
        host: Hosts = None,
    ) -> None:
        """Make a new destination for people that another server knew; controllers then get a new connection file."""
        document = moving.read_people(_read(people))
        folders.create(folder, _with_hosts(document["settings"], host), secrets.token_urlsafe(32), wall_ms())
        with opened(folder) as destination, Progress(console=console, transient=True) as progress:
            bar = progress.add_task("people", total=len(document["rows"]))
            store = destination.store
            count = moving.take_people(store, document, wall_ms(), lambda n: progress.update(bar, completed=n))
        _tell(f"{folder}: {count} known; next: bwc destination connection-file {folder} FILE")


def _register_moves(app: typer.Typer, alone: Open) -> None:
    @app.command()
    def migrate(
        old: Annotated[Path, typer.Argument(help="The destination's folder; its server does not run.")],
        new: Annotated[Path, typer.Argument(help="A new folder, on the new server's disk.")],
        host: Hosts = None,
    ) -> None:
        """Move a destination with all it keeps: people, recordings, accounts. It gets a new certificate."""
        if new.exists():
            raise EvidenceError(f"{new}: exists: name a new folder")
        with alone(old) as destination:  # until all is copied
            mode = destination.settings.mode
            _write_down(old, "migrate", new)
            _copy(old, new)
        path = new / SETTINGS_NAME
        path.write_text(_with_hosts(path.read_text(encoding="utf-8"), host), encoding="utf-8")
        with alone(new) as destination:
            folders.renew_certificate(new, destination.settings.hosts, wall_ms())
            lost = moving.lost(destination.store)
        os.sync()  # the old one is removed next
        for line in lost:
            _tell(line)
        done = f"{new}: made, {mode}-centric as before; start it, issue a connection file, upload it; then "
        _tell(done + (f"find out where these objects are, and keep {old}" if lost else f"remove {old}"))


def _copy(old: Path, new: Path) -> None:
    leave = shutil.ignore_patterns(*LEFT_OUT)
    try:
        new.mkdir(mode=0o700, parents=True)  # its files have the mode of the old ones only when each is whole
        shutil.copytree(
            old, new, dirs_exist_ok=True, ignore=lambda place, names: leave(place, names) if Path(place) == old else ()
        )
        for path in sorted(old.glob("*.sqlite")):
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(new / path.name)) as target:
                source.backup(target)
            shutil.copymode(path, new / path.name)
    except (OSError, sqlite3.Error) as error:
        raise EvidenceError(f"{new}: cannot be made ({error}): choose a disk with room") from error


def _with_hosts(settings: str, hosts: list[str] | None) -> str:
    """The settings of a server that is reached elsewhere."""
    if not hosts:
        return settings
    line = f"hosts = {json.dumps(hosts)}  # addresses that controllers reach it by; in the certificate"
    changed, count = re.subn(r"(?m)^hosts\s*=.*$", lambda _: line, settings)
    return changed if count else f"{line}\n{settings}"


def _password(file: Path | None) -> str:
    if file is None:
        return ask_secret("Password", "--password-file", twice=True)
    try:
        with file.open("rb") as stream:
            return read_bytes(stream, str(file), PASSWORD_FILE_BYTES_MAX).decode().splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise EvidenceError(f"{file}: no password can be read from it: name a file whose first line it is") from error


def _me() -> Actor:
    return user_of_machine(os.getuid())


def _write_down(folder: Path, action: str, output: Path) -> None:
    """Who takes what out, before it is."""
    with opened_people(folder) as people:
        people.audit.append(action, _me(), "done", wall_ms(), {"to": written(output.absolute())})


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(moving.FILE_BYTES_MAX + 1)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror}): name what export-people wrote") from error


def _write_new(path: Path, data: bytes) -> None:
    try:
        with open(path, "xb", opener=private) as file:
            file.write(data)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be written ({error.strerror}): name a new file") from error


def _tell(line: str) -> None:
    """A line that is never broken: people copy from it."""
    console.print(line, highlight=False, soft_wrap=True)
