"""What the system knows, as plain values: wearers, cameras, profiles, who wears which, categories, settings.

Law: frozen values that check themselves; no rule between two of them (``rules``), no clock, no storage. Texts are kept
in one spelling (NFC, no space around them, nothing that does not print), so that what people cannot tell apart is one.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, ClassVar, Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

WEARER_ID_CHARACTERS_MAX = 30  # CTRL-04
WEARER_NAME_CHARACTERS_MAX = 60  # CTRL-04
PROFILE_CHARACTERS_MAX = 60  # what the link carries, in any alphabet
SERIAL_CHARACTERS_MAX = 60  # likewise
CAMERA_NAME_CHARACTERS_MAX = 60  # as a person would write on a label
DESCRIPTION_CHARACTERS_MAX = 500  # a paragraph
EMAIL_CHARACTERS_MAX = 254  # RFC 5321
RFID_CHARACTERS_MAX = 64  # hexadecimal digits: 32 bytes, more than any tag has
TAGS_MAX = 16  # of one wearer or one camera: a lost card or two, and their successors
SOFTWARE_KEPT_MAX = 32  # versions of one device: some years of updates
MODELS_MAX = 64  # of cameras that one profile names
SETTINGS_MAX = 128  # of one profile; the catalogue has fewer
TEXT_SETTING_CHARACTERS_MAX = 60  # of a setting's value that is a text
WORD_CHARACTERS_MAX = 60  # of a tag, a place, a model
PICKUP_SECONDS_MAX = 120  # for which a camera is offered: others wait behind it
BAY_MAX = 255  # of a dock: what the link carries
HOLD_MS_MAX = 3_600_000  # far more than a camera keeps the longest offer

_PRINTABLE = "^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_EMAIL = r"^[^\s@,;<>\x00-\x1f\x7f]+@[^\s@,;<>\x00-\x1f\x7f]+$"

SettingValue = bool | int | str
AssignmentMode = Literal["fixed", "self_single", "self_multi"]
ASSIGNMENT_MODES: tuple[AssignmentMode, ...] = get_args(AssignmentMode)
DEFAULT_PROFILE: Final = "default"
SYSTEM_KEY: Final = "system"


def one_spelling(value: object) -> object:
    """A text as it is kept: composed, without space around it. Anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character: type it again") from None
    return unicodedata.normalize("NFC", value.strip())


def canonical_tag(value: object) -> object:
    """An RFID tag as it is kept: upper-case hexadecimal of its bytes in wire order, without separators."""
    if not isinstance(value, str):
        return value
    return value.strip().replace(":", "").replace(" ", "").replace("-", "").upper()


def _text(characters_max: int, characters_min: int = 1) -> Any:
    pattern = _PRINTABLE if characters_min else _PRINTABLE.replace("+", "*")
    return StringConstraints(min_length=characters_min, max_length=characters_max, pattern=pattern)


def _sorted_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """In one order, each once."""
    return tuple(sorted(set(words)))


