"""What a power cut leaves: torn sectors, lost names, moves in one piece, lost erase blocks; and where it can come."""

from collections.abc import Callable

import pytest

from firmware.ports.errors import NoSpace, NotFound, PortFault
from firmware.ports.files import Files
from firmware.ports.files_suite import get, put
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import AFTER, BEFORE, INSIDE, PowerCut, PowerCutFiles
from firmware.ports.subtree_files import SubtreeFiles

SECTOR = 512
SEEDS = range(200)


def put_durably(files: Files, path: str, content: bytes) -> None:
    file = files.create(path)
    file.write_at(0, content)
    file.sync()
    file.close()
    files.sync_folder(path.rpartition("/")[0])


def sectors_of(content: bytes) -> list[bytes]:
    return [content[at : at + SECTOR] for at in range(0, len(content), SECTOR)]


def test_each_sector_of_what_was_not_synced_is_kept_dropped_or_garbage() -> None:
    files = MemoryFiles()
    put_durably(files, "one", b"o" * 4 * SECTOR)
    files.open("one", writable=True).write_at(SECTOR, b"n" * 2 * SECTOR)
    fates = {b"o" * SECTOR: "dropped", b"n" * SECTOR: "kept"}
    seen: set[tuple[str, str]] = set()
    for seed in SEEDS:
        first, second, third, fourth = sectors_of(get(files.crash_torn(seed), "one"))
        assert (first, fourth) == (b"o" * SECTOR, b"o" * SECTOR), "what was synced is there"
        seen.add((fates.get(second, "garbage"), fates.get(third, "garbage")))
    assert len(seen) == 9, "every fate of one with every fate of the other"
    assert get(files.crash_torn(3), "one") == get(files.crash_torn(3), "one")


def test_synced_bytes_stay_in_a_sector_that_is_written_again() -> None:
    files = MemoryFiles()
    put_durably(files, "one", b"synced")
    files.open("one", writable=True).write_at(6, b" and more")
    found = {get(files.crash_torn(seed), "one") for seed in SEEDS}
    assert all(content.startswith(b"synced") for content in found)
    assert {b"synced", b"synced and more", b"synced" + bytes(9)} < found, "also: longer, and nothing there"


def test_of_several_writes_any_may_be_there_without_the_others() -> None:
    files = MemoryFiles()
    put_durably(files, "one", b"0")
    file = files.open("one", writable=True)
    file.write_at(0, b"1")
    file.write_at(0, b"2")
    file.truncate(0)
    found = {get(files.crash_torn(seed), "one") for seed in SEEDS}
    assert {b"0", b"1", b"2", b""} < found


def test_names_are_there_or_not_one_by_one() -> None:
    files = MemoryFiles()
    put_durably(files, "old", b"")
    files.remove("old")
    put(files, "new", b"")
    files.make_folder("folder")
    found = {tuple(files.crash_torn(seed).list_folder("")) for seed in SEEDS}
    assert len(found) == 8


@pytest.mark.parametrize("crash", [MemoryFiles.crash_torn, MemoryFiles.crash_mixed])
def test_a_rename_is_never_seen_half(crash: Callable[[MemoryFiles, int], MemoryFiles]) -> None:
    files = MemoryFiles()
    for folder in ("a", "b"):
        files.make_folder(folder)
    files.sync_folder("")
    put_durably(files, "a/one", b"1")
    put_durably(files, "a/two", b"2")
    files.rename("a/one", "b/one")
    files.rename("a/two", "a/three")
    found: set[tuple[str, ...]] = set()
    for seed in SEEDS:
        after = crash(files, seed)
        names = [f"{folder}/{name}" for folder in ("a", "b") for name in after.list_folder(folder)]
        assert sorted(get(after, name) for name in names) == [b"1", b"2"], "each is there once"
        found.add(tuple(names))
    assert {("a/one", "a/two"), ("a/three", "b/one")} <= found


@pytest.mark.parametrize("synced", ["a", "b"])
def test_a_move_is_durable_once_either_folder_is_synced(synced: str) -> None:
    files = MemoryFiles()
    for folder in ("a", "b"):
        files.make_folder(folder)
    files.sync_folder("")
    put_durably(files, "a/one", b"1")
    put(files, "a/new", b"")  # never synced, and moved away again: it is in one place or in none
    files.rename("a/one", "b/one")
    files.rename("a/new", "b/new")
    files.sync_folder(synced)
    for after in (files.crash(), files.crash(keep_unsynced=True), *(files.crash_torn(seed) for seed in SEEDS)):
        assert after.list_folder("a") == []
        assert after.list_folder("b") == ["new", "one"]


def test_a_card_can_lose_a_whole_erase_block_of_the_file_it_was_writing() -> None:
    files = MemoryFiles()
    put_durably(files, "one", b"1" * 3000)
    put_durably(files, "two", b"2" * 3000)
    after = files.crash()
    assert after.lose_block("one", 1500, 1024, seed=1) == 1024
    content = get(after, "one")
    assert (content[:1024], content[2048:]) == (b"1" * 1024, b"1" * 952)
    assert content[1024:2048] != b"1" * 1024
    assert get(after.crash(), "one") == content, "it is not coming back"
    assert get(after, "two") == b"2" * 3000
    assert after.lose_block("one", 2048, 4096, seed=1) == 3000
    assert after.lose_block("gone", 0, 4096, seed=1) == 0


@pytest.mark.parametrize(
    ("phase", "changes", "durable", "seen"),
    [
        (BEFORE, 0, [], []),
        (INSIDE, 0, [], ["one"]),
        (AFTER, 0, [], ["one"]),
        (BEFORE, 3, [], ["one"]),
        (INSIDE, 3, [], ["one"]),
        (AFTER, 3, ["one"], ["one"]),
    ],
)
def test_a_cut_comes_before_inside_or_after_an_operation(
    phase: str, changes: int, durable: list[str], seen: list[str]
) -> None:
    medium = MemoryFiles()
    files = PowerCutFiles(medium, **{f"cut_{phase}": changes})
    with pytest.raises(PowerCut, match=f"power cut {phase} change {changes}"):
        put_durably(files, "one", b"content")
    assert files.dead
    assert medium.crash().list_folder("") == durable
    assert medium.list_folder("") == seen
    with pytest.raises(PowerCut, match="power is off"):
        files.list_folder("")


def test_the_power_goes_also_where_the_operation_fails() -> None:
    files = PowerCutFiles(MemoryFiles(100), cut_after=1)
    file = files.create("one")
    with pytest.raises(PowerCut):
        file.write_at(0, bytes(200))
    uncut = PowerCutFiles(MemoryFiles(100))
    with pytest.raises(NoSpace):
        uncut.create("one").write_at(0, bytes(200))
    assert uncut.place == ("one", 0)


def test_a_subtree_is_a_tree_of_its_own() -> None:
    files = MemoryFiles()
    files.make_folder("below")
    put(files, "above", b"")
    below = SubtreeFiles(files, "below")
    put(below, "one", b"1")
    assert below.list_folder("") == ["one"]
    assert get(files, "below/one") == b"1"
    with pytest.raises(PortFault):
        below.open("../above")
    with pytest.raises(NotFound):
        below.open("above")
