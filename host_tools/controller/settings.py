"""What a controller is told at start: a TOML file and the command line, read once into a frozen object."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SYSTEM_NAME_MAX = 60  # characters, as a person would write on a label


class SettingsError(Exception):
    """The settings do not hold. One line that names file and key."""


class Settings(BaseModel):
    """Paths are absolute or relative to the working folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str = Field(default="openbwc", max_length=SYSTEM_NAME_MAX)
    folder: Path = Path("controller")
    destination: Path = Path("destination")
    roster: Path | None = None
    usb_root: Path | None = Path("/sys/bus/usb/devices")
    dev: Path = Path("/dev")
    urls: tuple[str, ...] = ()


def read_settings(path: Path | None, **overrides: object) -> Settings:
    """The file's values with those of the command line (None: not given) over them. SettingsError."""
    values: dict[str, object] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read ({error.strerror}); name an existing settings file") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: not valid TOML ({error}); mend that line") from error
    values.update({key: value for key, value in overrides.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        known = ", ".join(sorted(Settings.model_fields))
        remedy = f"known keys are {known}" if first["type"] == "extra_forbidden" else "correct it"
        raise SettingsError(f"{path or 'settings'}: {key}: {first['msg']}; {remedy}") from error