def _each_once(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone: write one as Europe/Stockholm or UTC") from None
    return name


_Spelled = BeforeValidator(one_spelling)
WearerId = Annotated[str, _text(WEARER_ID_CHARACTERS_MAX), _Spelled]
WearerName = Annotated[str, _text(WEARER_NAME_CHARACTERS_MAX), _Spelled]
ProfileName = Annotated[str, _text(PROFILE_CHARACTERS_MAX), _Spelled]
CameraSerial = Annotated[str, _text(SERIAL_CHARACTERS_MAX), _Spelled]
Word = Annotated[str, _text(WORD_CHARACTERS_MAX), _Spelled]
OptionalText = Annotated[str, _text(CAMERA_NAME_CHARACTERS_MAX, 0), _Spelled]
Description = Annotated[str, _text(DESCRIPTION_CHARACTERS_MAX, 0), _Spelled]
RfidTag = Annotated[str, StringConstraints(pattern=r"^([0-9A-F]{2}){2,32}$"), BeforeValidator(canonical_tag)]
Email = Annotated[str, StringConstraints(max_length=EMAIL_CHARACTERS_MAX, pattern=f"{_EMAIL}|^$"), _Spelled]
RfidTags = Annotated[tuple[RfidTag, ...], Field(max_length=TAGS_MAX), AfterValidator(_each_once)]
Words = Annotated[tuple[Word, ...], Field(max_length=TAGS_MAX), AfterValidator(_sorted_words)]
Models = Annotated[tuple[Word, ...], Field(max_length=MODELS_MAX), AfterValidator(_sorted_words)]
SettingName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
TextValue = Annotated[str, _text(TEXT_SETTING_CHARACTERS_MAX, 0), _Spelled]
Settings = Annotated[
    dict[SettingName, Annotated[bool | int | TextValue, Field(union_mode="smart")]], Field(max_length=SETTINGS_MAX)
]
Percent = Annotated[int, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, le=(1 << 62))]
UnixMs = Count


class Record(BaseModel):
    """One thing that is known. ``KIND`` is its word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    KIND: ClassVar[str]
    KEY: ClassVar[str]  # the field that is unique within the kind

    @property
    def key(self) -> str:
        """Unique within its kind."""
        return str(getattr(self, self.KEY))


class Wearer(Record):
    """A person. ``id``: what the organisation calls them, unique; ``profile``: how their camera is to behave;
    ``tags``: RFID tags, each of one wearer only; ``linked_username``: their name at the destination, never changed."""

    KIND: ClassVar[str] = "wearer"
    KEY: ClassVar[str] = "id"

    id: WearerId
    name: WearerName
    profile: ProfileName = DEFAULT_PROFILE
    email: Email = ""
    tags: RfidTags = ()
    prioritised: bool = False  # their recordings are offloaded before others'
    linked_username: OptionalText = ""


class CameraEntry(Record):
    """What people have written on a camera. Whether it belongs here is decided by certificates, not by this."""

    KIND: ClassVar[str] = "camera"
    KEY: ClassVar[str] = "serial"

    serial: CameraSerial
    name: OptionalText = ""
    tags: Words = ()
    model: OptionalText = ""


class Profile(Record):
    """How cameras behave. ``models``: which may be used with it, all if empty; ``by_model``: settings that differ on
    some model from ``settings``. What is in neither is as the catalogue's default."""

    KIND: ClassVar[str] = "profile"
    KEY: ClassVar[str] = "name"

    name: ProfileName
    description: Description = ""
    models: Models = ()
    settings: Settings = Field(default_factory=dict[str, SettingValue])
    by_model: Annotated[dict[Word, Settings], Field(max_length=MODELS_MAX)] = Field(
        default_factory=dict[str, dict[str, SettingValue]]
    )


class FixedAssignment(Record):
    """A camera that one wearer always takes."""

    KIND: ClassVar[str] = "assignment"
    KEY: ClassVar[str] = "camera"

    camera: CameraSerial
    wearer: WearerId


class Holding(Record):
    """A camera that a wearer has taken for now. ``undocked_unix_ms``: None while it still waits in its bay;
    ``hold_ms``: how long the camera itself keeps the offer, so that a controller that begins anew knows how long it may
    still flash; 0 where an older one has not written that."""

    KIND: ClassVar[str] = "holding"
    KEY: ClassVar[str] = "camera"

    camera: CameraSerial
    wearer: WearerId
    taken_unix_ms: UnixMs
    place: OptionalText = ""
    tag: Annotated[str, StringConstraints(max_length=RFID_CHARACTERS_MAX)] = ""
    undocked_unix_ms: UnixMs | None = None
    hold_ms: Annotated[int, Field(ge=0, le=HOLD_MS_MAX)] = 0


class Priority(Record):
    """Somebody has asked that a wearer's recordings go first until then."""

    KIND: ClassVar[str] = "priority"
    KEY: ClassVar[str] = "wearer"

    wearer: WearerId
    until_unix_ms: UnixMs


