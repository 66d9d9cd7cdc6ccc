"""How this machine logs in to a network that asks (IEEE 802.1X, EAP-TLS): kept, shown, and told how to be applied.

Law: a document beside the certificates. This software does not configure the machine's network, which is the work of
its network manager, as root; so what is kept here says plainly that it is not applied, and the very words that apply
it. No password is kept: EAP-TLS proves by a certificate whose key stays here.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from host_tools.custody.errors import CustodyFault
from host_tools.system.errors import StaleWrite, SystemRefused
from host_tools.web_kit.certificates import PEM_BYTES_MAX, describe
from host_tools.web_kit.errors import WebError
from host_tools.web_kit.private_files import write_whole

FILE_NAME = "network-login.json"
AUTHORITY_NAME = "network-authority.pem"
IDENTITY_CHARACTERS_MAX = 128  # EAP allows 1 020 bytes; authentication servers take far less

Identity = Annotated[str, Field(max_length=IDENTITY_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]


class NetworkLogin(BaseModel):
    """``certificate``: the name of one of the manager's own; ``authority``: in PEM, who signs the network's server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    identity: Identity = ""
    certificate: Annotated[str, Field(max_length=40)] = ""
    authority: Annotated[str, Field(max_length=PEM_BYTES_MAX)] = ""
    version: int = 0
    changed_by: str = ""
    changed_unix_ms: int = 0


class NetworkLoginFile:
    """One document in a folder. Everything blocks. ``certificates``: names that are installed; ``manager``: where
    ``nmcli`` is, None if this machine has none."""

    def __init__(self, folder: Path, certificates: Callable[[], set[str]], manager: Callable[[], str | None]) -> None:
        self._folder = folder
        self._certificates = certificates
        self._manager = manager
        self._lock = threading.Lock()  # of two who write at one moment the second is told as much

    def read(self) -> NetworkLogin:
        """What is kept; the default where nothing is, or it is damaged."""
        try:
            return NetworkLogin.model_validate_json((self._folder / FILE_NAME).read_bytes())
        except (OSError, ValidationError):
            return NetworkLogin()

    def write(self, wanted: NetworkLogin, seen: int) -> NetworkLogin:
        """Keep it, as the version that follows ``seen``. StaleWrite, SystemRefused, CustodyFault."""
        with self._lock:
            known = self.read()
            if known.version != seen:
                raise StaleWrite(
                    f"802.1X: was changed meanwhile by {known.changed_by}: look at it again",
                    known.changed_by,
                    known.changed_unix_ms,
                )
            self._check(wanted)
            kept = wanted.model_copy(update={"version": known.version + 1})
            _write(self._folder / AUTHORITY_NAME, kept.authority.encode())
            _write(self._folder / FILE_NAME, kept.model_dump_json().encode())
            return kept

    def uses(self) -> str:
        """The name of the certificate that it shows; empty for none."""
        kept = self.read()
        return kept.certificate if kept.enabled else ""

    def row(self, login: NetworkLogin) -> dict[str, Any]:
        """As people see it: with whether it is applied (it is not), why, and what would."""
        found = self._manager() is not None
        return {
            **login.model_dump(),
            "applied": False,
            "reason": "the machine's network is not managed by this software"
            + (": give its NetworkManager these settings" if found else ", and it has no NetworkManager"),
            "how": self._how(login) if login.enabled else [],
        }

    def _check(self, wanted: NetworkLogin) -> None:
        if not wanted.enabled:
            return
        if not wanted.identity.strip():
            raise SystemRefused("802.1X: identity is missing: ask whoever runs the network for it")
        if wanted.certificate not in self._certificates():
            raise SystemRefused(
                f"802.1X: there is no installed certificate {wanted.certificate[:40]!r}: request and install it first"
            )
        try:
            describe(wanted.authority.encode())
        except WebError as error:
            raise SystemRefused(f"802.1X: authority: {error}") from error

    def _how(self, login: NetworkLogin) -> list[str]:
        folder = self._folder.resolve()
        pairs = (
            ("802-1x.eap", "tls"),
            ("802-1x.identity", login.identity),
            ("802-1x.ca-cert", str(folder / AUTHORITY_NAME)),
            ("802-1x.client-cert", str(folder / f"{login.certificate}.pem")),
            ("802-1x.private-key", str(folder / f"{login.certificate}.key")),
            ("802-1x.private-key-password-flags", "4"),  # it has none
        )
        words = " ".join(f"{name} {shlex.quote(value)}" for name, value in pairs)
        return [f"nmcli connection modify CONNECTION {words}", "nmcli connection up CONNECTION"]


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise CustodyFault(f"{path}: cannot be written ({error.strerror}): check the disk and its owner") from error
