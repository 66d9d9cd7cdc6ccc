"""Where telemetry goes: part of a controller's settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from host_tools.controller.notify_settings import PORT_MAX, HostName, UserName

PREFIX_CHARACTERS_MAX = 60  # topics stay well below what brokers take
PORT_TLS, PORT_PLAIN = 8883, 1883

Prefix = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", max_length=PREFIX_CHARACTERS_MAX)
]


class TelemetrySettings(BaseModel):
    """``mqtt_server`` empty: no telemetry. ``mqtt_port`` 0: the usual one; ``mqtt_ca_file``: who vouches for the
    broker, else whom this machine trusts; ``mqtt_certificate_file`` and ``mqtt_key_file``: this controller's own;
    ``mqtt_prefix``: what topics begin with; ``mqtt_names``: whether the broker is told names of people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mqtt_server: HostName = ""
    mqtt_port: int = Field(default=0, ge=0, le=PORT_MAX)
    mqtt_tls: bool = True
    mqtt_ca_file: Path | None = None
    mqtt_certificate_file: Path | None = None
    mqtt_key_file: Path | None = None
    mqtt_user: UserName = ""
    mqtt_password_file: Path | None = None
    mqtt_prefix: Prefix = "openbwc"
    mqtt_names: bool = False
