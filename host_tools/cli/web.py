"""Puts the manager beside a controller: its certificate, its address, its server."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import shutil
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from host_tools.accounts.people import People
from host_tools.cli.people import wall_ms
from host_tools.controller.alert_rules import Found, of_page
from host_tools.controller.commands import Commands
from host_tools.controller.happenings import Happenings
from host_tools.controller.live import LiveView
from host_tools.controller.network_login import NetworkLoginFile
from host_tools.controller.settings import WEB_OFF, Settings, SettingsError
from host_tools.custody.blocking import run_in_thread
from host_tools.system.system import System
from host_tools.web_kit.certificate_folder import CertificateFolder, Pair
from host_tools.web_kit.certificates import ends_unix_ms
from host_tools.web_kit.errors import WebError
from host_tools.web_kit.serving import App, TlsFront, serving

LOG = logging.getLogger("openbwc.controller")
HTTPS_FOLDER = "https"
CERTIFICATE_TITLE = "OpenBWC controller"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


class HttpsSide:
    """The manager's certificates, and the front that shows the one in use."""

    def __init__(self, folder: Path) -> None:
        self.certificates = CertificateFolder(folder / HTTPS_FOLDER, CERTIFICATE_TITLE)
        self.network = NetworkLoginFile(folder / HTTPS_FOLDER, self._installed, lambda: shutil.which("nmcli"))
        self._front: TlsFront | None = None
        self._ends: tuple[str, int] | None = None  # of the one in use: its name, and when it is over

    def front(self, hosts: tuple[str, ...]) -> TlsFront:
        """Blocks. WebError."""
        pair = self.certificates.ensure(hosts, wall_ms())
        self._front = TlsFront(*pair)
        self._ends = _ends_of(pair)
        return self._front

    def alerts(self, now_ms: int) -> Found:
        """What is wrong with the certificate that is shown; from memory."""
        return of_page(*self._ends, now_ms) if self._ends is not None else {}

    def fingerprint(self) -> str:
        """SHA-256 of the certificate that is shown, for people who compare it. Blocks. WebError."""
        return next((row["sha256"] for row in self.certificates.all() if row["state"] == "active"), "")

    def _installed(self) -> set[str]:
        return {row["name"] for row in self.certificates.all() if row["state"] in ("active", "installed")}

    def use(self, pair: Pair) -> None:
        """Browsers that connect from now on see this one."""
        if self._front is not None:
            self._front.swap(*pair)
            self._ends = _ends_of(pair)


def _ends_of(pair: Pair) -> tuple[str, int] | None:
    """None where it does not say so: TLS takes some that this software cannot read, and then nobody is warned."""
    try:
        return pair.certificate.stem, ends_unix_ms(pair.certificate.read_bytes())
    except WebError as error:
        LOG.warning("certificate %s: when it ends is not known: %s", pair.certificate.stem, error)
        return None


@asynccontextmanager
async def serving_manager(
    settings: Settings,
    commands: Commands,
    people: People,
    happenings: Happenings,
    view: LiveView,
    system: System,
    https: HttpsSide,
) -> AsyncGenerator[str]:
    """Serve the manager while the block runs; answers its address for people, nothing if it is off. WebError."""
    if settings.web == WEB_OFF:
        yield ""
        return
    from host_tools.web.app import (  # half of a controller's start, which one without pages need not wait for
        Manager,
        Parts,
    )
    from host_tools.web.redirect import Redirect

    address = read_address(settings.web, "web")
    names = own_names(settings)
    front = await run_in_thread(lambda: https.front(certified(address.host, names)))
    manager = Manager(
        Parts(
            commands=commands,
            people=people,
            happenings=happenings,
            view=view,
            run=secrets.token_hex(4),
            hosts=lambda: frozenset(names),
            about=lambda: {"system": system.settings.name, "time_zone": system.settings.time_zone},
            wall_ms=wall_ms,
            seconds=time.monotonic,
            run_blocking=run_in_thread,
        )
    )
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(listening(manager.guarded, address, front, not is_chosen(settings)))
        if settings.web_redirect != WEB_OFF:
            plain = read_address(settings.web_redirect, "web_redirect")
            await stack.enter_async_context(
                serving(Redirect(port, lambda: system.settings.https_only), plain.host, plain.port, None)
            )
        running = asyncio.create_task(manager.run())
        running.add_done_callback(_tell_end)
        try:
            yield f"https://{shown(address.host)}:{port}/"
        finally:
            running.cancel()
            await asyncio.wait({running})


def _tell_end(running: asyncio.Task[None]) -> None:
    """Pages say that they have lost the connection; what became of it is in the log at once, and not when all ends."""
    if not running.cancelled() and (error := running.exception()) is not None:
        LOG.error("the manager's live rows have ended: restart the controller, and report this", exc_info=error)


def is_chosen(settings: Settings) -> bool:
    """Whether somebody said where the manager is to be, be it where it is anyway."""
    return "web" in settings.model_fields_set


def read_address(text: str, key: str) -> Address:
    """``HOST:PORT``, IPv6 in brackets. SettingsError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise SettingsError(f"{key}: {text[:60]!r} is no address and port: write 127.0.0.1:8440, [::1]:8440, or off")
    return Address(host.strip("[]"), int(port))


@asynccontextmanager
async def listening(app: App, address: Address, front: TlsFront | None, may_move: bool) -> AsyncGenerator[int]:
    """Where nobody has chosen a port and it is taken, any free one serves: two controllers of one machine."""
    async with AsyncExitStack() as stack:
        try:
            port = await stack.enter_async_context(serving(app, address.host, address.port, front))
        except WebError:
            if not may_move:
                raise
            LOG.warning("port %d is taken: the manager takes another one", address.port)
            port = await stack.enter_async_context(serving(app, address.host, 0, front))
        yield port


def own_names(settings: Settings) -> tuple[str, ...]:
    """What this machine is called, beside its addresses."""
    return (socket.gethostname().lower(), *(name.lower() for name in settings.web_names))


def certified(host: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """What the first certificate is made for."""
    own = () if host in ANY_ADDRESS else (host,)
    return tuple(dict.fromkeys((*LOOPBACK, *own, *(name for name in names if name))))


def shown(host: str) -> str:
    """As people type it."""
    if host in ANY_ADDRESS:
        return socket.gethostname()
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
