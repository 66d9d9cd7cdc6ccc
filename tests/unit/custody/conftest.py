"""A spool on a medium in memory, with a real index."""

from collections.abc import Callable, Iterator

import pytest

from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody.index import Index, open_index
from host_tools.custody.spool import Spool

SPARE_BYTES = 4096


def wall_ms() -> int:
    return 1_767_300_000_000


@pytest.fixture
def index() -> Iterator[Index]:
    made = open_index(":memory:")
    yield made
    made.close()


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles(capacity_bytes=1 << 20)


@pytest.fixture
def start(index: Index) -> Callable[[Files], Spool]:
    """Start a spool on a medium: also the way to start it again after a crash."""
    return lambda medium: Spool(medium, index, wall_ms, spare_bytes=SPARE_BYTES)


@pytest.fixture
def spool(files: MemoryFiles, start: Callable[[Files], Spool]) -> Spool:
    return start(files)
