"""The recorder: moves finished fragments from the sensor into the vault, and ends every recording properly.

Law: pure stepping; no thread, no waiting. Whatever fails, the recording so far is closed with a cause that says so, and
the recorder is idle again afterwards. Fragments are split and sealed by the vault.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from firmware.camera.vault import OpenRecording, Vault, VaultError
from firmware.formats.header import RecordingInfo
from firmware.formats.manifest import Manifest
from firmware.formats.moment import Moment, moment_of
from firmware.ports.clock import Clock
from firmware.ports.errors import SensorFault
from firmware.ports.sensor import FRAGMENT_END, Fragment, Sensor, SensorSettings

FRAGMENTS_PER_POLL = 4  # four seconds of video between two looks at buttons and cable
DRAIN_MS_MAX = 10_000  # an encoder holds at most a few dozen frames; one that needs longer has hung

CAUSE_STORAGE_FULL = "storage_full"
CAUSE_STORAGE_FAULT = "storage_fault"
CAUSE_LENGTH_LIMIT = "length_limit"
CAUSE_SENSOR_FAULT = "sensor_fault"
CAUSE_SENSOR_ENDED = "sensor_ended"  # the sensor stopped without having been told to

# What ends a recording when the vault takes no more: cause, and whether that is an interruption.
_VAULT_ENDINGS = {
    "full": (CAUSE_STORAGE_FULL, False),
    "out_of_range": (CAUSE_LENGTH_LIMIT, False),
    "storage": (CAUSE_STORAGE_FAULT, True),
    "refused": (CAUSE_STORAGE_FAULT, True),
    "not_found": (CAUSE_STORAGE_FAULT, True),
}

RecorderState = Literal["idle", "recording", "finishing"]


class CameraIdentity(NamedTuple):
    """Who records. ``boot``: 16 hexadecimal digits, new at every start; ``system``: empty while nobody's."""

    serial: str
    model: str
    firmware: str
    system: str
    boot: str


class Wearer(NamedTuple):
    """Who wears the camera."""

    wearer_id: str
    name: str


class Profile(NamedTuple):
    """What is recorded; ``name`` is the system's word for it."""

    name: str
    width_px: int
    height_px: int
    frames_per_second: int
    bit_rate_bps: int
    audio: bool


class Outcome(NamedTuple):
    """The end of a recording. ``manifest`` is None where none was written: ``text`` says why, in one line."""

    recording: bytes
    manifest: "Manifest | None"
    cause: str
    text: str


def no_places() -> bytes:
    """Of a camera that does not know where it is."""
    return b""


