"""The card model: a files port like any other, with time, wear and faults."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest

from firmware.ports import files_suite
from firmware.ports.errors import IoFault, NoSpace, ReadOnly
from firmware.ports.files import File, Files
from firmware.ports.limited_files import LimitedFiles
from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator.models.card import CACHE_WRITES, SECTOR_BYTES, Card

SIZE_BYTES = 64_000_000_000


def new_card(size_bytes: int = SIZE_BYTES) -> Card:
    return Card(MemoryFiles(), size_bytes, "7")


@pytest.mark.parametrize("case", files_suite.CASES, ids=lambda case: case.__name__)
def test_it_is_a_files_port(case: Callable[[Callable[[], Files]], None]):
    case(new_card)


@pytest.mark.parametrize("case", files_suite.CAPACITY_CASES, ids=lambda case: case.__name__)
def test_it_is_as_large_as_what_it_holds(case: Callable[[Callable[[int], Files]], None]):
    case(lambda size: Card(LimitedFiles(MemoryFiles(), size), size, "7"))


def test_operations_cost_what_the_data_sheet_says():
    card = new_card()
    file = card.create("video")
    card.take_busy_ms()
    file.write_at(0, bytes(1_200_000))
    assert card.take_busy_ms() == pytest.approx(100.0)
    costs: list[float] = []
    for _ in range(3_000):
        file.sync()
        costs.append(card.take_busy_ms())
    pauses = [cost - 2 for cost in costs if cost > 2]
    assert 20 <= len(pauses) <= 90
    assert 30 < statistics.median(pauses) < 110
    assert max(costs) <= 252
    card.set_fault("slow")
    file.write_at(0, bytes(12_000))
    assert card.take_busy_ms() == pytest.approx(200.0)


def test_a_card_wears_out_and_then_fails():
    card = new_card(1_000_000)
    file = card.create("log")
    assert card.wear() == 0
    card.written_bytes = 749_000_000
    file.write_at(0, bytes(10))
    assert card.wear() < 1
    card.written_bytes = 900_000_000
    with pytest.raises(IoFault, match="worn out"):
        rewrite(file, 200)


@pytest.mark.parametrize(("kind", "fault"), [("off", IoFault), ("stuck", ReadOnly), ("wrong", NoSpace)])
def test_faults_are_the_ports_own_and_end(kind: str, fault: type[Exception]):
    card = new_card()
    file = card.create("one")
    card.set_fault(kind)
    with pytest.raises(fault):
        file.write_at(0, b"x")
    card.clear_fault(kind)
    file.write_at(0, b"x")


def test_a_full_card_can_still_be_emptied():
    card = new_card()
    card.create("one").close()
    card.set_fault("wrong")
    assert card.free_bytes() == 0
    card.remove("one")
    with pytest.raises(NoSpace):
        card.create("two")


def test_rot_is_the_same_each_time_and_only_in_what_is_read():
    card = new_card()
    file = card.create("video")
    file.write_at(0, bytes(200 * SECTOR_BYTES))
    card.set_fault("bitflip")
    first, again = bytearray(200 * SECTOR_BYTES), bytearray(200 * SECTOR_BYTES)
    file.read_at(0, first)
    file.read_at(0, again)
    wrong_bits = sum(byte.bit_count() for byte in first)
    assert first == again
    assert 1 <= wrong_bits <= 12
    card.clear_fault("bitflip")
    file.read_at(0, again)
    assert not any(again)


def test_a_lying_card_tears_what_was_written_last_when_the_power_goes():
    card = new_card()
    file = card.create("journal")
    for line in range(20):
        file.write_at(line * 4_096, bytes([line + 1]) * 4_096)
        file.sync()
    card.power_cut()
    assert torn_lines(card) == []
    for line in range(20):
        file.write_at(line * 4_096, bytes([line + 1]) * 4_096)
        file.sync()
    card.set_fault("torn")
    card.power_cut()
    torn = torn_lines(card)
    assert torn
    assert min(torn) >= 20 - CACHE_WRITES


def rewrite(file: File, times: int) -> None:
    """The same byte again and again."""
    for _ in range(times):
        file.write_at(0, b"x")


def torn_lines(card: Card) -> list[int]:
    """Which are not as they were written."""
    data = bytearray(20 * 4_096)
    card.files.open("journal").read_at(0, data)
    return [line for line in range(20) if set(data[line * 4_096 : (line + 1) * 4_096]) != {line + 1}]
