"""Bulk ranges by themselves: the host's window of pulls, the board's queue, and how each loss is found."""

from __future__ import annotations

import pytest

from firmware.link import bulk, schema
from firmware.link.bulk import Ask, PullQueue, PullWindow
from firmware.link.errors import LocalError, PeerError

RECORDING = b"R" * 16
PIECE = 1000


def asks(window: PullWindow, now_ms: int = 0) -> list[Ask]:
    """Every pull that may be sent now."""
    found: list[Ask] = []
    while (ask := window.next_ask(now_ms)) is not None:
        found.append(ask)
    return found


def new_window(*lengths: int) -> tuple[PullWindow, list[int]]:
    """A window with ranges asked for, one behind the other."""
    window, numbers, offset = PullWindow(PIECE), [], 0
    for length in lengths:
        numbers.append(window.ask(RECORDING, 0, offset, length))
        offset += length
    return window, numbers


def answer(window: PullWindow, ask: Ask, lost: tuple[int, ...] = (), now_ms: int = 0) -> list[tuple[int, bool] | None]:
    """The board answers in pieces; those of the numbers in ``lost`` do not arrive."""
    results = []
    for number, start in enumerate(range(ask.offset, ask.offset + ask.length, PIECE)):
        if number not in lost:
            length = min(PIECE, ask.offset + ask.length - start)
            results.append(window.on_data(ask.request, start, length, now_ms))
    return results


def test_ranges_are_asked_for_in_order_and_done_when_whole():
    window, (first, second) = new_window(2500, 800)
    sent = asks(window)
    assert [(ask.offset, ask.length) for ask in sent] == [(0, 2500), (2500, 800)]
    assert answer(window, sent[0]) == [(first, False), (first, False), (first, True)]
    assert answer(window, sent[1]) == [(second, True)]
    assert (window.outstanding_bytes, window.bytes_in, window.bytes_asked_again) == (0, 3300, 0)
    assert window.deadline_ms() is None


@pytest.mark.req("LINK-02", "LINK-05")
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_lost_piece_is_asked_for_alone_as_soon_as_a_later_one_comes(lost):
    window, (number,) = new_window(5 * PIECE)
    (ask,) = asks(window)
    answer(window, ask, lost=(lost,))
    (again,) = asks(window)
    assert (again.offset, again.length) == (lost * PIECE, PIECE)
    assert again.request != ask.request
    assert answer(window, again) == [(number, True)]
    assert window.bytes_asked_again == PIECE


@pytest.mark.req("LINK-02", "LINK-05")
def test_the_first_pieces_of_a_range_may_be_lost_together_with_the_pull_before_it():
    window, numbers = new_window(2 * PIECE, 3 * PIECE)
    first, second = asks(window)
    answer(window, second, lost=(0,))
    again = asks(window)
    assert sorted((ask.offset, ask.length) for ask in again) == [(0, 2 * PIECE), (2 * PIECE, PIECE)]
    assert window.on_data(first.request, 0, PIECE, 0) is None  # that pull counts as lost; its bytes come again
    done = [result for ask in again for result in answer(window, ask)]
    assert {result[0] for result in done if result is not None and result[1]} == set(numbers)


@pytest.mark.req("LINK-02", "LINK-05")
def test_the_last_piece_is_asked_for_after_a_silence():
    window, (number,) = new_window(3 * PIECE)
    (ask,) = asks(window)
    answer(window, ask, lost=(2,), now_ms=100)
    assert asks(window) == []
    assert window.deadline_ms() == 100 + bulk.SILENCE_MS_MIN
    window.tick(100 + bulk.SILENCE_MS_MIN)
    (again,) = asks(window, 350)
    assert (again.offset, again.length) == (2 * PIECE, PIECE)
    assert answer(window, again, now_ms=360) == [(number, True)]


@pytest.mark.req("LINK-02")
def test_other_traffic_does_not_put_off_what_guards_the_last_pull():
    """Pings are answered once a second; a silence that they ended would never be long enough."""
    window, _ = new_window(PIECE)
    asks(window, 0)
    asked_again = 0
    for now_ms in range(0, 20_000, 50):
        window.tick(now_ms)
        asked_again += len(asks(window, now_ms))
    assert asked_again >= 5


def test_a_large_frame_on_a_slow_line_is_not_silence():
    window, _ = new_window(PIECE)
    asks(window, 0)
    for now_ms in range(0, 5000, 100):
        window.on_progress(now_ms)
        window.tick(now_ms)
    assert asks(window, 5000) == []


def test_the_silence_that_counts_doubles_and_shrinks_again_with_the_first_answer():
    window, _ = new_window(PIECE, PIECE)
    now_ms, waits = 0, []
    for _ in range(7):
        sent = asks(window, now_ms)
        deadline_ms = window.deadline_ms()
        assert deadline_ms is not None
        waits.append(deadline_ms - now_ms)
        now_ms = deadline_ms
        window.tick(now_ms)
    assert waits == [250, 500, 1000, 2000, 4000, 4000, 4000]
    sent = asks(window, now_ms)
    answer(window, sent[0], now_ms=now_ms)
    assert window.deadline_ms() == now_ms + bulk.SILENCE_MS_MIN


