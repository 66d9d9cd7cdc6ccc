"""A video file as a scene: looped in time, fitted in size, with its sound."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from firmware.ports.sensor import SensorSettings
from host_tools.emulator.scene import SOUND_RATE_HZ, SceneError
from host_tools.emulator.scene_file import FileScene
from host_tools.emulator.scene_fit import fitted
from host_tools.emulator.scene_planes import blank, split

MakeClip = Callable[..., Path]

pytestmark = pytest.mark.req("EMU-02")


def shown(scene: FileScene, index: int, settings: SensorSettings) -> int:
    """The number of the clip's frame that the scene shows, from its grey level."""
    luma = split(scene.frame(index), settings.width_px, settings.height_px).y
    assert luma.std() < 3, "the whole picture is filled"
    return round((float(luma.mean()) - 16) / 6)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip: odd & ünïcode.mp4"])
def test_pictures_come_in_time_and_loop(make_clip: MakeClip, settings: SensorSettings, name: str) -> None:
    scene = FileScene(make_clip(name, frames=30), settings)
    assert [shown(scene, index, settings) for index in range(75)] == [index % 30 for index in range(75)]
    scene.close()
    scene.close()


@pytest.mark.parametrize("rate", [5, 10, 50])
def test_another_frame_rate_keeps_its_own_time(make_clip: MakeClip, settings: SensorSettings, rate: int) -> None:
    scene = FileScene(make_clip("clip.mp4", frames=30, rate=rate), settings)
    seen = [shown(scene, index, settings) for index in range(200)]
    assert seen == [index * rate // 25 % 30 for index in range(200)]
    scene.close()


def test_skipped_frames_are_skipped(make_clip: MakeClip, settings: SensorSettings) -> None:
    scene = FileScene(make_clip("clip.mp4", frames=30), settings)
    assert [shown(scene, index, settings) for index in (0, 29, 30, 100, 1000)] == [0, 29, 0, 10, 10]
    scene.close()


def test_sound_loops_with_the_pictures(make_clip: MakeClip, settings: SensorSettings) -> None:
    scene = FileScene(make_clip("clip.mp4", frames=30), settings)
    heard: list[np.ndarray] = []
    for index in range(75):
        scene.frame(index)
        heard.append(scene.sound(index * 1920, 1920))
    sound = np.concatenate(heard)
    spectrum = np.abs(np.fft.rfft(sound[10_000 : 10_000 + SOUND_RATE_HZ // 2].astype(float)))
    assert np.argmax(spectrum) * 2 == pytest.approx(440, abs=4)
    loop = 30 * 1920
    middle = slice(10_000, 40_000)
    assert np.array_equal(sound[middle], sound[loop:][middle])
    assert np.abs(sound[loop + 10_000 : loop + 40_000]).mean() > 1000
    scene.close()


def test_sound_is_the_same_in_any_portions(make_clip: MakeClip, settings: SensorSettings) -> None:
    path = make_clip("clip.mp4")
    whole, parts = FileScene(path, settings), FileScene(path, settings)
    one = whole.sound(1024, 30_000)
    assert np.array_equal(np.concatenate([parts.sound(1024 + n * 1000, 1000) for n in range(30)]), one)
    whole.close()
    parts.close()


def test_a_file_without_sound_is_silent(make_clip: MakeClip, settings: SensorSettings) -> None:
    scene = FileScene(make_clip("clip.mp4", audio=False), settings)
    assert not scene.sound(0, 5000).any()
    scene.close()


def test_a_truncated_file_is_looped_up_to_the_damage(make_clip: MakeClip, settings: SensorSettings) -> None:
    path = make_clip("clip.mkv", frames=30)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    scene = FileScene(path, settings)
    seen = [shown(scene, index, settings) for index in range(60)]
    length = seen.index(0, 1)
    assert 1 < length < 30
    assert seen[length : 2 * length] == seen[:length]
    scene.close()


def test_a_file_that_vanishes_is_an_error_at_its_next_loop(make_clip: MakeClip, settings: SensorSettings) -> None:
    path = make_clip("clip.mp4", frames=10)
    scene = FileScene(path, settings)
    assert shown(scene, 8, settings) == 8
    path.unlink()
    with pytest.raises(SceneError, match="there is no such file"):
        scene.frame(10)
    scene.close()


@pytest.mark.parametrize(("width_px", "height_px"), [(320, 180), (180, 320), (96, 96), (322, 182)])
@pytest.mark.parametrize("source_px", [(160, 120), (120, 160), (640, 66), (98, 98)])
def test_pictures_of_every_shape_cover_the_camera_s(width_px: int, height_px: int, source_px: tuple[int, int]) -> None:
    picture = blank(*source_px)
    picture[: source_px[1]] = 180
    frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    fit = fitted(frame, width_px, height_px)
    assert fit.shape == (height_px * 3 // 2, width_px)
    luma = split(fit, width_px, height_px).y
    assert (np.abs(luma.astype(int) - 180) <= 2).all()


def test_the_middle_is_kept_and_anamorphic_pixels_are_stretched() -> None:
    picture = blank(200, 100)
    picture[:100, 90:110] = 200
    frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    square = split(fitted(frame, 100, 100), 100, 100).y
    assert set(np.flatnonzero(square[50] > 180)) == set(range(40, 60))
    wide = split(fitted(frame, 400, 100, pixel_aspect=2.0), 400, 100).y
    assert wide[50, 195] > 180
    assert wide[50, 150] < 60


@pytest.mark.parametrize(
    ("degrees", "bright"), [(0, (0, 0)), (90, (1, 0)), (-90, (0, 1)), (180, (1, 1))], ids=["0", "90", "-90", "180"]
)
def test_a_telephone_s_picture_is_turned_upright(
    tmp_path: Path, settings: SensorSettings, degrees: int, bright: tuple[int, int]
) -> None:
    """The upper left quarter of what was filmed goes where a turn against the clock brings it."""
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 160, 160, "yuv420p"
        video.set_display_rotation(degrees)
        picture = blank(160, 160)
        picture[:80, :80] = 200
        container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(video.encode(None))
    scene = FileScene(path, settings._replace(width_px=160, height_px=160, audio=False))
    luma = split(scene.frame(0), 160, 160).y
    quarters = {(row, column): float(luma[80 * row + 20, 80 * column + 20]) for row in (0, 1) for column in (0, 1)}
    assert max(quarters, key=lambda place: quarters[place]) == bright
    scene.close()
