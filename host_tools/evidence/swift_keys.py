"""How the destination reaches the Swift store that keeps its objects: ``swift.toml`` in its folder, for its owner's
eyes alone.

Law: reads and writes that one file. It holds a secret in the clear, so nothing of it is in ``server.toml``, in logs or
in what is exported.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from host_tools.destinations.connection_file import CERTIFICATE_CHARACTERS_MAX, ConnectionFile
from host_tools.destinations.keystone import VERSION_PATH, KeystoneSession, Scope
from host_tools.destinations.swift_session import SwiftSession
from host_tools.evidence.errors import EvidenceError
from host_tools.hardware.toml_files import FileFault, fault_in, read_text, values_of

KEYS_NAME = "swift.toml"
FILE_BYTES_MAX = 64_000
NAME_CHARACTERS_MAX = 255  # of users, projects, domains, regions: Keystone's own limit
SECRET_CHARACTERS_MAX = 4_096
SEGMENT_MB = 1_024  # a store takes 5 GiB as one object unless it was told less; a GiB is sent again within seconds
SEGMENT_MB_MAX = 5_000
MB = 1_000_000

Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class SwiftKeys(BaseModel):
    """``auth``: address of authentication, ``…/auth/v1.0`` (TempAuth and its like) or ``…/v3`` (Keystone, which wants
    ``project`` as well); ``container``: where objects go, of this destination alone; ``certificate``: PEM, the only one
    that is then trusted; ``segment_mb``: what is longer is stored in parts of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    auth: Annotated[str, Field(max_length=512)]
    user: Name
    key: Annotated[SecretStr, Field(min_length=1, max_length=SECRET_CHARACTERS_MAX)]
    container: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = "openbwc-evidence"
    certificate: Annotated[str, Field(max_length=CERTIFICATE_CHARACTERS_MAX)] = ""
    project: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)] = ""
    user_domain: Name = "Default"
    project_domain: Name = "Default"
    region: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)] = ""
    interface: Literal["public", "internal", "admin"] = "public"
    segment_mb: Annotated[int, Field(ge=1, le=SEGMENT_MB_MAX)] = SEGMENT_MB

    @model_validator(mode="after")
    def _fits(self) -> SwiftKeys:
        parts = urlsplit(self.auth)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("auth: is no http or https address: write one")
        if "@" in parts.netloc:
            raise ValueError("auth: names a user, and addresses are told: name user and key by themselves")
        if self.is_keystone and not self.project:
            raise ValueError("project: Keystone wants one: add it")
        if self.certificate:
            try:
                ssl.PEM_cert_to_DER_cert(self.certificate.strip())
            except ValueError as error:
                raise ValueError("certificate: is no certificate in PEM form: paste one whole") from error
        return self

    @property
    def is_keystone(self) -> bool:
        """Whether Keystone's identity API 3 gives the tokens."""
        return urlsplit(self.auth).path.rstrip("/").endswith(VERSION_PATH)

    @property
    def segment_bytes(self) -> int:
        """What one object of the store holds at most, but for the piece that fills it."""
        return self.segment_mb * MB


def session(keys: SwiftKeys) -> SwiftSession:
    """A conversation that authenticates when it is first used. Its clock is not compared with anything."""
    pins = (keys.certificate.encode(),) if keys.certificate else ()
    connection = ConnectionFile("store", "swift", "1", (keys.auth,), keys.user, keys.key.get_secret_value(), pins)
    if not keys.is_keystone:
        return SwiftSession(connection, lambda: 0)
    scope = Scope(keys.project, keys.user_domain, keys.project_domain, keys.region, keys.interface)
    return KeystoneSession(connection, lambda: 0, scope)


def read_keys(path: Path) -> SwiftKeys:
    """From a file that somebody wrote, or from the folder. EvidenceError, which never quotes it."""
    text = ""
    try:
        text = read_text(path, "file of keys", "name one with auth, user and key", FILE_BYTES_MAX)
        return SwiftKeys.model_validate(values_of(text))
    except FileFault as fault:
        raise EvidenceError(fault.at(path)) from None
    except ValidationError as error:
        raise EvidenceError(fault_in(text, error, SwiftKeys).at(path)) from None
