"""Files and folders that are wrong: one clear line naming the thing and the remedy, exit code 1, nothing lost."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.cli.compose import create_destination
from host_tools.cli.emulating import serve_bench
from host_tools.cli.mishaps import told
from host_tools.custody.index import open_index
from host_tools.emulator.bench_file import Bench, CameraPart, DockPart
from host_tools.hardware.files import BOARDS_FOLDER
from tests.unit.cli.parts import Bwc, folder_for_all, system_in, without_privileges

BOARD_TEXT = (BOARDS_FOLDER / "pico_dock_1" / "board.toml").read_text(encoding="utf-8")


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_for_all() as made:
        yield made


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


@pytest.mark.req("EMU-01", "EMU-07")
@pytest.mark.parametrize(
    ("model", "old", "new", "words"),
    [
        ("pico_dock_8", "gpio = 11, physical = 15", "gpio = 10, physical = 14",
         ["GPIO 10 is used twice, for mux.s0 and mux.s1: move one"]),
        ("pico_dock_8", "bit = 31", "bit = 30",
         ["output 30 of outputs is used twice, for bay8.lamp_green and bay8.lamp_red: move one"]),
        ("pico_dock_8", "heap_bytes = 196_608", "heap_bytes = 300_000",
         ["memory.heap_bytes: the budget is more than the 270336 bytes there are: lower it"]),
        ("pi_zero_2w_camera", '"offload", kind = "ffs"', '"offload", kind = "ffs" }, { name = "net", kind = "ecm"',
         ["usb.functions: link 3 + offload 2 + net 3 = 8 endpoints, BCM2710A1 has 7: drop a function"]),
    ],
)  # fmt: skip
def test_a_board_that_cannot_be_built(model: str, old: str, new: str, words: list[str], bwc: Bwc, folder: Path):
    text = (BOARDS_FOLDER / model / "board.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / model).mkdir()
    path = write(folder / model / "board.toml", text.replace(old, new, 1))
    for verb in ("show", "pinout"):
        bwc("board", verb, path.parent).must_be_one_line(f"{path}:", *words)


def test_boards_that_are_not_there(bwc: Bwc, folder: Path):
    bwc("board", "show", folder / "none.toml").must_be_one_line("none.toml", "name an existing board file")
    bwc("board", "show", "pico_dock_9").must_be_one_line("there is no board pico_dock_9", "did you mean pico_dock")


def test_bench_files(bwc: Bwc, folder: Path):
    unknown = write(folder / "bench.toml", '[[dock]]\nname = "dock-1"\nserial = "DOCK-1"\nbays = 8\n')
    bwc("emulate", "--bench", unknown, "--folder", folder / "b").must_be_one_line(
        f"{unknown}:4: dock 1: unknown key bays", "known keys: model, name, port, serial"
    )
    model = write(folder / "bench.toml", '[[dock]]\nname = "dock-1"\nserial = "DOCK-1"\nmodel = "pico_dok_8"\n')
    bwc("emulate", "--bench", model, "--folder", folder / "b").must_be_one_line("pico_dok_8", "did you mean pico_dock")
    bwc("emulate", "--bench", folder / "none.toml").must_be_one_line("none.toml", "name an existing bench file")


@pytest.mark.req("EMU-02")
def test_two_emulated_boards_with_one_serial(bwc: Bwc, folder: Path):
    camera = '[[camera]]\nname = "camera-{0}"\nserial = "CAM-0001"\n'
    twins = write(folder / "bench.toml", camera.format(1) + camera.format(2))
    bwc("emulate", "--bench", twins, "--folder", folder / "b").must_be_one_line(
        "two boards have the serial CAM-0001; give each its own"
    )


def test_two_emulators_in_one_folder(bwc: Bwc, folder: Path):
    """The first is there for as long as its socket answers; the second changes nothing of its bench."""
    with socket.socket(socket.AF_UNIX) as first:
        (folder / "b").mkdir(mode=0o700)
        first.bind(str(folder / "b" / "bench.sock"))
        first.listen()
        ended = bwc("emulate", "--folder", folder / "b")
        ended.must_be_one_line("bench.sock: another process serves this folder; stop it or use another folder")
        assert (folder / "b" / "bench.sock").is_socket()


def test_an_emulator_whose_disk_is_full_says_which(bwc: Bwc, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The machine has no disk that is full, so what it would say is said by the first file that is written."""

    def refuse(self: Path, *_data: object, **_how: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", refuse)
    bwc("emulate", "--folder", folder / "b").must_be_one_line(f"{folder / 'b'}: No space left on device; make room")


def test_an_emulator_that_can_no_longer_write_ends_and_says_what(folder: Path):
    """Its USB tree is taken away while it runs: a bench that no controller can find is none."""

    def spoil(_page: str) -> None:
        shutil.rmtree(folder / "b" / "usb")
        (folder / "b" / "usb").write_bytes(b"")

    dock, camera = DockPart(name="dock-1", serial="DOCK-0001"), CameraPart(name="camera-1", serial="CAM-0001")
    plan = Bench(name="spoilt", dock=(dock,), camera=(camera,))
    with pytest.raises(NotADirectoryError) as caught:
        asyncio.run(serve_bench(plan, folder / "b", spoil))
    assert told(caught.value).startswith(f"{folder / 'b' / 'usb'}")


def test_an_emulator_whose_disk_is_full_for_a_moment_ends_too(folder: Path):
    """What it could not write is missing from then on."""

    def refuse() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(_page: str) -> None:
        asyncio.get_running_loop().call_soon(refuse)

    plan = Bench(name="full", dock=(DockPart(name="dock-1", serial="DOCK-0001"),))
    with pytest.raises(OSError, match="No space left on device"):
        asyncio.run(serve_bench(plan, folder / "b", fill))


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
    bwc("controller", "--settings", wrong).must_be_one_line(f"{wrong}:1: system: is no text")
    long = write(folder / "settings.toml", "certificate_weeks = 13\n")
    bwc("controller", "--settings", long).must_be_one_line(f"{long}:1: certificate_weeks: is more than 12: 12 or less")
    broken = write(folder / "settings.toml", "system = \n")
    bwc("controller", "--settings", broken).must_be_one_line(f"{broken}:1: not TOML: ", "correct this line")
    broken.write_bytes(b"a = " + b"[" * 100_000)
    bwc("controller", "--settings", broken).must_be_one_line(f"{broken}: not TOML: ", "brackets are too deep")
    broken.write_bytes(b"\xff\xfe")
    bwc("controller", "--settings", broken).must_be_one_line(f"{broken}:1: is not UTF-8 text; save it as UTF-8")
    inner = write(folder / "settings.toml", '[[reader]]\nurll = "x"\n')
    bwc("controller", "--settings", inner).must_be_one_line(f"{inner}:2: reader 1: unknown key urll", "mean url?")
    bwc("controller", "--settings", folder / "none").must_be_one_line("none", "name an existing settings file")


def test_roster_files(bwc: Bwc, folder: Path):
    system_in(folder / "c")
    arguments = ["controller", "--folder", folder / "c", "--destination", folder / "d", "--create-destination"]
    unknown = write(folder / "roster.toml", '[[wearer]]\nid = "W-1"\nname = "Ada"\nprofil = "x"\n')
    bwc(*arguments, "--roster", unknown).must_be_one_line(
        str(unknown), ":4: wearer 1: unknown key profil", "did you mean profile"
    )
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
    bwc(*arguments, missing).must_be_one_line(f"{missing}: no such destination", "--create-destination")
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
        ended.must_be_one_line("index.sqlite", "another program holds it", "end that one first")
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
