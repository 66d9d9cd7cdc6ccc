"""A bench file: what it may say, and the one line about what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.bench.bench_file import is_bench_of_boards, read_bench_file, roster_beside
from host_tools.bench.errors import BenchFileError
from tests.unit.bench.parts import BENCH, Desk, swapped


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_bench_file_is_read_and_its_paths_are_beside_it(desk: Desk):
    bench = desk.bench('roster = "who.toml"\nsystem = { folder = "sys", passphrase_file = "/p" }\n' + BENCH)
    assert bench.names() == ["dock-1", "camera-1", "camera-2"]
    assert [part.name for part in bench.of_kind("camera")] == ["camera-1", "camera-2"]
    assert (bench.usb, bench.roster) == (desk.usb, desk.root / "who.toml")
    assert bench.system is not None
    assert (bench.system.folder, bench.system.passphrase_file) == (desk.root / "sys", Path("/p"))
    assert bench.lane == "hardware"
    assert bench.find("camera-2").features == ("x-spare",)


def test_an_emulated_bench_brings_its_own_wearers_or_has_those_of_the_scenarios(tmp_path: Path):
    assert roster_beside(tmp_path / "bench.toml", Path("/there")) == Path("/there/hil_tests/roster.toml")
    (tmp_path / "roster.toml").write_text("")
    assert roster_beside(tmp_path / "bench.toml", Path("/there")) == tmp_path / "roster.toml"


PORT = 'match = { port = "1-1.2.2" }'
SWITCH = 'on = "true", off = "true"'
SMALL = ("pico_dock_8", "pico_dock_1")
WRONG = [
    ('\nserial = "DOCK-1"', '\nserail = "DOCK-1"', "toml:9: board 1: unknown key serail; did you mean serial?"),
    (PORT, 'match = { prot = "1-1.2.2" }', "unknown key prot; did you mean port?"),
    ('usb = "usb"', 'usb_root = "usb"', "unknown key usb_root; "),
    ('"pico_dock_8"', '"pico_dock_9"', "toml:8: no board model pico_dock_9; did you mean pico_dock_"),
    ('name = "camera-2"', 'name = "camera-1"', "board camera-1: has the name of camera-1"),
    ('\nserial = "CAM-2"', '\nserial = "CAM-1"', "camera-2: has the serial of camera-1, CAM-1; give each its own"),
    (PORT, 'match = { usb_serial = "CAM-1" }', "has the USB serial of camera-1, CAM-1"),
    (PORT, "match = { interface = 2 }", "match names nothing; give usb_serial, port or vid_pid"),
    (PORT, "", "camera-2 cannot be found; give match = { usb_serial = … }, or a link"),
    (PORT, 'match = { port = "hub 3" }', "port: 'hub 3' is none; it is a USB port as `bwc ports` shows it"),
    (SWITCH, 'on = "true", off_url = "http://relay/off"', "power is no switch; give on and off (commands), or"),
    (SWITCH, 'dock = "dock-2", bay = 1', "its power is of dock-2; did you mean dock-1?"),
    ('on = "true"', 'on = "relay {bord}"', ": on: {bord} is no placeholder; did you mean board?"),
    ('on = "true"', 'on = "relay {button}"', "{button} is no placeholder; known: bay, board, dock, serial"),
    ('on = "true"', "on = 'relay \"1'", "is no command (No closing quotation); close its quotes and braces"),
    ('["x-spare"]', '["slowlink"]', "toml:25: features: no feature is called slowlink; did you mean slow-link?"),
]


@pytest.mark.req("HIL-01")
@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_what_is_wrong_is_one_line_with_place_and_remedy(desk: Desk, old: str, new: str, told: str):
    assert told in refusal(desk, swapped(old, new))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "lab"\n', "bench.toml:1: board is missing; add it"),
        (BENCH + "]", "bench.toml:26: not TOML: neither a key nor a table; is a # or a quote missing"),
        ("x" * 300_000, "this is no bench file"),
        ('[[dock]]\nname = "dock-1"\n', "describes an emulated bench; `bwc emulate --bench "),
    ],
)
def test_what_is_no_bench_file_is_told(desk: Desk, text: str, told: str):
    assert told in refusal(desk, text)


def refusal(desk: Desk, text: str) -> str:
    with pytest.raises(BenchFileError) as caught:
        desk.bench(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([SMALL, ("bay = 1\n", "bay = 2\n")], "toml:17: board camera-1: bay: dock-1 has no bay 2; it has 1"),
        ([SMALL, (SWITCH, 'dock = "dock-1", bay = 5')], "board camera-1: bay: dock-1 has no bay 5; it has 1"),
        ([('"DOCK-1"\n', '"DOCK-1"\nbay = 1\n')], "toml:10: board dock-1: bay: the bench has no dock that it"),
    ],
)
def test_a_bay_that_no_dock_has_is_told_with_those_it_has(desk: Desk, changes: list[tuple[str, str]], told: str):
    text = BENCH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    assert told in refusal(desk, text)


def test_a_board_that_is_not_there_is_answered_with_those_that_are(desk: Desk):
    with pytest.raises(BenchFileError, match="bench lab has no camera-3; did you mean camera-"):
        desk.bench().find("camera-3")


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(BenchFileError, match=r"cannot be read .*; make one: bwc bench scan --write"):
        read_bench_file(tmp_path / "none.toml")


def test_a_folder_is_no_bench_file_and_the_one_in_it_is_named(desk: Desk):
    with pytest.raises(BenchFileError, match="name a bench file that you may read"):
        read_bench_file(desk.dev)
    path = desk.write()
    with pytest.raises(BenchFileError, match=f"did you mean {path}"):
        read_bench_file(path.parent)


def test_boards_and_emulated_boards_are_told_apart(desk: Desk):
    assert is_bench_of_boards(desk.write())
    assert not is_bench_of_boards(desk.write('[[dock]]\nname = "d"\n'))
