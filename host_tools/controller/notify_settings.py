"""How mail leaves a controller: part of its settings file. The address it goes to is one of the system's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

HOST_CHARACTERS_MAX = 253  # RFC 1035
USER_CHARACTERS_MAX = 254  # as an address
PORT_MAX = 65_535

Security = Literal["starttls", "tls", "none"]
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]*$", max_length=HOST_CHARACTERS_MAX)]
UserName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=USER_CHARACTERS_MAX)]
Sender = Annotated[str, StringConstraints(pattern=r"^([!-~]+@[A-Za-z0-9.-]+)?$", max_length=USER_CHARACTERS_MAX)]


class MailSettings(BaseModel):
    """``mail_server`` empty: no mail. ``mail_port`` 0: the usual one of ``mail_security``, which is ``starttls``
    (encrypted or not at all), ``tls`` from the first byte, or ``none``; ``mail_ca_file``: who vouches for the server,
    else whom this machine trusts; ``mail_from``: the sender, else ``mail_user``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mail_server: HostName = ""
    mail_port: int = Field(default=0, ge=0, le=PORT_MAX)
    mail_security: Security = "starttls"
    mail_ca_file: Path | None = None
    mail_user: UserName = ""
    mail_password_file: Path | None = None
    mail_from: Sender = ""
