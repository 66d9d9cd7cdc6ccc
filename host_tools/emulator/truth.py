"""What emulated cameras really recorded, noted where it leaves the encoder: the measure for all that comes after.

Law: an independent witness. It digests the fragments as the sensor hands them over and tells nobody in the firmware.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from firmware.ports.sensor import FRAGMENT_END, Fragment, Sensor, SensorSettings
from host_tools.emulator.video_sensor import EncodingSensor


class Truth:
    """A file of JSON lines, one a recording that has ended; ``prefixes`` tells every whole beginning of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def note(self, line: dict[str, Any]) -> None:
        """Append one recording."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """All recordings so far, oldest first."""
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]


class TruthSensor(Sensor):
    """A sensor that digests what passes through it."""

    def __init__(self, sensor: EncodingSensor, truth: Truth, camera: str) -> None:
        self._sensor = sensor
        self._truth = truth
        self._camera = camera
        self._digest = hashlib.sha256()
        self._prefixes: list[str] = []
        self._media_ms = 0
        self._frames = 0
        self._running = False

    def start(self, settings: SensorSettings) -> None:
        self._sensor.start(settings)
        self._digest = hashlib.sha256()
        self._prefixes, self._media_ms, self._frames = [], 0, 0
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
        return fragment

    def close(self) -> None:
        """The camera loses its power: what was handed over until now is what there was."""
        self._note(ended=False)
        self._sensor.close()

    def _note(self, ended: bool) -> None:
        if not self._running:
            return
        self._running = False
        self._truth.note(
            {
                "camera": self._camera,
                "ended": ended,
                "sha256": self._prefixes[-1] if self._prefixes else "",
                "prefixes": self._prefixes,
                "duration_ms": self._media_ms,
                "frames": self._frames,
            }
        )
