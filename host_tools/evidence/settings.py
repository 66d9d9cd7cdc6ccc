"""What the destination is told at start: ``server.toml`` in its folder, read once into a frozen object.

Law: knows no server and no store. The secret of the controllers' account is not in here but in a file of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from host_tools.destinations import capabilities
from host_tools.evidence.errors import EvidenceError
from host_tools.hardware.faults import place_of, why_of
from host_tools.hardware.toml_files import FileFault, read_text, values_of

SETTINGS_NAME = "server.toml"
SITE_CHARACTERS_MAX = 64  # of the connection file
CATEGORIES_MAX = 1_000  # a list that a person chooses from
DAYS_MAX = 36_500  # a century
PORT = 8443
TILES = r"^(https?://[A-Za-z0-9.:-]+/[A-Za-z0-9/._?&=%{}~+-]*\{z\}[A-Za-z0-9/._?&=%{}~+-]*)?$"  # no space, ; or quote
KEEP_FREE_MB = 256  # never filled by objects: the catalogue must be able to say so

Capability = Literal[
    "ReadCategories",
    "StoreBookmarks",
    "StoreGNSSTrackRecording",
    "StoreReadSystemID",
    "StoreRejectedContent",
    "StoreSignedVideo",
    "StoreUserIDKey",
]


class CategoryRule(BaseModel):
    """``retention_days``: kept at least so long after the recording was made; none: as any other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=32)]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    retention_days: Annotated[int, Field(ge=1, le=DAYS_MAX)] | None = None


def _default_categories() -> tuple[CategoryRule, ...]:
    """The public example's."""
    names = ("Testimony", "Disorderly Conduct", "Assault", "Homicide", "Traffic")
    names += tuple(f"Category {letter}" for letter in "ABCDE")
    return tuple(CategoryRule(id=str(number), name=name) for number, name in enumerate(names, 1))


class ServerSettings(BaseModel):
    """``mode``: what one licence covers, a wearer or a device; ``licences``: none: without limit; ``keep_days``: after
    which a recording may go, none: never; ``keep_days_min``: guaranteed to all; ``quarantine_days``: how long corrupt
    recordings are kept apart, none: they are refused; ``quarantine_folder``: where, none: ``quarantine`` beside the
    rest; ``hosts``: addresses that controllers know us by; ``custody_chain``: controllers of this software send the
    ledger's entries and the signed manifest along; ``keep_free_mb``: of the disk, that objects never fill;
    ``map_tiles``: address of map tiles with ``{z}``, ``{x}`` and ``{y}``, and ``map_attribution``, whose they are;
    none: the page draws a grid and asks nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Annotated[str, Field(min_length=1, max_length=SITE_CHARACTERS_MAX)] = "OpenBWC"
    mode: Literal["wearer", "device"] = "wearer"
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9:_.-]{1,64}$")] = "controller"
    hosts: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)] = ("127.0.0.1",)
    port: Annotated[int, Field(ge=0, le=65_535)] = PORT
    container_type: Literal["mp4", "mkv"] = "mp4"
    capabilities: tuple[Capability, ...] = tuple(sorted(capabilities.ALL))  # pyright: ignore[reportAssignmentType]
    full_support: bool = False
    time_zone: Annotated[str, Field(max_length=64)] = ""
    licences: Annotated[int, Field(ge=0)] | None = None
    requires_known: bool = True
    category: Annotated[tuple[CategoryRule, ...], Field(max_length=CATEGORIES_MAX)] = Field(
        default_factory=_default_categories
    )
    keep_days: Annotated[int, Field(ge=1, le=DAYS_MAX)] | None = None
    keep_days_min: Annotated[int, Field(ge=0, le=DAYS_MAX)] = 0
    quarantine_days: Annotated[int, Field(ge=1, le=DAYS_MAX)] | None = None
    quarantine_folder: Path | None = None
    public_key: Path | None = None
    custody_chain: bool = True
    keep_free_mb: Annotated[int, Field(ge=0)] = KEEP_FREE_MB
    map_tiles: Annotated[str, Field(pattern=TILES, max_length=300)] = ""
    map_attribution: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _fits(self) -> ServerSettings:
        if "ReadCategories" in self.capabilities and "StoreBookmarks" not in self.capabilities:
            raise ValueError("ReadCategories needs StoreBookmarks")
        if len({rule.id for rule in self.category}) != len(self.category):
            raise ValueError("two categories have the same id")
        if self.quarantine_folder is not None and self.quarantine_days is None:
            raise ValueError("quarantine_folder needs quarantine_days")
        return self

    @property
    def declared(self) -> frozenset[str]:
        """Capabilities, all of them under full support."""
        said = capabilities.ALL if self.full_support else frozenset[str](self.capabilities)
        return said | {capabilities.STORE_CUSTODY_CHAIN} if self.custody_chain else said


def read_settings(folder: Path) -> ServerSettings:
    """From the folder. EvidenceError."""
    path = folder / SETTINGS_NAME
    try:
        values = values_of(read_text(path, "destination's settings", "make the destination: bwc destination create"))
    except FileFault as fault:
        raise EvidenceError(fault.at(path)) from fault
    try:
        return ServerSettings.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        key = place_of(fault) or "settings"
        raise EvidenceError(f"{path}: {key}: {why_of(fault, ServerSettings.model_fields)}") from error
