"""What an emulated camera looks at and hears: one small interface, and the choice of an implementation.

Law: a scene makes pictures and sound for media time, which its caller counts in frames and samples. It knows no clock,
no encoder and no overlay. This file imports nothing of ``openbwc[video]``, so that a bench without it still starts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.ports.sensor import SensorSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # A picture in I420: ``height * 3 / 2`` rows of ``width`` bytes, the Y plane first, then U, then V, limited range.
    Picture = NDArray[np.uint8]
    # Mono sound, one int16 per sample at SOUND_RATE_HZ.
    Sound = NDArray[np.int16]

SOUND_RATE_HZ = 48_000  # what the camera's codec records; every scene delivers exactly this
DEVICE_PREFIX = "/dev/video"  # names of V4L2 capture devices on Linux
VIDEO_MODULES = ("av", "numpy", "PIL")  # what the extra openbwc[video] brings


class SceneError(Exception):
    """This scene cannot be shown. The text is one line that names the thing and the remedy."""


class VideoExtraMissing(SceneError):
    """The packages of the extra ``openbwc[video]`` are not installed."""


class Scene(ABC):
    """One recording's worth of things to see and hear, at the size and rate of its settings."""

    @abstractmethod
    def frame(self, index: int) -> Picture:
        """The picture at ``index / frames_per_second``. Indices only grow, and may skip.

        The array is valid, and the caller's to draw on, until the next call. SceneError when there is none.
        """

    @abstractmethod
    def sound(self, first_sample: int, count: int) -> Sound:
        """``count`` samples from ``first_sample`` on. Calls follow each other without gap or overlap."""

    @abstractmethod
    def close(self) -> None:
        """Give back files and devices; a second call does nothing."""


# Makes the scene of one recording. Cheap: heavy work waits for the first ``frame``. SceneError if it cannot.
SceneFactory = Callable[[SensorSettings], Scene]


def scene_from_argument(text: str | None, seed: int) -> SceneFactory:
    """The scenes that a user's ``--scene`` asks for: None for the synthetic street, /dev/videoN, or a video file.

    What is named is opened once and closed again, so that a SceneError comes now and not when somebody records.
    """
    require_video_extra()
    if text is None:
        from host_tools.emulator.scene_synthetic import SyntheticScenes

        return SyntheticScenes(seed)
    if text.startswith(DEVICE_PREFIX):
        from host_tools.emulator.scene_v4l2 import V4l2Scene, check_device

        check_device(text)
        return partial(V4l2Scene, text)
    from host_tools.emulator.scene_file import FileScene, check_video_file

    check_video_file(Path(text))
    return partial(FileScene, Path(text))


def require_video_extra() -> None:
    """Raise VideoExtraMissing unless everything that pictures need is installed."""
    missing = [name for name in VIDEO_MODULES if find_spec(name) is None]
    if missing:
        raise VideoExtraMissing(f"no Python package {', '.join(missing)}: install openbwc[video] for video")
