"""A folder that is gone, foreign, full or write-protected is said to be so; what was confirmed survives a power cut."""

import asyncio
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from host_tools.custody.blocking import run_in_thread, run_inline
from host_tools.destinations.directory import DirectoryDestination, create
from host_tools.destinations.interface import DestinationRefused, DestinationUnavailable, Receipt
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces


def on(files: Files) -> DirectoryDestination:
    return DirectoryDestination(lambda: files, "/evidence", run_inline)


def made(capacity_bytes: int = 1 << 20) -> MemoryFiles:
    files = MemoryFiles(capacity_bytes)
    create(files, "/evidence", "test")
    return files


def real(root: Path) -> DirectoryDestination:
    return DirectoryDestination(lambda: LinuxFiles(root), str(root), run_in_thread)


async def deliver(destination: DirectoryDestination, content: bytes = CONTENT, complete: bool = True) -> Receipt:
    await destination.open()
    await destination.ensure_container(BOX, {"UserID": "W-7"})
    receipt = await destination.put_object(BOX, CLIP, Pieces(content), len(content), {"ContainerType": "mp4"})
    if complete:
        await destination.complete(BOX)
    return receipt


def unavailable(call: Coroutine[Any, Any, object], *texts: str) -> None:
    with pytest.raises(DestinationUnavailable) as caught:
        asyncio.run(call)
    for text in texts:
        assert text in str(caught.value)


