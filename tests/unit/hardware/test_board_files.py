"""Board files: the house's own load, and each mistake gets one line with file, line, key and remedy."""

import re
from pathlib import Path

import pytest

from host_tools.emulator.models.contacts import GAINS
from host_tools.hardware import Board, BoardFileError, board_models, find_board, load_board
from host_tools.hardware.files import BOARDS_FOLDER

MODELS = board_models()


def spoiled(tmp_path: Path, model: str, old: str, new: str) -> Path:
    """A copy of a board file with one piece of text replaced."""
    text = (BOARDS_FOLDER / model / "board.toml").read_text()
    assert old in text
    path = tmp_path / model / "board.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace(old, new, 1))
    return path


def line_with(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def failure(path: Path) -> BoardFileError:
    with pytest.raises(BoardFileError) as caught:
        load_board(path)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", MODELS)
def test_the_houses_boards_load(model: str):
    board = find_board(model)
    assert board.model == model
    assert board.firmware.application == f"firmware.{board.kind}"
    assert board.usb.vid == 0x1209
    assert 1 <= board.usb.pid <= 0x10
    assert [slot.name for slot in board.update.slots] == ["a", "b"]
    assert board.update.compatible == "openbwc-" + model.replace("_", "-")
    assert [each.kind for each in board.usb.functions if each.name == "link"] == ["acm"]


@pytest.mark.req("DOCK-06", "EMU-01")
def test_docks_of_one_and_eight_bays_and_two_cameras_are_defined():
    assert find_board("pico_dock_8").bays == (1, 2, 3, 4, 5, 6, 7, 8)
    assert find_board("pico_dock_1").bays == (1,)
    assert [model for model in MODELS if find_board(model).kind == "camera"] == ["pi_cm4_camera", "pi_zero_2w_camera"]


def test_no_two_boards_share_a_usb_identity():
    identities = [(find_board(model).usb.vid, find_board(model).usb.pid) for model in MODELS]
    assert len(set(identities)) == len(identities)


@pytest.mark.req("EMU-01")
def test_cameras_offer_the_video_of_the_catalogue_and_their_own_hold_time():
    boards = [find_board(model) for model in MODELS if find_board(model).kind == "camera"]
    for board in boards:
        assert board.video is not None
        assert [mode.name for mode in board.video.modes] == ["720p", "720p high", "1080p", "1080p high"]
        assert (board.video.mode("1080p").width_px, board.video.mode("1080p").height_px) == (1920, 1080)
    holds = {button.hold_ms for board in boards for button in board.buttons if button.name == "record"}
    assert len(holds) == len(boards)


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize("model", [model for model in MODELS if find_board(model).kind == "dock"])
def test_the_physical_models_front_end_is_the_one_of_the_dock_boards(model: str):
    for channel in find_board(model).analogue.channels:
        word = channel.name.partition(".")[2]
        if channel.name.startswith("bay"):
            assert channel.gain == GAINS[word], channel.name


MUX_B_OUTPUT = 'output = "adc0"\npins = ["mux.s0", "mux.s1", "mux.s2", "mux.s3"]\n\n[[peripheral]]\nname = "mux_c"'
CHARGER_NEXT = '0x40\n\n[[peripheral]]\nname = "charger"'

SCL = 'pins = ["i2c1.sda"'
UART = '[[bus]]\nname = "uart0"'
UART_9 = '[[bus]]\nname = "uart9"\nkind = "uart"\nunit = 0\npins = ["gnss.rx"]\nfrequency_hz = 9600\n\n'
BOOT_TWICE = 'name = "boot_a"\nstorage = "card"\nnumber = 3'

SPOILS = [
    # model, text, replacement, text on the reported line, message
    ("pico_dock_8", "vid = 0x1209", "vidd = 0x1209", "vidd", "unknown key usb.vidd; did you mean usb.vid?"),
    (
        "pico_dock_8",
        "cores = 2",
        "kernels = 2",
        "kernels",
        "unknown key soc.kernels; known keys here: clock_mhz, cores",
    ),
    ("pico_dock_8", "pid = 0x0003\n", "", "[usb]", "missing key usb.pid; add it to usb"),
    ("pico_dock_8", "[memory]", "[memry]", "[memry]", "unknown key memry; did you mean memory?"),
    ("pico_dock_8", "gpio = 11,", "gipo = 11,", "gipo", "unknown key pins.soc[1].gipo; did you mean pins.soc[1].gpio?"),
    ("pico_dock_8", "pid = 0x0003", 'pid = "3"', 'pid = "3"', "usb.pid: '3' is no whole number: write"),
    ("pico_dock_8", 'kind = "dock"', 'kind = "dok"', '"dok"', "kind: 'dok' is none of camera, dock: did you mean dock"),
    ("pi_zero_2w_camera", 'kind = "ffs"', 'kind = "fss"', '"fss"', "ecm, mass_storage, ffs: did you mean ffs?"),
    ("pi_zero_2w_camera", "heap_bytes = 2", "heap_bytes = 22", "heap_bytes = 22", "bytes there are: lower it"),
    ("pico_dock_8", "schema = 1", "schema = 2", "schema = 2", "schema: 2 is not what it must be: write 1"),
    ("pico_dock_8", "cores = 2", "cores = = 2", "= = 2", "not TOML: invalid value; correct this line"),
    ("pico_dock_8", "gpio = 11, physical = 15", "gpio = 10, physical = 14", '"mux.s1"', "GPIO 10 is used twice"),
    ("pico_dock_8", "gpio = 11, physical = 15", "gpio = 11, physical = 16", '"mux.s1"', "GPIO 11 is on pin 15"),
    ("pico_dock_8", "gpio = 25, function", "gpio = 24, physical = 40, function", "led.board", "GPIO 24 is not brought"),
    ("pico_dock_8", 'gpio = 13, physical = 17, function = "out"', 'gpio = 13, function = "adc"', "mux.s3", "no conv"),
    ("pico_dock_8", '"bay2.power"', '"bay1.power"', 'chip = "outputs", bit = 4', "name bay1.power is given twice"),
    ("pico_dock_8", "bit = 31", "bit = 32", "bit = 32", "outputs has outputs 0 to 31, not 32"),
    ("pico_dock_8", "bit = 31", "bit = 30", '"bay8.lamp_red"', "output 30 of outputs is used twice"),
    ("pico_dock_8", 'chip = "outputs", bit = 7', 'chip = "output", bit = 7', '"output"', "did you mean outputs?"),
    (
        "pico_dock_8",
        'source = "mux_b", input = 3',
        'source = "mux_b", input = 2',
        "bay4.supply",
        "read under two names",
    ),
    ("pico_dock_8", '"mux_b", input = 3', '"mux_b", input = 16', "bay4.supply", "inputs 0 to 15"),
    (
        "pico_dock_8",
        'source = "mux_b", input = 3',
        'source = "mux_d", input = 3',
        "mux_d",
        "there is no converter mux_d",
    ),
    ("pico_dock_1", 'source = "adc2"', 'source = "adc0"', "supply.rail", "adc0 is taken by a multiplexer"),
    ("pico_dock_8", 'output = "adc1"', 'output = "adc0"', MUX_B_OUTPUT, "adc0 already takes another"),
    ("pico_dock_8", 'output = "adc1"', 'output = "adc7"', "adc7", "there is no converter pin adc7"),
    ("pico_dock_8", 'bus = "spi0"', 'bus = "spi1"', 'bus = "spi1"', "there is no bus spi1; did you mean spi0?"),
    ("pico_dock_8", '"outputs.latch", "outputs.enable"', '"outputs.lach"', "lach", "did you mean outputs.latch?"),
    ("pico_dock_8", 'port = "3.4"', 'port = "3.3"', "bay = 8", "hub port 3.3 is taken twice"),
    ("pico_dock_8", 'port = "3.4"', 'port = "1"', "bay = 8", "hub port 1 is taken twice"),
    ("pico_dock_8", "bay = 8, port", "bay = 7, port", 'port = "3.4"', "bay 7 is there twice"),
    (
        "pico_dock_8",
        '{ name = "bay3.coupling"',
        '{ name = "bay3.copling"',
        "channels = [",
        "firmware reads bay3.coupling",
    ),
    ("pico_dock_8", '"bay3.drive"', '"bay3.drife"', "[pins]", "firmware drives bay3.drive"),
    ("pico_dock_8", '"firmware.dock"', '"firmware.camera"', '"firmware.camera"', 'a dock runs "firmware.dock"'),
    ("pico_dock_8", "heap_bytes = 196_608", "heap_bytes = 999_999", "heap_bytes", "more than the 270336 bytes"),
    (
        "pi_zero_2w_camera",
        "address = 0x68",
        "address = 0x40",
        '0x40\n\n[[peripheral]]\nname = "charger"',
        "taken twice",
    ),
    ("pi_zero_2w_camera", "address = 0x68\n", "", 'name = "rtc"', "rtc is on the I2C bus i2c1: give its address"),
    ("pi_zero_2w_camera", 'default = "1080p"', 'default = "1080"', 'default = "1080"', "did you mean 1080p?"),
    ("pi_zero_2w_camera", 'pin = "button.power"', 'pin = "button.pwr"', "button.pwr", "did you mean button.power?"),
    ("pi_zero_2w_camera", 'function = "i2c"', 'function = "out"', 'pins = ["i2c1.sda"', "the bus needs i2c"),
    ("pi_zero_2w_camera", "gpio = 13, physical = 33", "gpio = 26, physical = 37", '"buzzer"', "no pulse generator"),
    (
        "pi_zero_2w_camera",
        'gpio = 3, physical = 5, function = "i2c"',
        'gpio = 4, physical = 7, function = "i2c"',
        SCL,
        "2, 3",
    ),
    ("pi_zero_2w_camera", 'kind = "i2c"\nunit = 1', 'kind = "i2c"\nunit = 7', "unit = 7", "there is no i2c7"),
    (
        "pi_zero_2w_camera",
        '["gnss.rx", "gnss.tx"]',
        '["gnss.rx"]',
        '"gnss.tx", gpio',
        "gnss.tx is a line of no uart bus",
    ),
    (
        "pi_zero_2w_camera",
        '["gnss.rx", "gnss.tx"]',
        '["gnss.rx", "gnss.tx", "gnss.rx"]',
        '["gnss.rx"',
        "already a line",
    ),
    ("pi_zero_2w_camera", UART, UART_9 + UART, 'unit = 0\npins = ["gnss.rx", "gnss.tx"]', "uart0 is there twice"),
    ("pi_zero_2w_camera", "address = 0x36", "address = 0x37", "0x37", "a MAX17048 answers at 0x36, not at 0x37"),
    (
        "pi_zero_2w_camera",
        "frequency_hz = 400_000",
        "frequency_hz = 4_000_000",
        "frequency_hz = 4_000_000",
        "at most at 1000000 Hz",
    ),
    (
        "pi_zero_2w_camera",
        "charge_ua = 1_000_000",
        "charge_ua = 4_000_000",
        "charge_ua = 4_000_000",
        "in less than an hour",
    ),
    ("pi_zero_2w_camera", 'bus = "uart0"', 'bus = "uart0"\naddress = 0x42', "0x42", "gnss is on no I2C bus"),
    ("pi_zero_2w_camera", 'storage = "card"\nnumber = 6', 'storage = "crad"\nnumber = 6', '"crad"', "mean card?"),
    (
        "pi_zero_2w_camera",
        "number = 6",
        "number = 5",
        'number = 5\nfilesystem = "ext4"\nsize_bytes = 3_221_225_472\n\n[[partition]]\nname = "evidence"',
        "partition 5 of card",
    ),
    ("pi_zero_2w_camera", 'name = "boot_b"\n', 'name = "boot_a"\n', BOOT_TWICE, "boot_a is there twice"),
    ("pi_zero_2w_camera", "size_bytes = 56_", "size_bytes = 86_", "86_", "the partitions of card take"),
    ("pi_zero_2w_camera", '["boot_b", "root_b"]', '["boot_b", "rootb"]', '"rootb"', "did you mean root_b?"),
    ("pi_zero_2w_camera", '["boot_b", "root_b"]', '["boot_b", "root_a"]', '["boot_b"', "root_a is in two slots"),
    ("pi_zero_2w_camera", '["boot_b", "root_b"]', '["root_b"]', '["root_b"]', "exactly one FAT partition"),
    ("pi_zero_2w_camera", "number = 3", "number = 8", 'partitions = ["boot_b"', "number from 1 to 4"),
    ("pi_zero_2w_camera", 'name = "b", part', 'name = "a", part', '"boot_b", "root_b"', "the slot a is there twice"),
    ("pi_zero_2w_camera", '"root_b"] }', '"root_b"], folder = "/b" }', 'folder = "/b"', "not from a folder"),
    ("pico_dock_1", ', folder = "/b"', "", 'name = "b"', "the slot b needs a folder"),
    ("pico_dock_1", 'folder = "/b"', 'folder = "/a"', 'name = "b"', "files is in two slots"),
    (
        "pico_dock_1",
        "firmware_bytes_max = 524_288",
        "firmware_bytes_max = 800_000",
        'name = "a", p',
        "has 720896 bytes",
    ),
    (
        "pico_dock_1",
        "over_current_ua = 1_400_000",
        "over_current_ua = 900_000",
        "over_current_ua",
        "would switch it off",
    ),
    (
        "pico_dock_8",
        "gpio = 19, physical = 25",
        "gpio = 14, physical = 19",
        'pins = ["outputs.clock"',
        "GPIO 14 cannot be",
    ),
    (
        "pi_cm4_camera",
        'name = "BCM2711"',
        'name = "BCM2117"',
        "BCM2117",
        "no processor BCM2117 is known; did you mean BCM2",
    ),
    ("pi_dock", "cores = 4", "cores = 8", "cores = 8", "cores of a BCM2710A1: 4, not 8"),
    ("pi_zero_2w_camera", 'revision = "A"\n', "", "# Body-worn", "missing key revision; add it"),
    ("pi_zero_2w_camera", "[battery]", "[batery]", "[batery]", "unknown key batery; did you mean battery?"),
]


@pytest.mark.req("EMU-01")
@pytest.mark.parametrize(("model", "old", "new", "on_line", "message"), SPOILS, ids=[spoil[4] for spoil in SPOILS])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, model: str, old: str, new: str, on_line: str, message: str):
    path = spoiled(tmp_path, model, old, new)
    error = failure(path)
    assert message in str(error)
    text = path.read_text()
    assert error.line == text.count("\n", 0, text.index(on_line)) + 1
    assert str(error).startswith(f"{path}:{error.line}: ")