def test_bytes_that_come_twice_are_counted_and_not_told():
    window, (number,) = new_window(2 * PIECE)
    (ask,) = asks(window)
    assert window.on_data(ask.request, 0, PIECE, 0) == (number, False)
    assert window.on_data(ask.request, 0, PIECE, 0) is None
    assert window.on_data(ask.request, PIECE, PIECE, 0) == (number, True)
    assert window.on_data(ask.request, PIECE, PIECE, 0) is None
    assert (window.bytes_twice, window.bytes_unasked, window.bytes_in) == (PIECE, PIECE, 2 * PIECE)


@pytest.mark.parametrize(("offset", "length"), [(500, 2000), (3 * PIECE, 1), (1 << 40, 10)])
def test_bytes_outside_the_range_are_the_peers_fault(offset, length):
    window, _ = new_window(2 * PIECE)
    (ask,) = asks(window)
    with pytest.raises(PeerError, match="outside the range"):
        window.on_data(ask.request, offset, length, 0)


def test_a_pull_that_fails_fails_alone():
    window, (first, second) = new_window(2 * PIECE, PIECE)
    one, other = asks(window)
    assert window.on_fail(one.request, 4, 0) == first
    assert window.on_fail(one.request, 4, 0) is None
    assert answer(window, other) == [(second, True)]
    assert window.outstanding_bytes == 0


@pytest.mark.req("LINK-05")
def test_a_busy_board_is_asked_again_and_nothing_is_given_up():
    window, (first, second) = new_window(PIECE, PIECE)
    one, other = asks(window)
    assert window.on_fail(one.request, bulk.BUSY, 0) is None
    assert asks(window) == []  # at once it would only be busy again
    assert answer(window, other) == [(second, True)]
    (again,) = asks(window)
    assert answer(window, again) == [(first, True)]


def test_no_more_is_under_way_than_the_window_allows():
    window, _ = new_window(*[schema.PULL_BYTES_MAX] * 2)
    sent = asks(window)
    assert all(ask.length <= bulk.ASK_BYTES_MAX for ask in sent)
    assert bulk.WINDOW_BYTES <= sum(ask.length for ask in sent) < bulk.WINDOW_BYTES + bulk.ASK_BYTES_MAX
    window, _ = new_window(*[10] * 200)
    assert len(asks(window)) == bulk.ASKS_IN_FLIGHT_MAX < schema.PULLS_MAX


@pytest.mark.parametrize("length", [0, -1, schema.PULL_BYTES_MAX + 1])
def test_a_range_that_cannot_be_asked_for_is_our_own_mistake(length):
    with pytest.raises(LocalError, match="can be asked for"):
        PullWindow(PIECE).ask(RECORDING, 0, 0, length)


def ask_of(request: int = 1, offset: int = 0, length: int = 2500, piece_max: int = PIECE, part: int = 0) -> Ask:
    return Ask(request, bytes([request % 256]) * 16, part, offset, length, piece_max)


def test_the_board_answers_in_the_order_of_the_pulls():
    queue = PullQueue()
    for request in (1, 2, 3):
        assert queue.add(ask_of(request, offset=request << 33))
    seen = []
    while (piece := queue.next_piece()) is not None:
        request, offset = queue.supplied(piece.length)
        assert offset == piece.offset
        assert piece.recording == bytes([request]) * 16
        seen.append((request, piece.offset - (request << 33), piece.length))
    assert seen == [(request, start, min(PIECE, 2500 - start)) for request in (1, 2, 3) for start in (0, 1000, 2000)]


@pytest.mark.req("LINK-03")
def test_a_board_keeps_so_many_pulls_and_no_more():
    queue = PullQueue()
    for round_number in range(3):
        for number in range(schema.PULLS_MAX):
            assert queue.add(ask_of(round_number * 100 + number)), number
        assert not queue.add(ask_of(999))
        assert [queue.fail() for _ in range(schema.PULLS_MAX - 1)] == [
            round_number * 100 + number for number in range(schema.PULLS_MAX - 1)
        ]
        queue.clear()
        assert queue.next_piece() is None


@pytest.mark.req("LINK-03")
@pytest.mark.parametrize(
    "wrong",
    [
        ask_of(length=0),
        ask_of(length=schema.PULL_BYTES_MAX + 1),
        ask_of(offset=0xFFFFFFFFFFFFFFFF),
        ask_of(offset=bulk.OFFSET_BYTES_MAX - 2499),
        ask_of(part=2),
        ask_of(piece_max=0),
    ],
    ids=["no byte", "too many", "behind the last offset", "over the last offset", "an unknown part", "no piece"],
)
def test_a_pull_that_no_board_can_answer_is_the_peers_fault(wrong):
    with pytest.raises(PeerError, match="a pull of"):
        PullQueue().add(wrong)


def test_giving_what_nobody_asked_for_is_our_own_mistake():
    with pytest.raises(LocalError):
        PullQueue().supplied(1)
    with pytest.raises(LocalError):
        PullQueue().fail()


def test_waiting_pulls_keep_every_value():
    largest = Ask(
        0xFFFFFFFF, b"\xff" * 16, 1, bulk.OFFSET_BYTES_MAX - schema.PULL_BYTES_MAX, schema.PULL_BYTES_MAX, 1 << 20
    )
    queue = PullQueue()
    for ask in (ask_of(), largest, ask_of(2)):
        assert queue.add(ask)
    queue.fail()
    assert queue.next_piece() == bulk.Piece(largest.recording, 1, largest.offset, 1 << 20)
    assert queue.fail() == largest.request
    assert queue.next_piece() == bulk.Piece(bytes([2]) * 16, 0, 0, PIECE)
