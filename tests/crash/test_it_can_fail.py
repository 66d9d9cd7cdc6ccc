"""The sweep finds what it is there to find: each promise is broken on purpose, and the violation names it."""

from collections.abc import Callable, Iterable

import pytest

from firmware.ports.errors import PortFault
from firmware.ports.files import File, Files
from host_tools.custody.files_vfs import FilesVfs
from host_tools.custody.group_commit import Batch, GroupCommit
from host_tools.custody.index import Index
from host_tools.custody.reports import CommitReport
from host_tools.custody.shelf import Shelf
from host_tools.custody.spool import Spool
from host_tools.simulation.cuts import camera_side, controller_side, sweep
from host_tools.simulation.cuts.desk import Parts, plain_index, plain_spool
from host_tools.simulation.cuts.model import INSIDE, Cut, Staged, Violation

NEVER = "the cut never came"
OPERATIONS_MAX = 1000
LOST = "nothing acknowledged is lost"
HALF = "nothing half-written is taken for whole"
TOO_EARLY = "no erase before durability"
STUCK = "the run finishes once healed"
RESTART = "a second restart changes nothing"


class LyingFiles(Files):
    """A medium that says it has synced where ``lies`` says so, and has not."""

    def __init__(self, files: Files, lies: Callable[[str, str], bool]) -> None:
        self._files = files
        self._lies = lies
        for name in ("rename", "remove", "make_folder", "remove_folder", "list_folder", "exists"):
            setattr(self, name, getattr(files, name))

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        return LyingFile(self._files.create(path, reserve_bytes), path, self._lies)

    def open(self, path: str, writable: bool = False) -> File:
        return LyingFile(self._files.open(path, writable), path, self._lies)

    def sync_folder(self, path: str) -> None:
        if not self._lies("folder", path):
            self._files.sync_folder(path)

    def total_bytes(self) -> int:
        return self._files.total_bytes()

    def free_bytes(self) -> int:
        return self._files.free_bytes()


class LyingFile(File):
    def __init__(self, file: File, path: str, lies: Callable[[str, str], bool]) -> None:
        self._path = path
        self._lies = lies
        self._file = file
        for name in ("read_at", "write_at", "size_bytes", "truncate", "close"):
            setattr(self, name, getattr(file, name))

    def sync(self) -> None:
        if not self._lies("file", self._path):
            self._file.sync()


class HastyGroupCommit(GroupCommit):
    """Commits the rows first and syncs the file afterwards."""

    def _sync(self, shelves: list[Shelf]) -> dict[bytes, PortFault]:
        return {}

    def _enter(self, secured: list[Batch], report: CommitReport) -> None:
        super()._enter(secured, report)
        for shelf, _ in secured:
            file, _ = self._layout.open_chunks(shelf.recording, None)
            file.sync()
            file.close()


def hasty_spool(files: Files, index: Index) -> Spool:
    spool = plain_spool(files, index)
    spool._group_commit.__class__ = HastyGroupCommit
    return spool


def careless_index(vfs: FilesVfs) -> Index:
    index = plain_index(vfs)
    index._database.run("PRAGMA synchronous=OFF")
    return index


def lying_card(lies: Callable[[str, str], bool]) -> list[Staged]:
    return camera_side.scenarios(0, lambda files: LyingFiles(files, lies))


def lying_disk(lies: Callable[[str, str], bool]) -> list[Staged]:
    return controller_side.scenarios(0, Parts(wrap=lambda files: LyingFiles(files, lies)))


def breaks(scenarios: Iterable[Staged], name: str, promise: str) -> bool:
    """Whether some cut inside an operation breaks that promise; the cuts of a scenario in order until one does."""
    (scenario,) = [each for each in scenarios if each.name == name]
    for operation in range(OPERATIONS_MAX):
        text = sweep.try_one(scenario, Cut(name, scenario.side, operation, INSIDE, 1))
        if NEVER in text:
            return False
        if text and text.startswith(promise):
            return True
    raise AssertionError("a scenario without an end")


def test_what_is_sound_breaks_nothing() -> None:
    assert not breaks(camera_side.scenarios(0), "record while full", "")


def test_a_card_that_never_syncs() -> None:
    assert breaks(lying_card(lambda what, path: True), "record", LOST)


def test_a_card_that_does_not_sync_folders() -> None:
    assert breaks(lying_card(lambda what, path: what == "folder"), "erase", LOST)


def test_a_card_that_does_not_sync_chunks() -> None:
    assert breaks(lying_card(lambda what, path: path.endswith("/chunks")), "record", LOST)


def test_a_disk_that_never_syncs() -> None:
    assert breaks(lying_disk(lambda what, path: True), "offload", LOST)


def test_a_disk_that_does_not_sync_the_index() -> None:
    assert breaks(lying_disk(lambda what, path: path.startswith("index/")), "offload", LOST)


def test_an_index_that_does_not_wait_for_its_journal() -> None:
    assert breaks(controller_side.scenarios(0, Parts(open_index=careless_index)), "erase", LOST)


def test_a_spool_that_commits_before_it_syncs() -> None:
    assert breaks(controller_side.scenarios(0, Parts(make_spool=hasty_spool)), "offload", HALF)


def test_a_destination_that_does_not_sync_what_it_confirms() -> None:
    assert breaks(lying_disk(lambda what, path: path.startswith("destination/")), "deliver", TOO_EARLY)


def test_a_recovery_that_goes_on_changing_things() -> None:
    """A camera whose every start leaves something on the card."""
    (scenario,) = [each for each in camera_side.scenarios(0) if each.name == "record"]
    stage = scenario.stage()
    stage.act(stage.medium)
    after = stage.medium.crash()
    after.make_folder("recordings/never-a-recording")
    with pytest.raises(Violation, match=f"^({RESTART}|{LOST})"):
        stage.judge(after, None)


def test_a_recording_that_cannot_be_erased_any_more() -> None:
    (scenario,) = [each for each in camera_side.scenarios(0) if each.name == "record"]
    stage = scenario.stage()
    stage.act(stage.medium)
    after = stage.medium.crash()
    after.create("erasures").write_at(0, b"not a list of erasures")
    with pytest.raises(Violation, match=f"^{STUCK}"):
        stage.judge(after, None)
