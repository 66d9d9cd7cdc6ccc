"""``bwc account …`` and ``bwc audit …``: who may use a controller, and who did what.

Accounts are changed by the running controller alone. The audit trail is shown by it, too; that of one that does not
run, or of a copy of its folder, is read from there. A password comes from a prompt or a file, never from an argument:
arguments are seen by everybody on the machine and stay in the shell's history.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from host_tools.accounts import secret
from host_tools.accounts.audit import AuditEntry, AuditTrail
from host_tools.accounts.errors import AccountsError
from host_tools.accounts.roles import GIVEN, LOCAL, MEANING
from host_tools.accounts.store import open_copy
from host_tools.accounts.uploads import read_bytes
from host_tools.cli.asking import Asked, asks
from host_tools.cli.people import PEOPLE_NAME
from host_tools.cli.prompting import ask_secret
from host_tools.cli.show import plain, plain_table
from host_tools.controller.commands import CommandError
from host_tools.custody.ledger import Head

PASSWORD_FILE_BYTES_MAX = 4_096
OUTCOME_STYLES = {"done": "green", "failed": "red", "refused": "bold red", "asked": "dim"}
SHOWN = 50  # lines of the audit trail, unless more are asked for

app = typer.Typer(help="Who may use a running controller, and as what.", no_args_is_help=True)
audit_app = typer.Typer(help="Who did what: the audit trail of a controller.", no_args_is_help=True)
console = Console()

Folder = Annotated[Path, typer.Option(help="The controller's folder.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="A file whose first line is the password, - for standard input; else a prompt.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
CONTROLLER = Path("controller")


@app.command("list")
@asks
def list_(controller: Asked, as_json: Json = False) -> None:
    """All accounts."""
    found: list[dict[str, Any]] = controller.call("list_accounts")
    if as_json:
        console.print_json(data=found)
        return
    table = plain_table("", ("Account", "Role", "May", "Since", "Changed"), ("Account", "Since", "Changed"))
    for row in found:
        since, changed = _moment(row["made_unix_ms"]), _moment(row["changed_unix_ms"])
        table.add_row(row["name"], row["role"].replace("_", " "), MEANING[row["role"]], since, changed)
    console.print(table if found else "no accounts yet: bwc account setup")


@app.command()
@asks
def setup(
    controller: Asked,
    evaluation: Annotated[
        bool, typer.Option("--evaluation", help="With the account demo, password demo. Cannot be undone.")
    ] = False,
    password_file: PasswordFile = None,
) -> None:
    """Make the root account of a new system. Elsewhere nobody can be logged in yet: at its own machine."""
    if password_file is None and controller.call("list_accounts"):  # before anybody types a password twice
        raise CommandError("this system has its root account already: log in with it")
    password = _new_password("root", password_file)
    controller.call("set_up_accounts", password=password, evaluation=evaluation)
    console.print("root can log in" + ("; so can demo, password demo" if evaluation else ""))


@app.command()
@asks
def add(
    controller: Asked,
    name: str,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(GIVEN)}.")] = "viewer",
    password_file: PasswordFile = None,
) -> None:
    """Give somebody an account."""
    password = _new_password(name, password_file)
    made = controller.call("add_account", name=name, role=role, password=password)
    console.print(f"{made['name']} can log in as {made['role']}", highlight=False)


@app.command()
@asks
def remove(controller: Asked, name: str) -> None:
    """Take an account away, with its sessions."""
    controller.call("remove_account", name=name)
    console.print(f"{name} is removed", highlight=False)


@app.command()
@asks
def password(
    controller: Asked,
    name: str,
    password_file: PasswordFile = None,
    current_file: Annotated[Path | None, typer.Option(help="Likewise, the current password; root's needs it.")] = None,
) -> None:
    """Give an account another password; its sessions end."""
    arguments = {"name": name}
    if name == "root" or current_file is not None:
        arguments["current"] = _password_from(current_file, f"Current password of {name}", False, "--current-file")
    arguments["password"] = _new_password(name, password_file)
    controller.call("set_account_password", **arguments)
    console.print(f"{name} has another password, and is logged out everywhere", highlight=False)


@app.command()
@asks
def role(controller: Asked, name: str, role: str) -> None:
    """Make an account something else; its sessions end."""
    controller.call("set_account_role", name=name, role=role)
    console.print(f"{name} is {role.replace('_', ' ')} now", highlight=False)


@app.command()
@asks
def logout(controller: Asked, name: str) -> None:
    """End all sessions of an account."""
    controller.call("log_out_account", name=name)
    console.print(f"{name} is logged out everywhere", highlight=False)


@app.command()
@asks
def unlock(controller: Asked, name: str) -> None:
    """Forget the wrong passwords that were tried on an account."""
    controller.call("unlock_account", name=name)
    console.print(f"{name} can log in at once", highlight=False)


@audit_app.command()
@asks
def show(
    controller: Asked,
    after: Annotated[int, typer.Option(help="Only what follows this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="The last so many.")] = SHOWN,
    as_json: Json = False,
) -> None:
    """Who asked for what, and what became of it."""
    idle = controller.idle_folder
    head, entries = _lines_of(controller, after, limit) if idle is None else _lines_in(idle, after, limit)
    if as_json:
        console.print_json(data={"head": head, "entries": plain(entries)})
        return
    table = plain_table("", ("No.", "When (UTC)", "Who", "What", "Outcome"), ("No.", "When (UTC)", "What"))
    for entry in entries:
        table.add_row(*_line(entry))
    console.print(table)
    console.print(f"head {head}", highlight=False, soft_wrap=True)


@audit_app.command()
def verify(
    folder: Folder = CONTROLLER,
    head: Annotated[
        list[str] | None, typer.Option(help="NUMBER:HASH that show printed earlier and that was kept elsewhere.")
    ] = None,
) -> None:
    """Whether the trail is whole: its chain, kept heads, and, with the folder's key, the seal."""
    heads = [_head(text) for text in head or []]
    sealed_by = None
    if (folder / secret.PATH).exists():
        sealed_by = secret.load_secret(LinuxFiles(folder), LinuxEntropy())
    store = open_copy(str(folder / PEOPLE_NAME), sealed_by)
    try:
        verdict = AuditTrail(store).verify(heads)
        if verdict.holds and sealed_by is not None:
            store.check_copy()
    finally:
        store.close()
    if not verdict.holds:
        raise AccountsError(f"audit trail of {folder} is broken at entry {verdict.bad_sequence}: {verdict.reason}")
    sealed = "sealed" if sealed_by is not None else f"no {secret.PATH} here, so the seal was not checked"
    text = f"audit trail holds: {verdict.entries} entries, {sealed}, head {verdict.head.sequence}:"
    console.print(text + verdict.head.hash.hex(), highlight=False, soft_wrap=True)


