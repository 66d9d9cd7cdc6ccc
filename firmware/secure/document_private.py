"""The private part of a recording: who wears the camera, kept out of everything that is in the clear on the card.

Canonical JSON, sealed under the recording's key (``GcmSealer.conceal``) into the field ``private`` of header and
manifest, where the three texts themselves are then empty. Whoever opens the recording puts them back.
"""

from dataclasses import dataclass, replace

from firmware.formats import canonical
from firmware.formats.header import RecordingInfo
from firmware.formats.manifest import Manifest

PRIVATE_TEXT_BYTES_MAX = 4608  # three texts of 240 bytes, every one of them escaped to six characters, and the keys
_TEXTS = ("wearer_id", "wearer_name", "profile")
_KEYS = frozenset({"format", "schema", *_TEXTS})


@dataclass(frozen=True, slots=True)
class PrivatePart:
    """What only the recipients of a recording may know."""

    wearer_id: str
    wearer_name: str
    profile: str


def encode(part: PrivatePart) -> bytes:
    """The canonical form. FormatError beyond a limit."""
    fields: dict[str, object] = {name: getattr(part, name) for name in _TEXTS}
    fields.update(format="openbwc-private", schema=canonical.SCHEMA)
    data = canonical.encode(fields)
    decode(data)
    return data


def decode(data: bytes) -> PrivatePart:
    """The part behind its canonical form. FormatError if anything in it does not fit."""
    fields = canonical.decode(data, "private", PRIVATE_TEXT_BYTES_MAX)
    canonical.require_kind(fields, "private")
    canonical.require_keys(fields, _KEYS, "private")
    return PrivatePart(**{name: canonical.text(fields[name], f"private.{name}") for name in _TEXTS})


def part_of(info: RecordingInfo) -> PrivatePart:
    """What of a recording's info is for its recipients alone."""
    return PrivatePart(info.wearer_id, info.wearer_name, info.profile)


def without(info: RecordingInfo) -> RecordingInfo:
    """The info as it may stand in the clear."""
    return replace(info, **dict.fromkeys(_TEXTS, ""))


def put_back(closed: Manifest, part: PrivatePart) -> Manifest:
    """The manifest as its recipients know it: for names and metadata, never for digests or signatures."""
    return replace(closed, **{name: getattr(part, name) for name in _TEXTS})
