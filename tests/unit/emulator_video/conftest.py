"""What the video tests share: settings, a clock, a box parser, clips made on the spot; and no thread is left behind."""

from __future__ import annotations

import io
import struct
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

from firmware.ports.clock import Clock
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, Sensor, SensorSettings
from tests.patience import LIMIT_S


class Box(NamedTuple):
    kind: str
    body: bytes


class Traf(NamedTuple):
    """One track's part of a fragment, as its boxes tell it."""

    track: int
    time: int  # tfdt, in the track's timescale
    samples: int  # trun
    first_flags: int | None  # of the first sample


class RealClock(Clock):
    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class Recorder:
    """Polls a sensor from the test's thread, waiting for its wake."""

    def __init__(self) -> None:
        self.woken = threading.Semaphore(0)
        self.fragments: list[Fragment] = []

    def wake(self) -> None:
        self.woken.release()

    def poll_until(self, sensor: Sensor, done: Callable[[list[Fragment]], bool]) -> list[Fragment]:
        while not done(self.fragments):
            fragment = sensor.poll()
            if fragment is not None:
                self.fragments.append(fragment)
            else:
                assert self.woken.acquire(timeout=LIMIT_S), "the sensor did not wake anybody"
        return self.fragments

    def poll_to_end(self, sensor: Sensor) -> list[Fragment]:
        return self.poll_until(sensor, ended)


def ended(fragments: list[Fragment]) -> bool:
    return bool(fragments) and fragments[-1].kind == FRAGMENT_END


@pytest.fixture(autouse=True)
def leaves_no_thread() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def settings() -> SensorSettings:
    return SensorSettings(
        width_px=320,
        height_px=180,
        frames_per_second=25,
        bit_rate_bps=300_000,
        audio=True,
        overlay=("Jane Doe", "W-0042", "OBWC-0001"),
        unix_ms=1_795_256_671_480,
    )


@pytest.fixture
def real_clock() -> Clock:
    return RealClock()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def boxes_of() -> Callable[[bytes], list[Box]]:
    return parsed_boxes


@pytest.fixture
def trafs_of() -> Callable[[bytes], list[Traf]]:
    return parsed_trafs


@pytest.fixture
def timescales_of() -> Callable[[bytes], list[int]]:
    return parsed_timescales


@pytest.fixture
def decode() -> Callable[[bytes], list[av.VideoFrame]]:
    return decoded_frames


@pytest.fixture
def check_kinds() -> Callable[[list[Fragment]], list[Fragment]]:
    return media_of


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, **choices: Any) -> Path:
        return write_clip(tmp_path / name, **choices)

    return make


def media_of(fragments: list[Fragment]) -> list[Fragment]:
    """The media fragments of a whole recording, whose order of kinds and times is checked on the way."""
    assert fragments[0].kind == FRAGMENT_INIT
    assert fragments[-1] == Fragment(FRAGMENT_END, b"", 0, 0, 0)
    media = fragments[1:-1]
    assert media
    assert {fragment.kind for fragment in media} == {FRAGMENT_MEDIA}
    for earlier, later in pairwise(media):
        assert later.start_ms == earlier.start_ms + earlier.duration_ms
    return media


def decoded_frames(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data), "r") as container:
        return list(container.decode(video=0))


def parsed_boxes(data: bytes) -> list[Box]:
    boxes: list[Box] = []
    place = 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        assert size >= 8
        assert place + size <= len(data), "a box goes beyond the end"
        boxes.append(Box(kind.decode(), data[place + 8 : place + size]))
        place += size
    return boxes


def find(data: bytes, *path: str) -> list[bytes]:
    """Bodies of all boxes on that path."""
    bodies = [data]
    for kind in path:
        bodies = [box.body for body in bodies for box in parsed_boxes(body) if box.kind == kind]
    return bodies


def parsed_timescales(init: bytes) -> list[int]:
    scales: list[int] = []
    for body in find(init, "moov", "trak", "mdia", "mdhd"):
        scales.append(struct.unpack_from(">I", body, 20 if body[0] else 12)[0])
    return scales


def parsed_trafs(fragment: bytes) -> list[Traf]:
    trafs: list[Traf] = []
    for traf in find(fragment, "moof", "traf"):
        (tfhd,), (tfdt,), (trun,) = find(traf, "tfhd"), find(traf, "tfdt"), find(traf, "trun")
        time_at = struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)[0]
        flags, samples = struct.unpack_from(">I", trun, 0)[0] & 0xFFFFFF, struct.unpack_from(">I", trun, 4)[0]
        first = struct.unpack_from(">I", trun, 12 if flags & 1 else 8)[0] if flags & 4 else None
        trafs.append(Traf(struct.unpack_from(">I", tfhd, 4)[0], time_at, samples, first))
    return trafs


def write_clip(
    path: Path,
    *,
    frames: int = 30,
    rate: int = 25,
    width_px: int = 160,
    height_px: int = 120,
    audio: bool = True,
) -> Path:
    """A clip whose frame n has the grey level ``16 + 6 n``, with a 440 Hz tone as long as the pictures."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=rate)
        video.width, video.height, video.pix_fmt = width_px, height_px, "yuv420p"
        video.bit_rate = 2_000_000
        sound = container.add_stream("aac", rate=44_100) if audio else None
        for number in range(frames):
            picture = np.full((height_px * 3 // 2, width_px), 128, np.uint8)
            picture[:height_px] = 16 + 6 * number
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            samples = 44_100 * frames // rate
            wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(samples) / 44_100)).astype(np.int16)
            tone = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
            tone.sample_rate, tone.pts = 44_100, 0
            container.mux(sound.encode(tone))
            container.mux(sound.encode(None))
    return path
