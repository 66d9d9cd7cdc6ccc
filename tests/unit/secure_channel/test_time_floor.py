"""The camera's time floor: whose word on time it takes, and that it never sinks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.secure import certificates
from firmware.secure.certificates import LDEVID
from firmware.secure.time_floor import FLOOR_MARGIN_MS, FLOOR_STEP_MS, PATH, TimeFloor, TimeRefused
from tests.unit.trust.parts import NOW_MS, WEEK_MS, World, peer

DAY_MS = 24 * 3600 * 1000


def test_a_new_camera_has_no_floor():
    floor = TimeFloor(MemoryFiles())
    assert floor.unix_ms == 0
    assert floor.now_ms(0) == 0
    assert TimeFloor(MemoryFiles(), 5000).now_ms(17) == 5000


@pytest.mark.req("CAM-22")
def test_its_own_controllers_time_lifts_it_for_good():
    world, files = World(), MemoryFiles()
    floor = TimeFloor(files)
    floor.accept(world.controller(), world.trust.system, NOW_MS + DAY_MS)
    expected = NOW_MS + DAY_MS - FLOOR_MARGIN_MS
    assert floor.unix_ms == expected
    assert floor.now_ms(0) == expected
    assert floor.now_ms(NOW_MS + 2 * DAY_MS) == NOW_MS + 2 * DAY_MS
    assert TimeFloor(files.crash()).unix_ms == expected


@pytest.mark.req("CAM-22")
def test_time_never_goes_back_beyond_it():
    """Turning the clock back does not bring an expired certificate to life."""
    world, files = World(), MemoryFiles()
    camera = world.camera()
    floor = TimeFloor(files)
    later = NOW_MS + 9 * WEEK_MS
    world.trust.confirm_clock(later)
    floor.accept(world.controller(), world.trust.system, later)
    with pytest.raises(TimeRefused, match="before the floor"):
        floor.accept(world.controller(), world.trust.system, later - FLOOR_MARGIN_MS - 1)
    floor.accept(world.controller(), world.trust.system, later - FLOOR_MARGIN_MS + 1)
    assert floor.unix_ms == later - FLOOR_MARGIN_MS
    assert certificates.standing(peer(camera), floor.now_ms(NOW_MS)) == certificates.EXPIRED


def test_controllers_of_a_system_may_differ_by_some_minutes_and_no_more():
    world = World()
    floor = TimeFloor(MemoryFiles())
    floor.accept(world.controller(), world.trust.system, NOW_MS + DAY_MS)
    floor.accept(world.controller(), world.trust.system, NOW_MS + DAY_MS - 4 * 60_000)
    with pytest.raises(TimeRefused, match="before the floor"):
        floor.accept(world.controller(), world.trust.system, NOW_MS + DAY_MS - 6 * 60_000)


@pytest.mark.req("CAM-22")
def test_nobody_elses_time_is_taken():
    world, other = World(1), World(2)
    camera = peer(world.camera())
    strangers = [
        other.controller(),
        replace(world.controller(), anchored=False),
        replace(world.controller(), kind=LDEVID),
        camera,
    ]
    floor = TimeFloor(MemoryFiles())
    for stranger in strangers:
        with pytest.raises(TimeRefused, match="no controller of this camera's system"):
            floor.accept(stranger, world.trust.system, NOW_MS)
    assert floor.unix_ms == 0


@pytest.mark.parametrize("off_ms", [-DAY_MS, 9 * WEEK_MS, 1000 * WEEK_MS])
def test_a_controller_cannot_say_a_time_at_which_it_is_not_valid_itself(off_ms: int):
    """A clock that has run away by years locks nobody up."""
    world = World()
    floor = TimeFloor(MemoryFiles())
    with pytest.raises(TimeRefused, match="its own certificate is not valid"):
        floor.accept(world.controller(), world.trust.system, NOW_MS + off_ms)
    assert floor.unix_ms == 0


@pytest.mark.parametrize("unix_ms", [-1, 1 << 63, 253_402_300_800_000])
def test_times_of_no_calendar_are_refused(unix_ms: int):
    world = World()
    with pytest.raises(TimeRefused, match="calendar"):
        TimeFloor(MemoryFiles()).accept(world.controller(), world.trust.system, unix_ms)


def test_small_steps_are_not_written():
    files = PowerCutFiles(MemoryFiles())
    floor = TimeFloor(files)
    floor.raise_to(NOW_MS)
    changes = files.changes
    for step in range(100):
        floor.raise_to(NOW_MS + step * FLOOR_STEP_MS // 100)
    assert files.changes == changes
    floor.raise_to(NOW_MS - DAY_MS)
    assert floor.unix_ms == NOW_MS
    floor.raise_to(NOW_MS + FLOOR_STEP_MS)
    assert files.changes > changes


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"00000000 {}\n",
        b'{"format":"openbwc-time-floor","schema":1,"unix_ms":5}',
        bytes(1000),
    ],
)
def test_a_damaged_floor_is_noticed_and_starts_at_what_else_is_known(content: bytes):
    files = MemoryFiles()
    file = files.create(PATH)
    file.write_at(0, content)
    file.close()
    floor = TimeFloor(files, NOW_MS)
    assert floor.damaged
    assert floor.unix_ms == NOW_MS
    floor.raise_to(NOW_MS + DAY_MS)
    assert not TimeFloor(files).damaged


def test_power_may_fail_at_any_moment_of_a_change():
    """The floor is then the old one or the new one."""
    counted = PowerCutFiles(MemoryFiles())
    TimeFloor(counted).raise_to(NOW_MS)
    TimeFloor(counted).raise_to(NOW_MS + DAY_MS)
    for cut in range(counted.changes):
        medium = MemoryFiles()
        files = PowerCutFiles(medium, cut)
        before = 0
        try:
            TimeFloor(files).raise_to(NOW_MS)
            before = NOW_MS
            TimeFloor(files).raise_to(NOW_MS + DAY_MS)
        except PowerCut:
            pass
        for seed in range(4):
            after = TimeFloor(medium.crash_mixed(seed))
            assert not after.damaged, (cut, seed)
            assert after.unix_ms >= before, (cut, seed)