@pytest.mark.req("EMU-01")
def test_more_functions_than_the_pi_has_endpoints_are_refused(tmp_path: Path):
    functions = (
        '{ name = "link", kind = "acm" },\n{ name = "net", kind = "ncm" },\n{ name = "disk", kind = "mass_storage" },'
    )
    path = spoiled(tmp_path, "pi_dock", '{ name = "link", kind = "acm" },', functions)
    error = failure(path)
    assert error.key == "usb.functions"
    assert "link 3 + net 3 + disk 2 = 8 endpoints, BCM2710A1 has 7: drop a function" in str(error)
    path.write_text(path.read_text().replace('{ name = "disk", kind = "mass_storage" },', ""))
    assert sum(function.endpoints for function in load_board(path).usb.functions) == 6


def test_the_first_mistake_in_the_file_is_named_first(tmp_path: Path):
    path = spoiled(tmp_path, "pico_dock_8", "cores = 2", "coers = 2")
    path.write_text(path.read_text().replace("pid = 0x0003", "pidd = 0x0003"))
    assert failure(path).line == line_with(path, "coers")
    assert failure(path).key == "soc.coers"


def test_a_missing_board_gets_the_nearest_name(tmp_path: Path):
    with pytest.raises(BoardFileError, match=r"there is no board pico_dok_8; did you mean pico_dock_8\?"):
        find_board("pico_dok_8")
    with pytest.raises(BoardFileError, match="there are no boards here"):
        find_board("pico_dock_8", tmp_path)
    with pytest.raises(BoardFileError, match="name an existing board file"):
        load_board(tmp_path / "board.toml")


