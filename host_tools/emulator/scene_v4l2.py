"""A capture device of this machine (/dev/videoN) as a scene. Linux only; silent, as V4L2 carries no sound.

Law: the device sets the pace: every frame asked for is the next one that it delivers.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError

from firmware.ports.sensor import SensorSettings
from host_tools.emulator.scene import Scene, SceneError
from host_tools.emulator.scene_file import reason
from host_tools.emulator.scene_fit import fitted

if TYPE_CHECKING:
    from host_tools.emulator.scene import Picture, Sound

FORMAT = "video4linux2,v4l2"
REMEDY = "plug in a camera, see which devices there are with: ls /dev/video*, or leave out --scene"


class V4l2Scene(Scene):
    """A capture device, opened for one recording. SceneError if it cannot be."""

    def __init__(self, device: str, settings: SensorSettings) -> None:
        self._device = device
        self._settings = settings
        self._container = _opened(device, settings)
        self._frames = self._decoded()

    def frame(self, index: int) -> Picture:
        """The device's next picture; waits for it."""
        try:
            frame = next(self._frames)
        except (FFmpegError, OSError) as error:
            raise SceneError(f"{self._device}: stopped delivering ({reason(error)}); plug it in again") from error
        except StopIteration:
            raise SceneError(f"{self._device}: stopped delivering; plug it in again") from None
        return fitted(frame, self._settings.width_px, self._settings.height_px)

    def sound(self, first_sample: int, count: int) -> Sound:
        """Silence."""
        return np.zeros(count, np.int16)

    def close(self) -> None:
        """Let go of the device."""
        self._container.close()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        return self._container.decode(self._container.streams.video[0])


def check_device(device: str) -> None:
    """Raise SceneError unless ``device`` is a character device that we may read."""
    path = Path(device)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISCHR(mode):
            raise SceneError(f"{device}: is no device; {REMEDY}")
        path.open("rb").close()
    except OSError as error:
        raise SceneError(f"{device}: cannot be opened ({reason(error)}); {REMEDY}") from error


def _opened(device: str, settings: SensorSettings) -> InputContainer:
    check_device(device)
    wished = {
        "video_size": f"{settings.width_px}x{settings.height_px}",
        "framerate": str(settings.frames_per_second),
    }
    failure: Exception | None = None
    for options in (wished, {}):  # a device that does not know the size is taken as it is, and fitted
        try:
            container = av.open(device, "r", format=FORMAT, options=options)
        except (FFmpegError, OSError) as error:
            failure = error
            continue
        if container.streams.video:
            return container
        container.close()
    cause = "it has no pictures" if failure is None else reason(failure)
    raise SceneError(f"{device}: cannot be used as a camera ({cause}); {REMEDY}")
