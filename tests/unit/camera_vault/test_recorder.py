"""The recorder moves video from the sensor to the card, and ends every recording as what it is."""

from dataclasses import dataclass
from hashlib import sha256

import pytest

from firmware.camera.recorder import (
    DRAIN_MS_MAX,
    FRAGMENTS_PER_POLL,
    CameraIdentity,
    Outcome,
    Profile,
    Recorder,
    Wearer,
)
from firmware.camera.vault import BEGIN_FREE_BYTES_MIN, Vault, VaultError
from firmware.formats.manifest import Manifest, Moment
from firmware.ports.clock import WALL_CONTROLLER
from firmware.ports.errors import SensorFault
from firmware.ports.files import Files
from firmware.ports.limited_files import LimitedFiles
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_sensor import MemorySensor
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, Sensor, SensorSettings
from tests.unit.camera_vault.parts import FailingFiles, check_stored, opened, stored

CAMERA = CameraIdentity("OB-000042", "zero2w", "0.1.0", "system-1", "00112233445566aa")
WEARER = Wearer("w-7", "Ada Åström")
PROFILE = Profile("standard", 1280, 720, 25, 3_000_000, True)
UNIX_MS = 1_750_000_000_000


@dataclass
class Rig:
    clock: ManualClock
    sensor: MemorySensor
    vault: Vault
    recorder: Recorder

    def run(self, elapsed_ms: int, step_ms: int = 100) -> Outcome | None:
        """Let time pass in steps; returns the outcome if the recording ended."""
        for _ in range(elapsed_ms // step_ms):
            self.clock.advance(step_ms)
            outcome = self.recorder.poll()
            if outcome is not None:
                return outcome
        return None


def rig(files: Files | None = None, fragment_bytes: int = 4000, at_ms: int = 5000) -> Rig:
    clock = ManualClock(at_ms)
    clock.set_wall(UNIX_MS, WALL_CONTROLLER, 40)
    sensor = MemorySensor(clock, 1, fragment_bytes)
    vault = opened(files or MemoryFiles())
    return Rig(clock, sensor, vault, Recorder(sensor, vault, clock, CAMERA))


def ended(outcome: Outcome | None) -> Manifest:
    assert outcome is not None
    assert outcome.manifest is not None
    return outcome.manifest


@pytest.mark.req("CAM-19")
def test_what_the_sensor_delivers_is_what_is_recorded() -> None:
    parts = rig()
    recording = parts.recorder.start("button", WEARER, PROFILE)
    assert parts.recorder.state == "recording"
    assert parts.run(3500) is None
    assert parts.recorder.recorded_bytes() == 700 + 3 * 4000
    parts.recorder.stop("button")
    assert parts.recorder.state == "finishing"
    outcome = parts.run(1000)
    manifest = ended(outcome)
    assert parts.recorder.state == "idle"
    expected = SeededEntropy(1)
    content = expected.random_bytes(700) + b"".join(expected.random_bytes(4000) for _ in range(4))
    assert check_stored(parts.vault, stored(parts.vault, recording)) == (manifest, content)
    assert (manifest.duration_ms, len(manifest.fragments)) == (3500, 5)
    assert (manifest.cause_start, manifest.cause_stop, manifest.interrupted) == ("button", "button", False)
    assert manifest.started == Moment(5000, UNIX_MS, "controller", 40)
    assert manifest.stopped == Moment(8500, UNIX_MS + 3500, "controller", 40)
    assert (manifest.wearer_id, manifest.wearer_name, manifest.profile) == ("w-7", "Ada Åström", "standard")
    assert (manifest.camera_serial, manifest.camera_model, manifest.boot) == (CAMERA.serial, "zero2w", CAMERA.boot)
    assert (manifest.system, manifest.firmware, manifest.recording) == ("system-1", "0.1.0", recording)


def test_one_recording_after_another_and_never_two() -> None:
    parts = rig()
    ids: list[bytes] = []
    for _ in range(3):
        ids.append(parts.recorder.start("button", WEARER, PROFILE))
        with pytest.raises(VaultError, match="still in progress"):
            parts.recorder.start("button", WEARER, PROFILE)
        parts.run(1500)
        parts.recorder.stop("button")
        parts.recorder.stop("again")
        with pytest.raises(VaultError, match="still in progress"):
            parts.recorder.start("button", WEARER, PROFILE)
        assert ended(parts.run(1000)).cause_stop == "button"
        assert parts.recorder.poll() is None
    assert [entry.recording for entry in parts.vault.recordings()] == ids


def test_the_sensor_is_told_what_to_record() -> None:
    sensor = ScriptedSensor([])
    clock = ManualClock()
    clock.set_wall(UNIX_MS, WALL_CONTROLLER, 40)
    Recorder(sensor, opened(MemoryFiles()), clock, CAMERA).start("button", WEARER, PROFILE)
    assert sensor.settings == SensorSettings(1280, 720, 25, 3_000_000, True, ("Ada Åström", "OB-000042"), UNIX_MS)


def test_a_poll_moves_a_few_fragments_and_asks_to_be_called_again() -> None:
    made = [Fragment(FRAGMENT_INIT, b"init", 0, 0, 0)]
    made += [Fragment(FRAGMENT_MEDIA, b"media", 1000 * number, 1000, 25) for number in range(10)]
    clock = ManualClock(7)
    recorder = Recorder(ScriptedSensor(made), opened(MemoryFiles()), clock, CAMERA)
    assert recorder.next_deadline_ms() is None
    recorder.start("button", WEARER, PROFILE)
    assert recorder.poll() is None
    assert recorder.recorded_bytes() == 4 + 5 * (FRAGMENTS_PER_POLL - 1)
    assert recorder.next_deadline_ms() == 7
    for _ in range(3):
        recorder.poll()
    assert recorder.recorded_bytes() == 4 + 5 * 10
    assert recorder.next_deadline_ms() is None


@pytest.mark.req("CAM-19")
def test_a_full_card_ends_the_recording_with_nothing_lost() -> None:
    parts = rig(LimitedFiles(MemoryFiles(), BEGIN_FREE_BYTES_MIN + 100_000), fragment_bytes=500_000)
    recording = parts.recorder.start("button", WEARER, PROFILE)
    outcome = parts.run(60_000)
    manifest = ended(outcome)
    assert (manifest.cause_stop, manifest.interrupted) == ("storage_full", False)
    assert outcome is not None
    assert "the card is full" in outcome.text
    assert manifest.content_bytes > 2_000_000
    check_stored(parts.vault, stored(parts.vault, recording))
    assert parts.recorder.state == "finishing", "the encoder still drains"
    assert parts.run(2000) is None
    assert str(parts.recorder.state) == "idle"
    with pytest.raises(VaultError, match="card is full"):
        parts.recorder.start("button", WEARER, PROFILE)


@pytest.mark.req("CAM-19")
def test_a_failing_card_ends_the_recording_as_interrupted() -> None:
    parts = rig(FailingFiles(MemoryFiles(), 20))
    parts.recorder.start("button", WEARER, PROFILE)
    outcome = parts.run(10_000)
    manifest = ended(outcome)
    assert (manifest.cause_stop, manifest.interrupted) == ("storage_fault", True)
    assert outcome is not None
    assert "the card failed" in outcome.text
    check_stored(parts.vault, stored(parts.vault, manifest.recording))
    assert parts.run(2000) is None
    parts.recorder.start("button", WEARER, PROFILE)


@pytest.mark.req("CAM-19")
def test_a_card_that_fails_for_good_is_reported_and_recovered_later() -> None:
    medium = MemoryFiles()
    parts = rig(FailingFiles(medium, 20, 10_000))
    recording = parts.recorder.start("button", WEARER, PROFILE)
    outcome = parts.run(10_000)
    assert outcome is not None
    assert (outcome.manifest, outcome.cause) == (None, "storage_fault")
    assert "the card failed" in outcome.text
    vault = Vault(medium.crash(), SeededEntropy(2))
    assert [note.action for note in vault.open()] == ["closed"]
    assert check_stored(vault, stored(vault, recording))[0].cause_stop == "power_lost"


@pytest.mark.req("CAM-19")
def test_a_sensor_that_fails_ends_the_recording_as_interrupted() -> None:
    parts = rig()
    parts.recorder.start("button", WEARER, PROFILE)
    parts.run(2500)
    parts.sensor.break_now()
    outcome = parts.run(100)
    manifest = ended(outcome)
    assert (manifest.cause_stop, manifest.interrupted, manifest.duration_ms) == ("sensor_fault", True, 2000)
    assert outcome is not None
    assert outcome.text == "the encoder has failed"
    assert parts.recorder.state == "idle"
    parts.sensor.mend()
    parts.recorder.start("button", WEARER, PROFILE)


def test_a_sensor_that_cannot_start_leaves_nothing() -> None:
    files = MemoryFiles()
    parts = rig(files)
    parts.sensor.break_now()
    with pytest.raises(SensorFault, match="cannot start"):
        parts.recorder.start("button", WEARER, PROFILE)
    assert parts.recorder.state == "idle"
    assert files.list_folder("recordings") == []


def test_a_recording_without_a_picture_leaves_nothing() -> None:
    files = MemoryFiles()
    parts = rig(files)
    parts.recorder.start("button", WEARER, PROFILE)
    parts.recorder.stop("button")
    outcome = parts.run(1000)
    assert outcome is not None
    assert (outcome.manifest, outcome.text) == (None, "it ended before the first picture")
    assert files.list_folder("recordings") == []


def test_a_sensor_that_ends_by_itself_is_told_apart() -> None:
    made = [
        Fragment(FRAGMENT_INIT, b"init", 0, 0, 0),
        Fragment(FRAGMENT_MEDIA, b"media", 0, 1000, 25),
        Fragment(FRAGMENT_END, b"", 1000, 0, 0),
    ]
    recorder = Recorder(ScriptedSensor(made), opened(MemoryFiles()), ManualClock(), CAMERA)
    recorder.start("button", WEARER, PROFILE)
    manifest = ended(recorder.poll())
    assert (manifest.cause_stop, manifest.interrupted) == ("sensor_ended", True)
    assert manifest.content_sha256 == sha256(b"initmedia").digest()
    assert recorder.state == "idle"


def test_an_encoder_that_hangs_is_given_up() -> None:
    made = [Fragment(FRAGMENT_INIT, b"init", 0, 0, 0), Fragment(FRAGMENT_MEDIA, b"media", 0, 1000, 25)]
    clock = ManualClock()
    recorder = Recorder(ScriptedSensor(made), opened(MemoryFiles()), clock, CAMERA)
    recorder.start("button", WEARER, PROFILE)
    recorder.stop("button")
    assert recorder.poll() is None
    assert recorder.next_deadline_ms() == DRAIN_MS_MAX
    clock.advance(DRAIN_MS_MAX - 1)
    assert recorder.poll() is None
    clock.advance(1)
    manifest = ended(recorder.poll())
    assert (manifest.cause_stop, manifest.interrupted) == ("sensor_fault", True)
    assert manifest.stopped.monotonic_ms == 0
    assert recorder.next_deadline_ms() is None


def test_a_sensor_that_cannot_even_stop_is_given_up_at_once() -> None:
    made = [Fragment(FRAGMENT_INIT, b"init", 0, 0, 0), Fragment(FRAGMENT_MEDIA, b"media", 0, 1000, 25)]
    recorder = Recorder(UnstoppableSensor(made), opened(MemoryFiles()), ManualClock(), CAMERA)
    recorder.start("button", WEARER, PROFILE)
    recorder.stop("button")
    assert ended(recorder.poll()).cause_stop == "sensor_fault"


def test_without_wall_time_the_recording_says_so() -> None:
    clock = ManualClock(5000)
    sensor = MemorySensor(clock, 1)
    parts = Rig(clock, sensor, vault := opened(MemoryFiles()), Recorder(sensor, vault, clock, CAMERA))
    parts.recorder.start("button", WEARER, PROFILE)
    parts.run(1500)
    parts.recorder.stop("button")
    manifest = ended(parts.run(1000))
    assert manifest.started == Moment(5000, 0, "none", 0)
    assert manifest.stopped == Moment(6500, 0, "none", 0)


class ScriptedSensor(Sensor):
    """Delivers what it was given and then nothing."""

    def __init__(self, made: list[Fragment]) -> None:
        self.settings: SensorSettings | None = None
        self._made = list(made)

    def start(self, settings: SensorSettings) -> None:
        self.settings = settings

    def stop(self) -> None:
        pass

    def poll(self) -> Fragment | None:
        return self._made.pop(0) if self._made else None


class UnstoppableSensor(ScriptedSensor):
    def stop(self) -> None:
        raise SensorFault("the encoder does not answer")
