"""Files and folders that are wrong: one clear line naming the thing and the remedy, exit code 1, nothing lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.cli.compose import create_destination
from host_tools.custody.index import open_index
from host_tools.hardware.files import BOARDS_FOLDER
from tests.unit.cli.parts import Bwc, system_in, without_privileges

BOARD_TEXT = (BOARDS_FOLDER / "pico_dock_1" / "board.toml").read_text(encoding="utf-8")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may enter, with a short name."""
    with tempfile.TemporaryDirectory(prefix="bwc-") as made:
        path = Path(made)
        path.chmod(0o755)
        yield path


def write(path: Path, text: str) -> Path:
    """A file of that content."""
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[usb]\nvid =", "[usb]\nvidd =", ["unknown key usb.vidd", "did you mean usb.vid?"]),
        ("schema = 1", "schema = = 1", ["not TOML", "correct this line"]),
        ('kind = "dock"', 'kind = "boat"', ["kind", "boat"]),
    ],
)
def test_a_board_file_is_told_by_file_line_and_key(old: str, new: str, words: list[str], bwc: Bwc, folder: Path):
    assert old in BOARD_TEXT
    text = BOARD_TEXT.replace(old, new, 1)
    path = write(folder / "board.toml", text)
    line = text[: text.index(new) + len(new)].count("\n") + 1
    bwc("board", "show", path).must_be_one_line(f"{path}:{line}: ", *words)


def test_boards_that_are_not_there(bwc: Bwc, folder: Path):
    bwc("board", "show", folder / "none.toml").must_be_one_line("none.toml", "name one that exists")
    bwc("board", "show", "pico_dock_9").must_be_one_line("there is no board pico_dock_9", "did you mean pico_dock")


def test_bench_files(bwc: Bwc, folder: Path):
    unknown = write(folder / "bench.toml", '[[dock]]\nname = "dock-1"\nserial = "DOCK-1"\nbays = 8\n')
    bwc("emulate", "--bench", unknown, "--folder", folder / "b").must_be_one_line(
        f"{unknown}:4: dock 1: unknown key bays", "known keys: model, name, port, serial"
    )
    model = write(folder / "bench.toml", '[[dock]]\nname = "dock-1"\nserial = "DOCK-1"\nmodel = "pico_dok_8"\n')
    bwc("emulate", "--bench", model, "--folder", folder / "b").must_be_one_line("pico_dok_8", "did you mean pico_dock")
    bwc("emulate", "--bench", folder / "none.toml").must_be_one_line("none.toml", "name an existing bench file")


def test_a_scene_that_is_no_video(bwc: Bwc, folder: Path):
    text = write(folder / "scene.txt", "not a single picture\n" * 100)
    for command in ("emulate", "demo"):
        ended = bwc(command, "--scene", text, "--folder", folder / command)
        ended.must_be_one_line("scene.txt", "give --scene a file that a video player plays")
    bwc("emulate", "--scene", folder / "none.mp4", "--folder", folder / "b").must_be_one_line("none.mp4")
    bwc("emulate", "--scene", "/dev/video99", "--folder", folder / "b").must_be_one_line("/dev/video99")


def test_settings_files(bwc: Bwc, folder: Path):
    unknown = write(folder / "settings.toml", 'system = "x"\nfoldr = "y"\n')
    bwc("controller", "--settings", unknown).must_be_one_line(f"{unknown}:2: unknown key foldr", "did you mean folder?")
    wrong = write(folder / "settings.toml", "system = 5\n")
    bwc("controller", "--settings", wrong).must_be_one_line(f"{wrong}:1: system: input should be", "not 5; correct it")
    long = write(folder / "settings.toml", "certificate_weeks = 13\n")
    bwc("controller", "--settings", long).must_be_one_line(f"{long}:1: certificate_weeks: ", "12", "not 13; correct it")
    broken = write(folder / "settings.toml", "system = \n")
    bwc("controller", "--settings", broken).must_be_one_line(str(broken), "line 1", "mend that line")
    bwc("controller", "--settings", folder / "none").must_be_one_line("none", "name an existing settings file")


