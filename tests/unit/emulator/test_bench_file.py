"""Bench files: read, and told what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.emulator.bench_file import BenchFileError, default_bench, read_bench

GOOD = """
name = "two"
seed = 5

[picture]
width_px = 320

[[dock]]
name = "dock-1"
serial = "DOCK-0001"

[[camera]]
name = "camera-1"
serial = "CAM-0001"
bay = 1

[[camera]]
name = "camera-2"
serial = "CAM-0002"
"""


def write(folder: Path, text: str) -> Path:
    """A file of that content."""
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_bench_file_says_what_there_is(tmp_path: Path):
    bench = read_bench(write(tmp_path, GOOD))
    assert (bench.name, bench.seed, bench.picture.width_px, bench.picture.height_px) == ("two", 5, 320, 360)
    assert [(part.name, part.bay) for part in bench.camera] == [("camera-1", 1), ("camera-2", 0)]
    assert bench.dock[0].model == "pico_dock_8"


def test_the_default_bench_holds():
    bench = default_bench(cameras=8)
    assert [part.bay for part in bench.camera] == list(range(1, 9))
    assert default_bench(cameras=0).camera == ()
    with pytest.raises(BenchFileError, match="'My bench' is no name of a bench; it is a small letter, then"):
        default_bench("My bench")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed = 5", "sede = 5", ":3: unknown key sede; did you mean seed?"),
        ("bay = 1", "bayy = 1", ":15: camera 1: unknown key bayy; did you mean bay?"),
        ("bay = 1", "bay = 9", ":15: camera 1: bay: 9 is more than 8: 8 or less"),
        ('serial = "DOCK-0001"', 'serial = "d"', "dock 1: serial: 'd' is none; it is 4 to 24 capital letters"),
        ("width_px", "widht_px", ":6: picture: unknown key widht_px; did you mean width_px?"),
        ('serial = "DOCK-0001"', "", ":8: dock 1: serial is missing; add it"),
        ('"CAM-0002"', '"CAM-0001"', ": two boards have the serial CAM-0001; give each its own"),
        ('serial = "CAM-0002"', 'serial = "CAM-0002"\nbay = 1', ": camera-1 and camera-2 are in one bay, 1; give"),
        ('[[dock]]\nname = "dock-1"\nserial = "DOCK-0001"', "", ": a camera is in a bay, but the bench has no dock"),
        ('name = "two"', 'name = "Two Benches"', ":2: name: 'Two Benches' is none; it is a small"),
        ("seed = 5", "seed = = 5", ":3: not TOML: invalid value; correct this line"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_line_and_key(old: str, new: str, words: str, tmp_path: Path):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BenchFileError) as caught:
        read_bench(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert words in text
    assert "\n" not in text


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(BenchFileError, match=r"nothing\.toml: cannot be read .*; name an existing bench file"):
        read_bench(tmp_path / "nothing.toml")
