"""Where numbers of 16, 30 and 32 bits end: sessions and docks that have run for weeks, and counters that begin anew.

Portable. A small board's own integers end at 30 bits, its ticks too (12.4 days), the link's words at 32 (49.7 days).
"""

from firmware.dock import states
from firmware.link.session import SILENCE_MS
from firmware.platform.unix_micropython import clock as tick_clock
from tests.parity.line import Duo, varied
from tests.unit.dock.portable import LOAD_SHUNT_UV, DockBench

EDGES_MS = (1 << 30, 1 << 32)
LAST = 0xFFFFFFF8  # a few below the end of a word
MESSAGES = 40
RANGE_BYTES = 6000
DOCKED_MS = 1500


def begun_long_ago(seed, **faults):
    """Both ends have counted almost to the end of every word that they count in."""
    duo = Duo(seed, **faults).open()
    for session in (duo.host, duo.board):
        session.stream._next_number = session.stream._expected = LAST
        session._data_sequence = session._pull_sequence = LAST
    duo.host.pulls._next_request = LAST
    return duo


def counters_go_on_after_their_last_number(seed, **faults):
    duo = begun_long_ago(seed, **faults)
    requests = [duo.pull(start, RANGE_BYTES) for start in range(0, 12 * RANGE_BYTES, RANGE_BYTES)]
    assert min(requests) == 1
    for number in range(MESSAGES):
        duo.host.send("set_lamp", {"bay": 1 + number % 8, "pattern": 1}, number)
        duo.board.send("error", {"about": number, "code": 3, "text": "x"}, number)
        duo.move()
    duo.run(lambda: len(duo.done) == len(requests))
    everything = list(range(MESSAGES))
    duo.run(lambda: len(duo.messages(duo.board_events)) >= MESSAGES and len(duo.messages(duo.host_events)) >= MESSAGES)
    assert duo.messages(duo.board_events) == everything
    assert duo.messages(duo.host_events) == everything
    assert sorted(duo.done) == sorted(requests)
    assert duo.host.stream._next_number < LAST
    return duo.story()


def a_session_lives_on_when_its_clock_passes_an_edge():
    stories = []
    for edge_ms in EDGES_MS:
        duo = Duo(3, flipped=20)
        duo.now_ms = edge_ms - 2 * SILENCE_MS
        duo.open()
        duo.run(lambda duo=duo, edge_ms=edge_ms: duo.now_ms > edge_ms - 20)
        request = duo.pull(0, RANGE_BYTES)
        duo.host.send("identify", {}, 1)
        duo.run(lambda duo=duo, request=request: request in duo.done)
        duo.run(lambda duo=duo, edge_ms=edge_ms: duo.now_ms > edge_ms + 4 * SILENCE_MS)
        assert duo.host.state == duo.board.state == "open"
        assert 0 <= duo.host.pulse.latency_ms < 1000, duo.host.pulse.latency_ms
        assert duo.messages(duo.board_events) == [1]
        stories.append(duo.story())
    return str(stories)


def a_dock_goes_on_when_its_clock_passes_an_edge():
    stories = []
    for edge_ms in EDGES_MS:
        bench = DockBench()
        bench.clock.advance(edge_ms - 200)
        bench.open()
        bench.world.load_uv = LOAD_SHUNT_UV
        bench.run(100)
        bench.insert(1)  # the contacts settle, and are checked, over the edge
        bench.run(DOCKED_MS)
        _, answer = bench.ask("get_bays")
        assert answer["entries"][0]["state"] == states.DOCKED, answer
        assert len(bench.pushed("contacts")) == 1
        identity = bench.ask("identify")[1]
        assert identity["uptime_ms"] > edge_ms
        bench.remove(1)
        bench.run(200)
        _, answer = bench.ask("get_bays")
        assert answer["entries"][0]["state"] == states.FREE, answer
        stories.append(sorted(answer["entries"][0].items()))
    return str(stories)


class _Ticks:
    """A small board's ``time``: milliseconds that wrap at 30 bits."""

    now = (1 << 30) - 700

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, end, start):
        return ((end - start + (1 << 29)) & ((1 << 30) - 1)) - (1 << 29)


def a_clock_does_not_wrap_with_its_ticks():
    kept, ticks = tick_clock.time, _Ticks()
    tick_clock.time = ticks
    try:
        clock = tick_clock.TickClock()
        clock.set_wall(1000000000000, 2, 5)
        for number in range(3 * 64):  # a month, looked at every few hours: three times over the edge
            ticks.now = (ticks.now + (1 << 24)) & ((1 << 30) - 1)
            assert clock.now_ms() == (number + 1) << 24
        assert clock.wall().unix_ms == 1000000000000 + (3 << 30)
        return str(clock.now_ms())
    finally:
        tick_clock.time = kept


CASES = tuple(
    (function.__name__, function)
    for function in (
        a_session_lives_on_when_its_clock_passes_an_edge,
        a_dock_goes_on_when_its_clock_passes_an_edge,
        a_clock_does_not_wrap_with_its_ticks,
    )
) + tuple(varied(counters_go_on_after_their_last_number, name, **{name: 40}) for name in ("lost", "doubled", "flipped"))
