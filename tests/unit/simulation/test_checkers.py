"""Each checker is fed what must never be, and says so; and what is right, and is silent."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from host_tools.custody.index import Announcement, Index, Recording, open_index
from host_tools.custody.ledger import Head
from host_tools.destinations.interface import Receipt
from host_tools.destinations.memory import StoredContainer, StoredObject
from host_tools.simulation import checkers
from host_tools.simulation.checkers import Memory, Space, Violation
from host_tools.simulation.records import Recorded

ID = "00112233445566778899aabbccddeeff"
CONTENT = [sha256(bytes(n)).digest() for n in range(5)]
STORY = ["recorded", "sealed", "docked", "offloaded", "held", "delivered", "acknowledged", "erase_authorised", "erased"]


def record(**values: object) -> Recorded:
    made = Recorded(ID, "CAM-0001", "W-0001", prefixes=list(CONTENT), durable=4)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def box(digest: bytes = CONTENT[3], name: str = f"20260101_000000_{ID}.mp4") -> StoredContainer:
    return StoredContainer({}, {name: StoredObject({}, Receipt("", digest.hex(), 1))})


def violates(letter: str, check: Callable[[], object], match: str) -> None:
    with pytest.raises(Violation, match=match) as caught:
        check()
    assert caught.value.letter == letter


@pytest.mark.req("CAM-19")
def test_a_an_erase_before_the_destination_has_it() -> None:
    violates("a", lambda: checkers.check_erase(record()), "has not accepted it")
    checkers.check_erase(record(delivered=4))
    checkers.check_erase(record(durable=1))  # no picture was ever confirmed


def test_b_bytes_that_differ_are_too_few_or_come_twice() -> None:
    known = {ID: record()}
    assert checkers.check_arrival(known, "C", box()) is known[ID]
    assert checkers.check_arrival(known, "C", box(CONTENT[4])) is known[ID]  # more than was confirmed may arrive
    violates("b", lambda: checkers.check_arrival(known, "C", box(sha256(b"x").digest())), "other bytes")
    violates("b", lambda: checkers.check_arrival(known, "C", box(CONTENT[2])), "4 fragments were confirmed, 3 arrived")
    violates("b", lambda: checkers.check_arrival({}, "C", box()), "nobody recorded")
    violates("b", lambda: checkers.check_arrival({ID: record(container="D")}, "C", box()), "arrived twice")
    violates("b", lambda: checkers.check_arrival(known, "C", StoredContainer()), "0 objects")


def test_b_a_card_that_does_not_list_what_it_confirmed() -> None:
    checkers.check_card([record()], {ID: CONTENT[3]}, "CAM-0001")
    checkers.check_card([record()], {}, "CAM-0002")
    checkers.check_card([record(erased=True)], {}, "CAM-0001")
    violates("b", lambda: checkers.check_card([record()], {}, "CAM-0001"), "not listed")
    violates("b", lambda: checkers.check_card([record()], {ID: CONTENT[2]}, "CAM-0001"), "fewer or others")


def test_c_a_story_that_cannot_be() -> None:
    whole = record(delivered=4, erased=True)
    checkers.check_story(STORY, whole)
    checkers.check_story(["recorded", "sealed", "docked", "held", "damaged", *STORY[3:]], whole)
    checkers.check_story([*STORY, "erase_authorised", "erased"], whole)
    violates("c", lambda: checkers.check_story(["recorded", "delivered"], whole), "delivered without held")
    violates("c", lambda: checkers.check_story([*STORY[:-2], "erased"], whole), "erased without erase_authorised")
    violates("c", lambda: checkers.check_story(STORY[:7], record()), "told as delivered")
    violates("c", lambda: checkers.check_story(STORY, record(delivered=4)), "told as erased")


@pytest.fixture
def index() -> Index:
    return open_index(":memory:")


def row(index: Index, wearer: str) -> Recording:
    announcement = Announcement(bytes.fromhex(ID), "CAM-0001", bytes(32), 10, 20, 0, 1000, False)
    return replace(index.announce(announcement, 5), wearer_id=wearer)


def test_c_a_ledger_that_was_cut_short_or_made_anew(index: Index) -> None:
    head = index.append("recorded", bytes.fromhex(ID), 5, {})
    assert checkers.check_ledger(index, [head]) == head
    violates("c", lambda: checkers.check_ledger(index, [Head(2, bytes(32))]), "cut short")
    violates("c", lambda: checkers.check_ledger(index, [Head(1, bytes(32))]), "made anew")
    index.close()


def test_d_another_wearer(index: Index) -> None:
    checkers.check_wearer(record(), row(index, "W-0001"))
    violates("d", lambda: checkers.check_wearer(record(), row(index, "W-0002")), "was worn by W-0001, told is W-0002")
    index.close()


def test_e_reservations_below_zero_leaked_or_forgotten() -> None:
    checkers.check_space(Space(10, 5, 15, 2), idle=False)
    checkers.check_space(Space(0, 0, 0, 0), idle=True)
    violates("e", lambda: checkers.check_space(Space(10, -5, 5, 2), idle=False), "-5 reserved")
    violates("e", lambda: checkers.check_space(Space(10, 5, 20, 2), idle=False), "the index knows 20")
    violates("e", lambda: checkers.check_space(Space(0, 0, 0, 1), idle=True), "1 entries left")


def test_f_memory_that_grows() -> None:
    small = Memory(boards=2, tasks=10, timers=100, cable_bytes=0, pending_bytes=0, pending_bytes_max=10, views=2)
    checkers.check_memory(small)
    for name, value in (
        ("tasks", 1_000),
        ("timers", 10_000),
        ("cable_bytes", 1 << 21),
        ("pending_bytes", 11),
        ("views", 3),
    ):
        violates("f", lambda name=name, value=value: checkers.check_memory(small._replace(**{name: value})), "at most")


def test_h_something_that_does_not_come_home() -> None:
    checkers.check_all_arrived([record(delivered=4, erased=True), record(durable=0)], 1.0)
    violates("h", lambda: checkers.check_all_arrived([record(delivered=4)], 1.0), "not erased")
    violates("h", lambda: checkers.check_all_arrived([record()], 1.0), "not delivered")
