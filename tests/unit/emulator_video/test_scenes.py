"""The synthetic scene, and what a user's --scene gets."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firmware.ports.sensor import SensorSettings
from host_tools.emulator.scene import SOUND_RATE_HZ, SceneError, scene_from_argument
from host_tools.emulator.scene_planes import Planes, planes_of, split
from host_tools.emulator.scene_synthetic import BEEP_MS, SyntheticScenes
from host_tools.emulator.scene_v4l2 import V4l2Scene
from tests.patience import LIMIT_S

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.req("EMU-02")


def test_the_same_seed_shows_and_sounds_the_same(settings: SensorSettings) -> None:
    first, second, other = (scene_from_argument(None, seed)(settings) for seed in (5, 5, 6))
    for index in (0, 1, 40, 1000):
        assert np.array_equal(first.frame(index), second.frame(index))
        assert not np.array_equal(first.frame(index), other.frame(index))
    assert np.array_equal(first.sound(1024, 48_000), second.sound(1024, 48_000))


@pytest.mark.parametrize(("width_px", "height_px"), [(64, 64), (322, 182), (360, 640), (1280, 720)])
def test_every_size_is_filled_and_moves(settings: SensorSettings, width_px: int, height_px: int) -> None:
    scene = scene_from_argument(None, 1)(settings._replace(width_px=width_px, height_px=height_px))
    before = scene.frame(0).copy()
    assert before.shape == (height_px * 3 // 2, width_px)
    parts = split(before, width_px, height_px)
    assert parts.y.std() > 20, "a picture has light and dark"
    assert parts.u.std() > 3, "and colour"
    after = scene.frame(12)
    assert (before != after).mean() > 0.2


def test_the_street_goes_on_for_hours(settings: SensorSettings) -> None:
    scene = scene_from_argument(None, 2)(settings)
    for hour in range(1, 14):
        assert split(scene.frame(hour * 90_000), 320, 180).y.std() > 20


def test_sound_is_the_same_in_any_portions_with_a_beep_each_second(settings: SensorSettings) -> None:
    whole = scene_from_argument(None, 3)(settings).sound(0, 6 * SOUND_RATE_HZ)
    scene = scene_from_argument(None, 3)(settings)
    parts = [scene.sound(start, 1000) for start in range(0, 6 * SOUND_RATE_HZ, 1000)]
    assert np.array_equal(np.concatenate(parts), whole)
    beep_samples = SOUND_RATE_HZ * BEEP_MS // 1000
    for second in range(6):
        start = second * SOUND_RATE_HZ
        loud = np.abs(whole[start : start + beep_samples]).mean()
        quiet = np.abs(whole[start + 2 * beep_samples : start + SOUND_RATE_HZ]).mean()
        assert loud > 3 * quiet > 0


def test_two_recordings_of_one_factory_do_not_draw_on_each_other(settings: SensorSettings) -> None:
    scenes = SyntheticScenes(4)
    first, second = scenes(settings), scenes(settings)
    picture = first.frame(0)
    kept = picture.copy()
    second.frame(50)
    assert np.array_equal(picture, kept)
    first.close()
    second.close()
    second.close()
    assert np.array_equal(scenes(settings).frame(0), kept)


def test_colours_become_limited_range() -> None:
    for colour, expected in (
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81, 90, 240)),
    ):
        parts = planes_of(Image.new("RGB", (4, 4), colour))
        assert values(parts) == pytest.approx(expected, abs=1)


def values(parts: Planes) -> tuple[int, ...]:
    return tuple(int(plane[0, 0]) for plane in parts)


@pytest.mark.parametrize("name", ["missing.mp4", "folder", "notes.txt", "still.png", "noise.mp4", "empty.mp4"])
def test_what_is_no_video_gets_one_clear_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name == "notes.txt":
        path.write_text("these are notes and no video\n" * 50)
    elif name == "still.png":
        Image.new("RGB", (64, 64)).save(path)
    elif name != "missing.mp4":
        path.write_bytes(bytes(range(256)) * (40 if name == "noise.mp4" else 0))
    with pytest.raises(SceneError) as caught:
        scene_from_argument(str(path), 1)
    assert_one_line(str(caught.value), str(path), "give --scene a file")


def test_sound_alone_is_no_video(tmp_path: Path, make_clip: Callable[..., Path]) -> None:
    path = make_clip("picture.mp4").rename(tmp_path / "tone.mp4")
    wav = tmp_path / "tone.wav"
    wav.write_bytes(
        b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\xbb\0\0\0\x77\1\0\2\0\x10\0data\0\x08\0\0" + bytes(2048)
    )
    with pytest.raises(SceneError) as caught:
        scene_from_argument(str(wav), 1)
    assert_one_line(str(caught.value), str(wav), "give --scene a file")
    scene_from_argument(str(path), 1)


def test_a_missing_device_gets_one_clear_line() -> None:
    with pytest.raises(SceneError) as caught:
        scene_from_argument("/dev/video987", 1)
    assert_one_line(str(caught.value), "/dev/video987", "ls /dev/video*")


def test_what_is_no_camera_gets_one_clear_line(tmp_path: Path, settings: SensorSettings) -> None:
    """No V4L2 device is needed to be refused: a file is no device, and /dev/null is no camera."""
    path = tmp_path / "video0"
    path.write_bytes(b"")
    with pytest.raises(SceneError) as caught:
        V4l2Scene(str(path), settings)
    assert_one_line(str(caught.value), f"{path}: is no device", "ls /dev/video*")
    with pytest.raises(SceneError) as caught:
        V4l2Scene("/dev/null", settings)
    assert_one_line(str(caught.value), "/dev/null: cannot be used as a camera", "ls /dev/video*")


def test_the_extra_is_named_where_it_is_missing() -> None:
    """A Python without its site-packages really has no PyAV."""
    program = "from host_tools.emulator.scene import scene_from_argument; scene_from_argument(None, 1)"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert last.endswith("no Python package av, numpy, PIL: install openbwc[video] for video")


def assert_one_line(text: str, *parts: str) -> None:
    assert "\n" not in text
    for part in parts:
        assert part in text