class Recorder:
    """``state``: ``idle``; ``recording``; ``finishing`` while the encoder drains after a stop. ``take_places``: asked
    at each fragment for the block of places (formats.track) noted since the one before."""

    def __init__(
        self,
        sensor: Sensor,
        vault: Vault,
        clock: Clock,
        camera: CameraIdentity,
        take_places: Callable[[], bytes] = no_places,
    ) -> None:
        self.state: RecorderState = "idle"
        self._sensor = sensor
        self._vault = vault
        self._clock = clock
        self._camera = camera
        self._take_places = take_places
        self._open: OpenRecording | None = None
        self._started_ms = 0
        self._stopped: Moment | None = None
        self._cause = ""
        self._drain_until_ms = 0
        self._more = False

    def belong_to(self, system: str) -> None:
        """Whose recordings are made from now on."""
        self._camera = self._camera._replace(system=system)

    def start(self, cause: str, wearer: Wearer, profile: Profile) -> bytes:
        """Begin a recording; returns its identity. ``cause``: a word.

        SensorFault or VaultError if it cannot begin; nothing is left behind then. VaultError ``refused`` unless idle.
        """
        if self.state != "idle":
            raise VaultError("refused", "a recording is still in progress")
        info = self._info(cause, wearer, profile)
        opened = self._vault.begin(info)
        try:
            self._sensor.start(self._settings(wearer, profile))
        except SensorFault:
            opened.discard()
            raise
        self._open = opened
        self._started_ms = info.started.monotonic_ms
        self._stopped = None
        self._cause = ""
        self.state = "recording"
        return opened.recording

    def stop(self, cause: str) -> None:
        """End the recording after the current picture; ``poll`` reports when it is closed. Nothing unless recording."""
        if self.state == "recording":
            self._cause = cause
            self._stopped = self._now()
            self._drain()

    def poll(self) -> "Outcome | None":
        """Move what the sensor has finished; returns how the recording ended, in the call in which it did."""
        self._more = False
        if self.state == "idle":
            return None
        for _ in range(FRAGMENTS_PER_POLL):
            try:
                fragment = self._sensor.poll()
            except SensorFault as fault:
                return self._end_on_fault(str(fault))
            if fragment is None:
                return self._check_drained()
            outcome = self._take(fragment)
            if outcome is not None or fragment.kind == FRAGMENT_END:
                return outcome
        self._more = True
        return None

    def next_deadline_ms(self) -> "int | None":
        """When ``poll`` must be called even if the sensor reports nothing."""
        if self._more:
            return self._clock.now_ms()
        return self._drain_until_ms if self.state == "finishing" else None

    def recording_since_ms(self) -> "int | None":
        """When the recording began that goes on; None: none does, or it has been stopped."""
        return self._started_ms if self.state == "recording" else None

    def recorded_bytes(self) -> int:
        """What of the recording in progress is safe on the card, as bytes of the file that will play."""
        return self._open.content_bytes() if self._open else 0

    def _take(self, fragment: Fragment) -> "Outcome | None":
        if fragment.kind == FRAGMENT_END:
            return self._end_of_sensor()
        if self._open is None:
            return None  # closed already; the encoder only drains
        try:
            self._open.append(fragment, self._take_places())
        except VaultError as error:
            cause, interrupted = _VAULT_ENDINGS[error.kind]
            outcome = self._close(self._open, cause, interrupted, str(error))
            self._drain()
            return outcome
        return None

    def _end_of_sensor(self) -> "Outcome | None":
        ended_early = self.state == "recording"
        self.state = "idle"
        if self._open is None:
            return None
        if ended_early:
            return self._close(self._open, CAUSE_SENSOR_ENDED, True, "the sensor ended by itself")
        return self._close(self._open, self._cause, False, "")

    def _end_on_fault(self, text: str) -> "Outcome | None":
        self.state = "idle"
        return self._close(self._open, CAUSE_SENSOR_FAULT, True, text) if self._open else None

    def _check_drained(self) -> "Outcome | None":
        if self.state == "finishing" and self._clock.now_ms() >= self._drain_until_ms:
            return self._end_on_fault(f"the encoder did not end within {DRAIN_MS_MAX} ms")
        return None

    def _drain(self) -> None:
        """Stop the sensor and wait for its end."""
        if self.state == "recording":
            self.state = "finishing"
            self._drain_until_ms = self._clock.now_ms() + DRAIN_MS_MAX
            try:
                self._sensor.stop()
            except SensorFault:
                self._drain_until_ms = self._clock.now_ms()  # nothing more will come: poll ends it

    def _close(self, opened: OpenRecording, cause: str, interrupted: bool, text: str) -> Outcome:
        """Close what is whole; a recording without a single picture leaves nothing."""
        self._open = None
        stopped = self._stopped or self._now()
        try:
            if opened.has_media():
                return Outcome(opened.recording, opened.close(stopped, cause, interrupted), cause, text)
            opened.discard()
        except VaultError as error:
            return Outcome(opened.recording, None, cause, str(error))
        return Outcome(opened.recording, None, cause, text or "it ended before the first picture")

    def _now(self) -> Moment:
        return moment_of(self._clock.now_ms(), self._clock.wall())

    def _info(self, cause: str, wearer: Wearer, profile: Profile) -> RecordingInfo:
        return RecordingInfo(
            camera_serial=self._camera.serial,
            camera_model=self._camera.model,
            firmware=self._camera.firmware,
            system=self._camera.system,
            wearer_id=wearer.wearer_id,
            wearer_name=wearer.name,
            profile=profile.name,
            boot=self._camera.boot,
            cause_start=cause,
            started=self._now(),
        )

    def _settings(self, wearer: Wearer, profile: Profile) -> SensorSettings:
        return SensorSettings(
            width_px=profile.width_px,
            height_px=profile.height_px,
            frames_per_second=profile.frames_per_second,
            bit_rate_bps=profile.bit_rate_bps,
            audio=profile.audio,
            overlay=(wearer.name or wearer.wearer_id, self._camera.serial),
            unix_ms=self._clock.wall().unix_ms,
        )
