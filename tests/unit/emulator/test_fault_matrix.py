"""Every component with every type at every board, by each of the four ways: it is on, or it is said to be unsupported.

From Python, over the bench's socket (which is what the command line asks), by a plan and at the bench page: the same
answer in the same words.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from host_tools.bench_page.actions import ACTIONS, Fault, perform
from host_tools.bench_page.view import View
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import BenchFileError
from host_tools.emulator.fault_plan import parse_plan
from host_tools.emulator.faults import DONE, OK, TABLE, TYPES
from host_tools.emulator.remote import BenchServer
from host_tools.web_kit.problems import Problem
from tests.unit.emulator.rig import WITH_MOTION
from tests.unit.emulator.test_faults import WITH_READER
from tests.unit.emulator.virtual import Bench, virtual_bench

COMPONENTS = tuple(dict.fromkeys(row.component for row in TABLE))
DOCKED = WITH_MOTION.camera[1].model_copy(update={"bay": 2})  # of the larger model, and at contacts as the first one is
PLAN = WITH_READER.model_copy(update={"camera": (WITH_MOTION.camera[0], DOCKED)})
BOARDS = ("dock-1", "camera-1", "camera-2", "reader-1", "reader-3")  # the last one has no port
AT_PAGE = next(row for row in ACTIONS if row.name == "fault")
NO_MORE = 1  # instances that a component without any does not have


def by_page(bench: EmulatedBench, board: str, component: str, kind: str, instance: int = 0) -> str:
    """What the page answers."""
    try:
        perform(bench, AT_PAGE, Fault(board=board, component=component, type=kind, instance=instance))
    except Problem as problem:
        return problem.detail if (problem.status_code, problem.word) == (409, "unsupported") else repr(problem)
    return DONE


def by_socket(bench: EmulatedBench, board: str, component: str, kind: str, instance: int = 0) -> str:
    """What ``bwc bench fault`` prints."""
    answer = BenchServer(bench).fault(board, component, kind, instance)
    return DONE if answer["outcome"] == "done" else answer["text"]


def by_plan(board: str, component: str, kind: str) -> str:
    """What a plan is refused with before it is played; DONE where it is up to the board."""
    try:
        parse_plan(f'[[fault]]\nat_s = 0\nboard = "{board}"\ncomponent = "{component}"\ntype = "{kind}"\n')
    except BenchFileError as error:
        return str(error)
    return DONE


def heal(bench: Bench) -> None:
    """Everything is whole, and every board is on."""
    bench.do(bench.bench.faults.clear_all)
    assert bench.bench.faults.active() == []
    for board in BOARDS[:3]:
        assert bench.bench.find(board).emulated.is_on, board
    for board in BOARDS[3:]:
        assert bench.bench.usb_ports.is_plugged(board), board


@pytest.mark.req("EMU-04")
def test_whatever_a_board_is_given_it_has_or_it_is_told_that_it_cannot(tmp_path: Path):
    supported: set[tuple[str, str, str]] = set()
    had: dict[str, set[str]] = {board: set() for board in BOARDS}
    with virtual_bench(tmp_path, ready=False, plan=PLAN) as bench:
        faults = bench.bench.faults
        for board, component, kind in itertools.product(BOARDS, COMPONENTS, TYPES):
            words = (board, component, kind)
            answers: list[str] = []
            bench.do(lambda words=words: answers.append(faults.try_inject(*words)))  # noqa: B023
            assert len(faults.active()) == (answers[0] == DONE and kind != OK), words
            heal(bench)
            bench.do(lambda words=words: answers.append(by_socket(bench.bench, *words)))  # noqa: B023
            heal(bench)
            bench.do(lambda words=words: answers.append(by_page(bench.bench, *words)))  # noqa: B023
            heal(bench)
            assert answers == [answers[0]] * 3, words
            assert answers[0] == DONE or answers[0].startswith("unsupported: "), answers[0]
            planned = by_plan(*words)
            assert planned == DONE or (answers[0] != DONE and "fault 1: unsupported: " in planned), planned
            if answers[0] == DONE and kind != OK:
                supported.add((board.partition("-")[0], component, kind))
                had[board].add(component)
        assert supported == {(kind, row.component, row.type) for row in TABLE for kind in row.kinds}
        about = View(bench.bench).about()
        for board in (*about["docks"], *about["cameras"], about["readers"][0], about["readers"][2]):
            offered = {row["component"] for row in about["faults"] if board["name"].partition("-")[0] in row["boards"]}
            assert offered - set(board["lacks"]) == had[board["name"]], "the page offers what the board can have"
        assert [each["lacks"] for each in about["cameras"]] == [["imu"], []]
        assert [each["lacks"] for each in about["readers"]] == [[], [], ["link", "reader"]]


@pytest.mark.req("EMU-04")
@pytest.mark.parametrize("kind", ["off", OK])
def test_an_instance_that_is_not_there_is_told_by_every_way(kind: str, tmp_path: Path):
    with virtual_bench(tmp_path, ready=False, plan=PLAN) as bench:
        for component, instance in (("contact", 99), ("adc", -1), ("link", NO_MORE)):
            words = ("dock-1", component, kind, instance)
            answers: list[str] = []
            bench.do(lambda words=words: answers.append(bench.bench.faults.try_inject(*words)))  # noqa: B023
            bench.do(lambda words=words: answers.append(by_socket(bench.bench, *words)))  # noqa: B023
            if instance >= 0:  # the page and a plan take no number below 0 at all
                bench.do(lambda words=words: answers.append(by_page(bench.bench, *words)))  # noqa: B023
            assert len(set(answers)) == 1
            assert answers[0].startswith(
                f"unsupported: {component} {kind} of dock-1 has no instance {instance}; it has "
            )
            assert bench.bench.faults.active() == []
