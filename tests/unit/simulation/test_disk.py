"""The medium that can fail: it is a files port like all others, and a power cut comes exactly where it is wanted."""

from collections.abc import Callable

import pytest

from firmware.ports import files_suite
from firmware.ports.errors import IoFault, NoSpace, PortFault, ReadOnly
from firmware.ports.files import Files
from firmware.ports.files_suite import get, put
from host_tools.simulation.disk import Disk, Mood, Witness

CAPACITY_BYTES = 8 << 20


@pytest.mark.parametrize("case", files_suite.CASES, ids=lambda case: case.__name__)
def test_it_is_a_files_port(case: Callable[[Callable[[], Files]], None]) -> None:
    case(lambda: Disk(CAPACITY_BYTES))


def write_twice(disk: Disk) -> None:
    file = disk.create("one")
    file.write_at(0, b"first")
    file.sync()
    disk.sync_folder("")
    file.write_at(0, b"SECOND")
    file.sync()
    file.close()


@pytest.mark.parametrize(("change", "found"), [(0, None), (3, None), (5, b"first"), (6, b"SECOND")])
def test_a_cut_comes_before_the_change_that_was_asked_for(change: int, found: bytes | None) -> None:
    """create, write, sync, sync_folder, write, sync: what is found was durable before the cut."""
    disk, cuts = Disk(CAPACITY_BYTES, lambda files, _seed: files.crash()), list[int]()
    disk.on_cut = lambda: cuts.append(disk.changes)
    disk.cut_before(change, seed=1)
    write_twice(disk)
    if change < 6:
        assert cuts == [change + 1]
    else:
        disk.cut_now(seed=1)
    disk.boot()
    assert (get(disk, "one") if disk.exists("one") else None) == found


def test_what_a_dead_program_writes_is_seen_by_nobody() -> None:
    disk = Disk(CAPACITY_BYTES)
    put(disk, "one", b"kept")
    disk.sync_folder("")
    disk.cut_now(seed=1)
    put(disk, "two", b"ghost")
    assert disk.is_dead()
    disk.boot()
    assert disk.list_folder("") == ["one"]


@pytest.mark.parametrize(("mood", "fault"), [("failing", IoFault), ("full", NoSpace), ("read_only", ReadOnly)])
def test_each_mood_has_its_fault_and_passes(mood: Mood, fault: type[PortFault]) -> None:
    disk = Disk(CAPACITY_BYTES)
    disk.set_mood(mood)
    with pytest.raises(fault):
        disk.create("one")
    disk.set_mood("well")
    disk.create("one").close()


def test_the_witness_sees_what_is_on_the_medium() -> None:
    seen: list[str] = []

    class Noting(Witness):
        def folder_made(self, path: str) -> None:
            seen.append(f"made {path}")

        def renamed(self, old_path: str, new_path: str) -> None:
            seen.append(f"{old_path} -> {new_path}")

        def journal_synced(self, path: str, lines: int) -> None:
            seen.append(f"{path} {lines}")

    disk = Disk(CAPACITY_BYTES, witness=Noting())
    disk.make_folder("a")
    file = disk.create("a/journal")
    file.write_at(0, b"line")
    file.write_at(4, b"line")
    file.sync()
    file.close()
    disk.rename("a", "b")
    disk.cut_now(seed=1)
    disk.make_folder("ghost")
    assert seen == ["made a", "a/journal 2", "a -> b"]
