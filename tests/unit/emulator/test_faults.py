"""Every fault of the table on running firmware, and its undoing; and what the table does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.emulator.errors import BenchError, FaultUnsupported
from host_tools.emulator.faults import TABLE, TYPES
from tests.unit.emulator.fault_shows_gnss import ALL as SHOWS
from tests.unit.emulator.rig import SMALL, WITH_MOTION
from tests.unit.emulator.virtual import virtual_bench

ROWS = [(row.component, row.type) for row in TABLE]


@pytest.mark.req("EMU-04")
@pytest.mark.parametrize("row", ROWS, ids=[" ".join(row) for row in ROWS])
def test_a_fault_shows_and_ok_undoes_it(row: tuple[str, str], tmp_path: Path):
    with virtual_bench(tmp_path, plan=WITH_MOTION if row[0] == "imu" else SMALL) as bench:
        bench.wait(lambda: bench.bay() == "docked" and bench.app().state == "ready", 5)
        bench.run(4)
        SHOWS[row](bench)


def test_the_table_uses_the_known_words_once_each():
    assert len(set(ROWS)) == len(ROWS) == len(SHOWS)
    assert {kind for _component, kind in ROWS} | {"ok"} == set(TYPES)
    for row in TABLE:
        assert row.text, row
        assert row.kinds, row


@pytest.mark.req("EMU-04")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("camera-2", "card", "unplug", 0), "unsupported: card of camera-2 cannot be unplug; it can be off, stuck"),
        (("dock-1", "card", "off", 0), "unsupported: dock-1 is a dock and has no card; components: adc, contact"),
        (("camera-2", "crad", "off", 0), "unsupported: camera-2 is a camera and has no crad; did you mean card?"),
        (("camera-2", "card", "tron", 0), "unsupported: no fault type tron; did you mean torn?"),
        (("camera-2", "contact", "wrong", 0), "unsupported: camera-2 is in no bay and touches no contacts; dock it"),
        (("dock-1", "contact", "off", 9), "unsupported: contact off of dock-1 has no instance 9; it has bay 1, 2, 3"),
        (("camera-2", "button", "off", 3), "has no instance 3; it has button 1, 2"),
        (("camera-2", "card", "off", 1), "has no instance 1; it has no instances"),
        (("dock-1", "card", "ok", 0), "unsupported: dock-1 is a dock and has no card"),
        (("camera-1", "imu", "off", 0), "unsupported: camera-1 is a pi_zero_2w_camera and has no motion sensor"),
        (("camera-9", "card", "off", 0), "no board camera-9 on this bench; it has dock-1, camera-1, camera-2"),
    ],
)
def test_what_a_board_cannot_have_is_said_and_not_done(words: tuple[str, str, str, int], text: str, tmp_path: Path):
    with virtual_bench(tmp_path, ready=False) as bench:
        with pytest.raises(BenchError) as caught:
            bench.inject(*words)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, FaultUnsupported) is text.startswith(("unsupported", "has no"))
        assert bench.bench.faults.active() == []


def test_what_is_on_is_told_and_all_of_it_is_cleared_at_once(tmp_path: Path):
    with virtual_bench(tmp_path, ready=False) as bench:
        told: list[str] = []
        bench.bench.faults.listen = lambda fault: told.append(f"{fault.board} {fault.component} {fault.type}")
        bench.inject("camera-1", "link", "bitflip")
        bench.inject("camera-1", "link", "torn")
        bench.inject("camera-1", "link", "torn")
        bench.inject("dock-1", "contact", "off", 3)
        assert bench.bench.state()["faults"] == [
            {"board": "camera-1", "component": "link", "type": "bitflip", "instance": 0},
            {"board": "camera-1", "component": "link", "type": "torn", "instance": 0},
            {"board": "dock-1", "component": "contact", "type": "off", "instance": 3},
        ]
        bench.inject("dock-1", "contact", "ok", 2)
        assert len(bench.bench.faults.active()) == 3, "another bay's"
        bench.inject("camera-1", "link", "ok")
        assert [each["component"] for each in bench.bench.faults.active()] == ["contact"]
        bench.do(bench.bench.faults.clear_all)
        assert bench.bench.faults.active() == []
        assert told == [
            "camera-1 link bitflip",
            "camera-1 link torn",
            "dock-1 contact off",
            "dock-1 contact ok",
            "camera-1 link ok",
        ]
