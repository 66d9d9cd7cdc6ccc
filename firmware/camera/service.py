"""What a camera answers over its cable: the messages of the table, against vault, assignment and lamp.

Law: knows messages; decides nothing about recording, and nothing about who may ask (``membership``).
Everything a request can get wrong is a Refusal of one line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from firmware.camera.assignment import ALWAYS, Assignment
from firmware.camera.lamp import StatusLamp
from firmware.camera.recorder import CameraIdentity, Wearer
from firmware.camera.vault import StoredRecording, Vault, VaultError
from firmware.drivers import battery
from firmware.drivers.cable import Refusal
from firmware.link import schema
from firmware.ports.adc import Adc
from firmware.ports.clock import Clock
from firmware.ports.errors import PortFault

Fields = dict[str, Any]
Answer = tuple[str, Fields] | None

# Kind of vault error -> word of schema.ERROR_CODES.
_CODES = {
    "not_found": "not_found",
    "out_of_range": "out_of_range",
    "refused": "refused",
    "full": "storage",
    "storage": "storage",
}


class StateHolder(Protocol):
    """Who knows the camera's state."""

    state: str

    def is_docked(self) -> bool: ...


class CameraService:
    """Handlers and bulk reading for the cable."""

    def __init__(
        self,
        identity: CameraIdentity,
        clock: Clock,
        adc: Adc,
        vault: Vault,
        assignment: Assignment,
        lamp: StatusLamp,
        holder: StateHolder,
        system: Callable[[], str] = str,
        percent: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._adc = adc
        self._vault = vault
        self._assignment = assignment
        self._lamp = lamp
        self._holder = holder
        self._system = system
        self._percent = percent

    def handlers(self) -> dict[str, Callable[[Fields], Answer]]:
        """Message name -> function, for the cable."""
        return {
            "identify": self._identify,
            "assign_wearer": self._assign_wearer,
            "offer_wearer": self._offer_wearer,
            "get_camera": self._get_camera,
            "list_recordings": self._list_recordings,
            "erase": self._erase,
            "indicate": self._indicate,
        }

    def read_piece(self, recording: bytes, part: int, offset: int, length: int) -> memoryview:
        """Bulk bytes for the cable."""
        try:
            return self._vault.read_piece(recording, part, offset, length)
        except VaultError as error:
            raise _refusal(error) from error

    def news(self) -> Fields:
        """The fields of ``camera_changed``."""
        return {
            "state": schema.number_of(schema.CAMERA_STATES, self._holder.state),
            "recordings": len(self._vault.recordings()),
        }

    def _identify(self, fields: Fields) -> Answer:
        identity = self._identity
        return "identity", {
            "kind": schema.number_of(schema.BOARD_KINDS, "camera"),
            "model": identity.model,
            "serial": identity.serial,
            "firmware": identity.firmware,
            "boot": bytes.fromhex(identity.boot),
            "uptime_ms": self._clock.now_ms(),
            "system": self._system(),
        }

    def _assign_wearer(self, fields: Fields) -> Answer:
        wearer = Wearer(fields["wearer"], fields["name"]) if fields["wearer"] else None
        known = self._assignment
        if known.is_kept() and (known.wearer, known.profile, known.loan) == (wearer, fields["profile"], ALWAYS):
            return None
        try:
            self._assignment.keep(wearer, fields["profile"])
        except PortFault as fault:
            raise Refusal("storage", f"the wearer cannot be kept ({fault})") from fault
        return None

    def _offer_wearer(self, fields: Fields) -> Answer:
        if self._holder.state != "docked":
            raise Refusal("not_now", f"this camera is {self._holder.state}: only one that is docked can be lent")
        if not fields["wearer"]:
            raise Refusal("malformed", "an offer names its wearer")
        wearer, until_ms = Wearer(fields["wearer"], fields["name"]), self._clock.now_ms() + fields["hold_ms"]
        try:
            self._assignment.offer(wearer, fields["profile"], until_ms)
        except PortFault as fault:
            raise Refusal("storage", f"the wearer cannot be kept ({fault})") from fault
        return None

    def _get_camera(self, fields: Fields) -> Answer:
        try:
            total, free = self._vault.total_bytes(), self._vault.free_bytes()
        except VaultError:
            total = free = 0  # the state says that the card does not work
        wearer = self._assignment.wearer
        return "camera", {
            "state": schema.number_of(schema.CAMERA_STATES, self._holder.state),
            "wearer": wearer.wearer_id if wearer else "",
            "docked": self._holder.is_docked(),
            "battery_percent": self._battery_percent(),
            "supply_uv": self._read_uv("supply.input"),
            "storage_total_bytes": total,
            "storage_free_bytes": free,
            "recordings": len(self._vault.recordings()),
            "erase_counter": self._vault.erase_counter(),
        }

    def _list_recordings(self, fields: Fields) -> Answer:
        stored = self._vault.recordings()
        identities = [each.recording for each in stored]
        after: bytes = fields["after"]
        start = identities.index(after) + 1 if after in identities else 0
        page = stored[start : start + schema.RECORDINGS_PAGE_MAX]
        more = start + len(page) < len(stored)
        return "recordings", {"more": more, "entries": [_entry(each) for each in page]}

    def _erase(self, fields: Fields) -> Answer:
        try:
            erased = self._vault.erase(fields["authorisation"], self._identity.serial)
        except VaultError as error:
            raise _refusal(error) from error
        return "erased", {"recording": erased.recording, "counter": erased.counter}

    def _indicate(self, fields: Fields) -> Answer:
        if not self._lamp.ask(fields["pattern"], self._clock.now_ms() + fields["duration_ms"]):
            raise Refusal("unsupported", f"this camera has no lamp pattern {fields['pattern']}")
        return None

    def _battery_percent(self) -> int:
        """By the gauge; where there is none, by the cell's voltage."""
        percent = self._percent()
        return battery.percent_from_uv(self._read_uv("battery.cell")) if percent is None else percent

    def _read_uv(self, name: str) -> int:
        try:
            return self._adc.read_uv(name)
        except PortFault:
            return 0  # a gauge that does not answer must not keep recordings from being offloaded


def _entry(stored: StoredRecording) -> Fields:
    return {
        "recording": stored.recording,
        "chunks_bytes": stored.chunks_bytes,
        "manifest_bytes": stored.manifest_bytes,
        "manifest_sha256": stored.manifest_sha256,
        "started_unix_ms": stored.started_unix_ms,
        "duration_ms": stored.duration_ms,
        "interrupted": stored.interrupted,
        "priority": 0,
    }


def _refusal(error: VaultError) -> Refusal:
    return Refusal(_CODES[error.kind], str(error))
