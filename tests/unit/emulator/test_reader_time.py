"""An emulated reader takes as long to look for a badge as real ones do."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.emulator.reader_world import SEARCH_S
from tests.unit.emulator.fault_shows_reader import ADA, TWN4, Desk
from tests.unit.emulator.test_faults import WITH_READER
from tests.unit.emulator.virtual import virtual_bench

WATCHED_S = 10


@pytest.mark.req("EMU-02")
def test_a_search_takes_its_time_and_a_badge_is_still_heard_at_once(tmp_path: Path):
    with virtual_bench(tmp_path, plan=WITH_READER) as bench:
        bench.run(4)
        desk = Desk(bench)
        try:
            reader = bench.bench.readers[TWN4]._twn4
            before = reader.searches
            bench.run(WATCHED_S)
            assert WATCHED_S / SEARCH_S / 3 < reader.searches - before <= WATCHED_S / SEARCH_S
            assert SEARCH_S < desk.seconds_to(ADA, TWN4) < 0.3
        finally:
            desk.close()
