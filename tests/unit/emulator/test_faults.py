"""Every fault of the table on running firmware, and its undoing; and what the table does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.emulator.bench_file import ReaderPart
from host_tools.emulator.errors import BenchError, FaultUnsupported
from host_tools.emulator.faults import TABLE, TYPES
from tests.unit.emulator.fault_shows_reader import ALL as SHOWS
from tests.unit.emulator.rig import SMALL, WITH_MOTION
from tests.unit.emulator.virtual import virtual_bench

READERS = (
    ReaderPart(name="reader-1"),
    ReaderPart(name="reader-2", kind="ascii125k", port="1-3"),
    ReaderPart(name="reader-3", kind="twn4-keyboard", port="1-5"),
)
WITH_READER = SMALL.model_copy(update={"reader": READERS})
PLANS = {"imu": WITH_MOTION, "reader": WITH_READER}
ROWS = [(row.component, row.type) for row in TABLE]


@pytest.mark.req("EMU-04")
@pytest.mark.parametrize("row", ROWS, ids=[" ".join(row) for row in ROWS])
def test_a_fault_shows_and_ok_undoes_it(row: tuple[str, str], tmp_path: Path):
    with virtual_bench(tmp_path, plan=PLANS.get(row[0], SMALL)) as bench:
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
        (("dock-1", "contact", "ok", 9), "unsupported: contact ok of dock-1 has no instance 9; it has bay 1, 2, 3"),
        (("camera-1", "imu", "ok", 0), "unsupported: camera-1 is a pi_zero_2w_camera and has no motion sensor"),
        (("reader-1", "card", "off", 0), "unsupported: reader-1 is a reader and has no card; components: link, reader"),
        (("reader-1", "usb", "slow", 0), "unsupported: usb of reader-1 cannot be slow; it can be off, delayed"),
        (("reader-1", "reader", "torn", 0), "unsupported: reader of reader-1 cannot be torn; it can be off, stuck"),
        (("reader-3", "reader", "off", 0), "unsupported: reader-3 is a twn4-keyboard and types its numbers, which nob"),
        (("camera-1", "reader", "off", 0), "unsupported: camera-1 is a camera and has no reader; components: "),
        (("camera-1", "imu", "off", 0), "unsupported: camera-1 is a pi_zero_2w_camera and has no motion sensor"),
        (("camera-9", "card", "off", 0), "no board camera-9 on this bench; it has dock-1, camera-1, camera-2"),
    ],
)
def test_what_a_board_cannot_have_is_said_and_not_done(words: tuple[str, str, str, int], text: str, tmp_path: Path):
    with virtual_bench(tmp_path, ready=False, plan=WITH_READER) as bench:
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


@pytest.mark.req("EMU-04")
def test_a_contact_fault_stays_with_its_bay_when_the_camera_is_carried_away(tmp_path: Path):
    with virtual_bench(tmp_path, ready=False) as bench:
        bays = bench.bench.docks["dock-1"].bays
        bench.inject("camera-1", "contact", "wrong")
        bench.do(lambda: bench.bench.take_out("camera-1"))
        bench.run(1)
        bench.do(lambda: bench.bench.put_in("camera-1", "dock-1", 2))
        bench.inject("dock-1", "contact", "off", 3)
        bench.inject("dock-1", "contact", "ok", 3)
        assert [bays[number].extra_ohm > 0 for number in (1, 2)] == [True, False]
        bench.inject("camera-1", "contact", "ok")
        assert bays[1].extra_ohm == 0
        assert bench.bench.faults.active() == []


@pytest.mark.req("EMU-04")
def test_healing_one_fault_leaves_another_of_the_same_part_as_it_was(tmp_path: Path):
    with virtual_bench(tmp_path, ready=False) as bench:
        bay = bench.bench.docks["dock-1"].bays[1]
        good_ohm = bay.contact_ohm()
        for kind in ("garbage", "brownout", "intermittent", "off"):
            bench.inject("dock-1", "contact", kind, 1)
        bench.inject("dock-1", "contact", "stuck")
        for kind in ("stuck", "brownout"):
            bench.do(lambda kind=kind: bench.bench.faults.clear("dock-1", "contact", kind, 0 if kind == "stuck" else 1))
        assert bay.stuck is False, "its presence pin is open again, and not only free"
        assert not bench.bench.docks["dock-1"].rests(), "it flutters on"
        assert [short.ohm for short in bay.shorts] == [20_000.0], "it is wet, and no longer bridged"
        bench.inject("camera-1", "contact", "wrong")
        bench.inject("dock-1", "contact", "ok", 1)
        assert bay.contact_ohm() > good_ohm + 0.3
        assert [each["board"] for each in bench.bench.faults.active()] == ["camera-1"]
        bench.inject("camera-1", "button", "stuck")
        bench.inject("camera-1", "button", "stuck", 1)
        bench.do(lambda: bench.bench.faults.clear("camera-1", "button", "stuck", 1))
        assert all(each.faults == {"stuck"} for each in bench.camera(1).buttons.values())


@pytest.mark.req("EMU-04")
def test_a_board_whose_supply_is_cut_stays_off_whatever_dips(tmp_path: Path):
    with virtual_bench(tmp_path, ready=False) as bench:
        emulated = bench.camera().emulated
        for dip in ("brownout", "intermittent"):
            bench.inject("camera-2", "battery", dip)
            bench.inject("camera-2", "power", "off")
            bench.run(20)
            assert not emulated.is_on
            bench.inject("camera-2", "battery", "ok")
            assert not emulated.is_on
            bench.inject("camera-2", "power", "ok")
            assert emulated.is_on


@pytest.mark.req("EMU-04")
def test_a_fault_of_all_bays_is_not_healed_at_one_of_them_in_silence(tmp_path: Path):
    with virtual_bench(tmp_path, ready=False) as bench:
        bench.inject("dock-1", "contact", "off")
        with pytest.raises(
            FaultUnsupported, match="contact off of dock-1 is on at all of them, not at 3 alone; heal it"
        ):
            bench.inject("dock-1", "contact", "ok", 3)
        assert len(bench.bench.faults.active()) == 1
        bench.inject("dock-1", "contact", "off", 3)
        bench.inject("dock-1", "contact", "ok", 3)
        assert bench.bench.docks["dock-1"].bays[3].stuck is False, "all of them are open"
        bench.inject("dock-1", "contact", "ok")
        assert bench.bench.faults.active() == []
