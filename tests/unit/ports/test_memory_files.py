"""MemoryFiles keeps through a crash exactly what the port calls durable."""

import pytest

from firmware.ports.errors import NoSpace, ReadOnly
from firmware.ports.files import Files
from firmware.ports.files_suite import get, put
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles


def test_nothing_is_durable_without_a_sync() -> None:
    files = MemoryFiles()
    put(files, "one", b"content")
    files.make_folder("two")
    assert files.crash().list_folder("") == []
    assert files.crash(keep_unsynced=True).list_folder("") == ["one", "two"]
    assert get(files.crash(keep_unsynced=True), "one") == b"content"


def test_a_name_and_its_content_are_made_durable_separately() -> None:
    files = MemoryFiles()
    file = files.create("one")
    file.write_at(0, b"content")
    file.sync()
    assert files.crash().list_folder("") == []
    file.write_at(0, b"CONTENT, longer")
    files.sync_folder("")
    assert get(files.crash(), "one") == b"content"
    file.truncate(3)
    assert get(files.crash(), "one") == b"content"
    file.sync()
    assert get(files.crash(), "one") == b"CON"


def test_a_folder_needs_its_parent() -> None:
    files = MemoryFiles()
    files.make_folder("a")
    put(files, "a/one", b"")
    files.sync_folder("a")
    assert files.crash().list_folder("") == []
    files.sync_folder("")
    assert files.crash().list_folder("a") == ["one"]


def test_a_rename_lasts_from_the_sync_of_its_folder() -> None:
    files = MemoryFiles()
    for name in ("new", "old"):
        file = files.create(name)
        file.write_at(0, name.encode())
        file.sync()
    files.sync_folder("")
    files.rename("new", "old")
    assert files.crash().list_folder("") == ["new", "old"]
    assert get(files.crash(), "old") == b"old"
    files.sync_folder("")
    assert files.crash().list_folder("") == ["old"]
    assert get(files.crash(), "old") == b"new"


def test_a_removal_lasts_from_the_sync_of_its_folder() -> None:
    files = MemoryFiles()
    put(files, "one", b"")
    files.sync_folder("")
    files.remove("one")
    assert files.crash().exists("one")
    files.sync_folder("")
    assert not files.crash().exists("one")


def test_a_crash_leaves_the_original_alone_and_starts_clean() -> None:
    files = MemoryFiles(1000)
    file = files.create("one")
    file.write_at(0, bytes(600))
    file.sync()
    files.sync_folder("")
    after = files.crash()
    file.write_at(0, b"x")
    assert get(after, "one") == bytes(600)
    assert after.free_bytes() == 400
    with pytest.raises(NoSpace):
        put(after, "two", bytes(401))
    assert after.crash().list_folder("") == ["one"]


def test_a_mixed_crash_decides_for_each_file_and_folder_and_repeats_with_its_seed() -> None:
    files = MemoryFiles()
    for name in ("a", "b", "c"):
        put_durably(files, name, b"")
        file = files.open(name, writable=True)
        file.sync()
        file.write_at(0, b"new")
    outcomes = {tuple(get(files.crash_mixed(seed), name) for name in ("a", "b", "c")) for seed in range(100)}
    assert len(outcomes) == 8
    assert get(files.crash_mixed(1), "a") == get(files.crash_mixed(1), "a")


def test_write_protection() -> None:
    files = MemoryFiles()
    put(files, "one", b"content")
    files.set_read_only(True)
    for operation in (lambda: put(files, "two", b""), lambda: files.remove("one"), lambda: files.open("one", True)):
        with pytest.raises(ReadOnly, match="write-protected"):
            operation()
    assert get(files, "one") == b"content"


def test_a_power_cut_comes_before_the_chosen_change_and_lasts() -> None:
    counted = PowerCutFiles(MemoryFiles())
    put_durably(counted, "one", b"content")
    assert counted.changes == 3
    for cut_before, names in ((0, []), (1, ["one"]), (2, ["one"])):
        medium = MemoryFiles()
        files = PowerCutFiles(medium, cut_before)
        with pytest.raises(PowerCut, match="power cut before change"):
            put_durably(files, "one", b"content")
        assert medium.list_folder("") == names
        with pytest.raises(PowerCut):
            files.exists("one")
        with pytest.raises(PowerCut):
            files.create("two")


def put_durably(files: Files, path: str, content: bytes) -> None:
    put(files, path, content)
    files.sync_folder("")
