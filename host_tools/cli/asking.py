"""How a verb asks a running controller: by the socket in its folder, or by its manager's REST API from anywhere.

Law: a verb says a command and its arguments and does not learn which way it goes; whatever differs between the two is
settled behind ``Asked``. Who may is decided by the controller, for both ways by the same table.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, Protocol, TypeVar

import typer

from host_tools.cli.logins import Logins, is_token, read_token, read_url, trust_of_file
from host_tools.cli.over_rest import AskError, OverRest
from host_tools.controller.remote import SOCKET
from host_tools.transports.local import LocalClient, answers

AT_VARIABLE = "OPENBWC_AT"
TOKEN_VARIABLE = "OPENBWC_TOKEN"  # noqa: S105  its name, not its value
CERTIFICATE_VARIABLE = "OPENBWC_CERTIFICATE"
FOLDER = Path("controller")

P = ParamSpec("P")
T = TypeVar("T")

Folder = Annotated[Path | None, typer.Option(help="The controller's folder, on its own machine; default ./controller.")]
At = Annotated[
    str, typer.Option(help=f"Instead, its manager's address: https://station:8440; else ${AT_VARIABLE}. See bwc login.")
]
TokenFile = Annotated[
    Path | None, typer.Option(help=f"With --at: a file with a token; else ${TOKEN_VARIABLE}, else bwc login's.")
]
Certificate = Annotated[
    Path | None,
    typer.Option(
        "--certificate", help=f"With --at: who vouches for it (PEM); else ${CERTIFICATE_VARIABLE}, else bwc login's."
    ),
]


class Asked(Protocol):
    """A running controller, however it is reached."""

    @property
    def idle_folder(self) -> Path | None:
        """Its folder while no controller runs there: what lies in it may be changed directly then."""
        ...

    def call(self, command: str, /, **arguments: Any) -> Any:
        """Do a command; its answer, as JSON has it. AskError, LocalError: one line for whoever asked."""
        ...

    def happenings(self) -> Generator[dict[str, Any]]:
        """What the controller tells from now on, until it ends; the first is empty: now we listen."""
        ...


class InFolder:
    """By the socket, as the folder's owner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client = LocalClient(folder / SOCKET, "controller")

    @property
    def idle_folder(self) -> Path | None:
        """See Asked. A controller that refuses runs, too."""
        return None if answers(self._folder / SOCKET) else self._folder

    def call(self, command: str, /, **arguments: Any) -> Any:
        """See Asked."""
        return self._client.call(command, **arguments)

    def happenings(self) -> Generator[dict[str, Any]]:
        """See Asked."""
        return self._client.follow()


def asks(verb: Callable[Concatenate[Asked, P], T]) -> Callable[..., T]:
    """A verb that asks a controller: its first argument becomes the options that say where it is."""
    shape = inspect.signature(verb, eval_str=True)

    @functools.wraps(verb)
    def asking(
        *positional: Any,
        folder: Path | None = None,
        at: str = "",
        token_file: Path | None = None,
        manager_certificate: Path | None = None,
        **named: Any,
    ) -> T:
        return verb(reach(folder, at, token_file, manager_certificate), *positional, **named)

    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in (
            ("folder", Folder, None),
            ("at", At, ""),
            ("token_file", TokenFile, None),
            ("manager_certificate", Certificate, None),
        )
    ]
    parameters = [*list(shape.parameters.values())[1:], *options]
    del asking.__wrapped__  # what is read of it is the signature here
    asking.__dict__["__signature__"] = shape.replace(parameters=parameters)
    asking.__annotations__ = {each.name: each.annotation for each in parameters}
    return asking


def reach(
    folder: Path | None = None, at: str = "", token_file: Path | None = None, certificate: Path | None = None
) -> Asked:
    """The controller that is meant: a folder that is named counts before an address of the environment. AskError."""
    if folder is not None and at:
        raise AskError(f"--folder {folder} and --at {at}: one controller is asked: leave one of them out")
    address = at or ("" if folder is not None else os.environ.get(AT_VARIABLE, ""))
    if not address:
        if token_file is not None or certificate is not None:
            raise AskError("--token-file and --certificate go with --at: name the manager's address")
        return InFolder(folder or FOLDER)
    url = read_url(address)
    kept = Logins().find(url)
    trusted = certificate or _path(os.environ.get(CERTIFICATE_VARIABLE, ""))
    trust = trust_of_file(trusted) if trusted is not None else kept.trust if kept is not None else None
    token = read_token(token_file) if token_file is not None else os.environ.get(TOKEN_VARIABLE, "").strip()
    if not is_token(token):
        raise AskError(f"{TOKEN_VARIABLE}: holds no token: put there what POST /api/v1/token answers")
    if not token and kept is None:
        raise AskError(f"{url}: nobody is logged in there: bwc login {url}, or name a --token-file")
    return OverRest(url, token or (kept.token if kept is not None else ""), trust)


def _path(text: str) -> Path | None:
    return Path(text) if text else None
