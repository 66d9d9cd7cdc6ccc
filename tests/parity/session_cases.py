"""Two sessions against each other over a faulty line: the story must be the same, byte for byte, everywhere."""

from firmware.link import events, schema
from firmware.link.errors import LocalError
from firmware.link.session import BOARD, HOST, SILENCE_MS, Session
from tests.parity.line import PAYLOAD_BYTES, Duo, varied

MESSAGES = 40
RANGE_BYTES = 6000


def opening_agrees_on_the_smaller_frame():
    duo = Duo(1).open()
    assert duo.host.payload_max == duo.board.payload_max == PAYLOAD_BYTES
    assert duo.host_events == [events.Opened(1, PAYLOAD_BYTES, 3)]
    return duo.story()


def messages_arrive_in_order_and_once(seed, **faults):
    duo = Duo(seed, **faults).open()
    for number in range(MESSAGES):
        duo.host.send("set_lamp", {"bay": 1 + number % 8, "pattern": number % 16}, number)
        duo.board.send("error", {"about": number, "code": 3, "text": "№ %d" % number}, number)
        duo.move()
    everything = list(range(MESSAGES))
    duo.run(lambda: len(duo.messages(duo.board_events)) >= MESSAGES and len(duo.messages(duo.host_events)) >= MESSAGES)
    assert duo.messages(duo.board_events) == everything
    assert duo.messages(duo.host_events) == everything
    return duo.story()


def ranges_arrive_whole(seed, **faults):
    duo = Duo(seed, **faults).open()
    requests = [duo.pull(start, RANGE_BYTES) for start in range(0, 4 * RANGE_BYTES, RANGE_BYTES)]
    duo.run(lambda: len(duo.done) == len(requests))
    assert sorted(duo.done) == requests
    assert duo.host.pulls.outstanding_bytes == 0
    return duo.story()


def a_cut_line_is_noticed_and_a_new_session_goes_on():
    duo = Duo(5).open()
    duo.pull(0, RANGE_BYTES)
    duo.is_cut = True
    duo.run(lambda: duo.host.state == "closed" and duo.board.state == "closed", 2 * SILENCE_MS)
    duo.is_cut = False
    duo.open()
    request = duo.pull(0, RANGE_BYTES)
    duo.run(lambda: request in duo.done)
    return duo.story()


def a_restarted_board_ends_the_session_and_is_found_again():
    duo = Duo(6, flipped=5).open()
    duo.pull(0, RANGE_BYTES)
    duo.move()
    duo.board = Session(BOARD, 77, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)
    duo.board.announce(duo.now_ms)
    duo.run(lambda: duo.host.state == "closed")
    duo.open()
    request = duo.pull(0, RANGE_BYTES)
    duo.run(lambda: request in duo.done)
    return duo.story()


def a_restarted_host_takes_over():
    duo = Duo(7).open()
    duo.host.send("identify", {}, 1)
    duo.host = Session(HOST, 99, payload_max=4096, slack_bytes=4096)
    duo.open()
    duo.host.send("identify", {}, 2)
    duo.run(lambda: duo.messages(duo.board_events) == [2])
    return duo.story()


def keep_alive_keeps_a_quiet_session():
    duo = Duo(8).open()
    duo.run(lambda: duo.now_ms > 4 * SILENCE_MS)
    assert duo.host.state == duo.board.state == "open"
    assert duo.host.pulse.latency_ms >= 0
    return duo.story()


def probes_come_back_as_they_were():
    duo = Duo(9).open()
    duo.host.probe(3, 500, bytes(range(200)))
    duo.move()
    assert duo.host_events[-1] == events.Probe(3, 500, bytes(range(200)))
    return duo.story()


def the_unknown_is_answered_and_harms_nothing():
    duo = Duo(10).open()
    duo.host.stream.write(b"\x04\x00\xe7\x03\x05\x00")
    duo.host.send("identify", {}, 6)
    duo.board.send("identify", {}, 7)
    duo.run(lambda: len(duo.messages(duo.board_events)) == 2)
    assert events.BadMessage(999, 5, schema.ERROR_CODES[0][0]) in duo.board_events
    assert events.BadMessage(3, 7, schema.ERROR_CODES[0][0]) in duo.host_events
    return duo.story()


def our_own_mistakes_are_ours():
    duo = Duo(11)
    faults = []
    for mistake in (
        lambda: duo.host.send("identify", {}),
        lambda: duo.board.open(0),
        lambda: duo.host.pull(bytes(16), 0, 0, 1),
        lambda: Session(BOARD, 1, payload_max=8),
    ):
        try:
            mistake()
        except LocalError as fault:
            faults.append(str(fault))
    duo.open()
    for name, fields in (("set_lamp", {"bay": 9, "pattern": 0}), ("set_lamp", {"bay": 1}), ("sing", {})):
        try:
            duo.host.send(name, fields)
        except LocalError as fault:
            faults.append(str(fault))
    assert len(faults) == 7, faults
    return str(faults)


CASES = tuple(
    (function.__name__, function)
    for function in (
        opening_agrees_on_the_smaller_frame,
        a_cut_line_is_noticed_and_a_new_session_goes_on,
        a_restarted_board_ends_the_session_and_is_found_again,
        a_restarted_host_takes_over,
        keep_alive_keeps_a_quiet_session,
        probes_come_back_as_they_were,
        the_unknown_is_answered_and_harms_nothing,
        our_own_mistakes_are_ours,
    )
) + tuple(
    varied(case, name, **{name: rate})
    for case, rate in ((messages_arrive_in_order_and_once, 60), (ranges_arrive_whole, 30))
    for name in ("lost", "doubled", "flipped")
)
