"""What a recording is called at a destination, from its manifest.

Law: pure. Forms are the API's: container ``<UserID>_<BWCSerialNumber>_<TriggerOnTime>``, clip
``<StartTime>_<RecordingID>.<mp4|mkv>``, times in UTC. What people wrote (wearer, serial) is reduced to letters that no
store, folder or URL gives a meaning of its own; if that changed it, a digest keeps two different ones apart. A wearer
has one name for as long as a system is connected to its destination (``WearerNames``).
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from firmware.formats import recording_id
from firmware.formats.manifest import Manifest

NO_WEARER = "unassigned"
NO_WEARER_UUID = str(UUID(int=0))  # the nil UUID of RFC 9562, which is nobody's
NOBODIES = frozenset({NO_WEARER, NO_WEARER_UUID})  # as whose a recording goes that nobody wore
UNKNOWN_TIME = "UnknownTime"  # the API's own word for it
SLUG_CHARACTERS_MAX = 30  # of a wearer ID and of a serial: both fit a name of 100 with a time
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class WearerNames:
    """What wearers are called at a destination. ``system_id``: the UUID under which it knows this system; then each
    wearer is the UUID of version 5 that this namespace gives his ID, so that nothing has to be kept of him, and two
    systems that have the same ID mean two people. Empty: the ID itself, as connections of former times have it."""

    system_id: str = ""

    def of(self, wearer_id: str) -> str:
        """Of ``Users``, of ``UserID`` and at the head of a container's name. Empty: of whom nobody was."""
        if not self.system_id:
            return slug(wearer_id) if wearer_id else NO_WEARER
        return str(uuid5(UUID(self.system_id), wearer_id)) if wearer_id else NO_WEARER_UUID


def container_name(manifest: Manifest, attempt: int = 0, wearers: WearerNames | None = None) -> str:
    """The recording's container. If another recording of the same wearer, camera and second has the name already (a
    clock was set back), the caller asks for the next ``attempt``: the time in the name, and only there, is later."""
    wearer = (wearers or WearerNames()).of(manifest.wearer_id)
    if manifest.started.source == "none":
        when = f"{UNKNOWN_TIME}-{recording_id.text(manifest.recording)[:8]}"
        return f"{wearer}_{slug(manifest.camera_serial)}_{when}" + (f"-{attempt}" if attempt else "")
    return f"{wearer}_{slug(manifest.camera_serial)}_{container_time(manifest.started.unix_ms + attempt * 1000)}"


def clip_name(manifest: Manifest, container_type: str = "mp4") -> str:
    """The recording's one clip. The whole identity stands for the four digits of the vendor's, which can collide."""
    when = UNKNOWN_TIME if manifest.started.source == "none" else clip_time(manifest.started.unix_ms)
    return f"{when}_{recording_id.text(manifest.recording)}.{container_type}"


def container_time(unix_ms: int) -> str:
    """``20260101T120000Z``."""
    return _utc(unix_ms).strftime("%Y%m%dT%H%M%SZ")


def clip_time(unix_ms: int) -> str:
    """``20260101_120000``."""
    return _utc(unix_ms).strftime("%Y%m%d_%H%M%S")


def iso_time(unix_ms: int) -> str:
    """RFC 3339 with milliseconds: ``2026-01-01T12:00:00.000Z``."""
    return _utc(unix_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}Z"


def slug(text: str) -> str:
    """``text`` in letters, digits, dots and hyphens, at most SLUG_CHARACTERS_MAX; unchanged if it is so already."""
    if _PLAIN.fullmatch(text) and len(text) <= SLUG_CHARACTERS_MAX:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    plain = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[: SLUG_CHARACTERS_MAX - len(digest) - 1].rstrip("-")
    return f"{plain}-{digest}" if plain else digest


def _utc(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms // 1000, UTC)
