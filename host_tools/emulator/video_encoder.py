"""Frames and sound of a scene in, fragments of an MP4 file out: H.264 by libx264 and AAC, muxed by FFmpeg.

Law: no thread, no clock, no pacing: the caller says which frame is next. The same frames give the same bytes on the
same FFmpeg. A fragment is a closed group of pictures that starts at a full second of media time.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

import av
from av.audio.stream import AudioStream
from av.video.frame import PictureType
from av.video.stream import VideoStream

from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, SensorSettings
from host_tools.emulator.scene import SOUND_RATE_HZ, Scene
from host_tools.emulator.video_boxes import BoxSplitter
from host_tools.emulator.video_overlay import Overlay

# frag_keyframe cuts at key frames, empty_moov puts a moov without samples first, default_base_moof makes every fragment
# independent of its place in the file, skip_trailer leaves out the index at the end (mfra), which no fragment holds.
MOV_FLAGS = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"
PRESET = "superfast"  # about 2 ms a picture at 640x360; ultrafast leaves out CABAC and deblocking, which shows
PEAK_SHARE = 1.5  # highest bit rate over one second, of the profile's
AUDIO_BIT_RATE_BPS = 64_000  # mono speech and surroundings
AUDIO_FRAME_SAMPLES = 1024  # AAC-LC, ISO/IEC 14496-3
# AAC's first packet holds no sound of ours but its run-up. We give the encoder sound from this sample on, so that the
# run-up takes the place of what comes before, nothing has a negative time, and sound and picture stay together.
AUDIO_RUN_UP_SAMPLES = 1024


class _Group(NamedTuple):
    """A group of pictures that is being muxed: its first frame, one past its last, and how many were encoded."""

    first: int
    end: int
    frames: int


class FragmentEncoder:
    """Encodes one recording of a scene."""

    def __init__(self, scene: Scene, settings: SensorSettings, utc_offset_min: int = 0) -> None:
        self._scene = scene
        self._settings = settings
        self._overlay = Overlay(settings, utc_offset_min)
        self._splitter = BoxSplitter()
        self._groups: deque[_Group] = deque()  # not handed out yet: the open one, and at most a few that are over
        self._header_out = False
        self._next_sample = AUDIO_RUN_UP_SAMPLES
        self._container = av.open(
            self._splitter,
            "w",
            format="mp4",
            options={"movflags": MOV_FLAGS, "flush_packets": "1"},
        )
        if settings.unix_ms:
            started = datetime.fromtimestamp(settings.unix_ms // 1000, UTC)
            self._container.metadata["creation_time"] = started.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._video = self._add_video()
        self._audio = self._add_audio() if settings.audio else None
        self._container.start_encoding()

    def encode(self, index: int) -> list[Fragment]:
        """Encode frame ``index`` (higher than the last) and the sound up to its end; fragments that are whole now."""
        settings = self._settings
        picture = self._scene.frame(index)
        self._overlay.draw(picture, index)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, settings.frames_per_second)
        is_key = not self._groups or index // settings.frames_per_second > self._second_of(self._groups[-1])
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        self._count(index, is_key)
        self._container.mux(self._video.encode(frame))
        self._encode_sound((index + 1) * SOUND_RATE_HZ // settings.frames_per_second)
        return self._fragments()

    def finish(self) -> list[Fragment]:
        """Drain the codecs and close the file; the last fragments. Nothing can be encoded afterwards."""
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()
        return self._fragments()

    def owes_fragment(self) -> bool:
        """Whether a group is over but not handed out: the muxer holds it until the sound has come as far."""
        return len(self._groups) > 1

    def close(self) -> None:
        """Give everything back, finished or not; a second call does nothing."""
        try:
            self._container.close()
        finally:
            self._scene.close()

    def _add_video(self) -> VideoStream:
        settings = self._settings
        stream = self._container.add_stream(
            "libx264",
            rate=settings.frames_per_second,
            options={
                "preset": PRESET,
                "tune": "zerolatency",
                "forced-idr": "1",
                # Key frames come where encode() asks for them and nowhere else.
                "x264-params": "keyint=infinite:scenecut=0",
                "maxrate": str(round(settings.bit_rate_bps * PEAK_SHARE)),
                "bufsize": str(settings.bit_rate_bps),
            },
        )
        stream.width, stream.height, stream.pix_fmt = settings.width_px, settings.height_px, "yuv420p"
        stream.bit_rate = settings.bit_rate_bps
        stream.codec_context.time_base = Fraction(1, settings.frames_per_second)
        stream.thread_count = 1  # several cameras share few cores; and one thread gives the same bytes every time
        return stream

    def _add_audio(self) -> AudioStream:
        stream = self._container.add_stream("aac", rate=SOUND_RATE_HZ)
        stream.layout = "mono"
        stream.bit_rate = AUDIO_BIT_RATE_BPS
        stream.codec_context.time_base = Fraction(1, SOUND_RATE_HZ)
        return stream

    def _encode_sound(self, end_sample: int) -> None:
        if self._audio is None:
            return
        while self._next_sample + AUDIO_FRAME_SAMPLES <= end_sample:
            samples = self._scene.sound(self._next_sample, AUDIO_FRAME_SAMPLES)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = SOUND_RATE_HZ
            frame.pts, frame.time_base = self._next_sample, Fraction(1, SOUND_RATE_HZ)
            self._container.mux(self._audio.encode(frame))
            self._next_sample += AUDIO_FRAME_SAMPLES

    def _count(self, index: int, is_key: bool) -> None:
        """Keep the books of the groups. The muxer ends a group at the key frame of the next, so gaps belong to it."""
        if not self._groups:
            self._groups.append(_Group(index, index + 1, 1))
        elif is_key:
            self._groups[-1] = self._groups[-1]._replace(end=index)
            self._groups.append(_Group(index, index + 1, 1))
        else:
            group = self._groups[-1]
            self._groups[-1] = group._replace(end=index + 1, frames=group.frames + 1)

    def _second_of(self, group: _Group) -> int:
        return group.first // self._settings.frames_per_second

    def _fragments(self) -> list[Fragment]:
        fragments: list[Fragment] = []
        for data in self._splitter.take():
            if not self._header_out:
                self._header_out = True
                fragments.append(Fragment(FRAGMENT_INIT, data, 0, 0, 0))
                continue
            group = self._groups.popleft()
            start_ms, end_ms = self._ms(group.first), self._ms(group.end)
            fragments.append(Fragment(FRAGMENT_MEDIA, data, start_ms, end_ms - start_ms, group.frames))
        return fragments

    def _ms(self, frame: int) -> int:
        return round(frame * 1000 / self._settings.frames_per_second)
