"""Board, bench and plan files with anything wrong in them: one line that names file, key and remedy, in our words."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from host_tools.bench.bench_file import is_bench_of_boards, read_bench_file
from host_tools.bench.errors import BenchFileError as BoardsBenchError
from host_tools.emulator.bench_file import BenchFileError, read_bench
from host_tools.emulator.fault_plan import read_plan
from host_tools.hardware.errors import BoardFileError
from host_tools.hardware.files import BOARDS_FOLDER, load_board
from tests.unit.cli.parts import without_privileges
from tests.unit.hardware.wrong_files import JARGON, every_key_wrong

EMULATED = """\
name = "two"
seed = 5
picture = { width_px = 320, bit_rate_bps = 100000 }
[[dock]]
name = "dock-1"
serial = "DOCK-0001"
port = "1-1"
[[camera]]
name = "camera-1"
serial = "CAM-0001"
bay = 1
model = "pi_zero_2w_camera"
battery_percent = 50
walk = "x.gpx"
gnss_start = "hot"
spot_m = [1.0, 2.0]
[[reader]]
name = "reader-1"
kind = "twn4"
port = "1-4"
"""
BOARDS = """\
name = "lab"
usb = "usb"
lane = "hardware"
features = ["x-a"]
system = { folder = "sys", passphrase_file = "p" }
[hands]
dock = "x {board}"
person = true
[[board]]
name = "camera-1"
model = "pi_zero_2w_camera"
serial = "CAM-1"
match = { port = "1-1.2.2", interface = 1 }
bay = 1
link = "auto"
features = ["x-spare"]
power = { on = "true", off = "true" }
"""
PLAN = """\
seed = 7
[[fault]]
at_s = 2.0
board = "camera-1"
component = "link"
type = "bitflip"
instance = 0
for_s = 10.0
jitter_s = 0.5
every_s = 30.0
"""
BOARD = (BOARDS_FOLDER / "pico_dock_1" / "board.toml").read_text(encoding="utf-8")
FEW: tuple[Any, ...] = ({}, "a\nb\x1b[2J")  # a board file has hundreds of keys
SECOND = '[[dock]]\nname = "dock-2"\nserial = "DOCK-0002"\nport = "1-1.2"\n'


class Kind(NamedTuple):
    """A kind of file. ``what``: the word for it."""

    what: str
    good: str
    read: Callable[[Path], object]
    error: type[Exception]
    values: tuple[Any, ...] | None = None


KINDS = (
    Kind("bench file", EMULATED, read_bench, BenchFileError),
    Kind("bench file", BOARDS, read_bench_file, BoardsBenchError),
    Kind("plan", PLAN, read_plan, BenchFileError),
    Kind("board file", BOARD, load_board, BoardFileError, FEW),
)
NAMES = ("emulated bench", "bench of boards", "plan", "board")


def refusal(kind: Kind, path: Path) -> str:
    """The line about a file, empty if it is good."""
    try:
        kind.read(path)
    except kind.error as error:
        return str(error)
    return ""


@pytest.mark.req("EMU-01", "HIL-01")
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_whatever_is_wrong_with_a_key_is_said_in_one_line(kind: Kind, tmp_path: Path):
    path = tmp_path / "file.toml"
    refused = 0
    more = {} if kind.values is None else {"values": kind.values}
    for place, text in every_key_wrong(kind.good, **more):
        path.write_text(text, encoding="utf-8")
        line = refusal(kind, path)
        if not line:
            continue
        refused += 1
        told = line.removeprefix(str(path))
        assert told != line, (place, line)
        assert line.isprintable(), (place, line)
        assert re.match(r"(:\d+)?: .*[;:?,] ", told), (place, line)
        assert not JARGON.search(told), (place, line)
        assert len(told) < 400, (place, line)
    assert refused > 100


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xff\xfe\x00\x01", ":1: is not UTF-8 text; save it as UTF-8"),
        (b'name = "x"\n\xff', ":2: is not UTF-8 text; save it as UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00", ":1: not TOML: "),
        (b"name = \n", ":1: not TOML: invalid value; correct this line"),
        (b'name = "x"\nname = "y"\n', ":2: not TOML: this key is there twice; correct this line"),
        (b"a = " + b"[" * 100_000, ": not TOML: a number is too long, or brackets are too deep; correct it"),
        (b"a = " + b"9" * 5_000, ": not TOML: a number is too long, or brackets are too deep; correct it"),
        (b"#" * 300_000, ": is larger than 262144 bytes: this is no "),
    ],
)
def test_what_is_no_text_of_that_kind_is_said(kind: Kind, data: bytes, told: str, tmp_path: Path):
    path = tmp_path / "file.toml"
    path.write_bytes(data)
    assert refusal(kind, path).startswith(f"{path}{told}")
    assert refusal(kind, path).isprintable()


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_an_empty_file_a_folder_and_none_at_all_are_told_apart(kind: Kind, tmp_path: Path):
    path = tmp_path / "file.toml"
    path.touch()
    assert re.search(r"(missing|describes no board|names no fault)[^;]*; add ", refusal(kind, path))
    assert refusal(kind, tmp_path).startswith(f"{tmp_path}: cannot be read (Is a directory); name a {kind.what} that")
    none = refusal(kind, tmp_path / "none.toml")
    assert none.startswith(f"{tmp_path}/none.toml: cannot be read (No such file or directory); ")
    assert none.endswith((f"name an existing {kind.what}", "bwc bench scan --write " + f"{tmp_path}/none.toml"))


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_file_that_may_not_be_read_is_told(kind: Kind, tmp_path: Path):
    path = tmp_path / "file.toml"
    path.write_text(kind.good, encoding="utf-8")
    path.chmod(0)
    with without_privileges():
        told = refusal(kind, path)
    assert "cannot be read (Permission denied); name a " in told or os.access(path, os.R_OK)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("bay = 1", "bay = 9", ":11: camera 1: bay: 9 is more than 8: 8 or less"),
        ("[[camera]]\n", f"{SECOND}[[camera]]\n", ":11: dock 2: port: 1-1.2 is where dock-1 is plugged in; name an"),
        ('port = "1-4"', 'port = "1-1.4"', ":20: reader 1: port: 1-1.4 is where dock-1 is plugged in; name another"),
        ('port = "1-1"\n', 'port = "1-1"\nmodel = "pi_zero_2w_camera"\n',
         ":8: dock 1: model: pi_zero_2w_camera is a camera; there are pi_dock, pico_dock_1, pico_dock_8"),
        ('"pi_zero_2w_camera"', '"pi_zero_cam"', ":12: camera 1: model: there is no board pi_zero_cam; did you mean"),
        ('name = "reader-1"', 'name = "camera-1"', "a reader has the name of another board or reader, camera-1; "),
        ('gnss_start = "hot"', 'gnss_start = "hto"', "'hto' is none of cold, warm, hot: did you mean hot?"),
        ('gnss_start = "hot"', "gnss_start = 4", "4 is none of cold, warm, hot: choose one"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_on_an_emulated_bench(old: str, new: str, told: str, tmp_path: Path):
    path = tmp_path / "file.toml"
    assert old in EMULATED
    path.write_text(EMULATED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BenchFileError) as caught:
        read_bench(path)
    assert told in str(caught.value)


def test_a_camera_in_a_bay_that_the_dock_has_not_is_told_with_those_it_has(tmp_path: Path):
    path = tmp_path / "file.toml"
    text = EMULATED.replace('port = "1-1"\n', 'port = "1-1"\nmodel = "pico_dock_1"\n').replace("bay = 1", "bay = 3")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BenchFileError, match=r"toml:12: camera 1: bay: dock-1 has no bay 3; it has 1$"):
        read_bench(path)


def test_a_bench_of_one_reader_is_an_emulated_one(tmp_path: Path):
    path = tmp_path / "file.toml"
    path.write_text('[[reader]]\nname = "reader-1"\n', encoding="utf-8")
    assert [part.name for part in read_bench(path).reader] == ["reader-1"]
    assert not is_bench_of_boards(path)
    with pytest.raises(BoardsBenchError, match="describes an emulated bench; `bwc emulate --bench"):
        read_bench_file(path)


def test_what_lies_beside_a_bench_file_is_found_from_anywhere(tmp_path: Path):
    path = tmp_path / "file.toml"
    (tmp_path / "x.gpx").touch()
    path.write_text(EMULATED.replace('walk = "x.gpx"', 'walk = "x.gpx"\nscene = "street"'), encoding="utf-8")
    (camera,) = read_bench(path).camera
    assert (camera.walk, camera.scene) == (str(tmp_path / "x.gpx"), "street")