class Suspension(Record):
    """Somebody has asked that something rests until then."""

    KIND: ClassVar[str] = "suspension"
    KEY: ClassVar[str] = "what"

    what: Literal["smart_charge"]
    until_unix_ms: UnixMs


class Category(Record):
    """What a recording can be filed under. ``retention_days``: how long the destination keeps it at least."""

    KIND: ClassVar[str] = "category"
    KEY: ClassVar[str] = "name"

    name: Word
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    description: Description = ""


class Software(BaseModel):
    """What ran on a device, and since when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Word
    since_unix_ms: UnixMs


class Left(BaseModel):
    """How a camera was when it was seen last; None is what nobody knew of it. ``after_unix_ms``: where nobody saw it go
    it went later than that, and no later than ``unix_ms``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unix_ms: UnixMs
    after_unix_ms: UnixMs | None = None
    battery_percent: Percent | None = None
    recordings: Count | None = None
    storage_free_bytes: Count | None = None
    storage_total_bytes: Count | None = None


class Docked(BaseModel):
    """Where a camera is docked, since when, and how it was when it was looked at last; ``dock`` is empty where its bay
    was not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unix_ms: UnixMs
    seen: Left
    dock: OptionalText = ""
    bay: Annotated[int, Field(ge=0, le=BAY_MAX)] = 0


class Device(Record):
    """A camera, a dock or a controller that was ever here, and what ran on it, newest last. It stays when it has gone:
    reports tell of departed devices too. ``taken_unix_ms``: when a camera was taken by badge last, 0 for never;
    ``left``: when and how it went from its bay last; ``docked``: None while it is away."""

    KIND: ClassVar[str] = "device"
    KEY: ClassVar[str] = "serial"

    serial: CameraSerial
    device: Literal["camera", "dock", "controller"]
    model: OptionalText = ""
    software: Annotated[tuple[Software, ...], Field(max_length=SOFTWARE_KEPT_MAX)] = ()
    taken_unix_ms: UnixMs = 0
    left: Left | None = None
    docked: Docked | None = None

    @property
    def version(self) -> str:
        """What runs on it now, as far as is known."""
        return self.software[-1].version if self.software else ""


class SystemSettings(Record):
    """What holds for the whole system. There is one. ``set_up``: from then on what can only be chosen at the
    setting-up is fixed until a reset."""

    KIND: ClassVar[str] = "settings"

    name: WearerName = "openbwc"
    set_up: bool = False
    evaluation: bool = False
    assignment_mode: AssignmentMode = "fixed"
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    power_line_hz: Literal[50, 60] = 50
    default_profile: ProfileName = DEFAULT_PROFILE
    notification_address: Email = ""
    ready_battery_percent: Percent = 60  # CAM-21, RFID-02
    ready_storage_percent: Percent = 60
    pickup_seconds: Annotated[int, Field(ge=10, le=PICKUP_SECONDS_MAX)] = 30  # a camera is offered for that long
    shift_minutes: Annotated[int, Field(ge=30, le=48 * 60)] = 600  # undocked for longer warns: ASST-04
    empty_battery_alert: bool = True  # CTRL-12: can be switched off
    smart_charge: bool = True
    overlay_logo: bool = True  # CAM-08
    signed_video: bool = False  # CAM-20
    names_on_displays: bool = True  # ASST-04
    troubleshooting_pages: bool = False  # CAM-23
    https_only: bool = True
    daily_report: bool = True  # CTRL-16

    @property
    def key(self) -> str:
        """Always the same."""
        return SYSTEM_KEY


KINDS: dict[str, type[Record]] = {
    kind.KIND: kind
    for kind in (
        Wearer,
        CameraEntry,
        Profile,
        FixedAssignment,
        Holding,
        Priority,
        Suspension,
        Category,
        Device,
        SystemSettings,
    )
}