def _lines_of(controller: Asked, after: int, limit: int) -> tuple[str, list[AuditEntry]]:
    """The head as people keep it, and the last lines, of a controller that runs."""
    head = controller.call("audit_head")
    entries: list[AuditEntry] = []
    reached, end = max(after, head["sequence"] - limit), head["sequence"]
    while reached < end and (rows := controller.call("audit", after=reached)):
        entries += [AuditEntry(**row) for row in rows if row["sequence"] <= end]
        reached = rows[-1]["sequence"]
    return f"{end}:{head['hash']}", entries


def _lines_in(folder: Path, after: int, limit: int) -> tuple[str, list[AuditEntry]]:
    """The same, of a controller's folder or a copy of it."""
    store = open_copy(str(folder / PEOPLE_NAME))
    try:
        trail = AuditTrail(store)
        head = trail.head()
        return f"{head.sequence}:{head.hash.hex()}", list(trail.entries(max(after, head.sequence - limit)))
    finally:
        store.close()


def _line(entry: AuditEntry) -> list[str | Text]:
    arguments: dict[str, Any] = entry.more.get("arguments", {})
    more = entry.more.get("error") or ", ".join(f"{key}={value}" for key, value in arguments.items())
    outcome = Text(entry.outcome, style=OUTCOME_STYLES.get(entry.outcome, ""))
    outcome.append(f" {more}", style="none")
    who = Text(f"{entry.account}\n{entry.role}" + ("" if entry.origin == LOCAL else f"\n{entry.origin}"))
    return [str(entry.sequence), _moment(entry.at_unix_ms), who, Text(entry.action), outcome]


def _new_password(name: str, path: Path | None) -> str:
    return _password_from(path, f"New password of {name}", confirm=True)


def _password_from(path: Path | None, prompt: str, confirm: bool, option: str = "--password-file") -> str:
    if path is None:
        return ask_secret(prompt, option, confirm, err=True)
    try:
        if str(path) == "-":
            text = read_bytes(sys.stdin.buffer, "standard input", PASSWORD_FILE_BYTES_MAX)
        else:
            with path.open("rb") as file:
                text = read_bytes(file, str(path), PASSWORD_FILE_BYTES_MAX)
        return text.decode().partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise AccountsError(f"{path}: cannot be read ({error.strerror}): name a file you may read") from error
    except UnicodeDecodeError:
        raise AccountsError(f"{path}: not UTF-8: write the password as plain text") from None


def _head(text: str) -> Head:
    number, _, digest = text.partition(":")
    try:
        return Head(int(number), bytes.fromhex(digest))
    except ValueError:
        raise AccountsError(f"{text[:80]}: not a head: copy NUMBER:HASH as bwc audit show printed it") from None


def _moment(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
