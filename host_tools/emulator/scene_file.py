"""Any video file as a scene: looped, fitted to the camera's picture, with its sound if it has any.

Law: a file is read forwards only, and no more than two decoded frames are held. Picture and sound are read
independently; both start again together when the pictures are over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from firmware.ports.sensor import SensorSettings
from host_tools.emulator.scene import SOUND_RATE_HZ, Scene, SceneError
from host_tools.emulator.scene_fit import fitted

if TYPE_CHECKING:
    from host_tools.emulator.scene import Picture, Sound

# FFmpeg takes these for video too: text shown as on a terminal, and pictures that do not move.
STILL_FORMATS = ("tty", "bin", "xbin", "adf", "idf", "image2", "image2pipe")
STILL_SUFFIX = "_pipe"  # png_pipe, jpeg_pipe, ...
REMEDY = "give --scene a file that a video player plays, such as MP4 or MKV"


LOOP_S_MIN = 1 / 25  # a file of one picture with no duration


class FileScene(Scene):
    """A video file. SceneError at once if it is none."""

    def __init__(self, path: Path, settings: SensorSettings) -> None:
        self._settings = settings
        self._reader = _Pictures(path)
        self._listener = _Sounds(path) if settings.audio else None

    def frame(self, index: int) -> Picture:
        """The file's picture at that time, from the start again whenever it is over."""
        settings = self._settings
        frame = self._reader.at(index / settings.frames_per_second)
        return fitted(frame, settings.width_px, settings.height_px, self._reader.pixel_aspect)

    def sound(self, first_sample: int, count: int) -> Sound:
        """The file's sound, looped with its pictures; silence where there is none."""
        if self._listener is None:
            return np.zeros(count, np.int16)
        return self._listener.samples(first_sample, count, self._reader.loop_s)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        if self._listener is not None:
            self._listener.close()


def check_video_file(path: Path) -> None:
    """Raise SceneError unless the first picture of the file can be decoded."""
    _Pictures(path).close()


class _Pictures:
    """The pictures of a file in order, again and again. ``loop_s`` is known once the end has been seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.loop_s: float | None = None
        self._loop_start_s = 0.0
        self._now = self._first()
        self._next = next(self._frames, None)
        aspect = self._stream.sample_aspect_ratio
        self.pixel_aspect = float(aspect) if aspect else 1.0

    def at(self, second: float) -> av.VideoFrame:
        """The picture shown at that time, which never lies before the last one asked for."""
        while True:
            if self._next is None:
                self._next = self._end_loop()
            if self._next[0] > second - self._loop_start_s + 1e-6:
                return self._now[1]
            self._now, self._next = self._next, next(self._frames, None)

    def close(self) -> None:
        self._container.close()

    def _first(self) -> tuple[float, av.VideoFrame]:
        """Open the file and decode its first picture."""
        self._container = _opened(self._path)
        try:
            self._stream = _moving_pictures(self._path, self._container)
            self._frames = _timed(self._container, self._stream)
            first = next(self._frames, None)
            if first is None:
                raise SceneError(f"{self._path}: none of its pictures can be decoded; {REMEDY}")
        except SceneError:
            self._container.close()
            raise
        return first

    def _end_loop(self) -> tuple[float, av.VideoFrame]:
        """The last picture is being shown, for as long as it lasts: what follows is the first one again."""
        if self.loop_s is None:
            self.loop_s = max(LOOP_S_MIN, self._now[0] + _shown_s(self._now[1], self._stream))
        self._container.close()
        self._loop_start_s += self.loop_s
        return self._first()


class _Sounds:
    """The sound of a file as mono int16 at SOUND_RATE_HZ."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sample = 0  # of the whole scene
        self._place = 0  # in this loop
        self._open()

    def samples(self, first_sample: int, count: int, loop_s: float | None) -> Sound:
        """What is heard from ``first_sample`` on, which is where the last call ended (or later)."""
        self._take(first_sample - self._sample, loop_s)
        self._sample = first_sample + count
        return self._take(count, loop_s)

    def close(self) -> None:
        self._container.close()

    def _open(self) -> None:
        self._container = _opened(self._path)
        self._parts = _resampled(self._container)
        self._rest: Sound = np.zeros(0, np.int16)

    def _take(self, count: int, loop_s: float | None) -> Sound:
        loop = None if loop_s is None else round(loop_s * SOUND_RATE_HZ)
        out, filled = np.zeros(count, np.int16), 0
        while filled < count:
            if loop is not None and self._place >= loop:
                self._container.close()
                self._open()
                self._place = 0
            room = count - filled if loop is None else min(count - filled, loop - self._place)
            self._fill(out[filled : filled + room])
            self._place += room
            filled += room
        return out

    def _fill(self, out: Sound) -> None:
        """Fill from the file; what it does not have stays silent."""
        filled = 0
        while filled < len(out):
            if not len(self._rest):
                following = next(self._parts, None)
                if following is None:
                    return
                self._rest = following
            part = self._rest[: len(out) - filled]
            out[filled : filled + len(part)] = part
            self._rest = self._rest[len(part) :]
            filled += len(part)


def _opened(path: Path) -> InputContainer:
    if not path.is_file():
        raise SceneError(f"{path}: there is no such file; {REMEDY}")
    try:
        # "file:" keeps a colon in a name from being taken for a protocol; the list keeps a playlist off the network.
        return av.open(f"file:{path}", "r", options={"protocol_whitelist": "file"})
    except (FFmpegError, OSError) as error:
        raise SceneError(f"{path}: is no video file ({reason(error)}); {REMEDY}") from error


def _moving_pictures(path: Path, container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    name = container.format.name
    if not streams or name in STILL_FORMATS or name.endswith(STILL_SUFFIX):
        raise SceneError(f"{path}: has no moving pictures (FFmpeg reads it as {name}); {REMEDY}")
    streams[0].thread_count = 1  # the encoders need the cores; also holds fewer pictures
    return streams[0]


def _timed(container: InputContainer, stream: VideoStream) -> Iterator[tuple[float, av.VideoFrame]]:
    """Frames with their time since the first. A file that is damaged from somewhere on ends there."""
    start_s: float | None = None
    count = 0
    try:
        for frame in container.decode(stream):
            second = count * _frame_s(stream) if frame.pts is None else frame.time
            start_s = second if start_s is None else start_s
            count += 1
            yield second - start_s, frame
    except FFmpegError:
        return


def _resampled(container: InputContainer) -> Iterator[Sound]:
    """The sound of the first audio stream in pieces; nothing where there is none. Ends where it is damaged."""
    if not container.streams.audio:
        return
    stream = container.streams.audio[0]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SOUND_RATE_HZ)
    try:
        for frame in container.decode(stream):
            for part in resampler.resample(frame):
                yield part.to_ndarray().reshape(-1).astype(np.int16)
        for part in resampler.resample(None):
            yield part.to_ndarray().reshape(-1).astype(np.int16)
    except FFmpegError:
        return


def _frame_s(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else LOOP_S_MIN


def _shown_s(frame: av.VideoFrame, stream: VideoStream) -> float:
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return _frame_s(stream)


def reason(error: Exception) -> str:
    """What FFmpeg or the system says, without the name of the file that we have said already."""
    text = error.strerror if isinstance(error, (FFmpegError, OSError)) and error.strerror else type(error).__name__
    return " ".join(text.split())
