"""What a controller is told at start: a TOML file and the command line, read once into a frozen object."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from host_tools.controller.notify_settings import MailSettings
from host_tools.controller.telemetry_settings import TelemetrySettings
from host_tools.hardware.toml_files import FileFault, fault_in, read_text, values_of
from host_tools.trust.authority import LDEVID_WEEKS_DEFAULT, LDEVID_WEEKS_MAX, LDEVID_WEEKS_MIN

KEEP_HOURS_MAX = 24 * 365  # that a delivered copy stays while there is room
WEB_OFF = "off"
WEB_DEFAULT = "127.0.0.1:8440"  # this machine alone, until somebody opens it to a network
READERS_MAX = 16  # named ones, of one controller
URL_CHARACTERS_MAX = 300
PLACE_CHARACTERS_MAX = 60  # as a person would write on a door
SYSTEM_NAME_MAX = 60  # characters, as a person would write on a label


class SettingsError(Exception):
    """The settings do not hold. One line that names file, line and key."""


class ReaderSettings(BaseModel):
    """An RFID reader. ``place``: where it stands, in a system of several locations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1, max_length=URL_CHARACTERS_MAX)
    place: str = Field(default="", max_length=PLACE_CHARACTERS_MAX)


class Settings(MailSettings, TelemetrySettings):
    """Paths are absolute or relative to the working folder. ``certificate_weeks``: how long a camera may be away before
    it is in safe mode; ``database``: the URL of one for wearers, profiles and settings, else a file in ``folder``;
    ``keep_delivered_hours``: so long the spool keeps a copy of what was delivered, should the destination be restored
    from a backup; it goes earlier when room is needed; ``capture``: a folder in which all that passes on its ports is
    recorded; ``web``: address and port of the manager, ``off`` for none; ``web_names``: what browsers may call this
    machine beside its own name and addresses; ``web_redirect``: where plain HTTP is told to come by HTTPS; ``reader``:
    RFID readers by URL; those of known USB identity are found by themselves and stand at ``reader_place``;
    ``dock_places``: where docks stand, by serial.
    Mail and telemetry: ``MailSettings``, ``TelemetrySettings``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str = Field(default="openbwc", max_length=SYSTEM_NAME_MAX)
    folder: Path = Path("controller")
    destination: Path = Path("destination")
    roster: Path | None = None
    database: str | None = None
    keep_delivered_hours: int = Field(default=24, ge=0, le=KEEP_HOURS_MAX)
    usb_root: Path | None = Path("/sys/bus/usb/devices")
    dev: Path = Path("/dev")
    urls: tuple[str, ...] = ()
    capture: Path | None = None
    web: str = WEB_DEFAULT
    web_names: tuple[str, ...] = ()
    web_redirect: str = WEB_OFF
    reader: tuple[ReaderSettings, ...] = Field(default=(), max_length=READERS_MAX)
    reader_place: str = Field(default="", max_length=PLACE_CHARACTERS_MAX)
    dock_places: dict[str, str] = Field(default_factory=dict[str, str])
    certificate_weeks: int = Field(default=LDEVID_WEEKS_DEFAULT, ge=LDEVID_WEEKS_MIN, le=LDEVID_WEEKS_MAX)


def read_settings(path: Path | None, **overrides: object) -> Settings:
    """The file's values with those of the command line (None: not given) over them. SettingsError."""
    values: dict[str, object] = {}
    text = ""
    if path is not None:
        try:
            text = read_text(path, "settings file")
            values = dict(values_of(text))
        except FileFault as fault:
            raise SettingsError(fault.at(path)) from fault
    values.update({key: value for key, value in overrides.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(fault_in(text, error, Settings).at(path or "settings")) from error
