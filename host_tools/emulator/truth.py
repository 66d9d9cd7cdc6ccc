"""What emulated cameras really recorded, noted where it leaves the encoder: the measure for all that comes after.

Law: an independent witness. It digests the fragments as the sensor hands them over and tells nobody in the firmware.
What it has seen is written down before the firmware gets it, so that it is known even if the whole emulator is killed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from firmware.ports.sensor import FRAGMENT_END, Fragment, Sensor, SensorSettings

RUNNING = ".recording"  # suffix of the file of a recording that goes on, after its camera's serial


class SaidPlace(NamedTuple):
    """What a satellite receiver has said, in degrees."""

    unix_ms: int
    latitude: float
    longitude: float


class PoweredSensor(Protocol):
    """A sensor that can lose its power."""

    def start(self, settings: SensorSettings) -> None: ...

    def stop(self) -> None: ...

    def poll(self) -> Fragment | None: ...

    def close(self) -> None: ...


class Truth:
    """A file of JSON lines, one a recording that has ended; ``prefixes`` tells every whole beginning of it. A recording
    that goes on has a file of its own beside it, a line a fragment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in sorted(path.parent.glob(f"*{RUNNING}")):  # the emulator was killed while these went on
            camera = left.name.removesuffix(RUNNING)
            seen = [json.loads(line) for line in left.read_text(encoding="utf-8").splitlines()]
            prefixes = [each["prefix"] for each in seen]
            media_ms, frames = (seen[-1]["media_ms"], seen[-1]["frames"]) if seen else (0, 0)
            self.note(recording_line(camera, False, prefixes, media_ms, frames))

    def note_fragment(self, camera: str, prefix: str, media_ms: int, frames: int) -> None:
        """A camera's sensor is about to hand over a fragment; with it the recording has this digest."""
        with self._running(camera).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"prefix": prefix, "media_ms": media_ms, "frames": frames}) + "\n")

    def note(self, line: dict[str, Any]) -> None:
        """Append one recording, which has ended."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._running(line["camera"]).unlink(missing_ok=True)

    def lines(self) -> list[dict[str, Any]]:
        """All recordings so far, oldest first."""
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]

    def _running(self, camera: str) -> Path:
        return self._path.with_name(camera + RUNNING)


def nowhere() -> list[SaidPlace]:
    """Of a camera without a receiver."""
    return []


class TruthSensor(Sensor):
    """A sensor that digests what passes through it. ``places``: all that the camera's receiver has said until now."""

    def __init__(
        self, sensor: PoweredSensor, truth: Truth, camera: str, places: Callable[[], list[SaidPlace]] = nowhere
    ) -> None:
        self._places = places
        self._places_before: frozenset[SaidPlace] = frozenset()
        self._sensor = sensor
        self._truth = truth
        self._camera = camera
        self._digest = hashlib.sha256()
        self._prefixes: list[str] = []
        self._media_ms = 0
        self._frames = 0
        self._running = False

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not come to its end."""
        return self._running

    def start(self, settings: SensorSettings) -> None:
        self._sensor.start(settings)
        self._digest = hashlib.sha256()
        self._prefixes, self._media_ms, self._frames = [], 0, 0
        self._places_before = frozenset(self._places()[:-1])  # the newest may be on the line still
        self._running = True

    def stop(self) -> None:
        self._sensor.stop()

    def poll(self) -> Fragment | None:
        fragment = self._sensor.poll()
        if fragment is None:
            return None
        if fragment.kind == FRAGMENT_END:
            self._note(ended=True)
        else:
            self._digest.update(fragment.data)
            self._prefixes.append(self._digest.hexdigest())
            self._media_ms = fragment.start_ms + fragment.duration_ms
            self._frames += fragment.frames
            self._truth.note_fragment(self._camera, self._prefixes[-1], self._media_ms, self._frames)
        return fragment

    def close(self) -> None:
        """The camera loses its power: what was handed over until now is what there was."""
        self._note(ended=False)
        self._sensor.close()

    def _note(self, ended: bool) -> None:
        if not self._running:
            return
        self._running = False
        line = recording_line(self._camera, ended, self._prefixes, self._media_ms, self._frames)
        said = [place for place in self._places() if place not in self._places_before]
        self._truth.note({**line, "places": said} if said else line)


def recording_line(camera: str, ended: bool, prefixes: list[str], media_ms: int, frames: int) -> dict[str, Any]:
    """What is told of one recording. ``ended``: the sensor was stopped in order. With ``places`` beside it, where the
    receiver has told any meanwhile."""
    return {
        "camera": camera,
        "ended": ended,
        "sha256": prefixes[-1] if prefixes else "",
        "prefixes": prefixes,
        "duration_ms": media_ms,
        "frames": frames,
    }
