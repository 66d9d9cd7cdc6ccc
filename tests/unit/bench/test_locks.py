"""Locks: one owner at a time, renewed by a heartbeat, taken over after expiry and not a moment earlier."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from host_tools.bench.errors import LockError, LockLost
from host_tools.bench.locks import EXPIRY_S, GUARD, HeldBoards, Locks
from host_tools.bench.programs import until
from tests.house.tree import ROOT
from tests.patience import LIMIT_S


class Machine:
    """A clock that a test sets, and the locks that go by it."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 1000.0
        self.folder = folder

    def locks(self, boot: str = "first") -> Locks:
        return Locks(self.folder, lambda: self.now_s, boot)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "locks")


def test_a_held_board_is_refused_with_its_holder(machine: Machine):
    machine.locks().take("CAM-1", "scenarios on bench lab", "ada@lab")
    machine.now_s += 20
    with pytest.raises(LockError) as caught:
        machine.locks().take("CAM-1", "something else", "grace@lab")
    told = str(caught.value)
    assert "CAM-1 is held by ada@lab (process " in told
    assert "scenarios on bench lab) for 20 s; the lock expires 40 s from now unless it is renewed" in told
    holder = machine.locks().holder("CAM-1")
    assert holder is not None
    assert holder.owner == "ada@lab"


def test_a_stale_lock_is_taken_over_after_expiry_only(machine: Machine):
    theirs = machine.locks().take("CAM-1", "gone", "ada@lab")
    machine.now_s += EXPIRY_S - 0.001
    with pytest.raises(LockError):
        machine.locks().take("CAM-1", "mine", "grace@lab")
    machine.now_s += 0.001
    assert machine.locks().holder("CAM-1") is None
    assert machine.locks().take("CAM-1", "mine", "grace@lab").owner == "grace@lab"
    with pytest.raises(LockLost, match="expired before it was renewed, and grace@lab has it"):
        machine.locks().renew(theirs)
    machine.locks().release(theirs)
    holder = machine.locks().holder("CAM-1")
    assert holder is not None, "who lost a lock does not take away the next one's"


def test_a_heartbeat_keeps_it(machine: Machine):
    mine = machine.locks().take("CAM-1", "long work", "ada@lab")
    for _ in range(10):
        machine.now_s += EXPIRY_S * 0.9
        mine = machine.locks().renew(mine)
    with pytest.raises(LockError, match="for 540 s"):
        machine.locks().take("CAM-1", "mine", "grace@lab")


def test_a_lock_from_before_a_restart_of_the_machine_is_nobodys(machine: Machine):
    machine.locks("first").take("CAM-1", "before", "ada@lab")
    machine.now_s = 5.0
    assert machine.locks("second").take("CAM-1", "after", "grace@lab").owner == "grace@lab"


def test_a_released_board_is_free_at_once(machine: Machine):
    locks = machine.locks()
    locks.release(locks.take("CAM-1", "a", "ada@lab"))
    locks.take("CAM-1", "b", "grace@lab")
    assert [held.owner for held in locks.all()] == ["grace@lab"]


def test_a_file_that_is_no_lock_is_named(machine: Machine):
    locks = machine.locks()
    locks.take("CAM-1", "a", "ada@lab")
    (machine.folder / "CAM-1.lock").write_text("x")
    with pytest.raises(LockError, match=r"CAM-1\.lock: is no lock; remove it"):
        locks.take("CAM-1", "b", "grace@lab")


def test_several_boards_are_taken_together_or_not_at_all(machine: Machine):
    machine.locks().take("CAM-2", "theirs", "ada@lab")
    held = HeldBoards(machine.locks())
    with pytest.raises(LockError, match="CAM-2 is held by ada@lab"):
        held.take(["CAM-3", "CAM-2", "CAM-1"], "mine")
    assert machine.locks().holder("CAM-1") is None
    held.release()


def test_held_boards_beat_by_themselves_and_tell_what_they_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("host_tools.bench.locks.HEARTBEATS", 400)  # a thread that waits for its turn loses nothing
    locks = Locks(tmp_path, expiry_s=LIMIT_S)
    held = HeldBoards(locks)
    held.take(["CAM-1", "CAM-2"], "mine")
    first = locks.holder("CAM-1")
    assert first is not None
    until(lambda: (now := locks.holder("CAM-1")) and now.beat_s > first.beat_s, "a heartbeat")
    with (tmp_path / GUARD).open("rb") as guard:  # not in the middle of a heartbeat, which would write it anew
        fcntl.flock(guard, fcntl.LOCK_EX)
        (tmp_path / "CAM-2.lock").unlink()
    until(lambda: "CAM-2" in held.lost, "the loss to be noticed")
    assert "nobody has it; run it again" in held.lost["CAM-2"]
    held.release()
    assert locks.all() == []


@pytest.mark.req("HIL-01")
def test_of_two_processes_one_gets_it(tmp_path: Path):
    program = (
        "import sys; from pathlib import Path; from host_tools.bench.locks import Locks\n"
        "try:\n    Locks(Path(sys.argv[1])).take('CAM-1', 'race', sys.argv[2]); print('mine')\n"
        "except Exception as error:\n    print(error)\n"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), name], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for name in ("ada@lab", "grace@lab")
    ]
    said = [racer.communicate(timeout=LIMIT_S)[0].strip() for racer in racers]
    assert said.count("mine") == 1
    winner = Locks(tmp_path).holder("CAM-1")
    assert winner is not None
    assert any(f"CAM-1 is held by {winner.owner}" in each for each in said)
