"""The camera's sensor with a camera that makes real H.264 by a clock, and the fragments that come of it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from firmware.platform.linux.fragments import FragmentMuxer, Picture, media_boxes
from firmware.platform.linux.sensor import CameraSensor, Take
from firmware.ports import sensor_suite
from firmware.ports.errors import SensorFault
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment, SensorSettings

ZERO_US = 5_000_000  # a camera counts from its own zero
RATE = sensor_suite.SETTINGS.frames_per_second


class Encoder:
    """What a Raspberry Pi's encoder does with its settings: parameter sets before each key frame, one a second."""

    def __init__(self, settings: SensorSettings) -> None:
        self._rate = settings.frames_per_second
        self._shape = (settings.height_px * 3 // 2, settings.width_px)
        self._codec: Any = av.CodecContext.create("libx264", "w")
        self._codec.width, self._codec.height = settings.width_px, settings.height_px
        self._codec.pix_fmt, self._codec.max_b_frames = "yuv420p", 0
        self._codec.time_base, self._codec.framerate = Fraction(1, self._rate), Fraction(self._rate)
        parameters = f"keyint={self._rate}:scenecut=0:repeat-headers=1:annexb=1"
        self._codec.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": parameters}

    def encode(self, index: int) -> list[Picture]:
        frame = av.VideoFrame.from_ndarray(np.full(self._shape, index * 7 % 256, dtype=np.uint8), format="yuv420p")
        frame.pts = index
        at_us = ZERO_US + index * 1_000_000 // self._rate
        return [Picture(bytes(packet), packet.is_keyframe, at_us) for packet in self._codec.encode(frame)]


class Camera:
    """Started by the sensor, driven by ``pass_ms``."""

    def __init__(self) -> None:
        self.starts = 0
        self.running = False
        self._left_ms = 0

    def start(self, settings: SensorSettings, take: Take) -> Callable[[], None]:
        self.starts += 1
        self.running = True
        self._encoder, self._take, self._index, self._left_ms = Encoder(settings), take, 0, 0
        return self.stop

    def stop(self) -> None:
        self.running = False

    def pass_ms(self, milliseconds: int) -> None:
        self._left_ms += milliseconds
        while self.running and self._left_ms >= 1000 // RATE:
            self._left_ms -= 1000 // RATE
            for picture in self._encoder.encode(self._index):
                self._take(picture)
            self._index += 1


def new_sensor() -> tuple[CameraSensor, Callable[[int], None]]:
    camera = Camera()
    return CameraSensor(start_camera=camera.start), camera.pass_ms


@pytest.mark.parametrize("case", sensor_suite.CASES, ids=lambda case: case.__name__)
def test_sensor(case: Callable[..., None]) -> None:
    case(new_sensor)


def fragments_of(pictures: list[Picture]) -> list[Fragment]:
    muxer = FragmentMuxer(RATE)
    for picture in pictures:
        muxer.add(picture)
    muxer.end()
    muxer.end()
    found: list[Fragment] = []
    while (fragment := muxer.poll()) is not None:
        found.append(fragment)
    return found


def pictures_of(count: int) -> list[Picture]:
    encoder = Encoder(sensor_suite.SETTINGS)
    return [picture for index in range(count) for picture in encoder.encode(index)]


def boxes(data: bytes) -> list[bytes]:
    names: list[bytes] = []
    while data:
        names.append(data[4:8])
        data = data[int.from_bytes(data[:4], "big") :]
    return names


def test_a_fragment_is_a_group_of_pictures_and_any_beginning_plays() -> None:
    fragments = fragments_of(pictures_of(35))
    media = [fragment for fragment in fragments if fragment.kind == FRAGMENT_MEDIA]
    assert [(each.start_ms, each.duration_ms, each.frames) for each in media] == [
        (0, 1000, 10),
        (1000, 1000, 10),
        (2000, 1000, 10),
        (3000, 500, 5),
    ]
    assert boxes(fragments[0].data) == [b"ftyp", b"moov"]
    assert all(boxes(each.data) == [b"moof", b"mdat"] for each in media)
    for count in range(1, 5):
        data = b"".join(fragment.data for fragment in fragments[: 1 + count])
        with av.open(io.BytesIO(data), "r") as container:
            times = [float(frame.time or 0) for frame in container.decode(video=0)]
        assert len(times) == sum(each.frames for each in media[:count])
        assert times == pytest.approx([index / RATE for index in range(len(times))])


def test_pictures_before_the_first_key_frame_are_left_out() -> None:
    pictures = pictures_of(15)
    fragments = fragments_of(pictures[3:])
    assert [fragment.kind for fragment in fragments[:1]] == [FRAGMENT_INIT]
    assert [each.frames for each in fragments if each.kind == FRAGMENT_MEDIA] == [5]
    assert [fragment.frames for fragment in fragments_of(pictures[3:8])] == [0]  # the end alone


def test_an_index_at_the_end_is_cut_off_and_nothing_else() -> None:
    box = (12).to_bytes(4, "big")
    assert media_boxes(box + b"moof1234" + box + b"mfra1234") == box + b"moof1234"
    assert media_boxes(box + b"moofmfra") == box + b"moofmfra"


def test_time_that_goes_back_and_garbage_are_faults() -> None:
    first, second = pictures_of(2)
    muxer = FragmentMuxer(RATE)
    muxer.add(first)
    with pytest.raises(SensorFault, match="goes back in time"):
        muxer.add(second._replace(at_us=first.at_us))
    with pytest.raises(SensorFault, match="cannot be put into MP4"):
        FragmentMuxer(RATE).add(Picture(b"\xff" * 100, True, 0))


def test_pictures_that_nobody_takes_are_a_fault_and_the_camera_stops() -> None:
    camera = Camera()
    sensor = CameraSensor(start_camera=camera.start)
    sensor.start(sensor_suite.SETTINGS)
    camera.pass_ms(5000)
    with pytest.raises(SensorFault, match="10 pictures were lost"):
        sensor.poll()
    assert not camera.running
    assert sensor.poll() is None
    sensor.start(sensor_suite.SETTINGS)
    assert camera.starts == 2


def test_without_picamera2_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)  # not there, whatever machine this is
    with pytest.raises(SensorFault) as fault:
        CameraSensor().start(sensor_suite.SETTINGS)
    assert str(fault.value) == "no camera software: apt install python3-picamera2 --no-install-recommends"
