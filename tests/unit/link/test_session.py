"""Two real sessions against each other over a faulty line."""

from __future__ import annotations

import pytest

from firmware.link import events, schema
from firmware.link.errors import LocalError
from firmware.link.session import BOARD, HOST, SILENCE_MS, Session


@pytest.mark.req("LINK-03")
def test_opening_agrees_on_version_frame_size_and_capabilities():
    host = Session(HOST, 1, payload_max=65536)
    board = Session(BOARD, 2, payload_max=512, capabilities=schema.CAPABILITY_PROBE)
    host.open(0)
    board.receive(host.take_output() or b"", 0)
    assert board.next_event() == events.Opened(1, 512, schema.CAPABILITY_PROBE)
    host.receive(board.take_output() or b"", 0)
    assert host.next_event() == events.Opened(1, 512, schema.CAPABILITY_PROBE)


@pytest.mark.req("LINK-03")
def test_a_board_of_another_version_refuses_and_says_what_it_speaks(monkeypatch, make_closed_pair):
    pair = make_closed_pair()
    pair.host.open(0)
    with monkeypatch.context() as newer:
        newer.setattr(schema, "PROTOCOL_VERSION", 9)
        newer.setattr(schema, "PROTOCOL_VERSION_OLDEST", 7)
        pair.settle()
    assert events.Refused(7, 9) in pair.host_events
    assert pair.host.ignored_frames == 0
    assert pair.host.state == "closed"


def test_a_host_that_nobody_answers_gives_up(make_closed_pair):
    pair = make_closed_pair()
    pair.cut = True
    pair.host.open(0)
    pair.run(lambda: pair.host.state == "closed", 10_000)
    assert pair.host_events == [events.Closed(schema.CLOSE_LOST, "no board answers")]


def test_messages_arrive_in_order_and_once(make_pair):
    pair = make_pair()
    for number in range(200):
        pair.host.send("set_lamp", {"bay": 1, "pattern": number % 16}, number)
    pair.settle()
    messages = [event for event in pair.board_events if isinstance(event, events.Message)]
    assert [message.request for message in messages] == list(range(200))


@pytest.mark.req("LINK-02")
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["lost", "doubled", "flipped"])
def test_control_stream_survives_a_bad_line(make_pair, make_faults, seed, kind):
    pair = make_pair(seed, make_faults(**{kind: 60}))
    sent = 0

    def arrived() -> list[int]:
        return [event.request for event in pair.board_events if isinstance(event, events.Message)]

    while sent < 60:
        pair.host.send("identify", {}, sent)
        sent += 1
        pair.settle()
    pair.run(lambda: len(arrived()) == sent)
    assert arrived() == list(range(60))


@pytest.mark.req("LINK-02", "LINK-05")
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["lost", "doubled", "flipped"])
def test_bulk_ranges_arrive_whole_over_a_bad_line(make_pair, make_faults, seed, kind):
    pair = make_pair(seed, make_faults(**{kind: 8}))
    requests = [pair.pull(offset, 50_000) for offset in range(0, 300_000, 50_000)]
    pair.run(lambda: set(requests) <= pair.done)
    for request in requests:
        start = pair.starts[request]
        assert bytes(pair.received[request]) == pair.content[start : start + 50_000]
    assert pair.host.pulls.outstanding_bytes == 0


@pytest.mark.req("LINK-05")
def test_a_clean_line_carries_each_byte_once(make_pair):
    pair = make_pair()
    request = pair.pull(1000, 250_000)
    before = pair.wire_bytes
    pair.run(lambda: request in pair.done)
    assert bytes(pair.received[request]) == pair.content[1000:251_000]
    assert pair.host.pulls.bytes_asked_again == 0
    assert pair.wire_bytes - before < 250_000 * 1.02
    assert pair.host.ignored_frames == pair.board.ignored_frames == 0


def test_a_lost_hole_is_asked_for_without_waiting_for_a_timer(make_pair, make_faults):
    pair = make_pair(3, make_faults(lost=10, piece_bytes=1024))
    request = pair.pull(0, 250_000)
    pair.run(lambda: request in pair.done, limit_ms=1500)
    assert pair.host.pulls.bytes_asked_again > 0


def test_a_pull_that_cannot_be_answered_fails_alone(make_pair):
    pair = make_pair()
    request = pair.host.pull(b"X" * 16, 0, 0, 100)
    for data in iter(pair.host.take_output, None):
        pair.board.receive(data, 0)
    assert pair.board.next_event() is None
    assert pair.board.next_piece().recording == b"X" * 16
    pair.board.fail(4)
    good = pair.pull(0, 1000)
    pair.run(lambda: good in pair.done)
    assert events.PullFailed(request, 4) in pair.host_events


def test_more_pulls_than_a_board_keeps_are_failed_as_busy(make_pair):
    pair = make_pair()
    host = pair.host
    for number in range(schema.PULLS_MAX + 5):
        host.outbox.put_values(
            "pull",
            number,
            {  # a host that ignores its own limit
                "request": number + 1,
                "recording": bytes(16),
                "part": 0,
                "offset": 0,
                "length": 10,
                "piece_max": 10,
                "mac": bytes(16),
            },
        )
    for data in iter(host.take_output, None):
        pair.board.receive(data, 0)
        while pair.board.next_event() is not None:
            pass
    refused = 0
    for data in iter(pair.board.take_output, None):
        host.receive(data, 0)
        while host.next_event() is not None:
            pass
        refused += 1
    assert refused >= 5


