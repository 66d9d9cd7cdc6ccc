"""The scene that needs no file and no device: a walk along a street, with its murmur and a beep each second.

Law: the same seed shows and sounds the same at the same media time. Painting waits for the first frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firmware.ports.sensor import SensorSettings
from host_tools.emulator.scene import SOUND_RATE_HZ, Scene
from host_tools.emulator.scene_street import Street

if TYPE_CHECKING:
    from host_tools.emulator.scene import Picture, Sound

MURMUR_S = 4  # the sound repeats after this long; whole seconds, so that the beeps keep their place
BEEP_HZ = 1000
BEEP_MS = 60
HUM_HZ = 110  # periods fit a second, so that the loop has no click


class SyntheticScenes:
    """Makes synthetic scenes. The street of the last size is kept, so that a second recording starts at once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._street: Street | None = None
        self._size_px = (0, 0)

    def __call__(self, settings: SensorSettings) -> Scene:
        """The scene of one recording."""
        return SyntheticScene(self, settings, self._seed)

    def street(self, width_px: int, height_px: int) -> Street:
        """The street at that size. One recording at a time uses it: its picture buffer is shared."""
        if self._street is None or self._size_px != (width_px, height_px):
            self._street, self._size_px = Street(self._seed, width_px, height_px), (width_px, height_px)
        return self._street


class SyntheticScene(Scene):
    """One recording of the street."""

    def __init__(self, scenes: SyntheticScenes, settings: SensorSettings, seed: int) -> None:
        self._scenes = scenes
        self._settings = settings
        self._murmur = murmur(seed) if settings.audio else np.zeros(SOUND_RATE_HZ, np.int16)

    def frame(self, index: int) -> Picture:
        """The street, walked for ``index`` frames."""
        street = self._scenes.street(self._settings.width_px, self._settings.height_px)
        return street.draw(index / self._settings.frames_per_second)

    def sound(self, first_sample: int, count: int) -> Sound:
        """The murmur, from its own start at sample 0."""
        return np.take(self._murmur, range(first_sample, first_sample + count), mode="wrap")

    def close(self) -> None:
        """Nothing is held."""


def murmur(seed: int) -> Sound:
    """MURMUR_S seconds of soft noise and hum with a short beep at every full second."""
    count = MURMUR_S * SOUND_RATE_HZ
    time_s = np.arange(count) / SOUND_RATE_HZ
    noise = np.random.default_rng(seed).standard_normal(count)
    spectrum = np.fft.rfft(noise)
    spectrum *= 1.0 / (1.0 + (np.arange(len(spectrum)) / MURMUR_S / 300.0) ** 2)  # traffic is mostly below 300 Hz
    rumble = np.fft.irfft(spectrum, count)
    rumble *= 900.0 / float(np.abs(rumble).max())
    hum = 250.0 * np.sin(2 * np.pi * HUM_HZ * time_s)
    into_second_ms = (time_s % 1.0) * 1000.0
    envelope = np.clip(np.minimum(into_second_ms, BEEP_MS - into_second_ms) / 8.0, 0.0, 1.0)
    beep = 3000.0 * envelope * np.sin(2 * np.pi * BEEP_HZ * time_s)
    return (rumble + hum + beep).astype(np.int16)