@pytest.mark.req("CTRL-09")
def test_a_root_that_is_missing_renamed_or_a_file_is_unavailable_and_not_made_anew(tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    unavailable(deliver(real(root)), str(root), "mount its disk or put it back")
    assert not root.exists()
    root.mkdir()
    create(LinuxFiles(root), str(root), "test")
    destination = real(root)
    asyncio.run(deliver(destination))
    root.rename(tmp_path / "elsewhere")
    unavailable(destination.check(), str(root), "not made anew by itself")
    unavailable(deliver(destination), str(root))
    root.write_text("a file now")
    unavailable(deliver(destination), str(root))
    root.unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere"]
    (tmp_path / "elsewhere").rename(root)
    asyncio.run(deliver(destination))


def test_an_empty_folder_in_its_place_is_not_filled(tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    root.mkdir()
    create(LinuxFiles(root), str(root), "test")
    destination = real(root)
    asyncio.run(deliver(destination))
    shutil.rmtree(root)
    root.mkdir()  # an unmounted disk leaves its mount point
    for call in (destination.open, destination.check, lambda: deliver(destination)):
        unavailable(call(), "destination.toml", "mount its disk")
    assert list(root.iterdir()) == []


def test_a_write_protected_folder_is_unavailable() -> None:
    files = made()
    destination = on(files)
    asyncio.run(destination.check())
    files.set_read_only(True)
    unavailable(destination.check(), "/evidence", "cannot be written")
    unavailable(deliver(destination), "cannot be written")
    files.set_read_only(False)
    asyncio.run(deliver(destination))


def test_a_full_disk_is_unavailable_and_leaves_no_half_object() -> None:
    files = made(capacity_bytes=100_000)
    destination = on(files)
    unavailable(deliver(destination), "/evidence is full", "free space")
    assert files.list_folder(BOX) == ["container.meta.json"]
    asyncio.run(deliver(destination, CONTENT[:50_000]))


def test_a_container_that_is_a_file_is_unavailable() -> None:
    files = made()
    files.create(BOX)
    unavailable(deliver(on(files)), "not there or not whole")


@pytest.mark.parametrize(
    ("marker", "text"),
    [("layout = [", "restore it from a backup"), ("layout = 2", "use the software that made it"), ("", "layout None")],
)
def test_a_marker_that_is_not_understood_is_named(marker: str, text: str) -> None:
    files = MemoryFiles()
    files.create("destination.toml").write_at(0, marker.encode())
    unavailable(on(files).open(), "destination.toml", text)


def test_damaged_metadata_are_named() -> None:
    files = made()
    asyncio.run(deliver(on(files)))
    for damage in (b"{", b"[]"):
        file = files.open(f"{BOX}/container.meta.json", writable=True)
        file.truncate(0)
        file.write_at(0, damage)
        unavailable(deliver(on(files)), "container.meta.json is damaged")


def test_create_makes_a_marker_once_and_only_in_an_empty_folder() -> None:
    files = made()
    before = marker_of(files)
    create(files, "/evidence", "other")
    assert marker_of(files) == before
    assert b'id = "test"' in before
    foreign = MemoryFiles()
    foreign.create("holiday.jpg")
    with pytest.raises(DestinationRefused, match="name an empty folder"):
        create(foreign, "/evidence", "test")
    files.set_read_only(True)
    empty = MemoryFiles()
    empty.set_read_only(True)
    with pytest.raises(DestinationUnavailable, match="cannot be written"):
        create(empty, "/evidence", "test")


def test_what_a_crash_left_behind_does_not_disturb() -> None:
    files = made()
    files.make_folder(BOX)
    files.create(f"{BOX}/.partial-{CLIP}").write_at(0, b"half of another attempt")
    files.create(f"{BOX}/.partial-container.meta.json")
    destination = on(files)
    asyncio.run(deliver(destination))
    assert asyncio.run(destination.read_object(BOX, CLIP)) == CONTENT


def test_a_cancelled_delivery_leaves_nothing_half(tmp_path: Path) -> None:
    create(LinuxFiles(tmp_path), str(tmp_path), "test")
    destination = real(tmp_path)

    async def run() -> None:
        reached = asyncio.Event()

        async def endless():
            while True:
                yield b"x" * 1000
                reached.set()

        await destination.ensure_container(BOX, {})
        task = asyncio.create_task(destination.put_object(BOX, CLIP, endless(), 1 << 40, {}))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert [path.name for path in (tmp_path / BOX).iterdir()] == ["container.meta.json"]


@pytest.mark.req("CTRL-09")
@pytest.mark.parametrize("keep_unsynced", [False, True])
def test_power_cut_before_every_change_and_the_delivery_is_repeated(keep_unsynced: bool) -> None:
    counting = PowerCutFiles(made())
    asyncio.run(deliver(on(counting)))
    assert counting.changes > 15
    for cut in range(counting.changes):
        medium = made()
        with pytest.raises(PowerCut):
            asyncio.run(deliver(on(PowerCutFiles(medium, cut_before=cut))))
        after = on(medium.crash(keep_unsynced))
        container = asyncio.run(after.read_container(BOX))
        if container is not None and container.metadata.get("Status") == "Complete":
            assert asyncio.run(after.read_object(BOX, CLIP)) == CONTENT, f"cut before change {cut}"
        asyncio.run(deliver(after))
        assert asyncio.run(after.read_object(BOX, CLIP)) == CONTENT, f"cut before change {cut}"
        container = asyncio.run(after.read_container(BOX))
        assert container is not None
        assert container.metadata == {"UserID": "W-7", "Status": "Complete"}
        assert list(container.objects) == [CLIP]


@pytest.mark.req("CTRL-09")
@pytest.mark.parametrize("complete", [False, True])
def test_what_was_confirmed_is_on_the_medium(complete: bool) -> None:
    files = made()
    receipt = asyncio.run(deliver(on(files), complete=complete))
    after = on(files.crash())
    container = asyncio.run(after.read_container(BOX))
    assert container is not None
    assert container.objects[CLIP].receipt == receipt
    assert asyncio.run(after.read_object(BOX, CLIP)) == CONTENT


def marker_of(files: MemoryFiles) -> bytes:
    file = files.open("destination.toml")
    buffer = bytearray(file.size_bytes())
    file.read_at(0, buffer)
    return bytes(buffer)
