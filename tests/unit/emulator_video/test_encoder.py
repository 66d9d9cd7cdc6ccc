"""What the encoder makes is an MP4 file that survives being cut after any fragment."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from firmware.ports.memory_clock import ManualClock
from firmware.ports.sensor import Fragment, SensorSettings
from host_tools.emulator.scene import scene_from_argument
from host_tools.emulator.video_encoder import FragmentEncoder
from host_tools.emulator.video_sensor import EncodingSensor

FRAME_MS = 40
LENGTH_MS = 3400


def record(
    settings: SensorSettings, length_ms: int = LENGTH_MS, seed: int = 1, scene: Path | None = None
) -> list[Fragment]:
    """A recording of exactly that length, encoded as fast as the machine can."""
    clock = ManualClock()
    sensor = EncodingSensor(
        scene_from_argument(None if scene is None else str(scene), seed), lambda: None, clock, threaded=False
    )
    sensor.start(settings)
    clock.advance(length_ms)
    sensor.stop()
    fragments: list[Fragment] = []
    while (fragment := sensor.poll()) is not None:
        fragments.append(fragment)
    sensor.close()
    return fragments


@pytest.fixture(scope="module")
def recording() -> list[Fragment]:
    return record(SensorSettings(320, 180, 25, 300_000, True, ("Jane Doe", "OBWC-0001"), 1_795_256_671_480))


@pytest.mark.req("CAM-08")
def test_the_joined_fragments_are_one_whole_clip(recording: list[Fragment], check_kinds: Any) -> None:
    media = check_kinds(recording)
    whole = b"".join(fragment.data for fragment in recording)
    with av.open(io.BytesIO(whole), "r") as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        assert container.metadata["creation_time"].startswith("2026-11-21T10:24:31")
        assert container.duration is not None
        assert abs(container.duration / 1000 - LENGTH_MS) <= FRAME_MS
        pictures = list(container.decode(video=0))
    assert len(pictures) == sum(fragment.frames for fragment in media) == 85
    assert not any(picture.is_corrupt for picture in pictures)
    assert [picture.time for picture in pictures] == pytest.approx([n / 25 for n in range(85)])
    assert sum(fragment.duration_ms for fragment in media) == LENGTH_MS
    with av.open(io.BytesIO(whole), "r") as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert LENGTH_MS - 60 <= samples / 48 <= LENGTH_MS + FRAME_MS


def test_the_books_agree_with_the_boxes(
    recording: list[Fragment], check_kinds: Any, boxes_of: Any, trafs_of: Any, timescales_of: Any
) -> None:
    init = recording[0].data
    assert [box.kind for box in boxes_of(init)] == ["ftyp", "moov"]
    video_scale, sound_scale = timescales_of(init)
    sound_end = 0
    for fragment in check_kinds(recording):
        assert [box.kind for box in boxes_of(fragment.data)] == ["moof", "mdat"]
        video, sound = trafs_of(fragment.data)
        assert (video.track, sound.track) == (1, 2)
        assert video.time * 1000 == fragment.start_ms * video_scale
        assert video.samples == fragment.frames
        assert video.first_flags is not None
        assert video.first_flags & 0x10000 == 0, "the first sample is a sync sample"
        assert sound.time == sound_end, "no gap in the sound"
        assert abs(sound.time * 1000 / sound_scale - fragment.start_ms) < 2 * FRAME_MS
        sound_end = sound.time + sound.samples * 1024
    assert [(f.start_ms, f.duration_ms, f.frames) for f in check_kinds(recording)] == [
        (0, 1000, 25),
        (1000, 1000, 25),
        (2000, 1000, 25),
        (3000, 400, 10),
    ]


@pytest.mark.req("CAM-19")
def test_a_file_cut_after_any_fragment_still_plays(recording: list[Fragment], decode: Any) -> None:
    for count in range(2, len(recording)):
        frames = sum(fragment.frames for fragment in recording[:count])
        assert len(decode(b"".join(fragment.data for fragment in recording[:count]))) == frames


def test_every_fragment_stands_alone_and_has_one_key_frame(
    recording: list[Fragment], check_kinds: Any, decode: Any
) -> None:
    for fragment in check_kinds(recording):
        pictures = decode(recording[0].data + fragment.data)
        assert [picture.key_frame for picture in pictures] == [True] + [False] * (fragment.frames - 1)


@pytest.mark.req("EMU-05")
def test_the_same_seed_gives_the_same_bytes(settings: SensorSettings) -> None:
    first, second, other = (record(settings, 1200, seed) for seed in (9, 9, 10))
    assert first == second
    assert first != other


@pytest.mark.req("CAM-07")
def test_without_audio_there_is_no_sound_track(settings: SensorSettings, trafs_of: Any, decode: Any) -> None:
    fragments = record(settings._replace(audio=False), 1200)
    assert [len(trafs_of(fragment.data)) for fragment in fragments[1:-1]] == [1, 1]
    with av.open(io.BytesIO(b"".join(fragment.data for fragment in fragments))) as container:
        assert len(container.streams) == 1


@pytest.mark.req("CAM-07")
@pytest.mark.parametrize(("rate", "bit_rate_bps"), [(10, 150_000), (30, 600_000)])
def test_rates_and_bit_rates_are_kept(
    settings: SensorSettings, check_kinds: Any, decode: Any, rate: int, bit_rate_bps: int
) -> None:
    fragments = record(settings._replace(frames_per_second=rate, bit_rate_bps=bit_rate_bps, audio=False), 4000)
    media = check_kinds(fragments)
    assert [(fragment.duration_ms, fragment.frames) for fragment in media] == [(1000, rate)] * 4
    bits = sum(len(fragment.data) for fragment in media) * 8
    assert 0.5 * bit_rate_bps * 4 < bits < 1.5 * bit_rate_bps * 4
    assert len(decode(b"".join(fragment.data for fragment in fragments))) == 4 * rate


@pytest.mark.req("EMU-02")
def test_a_video_file_is_recorded_again_and_again(settings: SensorSettings, make_clip: Any, decode: Any) -> None:
    """The clip lasts 1.2 s and gets lighter; the recording shows it nearly twice, under the overlay."""
    pictures = decode(b"".join(f.data for f in record(settings, 2_000, scene=make_clip("clip.mp4", frames=30))))
    assert len(pictures) == 50
    middle = [float(np.mean(picture.to_ndarray()[60:120])) for picture in pictures]
    assert middle[28] > middle[2] + 100
    assert middle[30] == pytest.approx(middle[0], abs=4)
    assert float(np.median(pictures[28].to_ndarray()[:12])) < 80, "the band of the clock is dark on a light picture"


def test_frames_left_out_stay_gaps_and_keep_key_frames_at_full_seconds(
    settings: SensorSettings, trafs_of: Callable[[bytes], Any], decode: Any
) -> None:
    encoder = FragmentEncoder(scene_from_argument(None, 1)(settings), settings)
    fragments: list[Fragment] = []
    taken = [0, 1, 2, 20, 40, 41, 130, 131]
    for index in taken:
        fragments += encoder.encode(index)
    fragments += encoder.finish()
    encoder.close()
    media = fragments[1:]
    assert [(f.start_ms, f.duration_ms, f.frames) for f in media] == [
        (0, 1600, 4),
        (1600, 3600, 2),
        (5200, 80, 2),
    ]
    pictures = decode(b"".join(fragment.data for fragment in fragments))
    assert [round(picture.time * 25) for picture in pictures] == taken
    assert [picture.key_frame for picture in pictures] == [True, False, False, False, True, False, True, False]
