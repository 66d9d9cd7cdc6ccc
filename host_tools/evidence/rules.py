"""What may be stored, and what may not: the destination's judgement on names, times, people and licences.

Law: pure; ``None`` lets pass, a Refusal names the status. Liberal in form, because controllers are of several makers:
only what can never become a recording is refused with 400, since that ends its delivery for good.
"""

import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from host_tools.evidence.errors import Refusal
from host_tools.evidence.plain_names import letters

CONTAINER_BYTES_MAX = 256  # Swift's limits, here and where nothing else is said
OBJECT_BYTES_MAX = 1024
VALUE_BYTES_MAX = 1024  # a hundred characters of any alphabet, which the API gives names, are 400; Swift takes 256
METADATA_ITEMS_MAX = 90
METADATA_BYTES_MAX = 16_384  # Swift takes 4096, and refuses who is called so
OBJECT_LENGTH_MAX = 10**12  # ours: a plain Swift takes 5 GiB as one object, the segments of a thousand make this

SYSTEM, USERS, DEVICES = "System", "Users", "Devices"
REJECTED_PREFIX = "RejectedContent_"
EARLIEST_UNIX_S = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp())  # before there were such cameras
FOREVER_UNIX_S = 253_402_300_800  # the year 10000: what is before it, every program and every page can write
NO_UTF8 = "\ufffd"  # what stands for bytes that mean nothing
AHEAD_S_MAX = 24 * 3600  # of a camera whose zone was taken for its time

Kind = Literal["system", "users", "devices", "rejected", "recording", "other"]

# The time as the API has it, as its older texts have it (20190101_090909), and ours where a camera had none.
_RECORDING = re.compile(r"(?P<user>.+)_(?P<camera>[^_]+)_(?P<time>\d{8}[T_]\d{6}Z?|UnknownTime[^_]*)")
UNKNOWN_CAMERA = "unknown"  # of rejected content that names none: it must be found all the same
_TIMES = ("TriggerOnTime", "TriggerOffTime", "StartTime", "StopTime")


class SearchKeys(NamedTuple):
    """What a recording is found by."""

    wearer: str = ""
    camera: str = ""
    cause: str = ""
    started_ms: int | None = None


def kind_of(container: str) -> Kind:
    """What a container is for, by its name."""
    fixed: dict[str, Kind] = {SYSTEM: "system", USERS: "users", DEVICES: "devices"}
    if container in fixed:
        return fixed[container]
    if container.startswith(REJECTED_PREFIX):
        return "rejected"
    return "recording" if _RECORDING.fullmatch(container) else "other"


def search_keys(container: str, metadata: dict[str, str]) -> SearchKeys:
    """From the metadata of a recording or of rejected content, and its name; nothing for other containers."""
    kind = kind_of(container)
    is_told_of = kind == "other" and "BWCSerialNumber" in metadata  # a recording that somebody names otherwise
    if kind not in ("recording", "rejected") and not is_told_of:
        return SearchKeys()
    called = container if kind == "recording" else metadata.get("RejectedContentOriginalContainer", "")
    found = _RECORDING.fullmatch(called)
    started = unix_s(metadata.get("StartTime", "")) or unix_s(metadata.get("TriggerOnTime", ""))
    if started is not None and not 0 <= started < FOREVER_UNIX_S:
        started = None  # what is in quarantine for its times, or was rejected for them, must be found all the same
    return SearchKeys(
        metadata.get("UserID") or (found["user"] if found else ""),
        metadata.get("BWCSerialNumber") or (found["camera"] if found else UNKNOWN_CAMERA),
        metadata.get("TriggerOn", ""),
        None if started is None else started * 1000,
    )


def check_name(name: str, bytes_max: int) -> None:
    """Refusal 400 for a name that no store takes."""
    if not 0 < len(name.encode(errors="replace")) <= bytes_max or "/" in name or not name.isprintable():
        raise Refusal(400, f"name {name[:60]!r} is empty, longer than {bytes_max} bytes, or has more than one level")
    if NO_UTF8 in name:
        raise Refusal(400, f"name {name[:60]!r} is no UTF-8: two such names would be one")
    if name in (".", ".."):
        raise Refusal(400, f"name {name!r} means another place: choose another")


def check_metadata(metadata: dict[str, str]) -> None:
    """Refusal 400 for more than a Swift store takes."""
    sizes = [len(key) + len(value.encode(errors="replace")) for key, value in metadata.items()]
    longest = max((len(value.encode(errors="replace")) for value in metadata.values()), default=0)
    if len(sizes) > METADATA_ITEMS_MAX or sum(sizes) > METADATA_BYTES_MAX or longest > VALUE_BYTES_MAX:
        limits = f"{METADATA_ITEMS_MAX} items, {METADATA_BYTES_MAX} bytes, {VALUE_BYTES_MAX} bytes a value"
        raise Refusal(400, f"metadata are more than a store takes: {limits}")


def times_fault(metadata: dict[str, str], now_s: int) -> str:
    """What is wrong with a recording's or a clip's times; empty if nothing is. What is not there is not wrong."""
    for key in _TIMES:
        text = metadata.get(key, "")
        if not text:
            continue
        value = unix_s(text)
        if value is None or not EARLIEST_UNIX_S <= value <= now_s + AHEAD_S_MAX:
            return f"{key} {letters(text[:40])} is out of bounds"
    start, stop = unix_s(metadata.get("StartTime", "")), unix_s(metadata.get("StopTime", ""))
    if start is not None and stop is not None and stop < start:
        return "StopTime is before StartTime"
    return ""


def unix_s(text: str) -> int | None:
    """Seconds since 1970, whole or with a fraction; None if it is none."""
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def person(name: str, metadata: dict[str, str]) -> str:
    """Who somebody is, or a device: the ID that people know, where it was told, else what controllers call him."""
    return metadata.get("UserID") or name


def unix_ms(text: str) -> int | None:
    """A time that can be shown; None if it is none."""
    found = unix_s(text)
    return found * 1000 if found is not None and 0 <= found < FOREVER_UNIX_S else None


def is_active(metadata: dict[str, str]) -> bool:
    """Whether a wearer or a camera is in use; one that does not say is."""
    return metadata.get("Active", "True").lower() != "false"
