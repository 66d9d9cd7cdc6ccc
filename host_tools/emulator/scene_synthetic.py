"""The scene that needs no file and no device: a walk along a street, with its murmur and a beep each second.

Law: the same seed shows and sounds the same at the same media time. Painting waits for the first frame.
"""

from __future__ import annotations

import threading
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
    """Makes synthetic scenes. The street of the last recording is kept, so that the next one starts at once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: tuple[int, int, Street] | None = None
        self._changing = threading.Lock()  # scenes are used by the threads of their recordings

    def __call__(self, settings: SensorSettings) -> Scene:
        """The scene of one recording."""
        return SyntheticScene(self, settings, self._seed)

    def borrow(self, width_px: int, height_px: int) -> Street:
        """A street of that size for one recording alone."""
        with self._changing:
            kept, self._kept = self._kept, None
        if kept is not None and kept[:2] == (width_px, height_px):
            return kept[2]
        return Street(self._seed, width_px, height_px)

    def give_back(self, width_px: int, height_px: int, street: Street) -> None:
        """Keep the street for the next recording."""
        with self._changing:
            self._kept = (width_px, height_px, street)


class SyntheticScene(Scene):
    """One recording of the street."""

    def __init__(self, scenes: SyntheticScenes, settings: SensorSettings, seed: int) -> None:
        self._scenes = scenes
        self._size_px = settings.width_px, settings.height_px
        self._rate = settings.frames_per_second
        self._seed = seed
        self._street: Street | None = None
        self._murmur: Sound | None = None

    def frame(self, index: int) -> Picture:
        """The street, walked for ``index`` frames."""
        if self._street is None:
            self._street = self._scenes.borrow(*self._size_px)
        return self._street.draw(index / self._rate)

    def sound(self, first_sample: int, count: int) -> Sound:
        """The murmur, from its own start at sample 0."""
        if self._murmur is None:
            self._murmur = murmur(self._seed)
        return np.take(self._murmur, range(first_sample, first_sample + count), mode="wrap")

    def close(self) -> None:
        """Leave the street to the next recording."""
        if self._street is not None:
            self._scenes.give_back(*self._size_px, self._street)
            self._street = None


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
