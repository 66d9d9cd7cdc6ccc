"""Makes a system for whoever goes through the setup assistant, and then gives way to the controller."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from firmware.secure.certificates import CertificateFault, verify_root
from host_tools.accounts.errors import AccountsError
from host_tools.accounts.names import ROOT
from host_tools.accounts.passwords import check_password
from host_tools.cli.compose import check_destination
from host_tools.cli.delivering import UPLOAD_NAME, read_connection_file, require_privacy
from host_tools.cli.domain import opened_system
from host_tools.cli.folders import make_folder
from host_tools.cli.people import opened_people, wall_ms
from host_tools.cli.system_commands import new_serial
from host_tools.cli.trusting import has_trust, make_trust
from host_tools.cli.web import HttpsSide, certified, is_chosen, listening, own_names, read_address, shown
from host_tools.controller.settings import WEB_OFF, Settings, SettingsError
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.connection_file import ConnectionFileError
from host_tools.destinations.interface import DestinationError
from host_tools.hardware import board_models, find_board
from host_tools.system.errors import DomainError
from host_tools.system.records import SystemSettings
from host_tools.trust.errors import TrustError
from host_tools.trust.record import MANUFACTURERS_MAX
from host_tools.trust.restore import make_restore_key
from host_tools.trust.wrapping import check_passphrase
from host_tools.web.setup import Assistant, Choices, SetupParts, SetupRefused
from host_tools.web_kit.private_files import write_whole

CHOICES_NAME = "setup.json"
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another
CODE_LENGTH = 8  # 40 bits; tries are slowed down
BY = "setup assistant"
REFUSALS = (AccountsError, ConnectionFileError, DestinationError, DomainError, SettingsError, TrustError, OSError)


async def serve_setup(settings: Settings, on_ready: Callable[[str, str], None]) -> Settings:
    """Serve the assistant until a system is made; the settings to go on with. ``on_ready`` is told address and code."""
    if settings.web == WEB_OFF:
        raise SettingsError("web: is off, and the setup assistant is a page: leave it on, or use bwc system create")
    folder = make_folder(settings.folder)
    address = read_address(settings.web, "web")
    names = own_names(settings)
    front = await run_in_thread(lambda: HttpsSide(folder).front(certified(address.host, names)))
    desk = SetupDesk(settings)
    assistant = Assistant(SetupParts(desk, new_code(), lambda: frozenset(names), time.monotonic, wall_ms))
    async with listening(assistant.guarded, address, front, not is_chosen(settings)) as port:
        on_ready(f"https://{shown(address.host)}:{port}/setup", assistant.code)
        await assistant.linger()
    host = f"[{address.host}]" if ":" in address.host else address.host
    return settings.model_copy(update={"web": f"{host}:{port}", "destination": desk.destination()})


def new_code() -> str:
    """For a person to type: two groups of four."""
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


class SetupDesk:
    """See ``web.setup.SetupWork``. What is chosen lies in the controller's folder until the system is made."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.folder
        self._makers: list[bytes] = []
        self._lock = asyncio.Lock()

    def destination(self) -> Path:
        """Where the controller is to deliver: what was uploaded, else what it was started with."""
        uploaded = self._folder / UPLOAD_NAME
        return uploaded if uploaded.is_file() else self._settings.destination

    async def state(self) -> dict[str, Any]:
        """See SetupWork."""
        return await run_in_thread(self._state)

    async def keep(self, choices: Choices) -> None:
        """See SetupWork."""
        data = choices.model_dump_json().encode()
        await self._do(lambda: write_whole(self._folder / CHOICES_NAME, data))

    async def connect(self, text: str) -> None:
        """See SetupWork."""
        fresh = self._folder / f"{UPLOAD_NAME}.new"

        def check() -> None:
            write_whole(fresh, text.encode())
            require_privacy(read_connection_file(fresh))

        async with self._lock:
            try:
                await self._do(check)
                try:
                    await check_destination(fresh)
                except REFUSALS as error:
                    raise SetupRefused(str(error)) from error
                await self._do(lambda: fresh.replace(self._folder / UPLOAD_NAME))
            finally:
                fresh.unlink(missing_ok=True)

    async def add_maker(self, pem: str) -> None:
        """See SetupWork. What is none would be found only when the system is half made."""
        try:
            root = ssl.PEM_cert_to_DER_cert(pem.strip())
            verify_root(root)
        except (ValueError, CertificateFault):
            raise SetupRefused("the file is no maker's root certificate in PEM form: ask the cameras' maker") from None
        if root not in self._makers:
            if len(self._makers) >= MANUFACTURERS_MAX:
                raise SetupRefused(f"{MANUFACTURERS_MAX} makers are known: that is all a system has")
            self._makers.append(root)

    async def finish(self, choices: Choices, passphrase: str, password: str) -> str:
        """See SetupWork. The system comes last: with it the set-up is done, and without it, it is tried again."""
        return await self._do(lambda: self._make(choices, passphrase, password))

    def _state(self) -> dict[str, Any]:
        choices = Choices()
        with suppress(OSError, ValidationError):
            choices = Choices.model_validate_json((self._folder / CHOICES_NAME).read_bytes())
        return {"choices": choices.model_dump(), "destination": self._destination_text(), "makers": len(self._makers)}

    def _destination_text(self) -> str:
        place = self.destination()
        if place.is_dir():
            return f"folder {place.name}"
        try:
            return read_connection_file(place).site if place.is_file() else ""
        except ConnectionFileError:
            return ""

    def _make(self, choices: Choices, passphrase: str, password: str) -> str:
        check_passphrase(passphrase)
        check_password(password, ROOT)
        if passphrase == password:
            raise SetupRefused("the passphrase and root's password are the same: choose different ones")
        if has_trust(self._folder):
            raise SetupRefused("this controller has a system already: log in as root")
        with opened_people(self._folder) as people:
            if people.is_set_up():
                _require_same_kind(people.is_evaluation(), choices.evaluation)
                people.login(ROOT, password, "setup", wall_ms())  # an earlier try: it must still be theirs
            else:
                people.set_up(password, wall_ms(), choices.evaluation)
        with opened_system(self._settings, {model: find_board(model) for model in board_models()}) as system:
            record = {**system.settings.model_dump(), **choices.model_dump(), "set_up": True}
            with system.change(BY, wall_ms()) as edit:
                edit.put(SystemSettings.model_validate(record), None)
        trust = make_trust(self._folder, passphrase, new_serial())
        for maker in self._makers:
            trust.trust_manufacturer(maker)
        (self._folder / CHOICES_NAME).unlink(missing_ok=True)
        return make_restore_key(trust, passphrase, wall_ms()).decode()

    async def _do(self, work: Callable[[], Any]) -> Any:
        try:
            return await run_in_thread(work)
        except REFUSALS as error:
            raise SetupRefused(str(error)) from error


def _require_same_kind(was_evaluation: bool, evaluation: bool) -> None:
    """Evaluation's account has a password that everybody knows, and stays: no standard system may have it."""
    if was_evaluation != evaluation:
        chosen = "evaluation" if was_evaluation else "use"
        raise SetupRefused(f"an earlier try has made accounts for {chosen}: choose that, or begin in another folder")
