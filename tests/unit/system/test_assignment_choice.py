"""Which camera somebody gets, and why one is not given."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.system.assignment import GATES, Demand, DockedCamera, choose, held_back, reasons_text

GB = 1_000_000_000
GOOD = DockedCamera("CAM-1", "m", "1.0", "", "DOCK", 1, True, 90, 60 * GB, 64 * GB)
DEMAND = Demand("1.0")


@pytest.mark.req("RFID-02", "CTRL-05")
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, ""),
        ({"battery_percent": 60}, ""),
        ({"battery_percent": 59}, "battery"),
        ({"storage_free_bytes": 60 * GB, "storage_total_bytes": 100 * GB}, ""),
        ({"storage_free_bytes": 60 * GB - 1, "storage_total_bytes": 100 * GB}, "storage"),
        ({"storage_free_bytes": 0, "storage_total_bytes": 0}, "storage"),
        ({"firmware": "0.9"}, "software"),
        ({"unsupported": ("fall_recording: it has no motion sensor",)}, "features"),
        ({"idle": False}, "busy"),
        ({"dock": "", "bay": 0}, "unbound"),
    ],
)
def test_each_gate_by_itself(change: dict[str, object], word: str):
    assert held_back(GOOD._replace(**change), DEMAND) == word


@pytest.mark.req("RFID-05")
def test_where_places_matter_only_the_readers_own_counts():
    here, there = GOOD._replace(place="north"), GOOD._replace(serial="CAM-2", place="south")
    assert choose([here, there], Demand("1.0", "south")).camera == there
    assert choose([here], Demand("1.0", "south")).reasons == {"place": 1}
    assert choose([there], Demand("1.0")).camera == there


@pytest.mark.req("RFID-03")
def test_reasons_are_counted_and_told_in_one_line():
    cameras = [GOOD._replace(battery_percent=5), GOOD._replace(battery_percent=7), GOOD._replace(firmware="2")]
    choice = choose(cameras, DEMAND)
    assert choice.camera is None
    text = reasons_text(choice.reasons, DEMAND)
    assert text == "1 with other software than the system, 2 below 60 % battery"
    assert reasons_text({}, DEMAND) == "no camera is docked here"


def test_the_healthiest_first():
    worn = GOOD._replace(serial="A", contacts="marginal")
    busy = GOOD._replace(serial="B", waiting=3)
    low = GOOD._replace(serial="C", battery_percent=70)
    full = GOOD._replace(serial="D", battery_percent=99, taken_unix_ms=10**12)
    order: list[str] = []
    left = [worn, busy, low, full, GOOD]
    while (found := choose(left, DEMAND).camera) is not None:
        order.append(found.serial)
        left.remove(found)
    assert order == ["D", "CAM-1", "C", "B", "A"]


def test_equals_take_turns_over_a_month_of_shifts():
    chance, taken = random.Random(7), Counter[str]()
    cameras = {f"CAM-{number}": GOOD._replace(serial=f"CAM-{number}", bay=number) for number in range(1, 9)}
    for shift in range(90):
        worn = []
        for tap in range(5):
            found = choose((each for each in cameras.values() if each.serial not in worn), DEMAND).camera
            assert found is not None
            worn.append(found.serial)
            taken[found.serial] += 1
            cameras[found.serial] = found._replace(taken_unix_ms=1 + 10 * shift + tap)
        chance.shuffle(worn)
    assert max(taken.values()) - min(taken.values()) <= 1


percents = st.integers(0, 100)


@given(
    st.lists(
        st.builds(
            DockedCamera,
            serial=st.sampled_from(["A", "B", "C"]),
            model=st.just("m"),
            firmware=st.sampled_from(["1.0", "1.0", "2.0"]),
            place=st.sampled_from(["", "north"]),
            dock=st.sampled_from(["D", "D", ""]),
            bay=st.integers(0, 8),
            idle=st.booleans(),
            battery_percent=percents,
            storage_free_bytes=percents,
            storage_total_bytes=st.sampled_from([0, 100]),
            waiting=st.integers(0, 2),
            taken_unix_ms=st.integers(0, 3),
        ),
        max_size=6,
    )
)
def test_whatever_is_offered_passes_every_gate_and_else_each_camera_has_its_reason(cameras: list[DockedCamera]):
    choice = choose(cameras, Demand("1.0", ""))
    if choice.camera is not None:
        camera = choice.camera
        assert camera.idle
        assert "" not in (camera.dock, camera.bay or "")
        assert (camera.place, camera.firmware) == ("", "1.0")
        assert min(camera.battery_percent, camera.storage_free_bytes) >= 60
    else:
        assert sum(choice.reasons.values()) == len(cameras)
        assert list(choice.reasons) == [word for word in GATES if word in choice.reasons]
