"""What names and metadata may look like, for every destination alike.

Law: pure. Names come from cameras, rosters and people, so nothing in them may lead out of a folder, into a header line
or over a limit. Limits are those of a real Swift store and of the files port.
"""

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

from host_tools.destinations.interface import STATUS, DestinationRefused, Metadata

NAME_CHARACTERS_MAX = 100  # the files port takes 120; prefixes and suffixes of the directory destination need some
NAME_BYTES_MAX = 230  # file systems take 255 bytes a name, with those prefixes and suffixes
KEY_CHARACTERS_MAX = 64  # Swift takes 128 with its prefix
VALUE_BYTES_MAX = 256  # of a Swift value, percent-encoded
KEYS_MAX = 90  # of one Swift resource
RESERVED_SUFFIX = ".meta.json"  # the directory destination keeps metadata under such names
RESERVED_NAMES = frozenset({"container", "destination.toml"})  # and these are its own

_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


def check_name(name: str) -> None:
    """DestinationRefused unless ``name`` can be a container or an object anywhere."""
    reason = _name_fault(name)
    if reason:
        raise DestinationRefused(f"name {name[:120]!r} {reason}: choose another")


def check_metadata(metadata: Metadata) -> None:
    """DestinationRefused unless every name and value can be sent as a header."""
    if len(metadata) > KEYS_MAX:
        raise DestinationRefused(f"{len(metadata)} metadata items are too many: at most {KEYS_MAX}")
    for key, value in metadata.items():
        if not _KEY.fullmatch(key) or len(key) > KEY_CHARACTERS_MAX:
            raise DestinationRefused(f"metadata name {key[:80]!r} is not letters, digits and hyphens: rename it")
        if not _is_one_line(value) or _is_too_long(value):
            raise DestinationRefused(
                f"metadata {key}: {value[:80]!r} is longer than {VALUE_BYTES_MAX} bytes when encoded, or not one line"
            )


def encoded_bytes(value: str) -> int:
    """Length of a value as it is sent."""
    return len(quote(value, safe=""))


def fitted(value: str) -> str:
    """``value`` without what cannot be sent: control characters, and the end if it is too long."""
    if not _is_one_line(value):
        value = "".join(character for character in value if _is_one_line(character))
    while _is_too_long(value):
        value = value[:-1]
    return value


def merged(known: Metadata, added: Metadata) -> dict[str, str]:
    """``known`` with ``added``: names match without regard to case, an empty value removes, Complete stays Complete."""
    spelling = {key.lower(): key for key in known}
    result = dict(known)
    for key, value in added.items():
        old_key = spelling.get(key.lower(), key)
        if key.lower() == STATUS.lower() and is_complete(known):
            continue
        result.pop(old_key, None)
        if value:
            result[old_key] = value
    return result


def is_complete(metadata: Mapping[str, str]) -> bool:
    """Whether a container's metadata say that everything has been sent."""
    return any(key.lower() == STATUS.lower() and value.lower() == "complete" for key, value in metadata.items())


def _is_one_line(text: str) -> bool:
    """No control characters, line breaks or halves of a pair: blanks of all alphabets are welcome in people's names."""
    if text.isascii() and text.isprintable():  # nearly all of them, and a hundred a recording
        return True
    return not any(unicodedata.category(character) in _NOT_IN_A_LINE for character in text)


def _is_too_long(value: str) -> bool:
    bytes_most = len(value) * (3 if value.isascii() else 12)
    return bytes_most > VALUE_BYTES_MAX and encoded_bytes(value) > VALUE_BYTES_MAX


def _name_fault(name: str) -> str:
    if not name or len(name) > NAME_CHARACTERS_MAX or len(name.encode(errors="replace")) > NAME_BYTES_MAX:
        return f"is empty or longer than {NAME_CHARACTERS_MAX} characters"
    if not _is_one_line(name) or "/" in name or "\\" in name:
        return "holds a slash or a control character"
    if name.startswith(".") or name != name.strip() or name.endswith("."):
        return "begins or ends with a dot or a blank"
    if name.lower().endswith(RESERVED_SUFFIX) or name.lower() in RESERVED_NAMES:
        return "is reserved for a destination's own files"
    return ""