def test_a_copied_board_must_be_renamed_inside_too(tmp_path: Path):
    (tmp_path / "my_dock").mkdir()
    (tmp_path / "my_dock" / "board.toml").write_text((BOARDS_FOLDER / "pico_dock_8" / "board.toml").read_text())
    with pytest.raises(BoardFileError, match=r'board\.toml:4: model: the folder is named "my_dock"'):
        find_board("my_dock", tmp_path)


def test_files_that_are_no_text_say_so(tmp_path: Path):
    path = tmp_path / "board.toml"
    path.write_bytes(b'schema = 1\nmodel = "\xff"\n')
    assert re.fullmatch(r".*board\.toml:2: is not UTF-8 text; save it as UTF-8", str(failure(path)))
    path.write_bytes(b"#" * 300_000)
    assert "this is no board file" in str(failure(path))
    assert "cannot be read" in str(failure(tmp_path))


def test_windows_line_ends_do_not_shift_lines(tmp_path: Path):
    path = spoiled(tmp_path, "pico_dock_8", "vid = 0x1209", "vidd = 0x1209")
    expected = line_with(path, "vidd")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert failure(path).line == expected


def test_a_board_cannot_be_changed():
    board = find_board("pico_dock_8")
    with pytest.raises(ValueError, match="frozen"):
        board.model = "other"
    assert isinstance(board, Board)
