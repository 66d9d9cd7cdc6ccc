"""The setup assistant: what a controller serves that has no system yet. It asks, has it made, and makes way.

Law: knows nothing of how a system is made (``SetupWork`` does), keeps no secret and no session: whoever sits before it
has the code that the program has printed where it was started. Everything but the secrets is kept as it is typed, so a
browser that is closed goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import Body, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from firmware.version import VERSION
from host_tools.accounts.passwords import TRIED_CHARACTERS_MAX
from host_tools.system.records import AssignmentMode, SystemSettings
from host_tools.web.api import NO_STORE
from host_tools.web_kit.assets import Assets
from host_tools.web_kit.certificates import PEM_BYTES_MAX
from host_tools.web_kit.guard import Guard
from host_tools.web_kit.pages import Pages
from host_tools.web_kit.problems import Problem, handle_problems
from host_tools.web_kit.texts import Texts

HERE = Path(__file__).parent
KIT = HERE.parent / "web_kit"
PREFIX = "/api/v1/setup"
CODE_HEADER = "X-OpenBWC-Setup"
FILE_CHARACTERS_MAX = 64 << 10  # of a connection file; ours have 4 kB
TRIES_FREE = 5
WAIT_S_MAX = 60.0  # between two tries of a code, after many wrong ones: 40 bits last for thousands of years
LINGER_S = 600.0  # after it is done: for somebody who saves the restore key, and has gone for a USB drive


class Choices(BaseModel):
    """What is chosen once, or changed later in the settings. The names are those of the system's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=60)] = "openbwc"
    time_zone: Annotated[str, Field(max_length=64)] = "UTC"
    power_line_hz: Literal[50, 60] = 50
    assignment_mode: AssignmentMode = "fixed"
    evaluation: bool = False

    def checked(self) -> Choices:
        """ValueError if the system would not take them."""
        SystemSettings.model_validate(self.model_dump())
        return self


class Secrets(BaseModel):
    """What is kept nowhere but where it belongs. ``password``: of the root account; ``seen``: of the state that the
    person has looked at, so that nobody makes what another browser has chosen meanwhile."""

    model_config = ConfigDict(extra="forbid")

    seen: Annotated[str, Field(max_length=64)]
    passphrase: Annotated[SecretStr, Field(max_length=TRIED_CHARACTERS_MAX)]
    password: Annotated[SecretStr, Field(max_length=TRIED_CHARACTERS_MAX)]


class ConnectionText(BaseModel):
    """A connection file's text: it holds a credential."""

    model_config = ConfigDict(extra="forbid")

    connection_file: Annotated[SecretStr, Field(max_length=FILE_CHARACTERS_MAX)]


class MakerText(BaseModel):
    """A maker's root certificate in PEM."""

    model_config = ConfigDict(extra="forbid")

    certificate: Annotated[str, Field(max_length=PEM_BYTES_MAX)]


class SetupWork(Protocol):
    """Does what the assistant asks. SetupRefused with one line; each may take a while and blocks nothing."""

    async def state(self) -> dict[str, Any]:
        """``choices``, ``destination`` (what it is, nothing if none is connected), ``makers`` (how many)."""
        ...

    async def keep(self, choices: Choices) -> None:
        """Durable when it returns."""
        ...

    async def connect(self, text: str) -> None:
        """Check a connection file at its destination, and keep it."""
        ...

    async def add_maker(self, pem: str) -> None:
        """Cameras of this maker can be added."""
        ...

    async def finish(self, choices: Choices, passphrase: str, password: str) -> str:
        """Make the system and its root account; answers the restore key."""
        ...


class SetupRefused(Exception):
    """It cannot be done as asked. One line for the person who asked."""


@dataclass(frozen=True)
class SetupParts:
    """``code``: as it was printed; ``seconds``: a clock that only goes forward."""

    work: SetupWork
    code: str
    hosts: Callable[[], frozenset[str]]
    seconds: Callable[[], float]
    wall_ms: Callable[[], int]

    def __repr__(self) -> str:
        return "SetupParts()"