def test_roster_files(bwc: Bwc, folder: Path):
    system_in(folder / "c")
    arguments = ["controller", "--folder", folder / "c", "--destination", folder / "d", "--create-destination"]
    unknown = write(folder / "roster.toml", '[[wearer]]\nid = "W-1"\nname = "Ada"\nprofil = "x"\n')
    bwc(*arguments, "--roster", unknown).must_be_one_line(str(unknown), "key 'profil'", "did you mean 'profile'")
    stranger = write(folder / "roster.toml", '[[assignment]]\ncamera = "CAM-1"\nwearer = "W-1"\n')
    bwc(*arguments, "--roster", stranger).must_be_one_line(str(stranger), "no wearer has the id 'W-1'")
    bwc(*arguments, "--roster", folder / "none").must_be_one_line("none", "cannot be read")


def test_destination_folders(bwc: Bwc, folder: Path):
    file = write(folder / "file", "")
    used = folder / "used"
    used.mkdir()
    write(used / "holiday.jpg", "")
    missing = folder / "missing"
    arguments = ["controller", "--folder", folder / "c", "--destination"]
    bwc(*arguments, missing).must_be_one_line(f"destination folder {missing} is not there")
    bwc(*arguments, used).must_be_one_line(str(used), "not there or not whole")
    bwc(*arguments, used, "--create-destination").must_be_one_line(str(used), "name an empty folder")
    bwc(*arguments, file / "below", "--create-destination").must_be_one_line("cannot be made", "choose a folder")
    assert [path.name for path in used.iterdir()] == ["holiday.jpg"]
    assert not missing.exists()


def test_folders_that_may_not_be_written(bwc: Bwc, folder: Path):
    own, locked, store = folder / "own", folder / "locked", folder / "store"
    for path in (own, locked, store):
        path.mkdir()
        path.chmod(0o777)
    with without_privileges():
        create_destination(store)
        system_in(own)
        system_in(locked)
    for path in (locked, store):
        path.chmod(0o555)
    with without_privileges():
        made = bwc("controller", "--folder", own, "--destination", locked / "new", "--create-destination")
        made.must_be_one_line(str(locked / "new"), "choose a folder you may write")
        delivered = bwc("controller", "--folder", own, "--destination", store)
        delivered.must_be_one_line(str(store), "cannot be written", "check its owner")
        bwc("emulate", "--folder", locked).must_be_one_line(str(locked), "choose a folder you may write")
    store.chmod(0o777)
    with without_privileges():
        bwc("controller", "--folder", locked, "--destination", store).must_be_one_line(str(locked), "choose a folder")


def test_two_controllers_on_one_folder(bwc: Bwc, folder: Path):
    system_in(folder / "c")
    index = open_index(str(folder / "c" / "index.sqlite"))
    try:
        ended = bwc("controller", "--folder", folder / "c", "--destination", folder / "d", "--create-destination")
        ended.must_be_one_line("index.sqlite", "another program holds it", "stop the other controller")
    finally:
        index.close()


def test_a_folder_whose_name_is_too_long_for_a_socket(bwc: Bwc, folder: Path):
    deep = folder / ("x" * 100)
    system_in(deep)
    ended = bwc("controller", "--folder", deep, "--destination", folder / "d", "--create-destination")
    ended.must_be_one_line("controller.sock", "use a shorter or writable path")
    bwc("emulate", "--folder", deep).must_be_one_line("bench.sock", "use a shorter or writable path")


def test_a_catalogue_that_is_not_there(bwc: Bwc, folder: Path):
    bwc("requirements", "--catalogue", folder / "none.md").must_be_one_line("none.md", "run this in a checkout")


def test_an_index_that_is_something_else(bwc: Bwc, folder: Path):
    system_in(folder / "c")
    shutil.copy(__file__, folder / "c" / "index.sqlite")
    ended = bwc("controller", "--folder", folder / "c", "--destination", folder / "d", "--create-destination")
    ended.must_be_one_line("index.sqlite", "not a custody index")
    assert (folder / "c" / "index.sqlite").read_bytes() == Path(__file__).read_bytes(), "nothing of it was touched"
