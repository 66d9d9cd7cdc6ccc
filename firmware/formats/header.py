"""The header file of a recording: written and made durable before anything else, so that what follows has an owner.

One checked line of canonical JSON. The wrapped keys stand here: chunks without their key would be lost evidence.
"""

from dataclasses import dataclass

from firmware.formats import canonical, moment
from firmware.formats.manifest import (
    CONTAINER_MP4,
    WRAPPED_KEY_BYTES_MAX,
    WRAPPED_KEYS_MAX,
    boot_id,
    keys_with_private,
    private_fields,
    private_part,
    wrapped_key_list,
)
from firmware.formats.marks import Marks, add_mark, take_mark
from firmware.formats.moment import Moment
from firmware.formats.recording_id import RECORDING_ID_BYTES

HEADER_BYTES_MAX = 2 * WRAPPED_KEYS_MAX * WRAPPED_KEY_BYTES_MAX + 16384  # the keys in hexadecimal, all texts escaped

_TEXTS = ("camera_serial", "camera_model", "firmware", "system", "wearer_id", "wearer_name", "profile")
_WORDS = ("cause_start", "container")
_KEYS = frozenset((*_TEXTS, *_WORDS, "boot", "started", "format", "schema", "recording", "suite", "wrapped_keys"))


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What is known when a recording begins. ``boot``: 16 hexadecimal digits; ``cause_start``: a word."""

    camera_serial: str
    camera_model: str
    firmware: str
    system: str
    wearer_id: str
    wearer_name: str
    profile: str
    boot: str
    cause_start: str
    started: Moment
    container: str = CONTAINER_MP4


@dataclass(frozen=True, slots=True)
class Header:
    """The recording's identity, how its chunks are sealed, and what is known of it: in ``info`` what may be in the
    clear, in ``private`` the rest, sealed (see Manifest)."""

    recording: bytes
    suite: str
    wrapped_keys: "tuple[bytes, ...]"
    info: RecordingInfo
    private: bytes = b""


def encode(header: Header, marks: "Marks | None" = None) -> bytes:
    """The content of the header file, the first line that ``marks`` marks. FormatError beyond a limit."""
    fields: dict[str, object] = {name: getattr(header.info, name) for name in (*_TEXTS, *_WORDS)}
    fields.update(
        format="openbwc-header",
        schema=canonical.SCHEMA,
        recording=header.recording.hex(),
        suite=header.suite,
        wrapped_keys=[key.hex() for key in header.wrapped_keys],
        boot=header.info.boot,
        started=moment.to_fields(header.info.started),
        **private_fields(header.private),
    )
    _from_fields(fields)
    return canonical.encode_line(add_mark(marks, fields))


def decode(data: "bytes | bytearray | memoryview", marks: "Marks | None" = None) -> Header:
    """The header behind the content of a header file. FormatError if it is torn, anything in it does not fit, or it is
    not marked as ``marks`` has it."""
    return _from_fields(take_mark(marks, canonical.decode_line(data, "header", HEADER_BYTES_MAX), "header"))


def _from_fields(fields: canonical.Document) -> Header:
    canonical.require_kind(fields, "header")
    canonical.require_keys(fields, keys_with_private(_KEYS, fields), "header")
    texts = {name: canonical.text(fields[name], f"header.{name}") for name in _TEXTS}
    words = {name: canonical.word(fields[name], f"header.{name}") for name in _WORDS}
    info = RecordingInfo(
        **texts,
        **words,
        boot=boot_id(fields["boot"], "header.boot"),
        started=moment.from_fields(fields["started"], "header.started"),
    )
    return Header(
        recording=canonical.binary(fields["recording"], "header.recording", RECORDING_ID_BYTES),
        suite=canonical.word(fields["suite"], "header.suite"),
        wrapped_keys=wrapped_key_list(fields["wrapped_keys"], "header.wrapped_keys"),
        info=info,
        private=private_part(fields, "header"),
    )
