"""The overlay: what it says, that it can be read, and that it covers nothing else."""

import numpy as np
import pytest

from firmware.ports.sensor import SensorSettings
from host_tools.emulator import scene_planes as planes
from host_tools.emulator.video_overlay import Overlay

pytestmark = pytest.mark.req("CAM-08")


def grey(settings: SensorSettings) -> planes.Plane:
    return np.full((settings.height_px * 3 // 2, settings.width_px), 150, np.uint8)


@pytest.mark.parametrize(
    ("unix_ms", "offset_min", "index", "text"),
    [
        (1_795_256_671_480, 0, 0, "2026-11-21 10:24:31.480 +00:00  #000000"),
        (1_795_256_671_480, 0, 13, "2026-11-21 10:24:32.000 +00:00  #000013"),
        (1_795_256_671_480, 330, 85, "2026-11-21 15:54:34.880 +05:30  #000085"),
        (1_795_256_671_480, -210, 25, "2026-11-21 06:54:32.480 -03:30  #000025"),
        (0, 60, 25 * 3723 + 1, "T+01:02:03.040  #093076"),
    ],
)
def test_the_clock_is_wall_time_with_its_offset(
    settings: SensorSettings, unix_ms: int, offset_min: int, index: int, text: str
) -> None:
    assert Overlay(settings._replace(unix_ms=unix_ms), offset_min).clock_text(index) == text


@pytest.mark.parametrize(("width_px", "height_px"), [(320, 180), (640, 360), (1280, 720), (64, 64)])
def test_text_is_light_on_dark_and_covers_only_its_bands(
    settings: SensorSettings, width_px: int, height_px: int
) -> None:
    settings = settings._replace(width_px=width_px, height_px=height_px)
    picture = grey(settings)
    Overlay(settings).draw(picture, 7)
    luma = planes.split(picture, width_px, height_px).y
    covered = np.flatnonzero((luma != 150).any(axis=1))
    above, below = covered[covered < height_px // 2], covered[covered >= height_px // 2]
    assert list(above) == list(range(len(above)))
    assert list(below) == list(range(height_px - len(below), height_px))
    assert len(covered) <= height_px * 0.5
    for band in (luma[: len(above)], luma[-len(below) :]):
        assert np.median(band) < 70
        assert (band > 180).sum() > 0.02 * band.size


def test_a_frame_looks_the_same_whatever_was_drawn_before(settings: SensorSettings) -> None:
    one, other = Overlay(settings), Overlay(settings)
    for index in (0, 1, 24, 25, 300):
        one.draw(grey(settings), index)
    first, second = grey(settings), grey(settings)
    one.draw(first, 301)
    other.draw(second, 301)
    assert np.array_equal(first, second)


def test_lines_that_do_not_fit_are_cut(settings: SensorSettings) -> None:
    picture = grey(settings)
    Overlay(settings._replace(overlay=("An extremely long name " * 40,))).draw(picture, 0)
    luma = planes.split(picture, settings.width_px, settings.height_px).y
    assert (luma[-10:, -3:] < 100).all(), "the margin stays free"


def test_line_breaks_become_spaces(settings: SensorSettings) -> None:
    first, second = grey(settings), grey(settings)
    Overlay(settings._replace(overlay=("Jane\nDoe\t7",))).draw(first, 0)
    Overlay(settings._replace(overlay=("Jane Doe 7",))).draw(second, 0)
    assert np.array_equal(first, second)


def test_without_lines_there_is_only_the_clock(settings: SensorSettings) -> None:
    picture = grey(settings)
    Overlay(settings._replace(overlay=())).draw(picture, 0)
    luma = planes.split(picture, settings.width_px, settings.height_px).y
    assert (luma[settings.height_px // 2 :] == 150).all()
