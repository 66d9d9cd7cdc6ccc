"""Judges a video file by decoding all of it: what ``ffprobe`` would say, and whether every picture is there.

Law: reads one file and nothing else, in constant memory; knows nothing of where it came from. PyAV comes with the extra
``openbwc[video]`` and is imported when the first clip is inspected.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Containers that cameras and video management systems write. A list, because FFmpeg also reads text files and
# playlists as "video", and a playlist in an evidence store must not make it open other files.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi,asf,ogg"


class ClipError(Exception):
    """The file is no video, or cannot be read. One line that names the file and the remedy."""


class VideoExtraMissing(ClipError):
    """The packages of the extra ``openbwc[video]`` are not installed."""


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What is in a clip. ``duration_ms`` is from the first picture's start to the last one's end, as decoded."""

    container: str
    duration_ms: int
    frames: int
    width_px: int
    height_px: int
    frames_per_second: float
    video_codec: str
    audio_codec: str | None  # None: there is no sound
    audio_ms: int
    decode_errors: int  # packets that a decoder refused, and pictures that it had to guess

    @property
    def audio(self) -> bool:
        """Whether there is a sound track."""
        return self.audio_codec is not None


def inspect_clip(path: Path) -> ClipReport:
    """Decode every picture and all sound of the file. ClipError if there is no picture in it."""
    if find_spec("av") is None:
        raise VideoExtraMissing(f"{path}: cannot be inspected without PyAV: install openbwc[video]")
    from av.error import FFmpegError

    if not path.is_file():
        raise ClipError(f"{path}: there is no such file; name a video file")
    try:
        with _opened(path) as container:
            report = _report(path, container)
    except (FFmpegError, OSError) as error:
        cause = " ".join((error.strerror or type(error).__name__).split())
        raise ClipError(f"{path}: is no video file ({cause}); name an MP4 or MKV file") from error
    if report.frames == 0:
        raise ClipError(f"{path}: none of its pictures can be decoded; fetch the file again")
    return report


class _Track:
    """What has been decoded of one stream."""

    def __init__(self) -> None:
        self.decoded = 0
        self.errors = 0
        self.start_s: float | None = None
        self.end_s = 0.0

    def add(self, time_s: float | None, duration_s: float) -> None:
        self.decoded += 1
        time_s = self.end_s if time_s is None else time_s
        self.start_s = time_s if self.start_s is None else min(self.start_s, time_s)
        self.end_s = max(self.end_s, time_s + duration_s)

    def duration_ms(self) -> int:
        return 0 if self.start_s is None else round((self.end_s - self.start_s) * 1000)


def _opened(path: Path) -> InputContainer:
    import av

    # "file:" keeps a colon in a name from being taken for a protocol.
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    return av.open(f"file:{path}", "r", options=options)


def _report(path: Path, container: InputContainer) -> ClipReport:
    if not container.streams.video:
        raise ClipError(f"{path}: has no pictures (container {container.format.name}); name a video file")
    video = container.streams.video[0]
    audio = container.streams.audio[0] if container.streams.audio else None
    seen, heard = _decoded(container, video, audio)
    return ClipReport(
        container=container.format.name,
        duration_ms=seen.duration_ms(),
        frames=seen.decoded,
        width_px=video.width,
        height_px=video.height,
        frames_per_second=_rate(video, seen),
        video_codec=video.codec_context.name,
        audio_codec=None if audio is None else audio.codec_context.name,
        audio_ms=heard.duration_ms(),
        decode_errors=seen.errors + heard.errors,
    )


def _decoded(container: InputContainer, video: VideoStream, audio: AudioStream | None) -> tuple[_Track, _Track]:
    """Walk through the file once."""
    from av.error import FFmpegError

    video.codec_context.options = {"err_detect": "explode"}  # a damaged picture is an error, not a guess
    streams: list[Stream] = [video] if audio is None else [video, audio]
    seen, heard = _Track(), _Track()
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:  # the container itself is damaged from here on
            seen.errors += 1
            break
        if packet is None:
            break
        _decode(packet, video, seen if packet.stream_index == video.index else heard)
    return seen, heard


def _decode(packet: Packet[Stream], video: VideoStream, track: _Track) -> None:
    from av.audio.frame import AudioFrame
    from av.error import FFmpegError
    from av.video.frame import VideoFrame

    try:
        frames = packet.decode()
    except FFmpegError:
        track.errors += 1
        return
    for frame in frames:
        if isinstance(frame, AudioFrame):
            track.add(frame.time, frame.samples / frame.sample_rate)
        elif isinstance(frame, VideoFrame):
            track.errors += frame.is_corrupt
            track.add(frame.time if frame.pts is not None else None, _shown_s(frame, video))


def _shown_s(frame: VideoFrame, video: VideoStream) -> float:
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    rate = video.average_rate or video.guessed_rate
    return float(1 / rate) if rate else 0.0


def _rate(video: VideoStream, seen: _Track) -> float:
    """The container's rate; what was decoded where it names none."""
    if video.average_rate:
        return float(video.average_rate)
    return seen.decoded * 1000 / seen.duration_ms() if seen.duration_ms() else 0.0