@pytest.mark.req("LINK-03")
def test_an_unknown_message_is_answered_with_an_error(make_pair):
    pair = make_pair()
    pair.host.stream.write(b"\x04\x00\xe7\x03\x05\x00")
    pair.settle()
    assert events.BadMessage(999, 5, 1) in pair.board_events
    errors = [event for event in pair.host_events if isinstance(event, events.Message)]
    assert errors[0].name == "error"
    assert errors[0].request == 5
    assert errors[0].fields["about"] == 999


@pytest.mark.req("LINK-03")
def test_a_message_in_the_wrong_direction_is_refused(make_pair):
    pair = make_pair()
    pair.board.send("identify", {}, 3)
    pair.settle()
    assert events.BadMessage(3, 3, 1) in pair.host_events


def test_a_restarted_board_ends_the_session(make_pair):
    pair = make_pair()
    pair.board = Session(BOARD, 77, payload_max=4096, slack_bytes=4096)
    pair.board.announce(pair.now_ms)
    pair.settle()
    assert pair.host.state == "closed"
    assert any(isinstance(event, events.Closed) and event.reason == schema.CLOSE_RESTART for event in pair.host_events)
    pair.host.open(pair.now_ms)
    pair.settle()
    assert pair.host.state == pair.board.state == "open"
    assert pair.host.ignored_frames == 0


def test_a_restarted_host_takes_over(make_pair):
    pair = make_pair()
    pair.host = Session(HOST, 99, payload_max=4096, slack_bytes=4096)
    pair.host.open(pair.now_ms)
    pair.settle()
    request = pair.pull(0, 5000)
    pair.run(lambda: request in pair.done)
    assert pair.board.state == "open"


def test_silence_ends_a_session_and_keep_alive_keeps_one(make_pair):
    pair = make_pair()
    pair.run(lambda: pair.now_ms > 4 * SILENCE_MS)
    assert pair.host.state == pair.board.state == "open"
    assert pair.host.pulse.latency_ms >= 0
    assert pair.host.ignored_frames == pair.board.ignored_frames == 0
    pair.cut = True
    pair.run(lambda: pair.host.state == pair.board.state == "closed", 2 * SILENCE_MS)


def test_a_board_that_lives_and_acknowledges_nothing_is_given_up(make_pair):
    pair = make_pair()
    pair.host.send("identify", {}, 1)
    now_ms = 0
    while pair.host.state == "open":
        while pair.host.take_output() is not None:
            pass  # none of it arrives
        now_ms = pair.host.next_deadline_ms()
        assert now_ms is not None
        pair.board.outbox.put_values("ping", 0, {"stamp": 1})
        pair.host.receive(pair.board.take_output(), now_ms)
        assert pair.host.next_event() is None
        pair.host.tick(now_ms)
    assert pair.host.next_event() == events.Closed(schema.CLOSE_LOST, "nothing is acknowledged any more")
    assert now_ms < 60_000


def test_a_closed_board_announces_itself_when_it_said_it_would(make_pair):
    pair = make_pair()
    pair.host.close()
    pair.settle()
    due_ms = pair.board.next_deadline_ms()
    assert due_ms is not None
    pair.board.tick(due_ms - 1)
    assert pair.board.take_output() is None
    pair.board.tick(due_ms)
    assert pair.board.take_output()
    assert pair.board.next_deadline_ms() > due_ms


def test_what_an_earlier_session_left_in_the_cable_does_not_parse(make_pair):
    pair = make_pair()
    pair.host.send("identify", {}, 1)
    left_over = bytes(pair.host.take_output())
    pair.host.open(pair.now_ms)
    pair.settle()
    pair.board_events.clear()
    pair.board.receive(left_over, pair.now_ms)
    assert pair.board.next_event() is None
    assert pair.board.reader.bad_headers >= 1


def test_a_peer_that_breaks_the_protocol_is_dropped(make_pair):
    pair = make_pair()
    pair.host.stream.write(b"\xff\xff\x03\x00\x00\x00")
    pair.settle()
    assert pair.board.state == "closed"
    assert pair.host.state == "closed"


def test_sending_on_a_closed_session_is_our_own_mistake(make_closed_pair):
    pair = make_closed_pair()
    with pytest.raises(LocalError, match="closed"):
        pair.host.send("identify", {})
    with pytest.raises(LocalError, match="host"):
        pair.board.open(0)


def test_a_flood_of_pings_does_not_fill_the_memory(make_pair):
    pair = make_pair()
    ping = bytes(pair.host.take_output() or b"")
    pair.host.outbox.put_values("ping", 0, {"stamp": 1})
    ping = bytes(pair.host.take_output())
    for _ in range(20_000):
        if not pair.board.receive(ping, 0):
            break
        while pair.board.next_event() is not None:
            pass
    else:
        pytest.fail("the board took a flood without its output being read")
    assert pair.board.outbox.waiting_bytes < 16 * 4096
