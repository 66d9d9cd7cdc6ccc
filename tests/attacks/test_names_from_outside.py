"""Path traversal, in every name that comes from outside: serials, wearers, recordings, containers, clips, boards,
benches, accounts, slots, and what lies on a card that was in other hands. A name is refused, or made harmless; nothing
is ever written or read beside the folder that it belongs to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from firmware.camera.recorder import Wearer
from firmware.formats import recording_id
from firmware.formats.errors import FormatError
from firmware.link.codec import TableCodec
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.errors import PortFault
from firmware.ports.keystore import check_slot
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.paths import split_path
from firmware.ports.subtree_files import SubtreeFiles
from firmware.secure.certificates import CertificateFault, check_serial
from firmware.secure.channel_greeting import GreetingReader
from host_tools.accounts.errors import AccountsError
from host_tools.accounts.names import account_name
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.checks import check_name
from host_tools.destinations.connection_file import ConnectionFileError, parse
from host_tools.destinations.directory import DirectoryDestination, create
from host_tools.destinations.interface import DestinationRefused
from host_tools.destinations.names import slug
from host_tools.emulator.bench_file import BenchFileError, read_bench
from host_tools.hardware import find_board
from host_tools.hardware.errors import BoardFileError
from host_tools.system import csv_text
from host_tools.trust.errors import TrustError
from host_tools.trust.restore import make_restore_key, restore_system
from tests.attacks.parts import Controller, SealingCamera, every_byte
from tests.unit.destinations.test_connection_file import file as connection_file
from tests.unit.trust.parts import NOW_MS, PHRASE, World

OUT = ("..", "../outside", "../../outside", "a/../../outside", "/etc/passwd", "./x", "a//b", "", ".", "a\x00b")
NOT_ONE_NAME = (*OUT, "a/b", "a\\..\\b", "a\nb", "\x1b[2J", "\u2028", "..\\outside")


def greeting(serial: str) -> bytes:
    """A greeting with any serial, from whoever does not look at what it says."""
    return TableCodec().encode("greeting", {"serial": serial}, 0)


def bench(text: str, folder: Path) -> None:
    """Read a bench file."""
    path = folder / "bench.toml"
    path.write_text(text)
    read_bench(path)


def restored(name: str) -> None:
    """A system restored to a controller of that name."""
    world = World()
    key = make_restore_key(world.trust, PHRASE, NOW_MS)
    restore_system(MemoryFiles(), key, PHRASE, name, NOW_MS, world.entropy)


REFUSING: dict[str, tuple[Callable[[str], object], type[Exception] | tuple[type[Exception], ...]]] = {
    "serial in a certificate": (check_serial, CertificateFault),
    "serial in a greeting": (lambda name: GreetingReader().feed(greeting(name)), CertificateFault),
    "recording": (recording_id.parse, FormatError),
    "container or clip": (check_name, DestinationRefused),
    "account": (account_name, AccountsError),
    "slot of a keystore": (check_slot, PortFault),
    "model of a board": (find_board, BoardFileError),
    "controller that is restored": (restored, (CertificateFault, TrustError)),
}


@pytest.mark.parametrize("where", REFUSING)
def test_a_name_that_leads_out_is_refused_in_one_line(where: str):
    take, error = REFUSING[where]
    for name in NOT_ONE_NAME if where != "controller that is restored" else ("../outside", ""):
        with pytest.raises(error) as refused:
            take(name)
        assert "\n" not in str(refused.value)
        assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("key", ["name", "serial", "dock.name", "dock.port", "camera.serial", "camera.name"])
def test_a_bench_file_names_nothing_outside_its_folder(key: str, tmp_path: Path):
    table, _, last = key.rpartition(".")
    lines = {"name": "one", "serial": "CAM-0001", "port": "1-1"} if table else {}
    lines.pop("port", None) if table == "camera" else None
    for name in OUT[:5]:
        said = "\n".join(f'{word} = "{value}"' for word, value in {**lines, last: name}.items())
        with pytest.raises(BenchFileError) as refused:
            bench(f"[[{table}]]\n{said}\n" if table else said, tmp_path)
        assert last in str(refused.value)


@pytest.mark.parametrize("name", [name for name in OUT if name])
def test_no_files_port_leaves_its_root(name: str, tmp_path: Path):
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    (tmp_path / "outside").write_text("secret")
    for files in (LinuxFiles(root), MemoryFiles(), SubtreeFiles(LinuxFiles(root), "below")):
        for act in (files.open, files.create, files.remove, files.make_folder, files.list_folder, files.exists):
            with pytest.raises(PortFault):
                act(name)
        for old, new in ((name, "x"), ("x", name)):
            with pytest.raises(PortFault):
                files.rename(old, new)
    with pytest.raises(PortFault):
        split_path(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]


def test_a_card_of_links_leads_nowhere(tmp_path: Path):
    """A card that was in other hands, with links in place of a recording's folder and of its files."""
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    kept = camera.record()
    secret = tmp_path / "secret"
    secret.mkdir()
    for name in ("manifest.json", "chunks", "header.json", "journal"):
        (secret / name).write_text("what only the host has")
    recordings = tmp_path / "card" / "recordings"
    (recordings / ("0" * 32)).symlink_to(secret)
    (recordings / ("1" * 32)).mkdir()
    for name in ("manifest.json", "chunks", "header.json", "journal"):
        (recordings / ("1" * 32) / name).symlink_to(secret / name)
    before = every_byte(secret)
    camera.boot()
    assert [each.recording for each in camera.vault.recordings()] == [kept]
    assert every_byte(secret) == before, "nothing beside the card was changed or removed"


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "..", "a\\..\\b", "C:\\x"])
def test_a_wearer_of_any_name_is_delivered_within_the_destination(name: str, tmp_path: Path):
    world = World()
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    camera.trust.assignment().keep(Wearer(name, name), name)
    recording = camera.record([b"init", b"media"])
    here = Controller(world, tmp_path / "deep" / "deeper" / "controller")
    try:
        here.offload(camera, recording)
        assert [each["what"] for each in here.deliver()].count("delivered") == 1
        container = here.index.get(recording).container
        assert container == Path(container).name
        assert here.clip(recording) == b"initmedia"
    finally:
        here.close()
    assert [path.name for path in (tmp_path / "deep" / "deeper").iterdir()] == ["controller"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card", "deep"]


def test_a_destination_folder_refuses_before_it_writes(tmp_path: Path):
    folder = tmp_path / "a" / "destination"
    folder.mkdir(parents=True)
    create(LinuxFiles(folder), "destination", "d1")
    store = DirectoryDestination(lambda: LinuxFiles(folder), "destination", run_in_thread)

    async def nothing() -> AsyncGenerator[bytes]:
        yield b"x"

    async def scenario() -> None:
        await store.open()
        for name in NOT_ONE_NAME:
            with pytest.raises(DestinationRefused):
                await store.ensure_container(name, {})
            with pytest.raises(DestinationRefused):
                await store.put_object("there", name, nothing(), 1, {})
            with pytest.raises(DestinationRefused):
                await store.read_object(name, "x")

    before = every_byte(tmp_path)
    asyncio.run(scenario())
    assert every_byte(tmp_path) == before


@pytest.mark.parametrize("text", ["../../outside", "..", "Å/..", "...", "-", "_", "a b", "x" * 500])
def test_what_people_wrote_is_one_plain_name_at_a_destination(text: str):
    made = slug(text)
    check_name(made)
    assert made.isascii()
    assert "/" not in made


def test_a_connection_file_names_no_file_of_this_machine():
    for uri in ("file:///etc/passwd", "/etc/passwd", "../x", "unix:/run/x", "https:///x", "gopher://x/"):
        with pytest.raises(ConnectionFileError, match="AuthenticationTokenURI"):
            parse(connection_file(AuthenticationTokenURI=[uri], HTTPSCertificate=...))


def test_a_table_s_cells_are_names_of_nothing():
    """What is in a CSV is text until a room takes it for a name; those rooms are above."""
    [(_, cells)] = csv_text.read("../../outside,=cmd|x\n", rows_max=1)
    assert cells == ["../../outside", "=cmd|x"]
    with pytest.raises(AccountsError):
        account_name(cells[0])
    check_name(slug(cells[0]))
