"""``bwc login``, ``bwc logout``, ``bwc follow``: being somebody at a manager, and hearing what happens there."""

from __future__ import annotations

import json
import os
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console

from host_tools.cli.asking import Asked, asks
from host_tools.cli.logins import Login, Logins, read_url, trust_of_file
from host_tools.cli.over_rest import CONNECT_LIMIT_S, AskError, Http, Request, Trust, digest_of
from host_tools.cli.prompting import ask_secret
from host_tools.controller.happening_words import sentence
from host_tools.web_kit.problems import one_line

PASSWORD_VARIABLE = "OPENBWC_PASSWORD"  # noqa: S105  its name, not its value
NOT_FOLLOWED = frozenset({"progress"})  # several a second; ``bwc status`` has the bytes
SESSION = "/session"

console = Console()

Address = Annotated[str, typer.Argument(metavar="URL", help="The manager's address: https://station:8440")]


def login(
    url: Address,
    account: Annotated[str, typer.Option(help="Whose rights to use; else it is asked for.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help=f"Its first line is the password; else ${PASSWORD_VARIABLE}, else a prompt.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Who vouches for the manager (PEM): its own certificate, or an authority's.")
    ] = None,
    fingerprint: Annotated[str, typer.Option(help="SHA-256 of its certificate: it is pinned to this one.")] = "",
) -> None:
    """Log in at a manager, so that every command that asks a controller goes there with --at URL."""
    address = read_url(url)
    if certificate is not None and fingerprint:
        raise AskError("--certificate and --fingerprint: one of them says whom to trust: leave the other out")
    trust = trust_of_file(certificate) if certificate is not None else _trust(address, fingerprint)
    name = account or str(typer.prompt("Account", err=True))
    body = {"name": name, "password": _password(password_file)}
    made: dict[str, Any] = Http(address, trust).ask(Request("POST", "/token", {}, body))
    Logins().keep(Login(address, name, str(made["token"]), trust))
    until = datetime.fromtimestamp(made["ends_unix_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    idle_min = made["idle_ms"] // 60_000
    role = str(made["role"]).replace("_", " ")
    console.print(f"{made['account']} ({role}) at {address}", highlight=False)
    console.print(f"until {until}, or {idle_min} minutes without a command; bwc logout {address}", highlight=False)


def logout(url: Address) -> None:
    """End that login, here and at the manager."""
    address = read_url(url)
    kept = Logins().find(address)
    if kept is None:
        raise AskError(f"{address}: nobody is logged in there")
    Logins().forget(address)
    try:
        Http(address, kept.trust).ask(Request("DELETE", SESSION, {}, None), kept.token)
    except AskError as error:
        raise AskError(f"forgotten here; the session there ends by itself: {error}") from error
    console.print(f"{kept.account} is logged out", highlight=False)


@asks
def follow(
    controller: Asked, as_json: Annotated[bool, typer.Option("--json", help="As JSON, one a line.")] = False
) -> None:
    """What happens at a controller, in the sentences of its log, until it ends or Ctrl-C."""
    for happening in controller.happenings():
        if not happening:
            print("following; end: Ctrl-C", file=sys.stderr, flush=True)
        elif happening["what"] not in NOT_FOLLOWED:
            print(json.dumps(happening, ensure_ascii=False) if as_json else _line(happening), flush=True)


def _line(happening: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(happening["at_unix_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    details = {key: value for key, value in happening.items() if key not in ("what", "at_unix_ms")}
    return one_line(f"{when} {sentence(happening['what'], details)}")  # serials and texts of boards are among it


def _trust(url: str, fingerprint: str) -> Trust | None:
    """Whom to trust there: the pinned one whose fingerprint was given or is compared now, or whom this machine does."""
    if fingerprint:
        return _pinned(url, fingerprint)
    kept = Logins().find(url)
    if kept is not None and kept.trust is not None:
        return kept.trust if _holds(url, kept.trust) else _compared(url)
    return None if _holds(url, None) else _compared(url)


def _holds(url: str, trust: Trust | None) -> bool:
    """Whether the server proves itself so. AskError if there is none."""
    try:
        Http(url, trust).meet()
    except AskError as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return False
        raise
    return True


def _compared(url: str) -> Trust:
    pem = _shown(url)
    digest = digest_of(ssl.PEM_cert_to_DER_cert(pem))
    if not sys.stdin.isatty():
        raise AskError(
            f"{url}: nobody vouches for its certificate: --certificate, or compare and --fingerprint {digest}"
        )
    console.print(f"SHA-256 of its certificate: {digest}", highlight=False, soft_wrap=True)
    if not typer.confirm(
        "Is it that of the manager (its page of certificates; what bwc controller printed)?", err=True
    ):
        raise typer.Abort
    return Trust(pem, True)


def _pinned(url: str, fingerprint: str) -> Trust:
    pem = _shown(url)
    digest = digest_of(ssl.PEM_cert_to_DER_cert(pem))
    if fingerprint.replace(":", "").replace(" ", "").lower() != digest:
        raise AskError(f"{url}: shows another certificate (SHA-256 {digest}): do not log in before you know why")
    return Trust(pem, True)


def _shown(url: str) -> str:
    """The certificate that a server shows. Nothing is sent to it."""
    place = urlsplit(url)
    try:
        return ssl.get_server_certificate((place.hostname or "", place.port or 443), timeout=CONNECT_LIMIT_S)
    except (OSError, ValueError) as error:
        raise AskError(f"{url}: shows no certificate ({error}): check address and port") from error


def _password(file: Path | None) -> str:
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE) or ask_secret("Password", "--password-file", err=True)
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise AskError(f"{file}: no password can be read from it: name a file of text that you may read") from error