class Assistant:
    """``guarded``: what is served until ``done`` is set."""

    def __init__(self, parts: SetupParts) -> None:
        self.done = asyncio.Event()
        self.code = parts.code
        self._parts = parts
        self._failures = 0
        self._closed_until_s = 0.0
        self._finished = False
        self._busy = asyncio.Lock()
        texts = Texts([KIT / "texts", HERE / "texts"])
        assets = Assets({"web": HERE / "static"}, texts)
        self._pages = Pages([HERE / "templates"], texts, assets, ())
        app = FastAPI(title="OpenBWC setup assistant", version=VERSION, openapi_url=None, redirect_slashes=False)
        handle_problems(app)
        for method, path, endpoint in (
            ("GET", PREFIX, self._state),
            ("PUT", f"{PREFIX}/choices", self._keep),
            ("PUT", f"{PREFIX}/connection-file", self._connect),
            ("POST", f"{PREFIX}/makers", self._add_maker),
            ("POST", f"{PREFIX}/system", self._finish),
            ("POST", f"{PREFIX}/end", self._end),
        ):
            app.add_api_route(path, endpoint, methods=[method], response_class=Response)
        app.add_api_route("/setup", self._page, methods=["GET"], response_class=Response)
        app.add_api_route("/assets/{version}/{name:path}", assets.serve, methods=["GET"], response_class=Response)
        app.add_api_route("/{other:path}", self._elsewhere, methods=["GET"], response_class=Response)
        self.guarded = Guard(app, parts.hosts)

    async def linger(self) -> None:
        """Until somebody has read the restore key, or nobody will."""
        await self.done.wait()

    async def _page(self, request: Request) -> Response:
        about = {"system": "OpenBWC", "time_zone": "UTC"}
        return self._pages.render(request, "setup.html", None, name="setup", about=about, arguments={})

    async def _elsewhere(self, other: str) -> Response:
        return RedirectResponse("/setup", 303, headers=NO_STORE)

    async def _state(self, x_openbwc_setup: Annotated[str, Header()] = "") -> Response:
        self._admit(x_openbwc_setup)
        return await self._shown()

    async def _shown(self) -> Response:
        state = await self._parts.work.state()
        more = {"seen": _token(state), "now_unix_ms": self._parts.wall_ms(), "finished": self._finished}
        return JSONResponse(state | more, headers=NO_STORE)

    async def _keep(self, body: Annotated[Choices, Body()], x_openbwc_setup: Annotated[str, Header()] = "") -> Response:
        self._admit(x_openbwc_setup)
        return await self._change(lambda: self._parts.work.keep(_checked(body)))

    async def _connect(
        self, body: Annotated[ConnectionText, Body()], x_openbwc_setup: Annotated[str, Header()] = ""
    ) -> Response:
        self._admit(x_openbwc_setup)
        return await self._change(lambda: self._parts.work.connect(body.connection_file.get_secret_value()))

    async def _add_maker(
        self, body: Annotated[MakerText, Body()], x_openbwc_setup: Annotated[str, Header()] = ""
    ) -> Response:
        self._admit(x_openbwc_setup)
        return await self._change(lambda: self._parts.work.add_maker(body.certificate))

    async def _finish(
        self, body: Annotated[Secrets, Body()], x_openbwc_setup: Annotated[str, Header()] = ""
    ) -> Response:
        self._admit(x_openbwc_setup)
        async with self._busy:
            self._require_open()
            state = await self._parts.work.state()
            choices = _checked(Choices.model_validate(state["choices"]))
            if not state["destination"]:
                raise Problem(409, "no destination is connected: upload its connection file first", "no-destination")
            if body.seen != _token(state):
                text = "another browser has chosen otherwise meanwhile: look at all of it again, then make the system"
                raise Problem(412, text, "changed-meanwhile")
            secret = body.passphrase.get_secret_value(), body.password.get_secret_value()
            key = await self._do(self._parts.work.finish(choices, *secret))
            self._finished = True
        asyncio.get_running_loop().call_later(LINGER_S, self.done.set)
        return JSONResponse({"restore_key": key}, headers=NO_STORE)

    async def _end(self, x_openbwc_setup: Annotated[str, Header()] = "") -> Response:
        self._admit(x_openbwc_setup)
        if not self._finished:
            raise Problem(409, "the system is not made yet: finish first", "not-finished")
        self.done.set()
        return JSONResponse(None, headers=NO_STORE)

    async def _change(self, work: Callable[[], Awaitable[None]]) -> Response:
        """One after the other, and none once the system is made: it would change what is in use. Answers the state."""
        async with self._busy:
            self._require_open()
            await self._do(work())
        return await self._shown()

    def _require_open(self) -> None:
        if self._finished:
            raise Problem(409, "the system is made already: log in as root", "finished")

    async def _do(self, work: Any) -> Any:
        try:
            return await work
        except SetupRefused as error:
            raise Problem(409, str(error), "refused") from error

    def _admit(self, code: str) -> None:
        """Problem 401 without the code, 429 after too many wrong ones."""
        now_s = self._parts.seconds()
        if now_s < self._closed_until_s:
            wait_s = int(self._closed_until_s - now_s) + 1
            raise Problem(429, f"too many tries: wait {wait_s} s", "too-many-tries", {"wait_s": wait_s})
        given = code.strip().upper().replace("-", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, self._parts.code.replace("-", "").encode()):
            return
        self._failures += bool(code)
        beyond = self._failures - TRIES_FREE
        if beyond >= 0:
            self._closed_until_s = now_s + min(2.0 ** min(beyond, 10), WAIT_S_MAX)
        raise Problem(401, "the code is not right: read it where the controller was started", "wrong-code")


def _token(state: dict[str, Any]) -> str:
    """Of what a person looks at before the system is made."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _checked(choices: Choices) -> Choices:
    try:
        return choices.checked()
    except ValueError as error:
        line = str(error).splitlines()[-2].strip() if "\n" in str(error) else str(error)
        raise Problem(422, f"choices: {line}: correct them", "invalid") from None
