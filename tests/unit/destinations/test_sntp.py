"""The SNTP client against a server over UDP that was written from the RFC: what it measures, and what it believes."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.destinations import sntp
from host_tools.destinations.clock_check import ClocksDisagree
from host_tools.destinations.sntp import Declined, NoTime, TimeReading
from host_tools.destinations.time_watch import AGAIN_S, DECLINED_S, LOOK_S, TimeWatch
from tests.patience import LIMIT_S
from tests.unit.destinations.ntp_server import Server, answering

pytestmark = pytest.mark.req("CTRL-25", "CTRL-10")
NOW_MS = 1_767_225_600_123
SILENCE_S = 0.05  # of what will never come


def nonces() -> Callable[[int], bytes]:
    count = itertools.count(0x5EED_0000_0000_0001)
    return lambda length: next(count).to_bytes(length, "big")


def measured(server: Server, our_ms: Callable[[], int] = lambda: NOW_MS, answer_s: float = LIMIT_S) -> TimeReading:
    async def run() -> TimeReading:
        async with answering(server):
            return await sntp.ask("127.0.0.1", our_ms, nonces(), server.port, answer_s)

    return asyncio.run(run())


@pytest.mark.parametrize("ahead_ms", [0, 3_000, -3_000, 3_600_000, -86_400_000])
def test_the_offset_is_measured_whatever_it_is(ahead_ms: int) -> None:
    reading = measured(Server(lambda: NOW_MS + ahead_ms))
    assert abs(reading.ahead_ms - ahead_ms) <= 1
    assert reading.error_ms <= 3
    assert reading.stratum == 2


@pytest.mark.parametrize(("there_ms", "back_ms"), [(400, 0), (0, 400), (200, 200)])
def test_what_happens_on_the_way_is_within_the_error_that_is_told(there_ms: int, back_ms: int) -> None:
    ours = iter([NOW_MS, NOW_MS + there_ms + back_ms])
    reading = measured(Server(lambda: NOW_MS + 7_000 + there_ms, root_delay_s=0.02, root_dispersion_s=0.03), lambda: next(ours))  # fmt: skip  # noqa: E501
    assert abs(reading.ahead_ms - 7_000) <= reading.error_ms
    assert reading.error_ms >= 200 + 10 + 30


def test_the_end_of_an_era_is_no_event() -> None:
    """2036-02-07 06:28:16 UTC: NTP's seconds begin again at 0."""
    turn_ms = int(datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC).timestamp()) * 1000
    for ours, theirs in ((-500, 1_500), (1_500, -500), (10, 20)):
        reading = measured(Server(lambda at=turn_ms + theirs: at), lambda at=turn_ms + ours: at)
        assert abs(reading.ahead_ms - (theirs - ours)) <= 1


def test_a_question_tells_nothing_and_is_another_each_time() -> None:
    server = Server(lambda: NOW_MS, loses=1)
    assert measured(server, answer_s=SILENCE_S).ahead_ms in (-1, 0, 1)
    first, second = server.asked
    assert first[:40] == second[:40] == b"\x23" + bytes(39)
    assert first[40:] != second[40:]


@pytest.mark.parametrize(
    ("server", "text"),
    [
        (Server(lambda: NOW_MS, leap=3), "not synchronised"),
        (Server(lambda: NOW_MS, stratum=16), "not synchronised"),
        (Server(lambda: NOW_MS, stratum=0, leap=3, code=bytes(4)), "not synchronised"),
        (Server(lambda: NOW_MS, stratum=0, code=b"INIT"), "not synchronised"),
        (Server(lambda: NOW_MS, stratum=200), "not synchronised"),
        (Server(lambda: NOW_MS, root_dispersion_s=1.1), "wrong by 1.1 s"),
        (Server(lambda: NOW_MS, root_delay_s=2.4), "wrong by 1.2 s"),
        (Server(lambda: NOW_MS, change=lambda packet: packet.__setitem__(slice(32, 48), bytes(16))), "contradict"),
        (Server(iter([NOW_MS + 9, NOW_MS]).__next__), "contradict"),  # sent before it was received
        (Server(iter([NOW_MS, NOW_MS + 99]).__next__), "contradict"),  # it took longer than all of it
    ],
)
def test_a_server_that_has_no_time_is_not_believed(server: Server, text: str) -> None:
    with pytest.raises(NoTime, match=text):
        measured(server)


@pytest.mark.parametrize("code", ["RATE", "DENY", "RSTR"])
def test_a_kiss_of_death_is_heard(code: str) -> None:
    with pytest.raises(Declined, match=rf"declines to tell the time \({code}\)") as caught:
        measured(Server(lambda: NOW_MS + 5_000, stratum=0, leap=3, code=code.encode()))
    assert caught.value.code == code


WRONG: dict[str, Callable[[bytearray, bytes], object]] = {
    "another question's answer": lambda packet, _: packet.__setitem__(slice(24, 32), b"\x00" * 8),
    "our own question": lambda packet, asked: packet.__setitem__(slice(None), asked),
    "a broadcast": lambda packet, _: packet.__setitem__(0, 0x25),
    "a peer's": lambda packet, _: packet.__setitem__(0, 0x21),
    "version 0": lambda packet, _: packet.__setitem__(0, 0x04),
    "version 5": lambda packet, _: packet.__setitem__(0, 0x2C),
    "half a packet": lambda packet, _: packet.__delitem__(slice(47, None)),
    "a kiss that does not know what was asked": lambda packet, _: (
        packet.__setitem__(slice(24, 32), b"\x11" * 8),
        packet.__setitem__(1, 0),
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_answer_to_the_question_is_passed_over(kind: str) -> None:
    other = Server(lambda: NOW_MS + 999_000)

    def forged(asked: bytes) -> list[bytes]:
        packet = other.answer(asked)
        WRONG[kind](packet, asked)
        return [bytes(packet)]

    assert abs(measured(Server(lambda: NOW_MS + 2_000, before=forged)).ahead_ms - 2_000) <= 1


def test_nobody_and_silence_and_a_name_of_nothing_are_said() -> None:
    async def closed() -> int:
        async with answering(Server(lambda: NOW_MS)) as server:
            return server.port

    port = asyncio.run(closed())
    with pytest.raises(NoTime, match="nobody answers there"):
        asyncio.run(sntp.ask("127.0.0.1", lambda: NOW_MS, nonces(), port, LIMIT_S))
    with pytest.raises(NoTime, match="no answer comes"):
        measured(Server(lambda: NOW_MS, loses=9), answer_s=SILENCE_S)
    with pytest.raises(NoTime, match="no address"):
        asyncio.run(sntp.ask("a..b", lambda: NOW_MS, nonces()))


@given(st.binary(max_size=80), st.integers(0, 1 << 42), st.integers(0, 10_000))
def test_any_bytes_are_a_reading_or_nothing_or_no_time(data: bytes, asked_ms: int, took_ms: int) -> None:
    found = read(data, asked_ms, took_ms)
    assert found is None or (found.isprintable() if isinstance(found, str) else 0 < found.stratum <= 15)


def read(data: bytes, asked_ms: int, took_ms: int) -> TimeReading | str | None:
    """Whatever was asked, it is this that comes back."""
    try:
        return sntp.read_answer(data, data[24:32], asked_ms, asked_ms + took_ms)
    except NoTime as none:
        return str(none)


class Watched:
    """A watch over a clock that is turned by hand, and over a server that says what it is told."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked = 0
        self.says: TimeReading | NoTime = TimeReading(0, 3, 2)
        self.watch = TimeWatch(self._ask, lambda: NOW_MS, lambda: self.now_s)

    def after(self, passed_s: float) -> int:
        """How often it has asked by then, being looked at all the time."""
        self.now_s += passed_s
        asyncio.run(self.watch.look("192.0.2.7"))
        asyncio.run(self.watch.look("192.0.2.7"))
        return self.asked

    @property
    def problem(self) -> str:
        assert self.watch.told is not None
        return self.watch.told.problem

    async def _ask(self, server: str) -> TimeReading:
        assert server == "192.0.2.7"
        self.asked += 1
        if isinstance(self.says, NoTime):
            raise self.says
        return self.says


def test_a_clock_that_follows_is_seldom_asked_about_and_one_that_does_not_is_told_with_the_remedy() -> None:
    watched = Watched()
    assert [watched.after(at) for at in (0, LOOK_S - 1, 1)] == [1, 1, 2]
    assert watched.problem == ""
    watched.says = TimeReading(1_400, 450, 2)
    watched.after(LOOK_S)
    assert watched.problem == "", "it may be less than a second"
    watched.says = TimeReading(-1_400, 3, 2)
    watched.after(LOOK_S)
    assert "1.4 s ahead of the destination's NTP server 192.0.2.7, at most 1 s" in watched.problem
    assert "NTP=192.0.2.7 in /etc/systemd/timesyncd.conf" in watched.problem
    watched.says = TimeReading(1_400, 3, 2)
    assert watched.after(AGAIN_S) == 5, "whoever mends it sees that soon"
    assert "1.4 s behind" in watched.problem
    watched.says = NoTime("no answer comes")
    watched.after(AGAIN_S)
    assert "gives no time: no answer comes. Have UDP port 123 answer" in watched.problem
    watched.watch.require()  # what is not known does not disagree
    watched.says = TimeReading(61_000, 3, 2)
    watched.after(AGAIN_S)
    with pytest.raises(ClocksDisagree, match=r"61\.0 s behind"):
        watched.watch.require()
    watched.says = TimeReading(-60_000, 3, 2)
    watched.after(AGAIN_S)
    watched.watch.require()


def test_whoever_declines_is_left_alone() -> None:
    watched = Watched()
    watched.says = Declined("DENY")
    assert [watched.after(at) for at in (0, DECLINED_S - 1, 1)] == [1, 1, 2]
    assert "declines to tell the time (DENY)" in watched.problem
    watched.says = TimeReading(0, 3, 2)
    assert watched.after(DECLINED_S) == 3
    watched.says = Declined("RATE")
    assert [watched.after(at) for at in (LOOK_S, 2 * LOOK_S - 1, 1, 4 * LOOK_S - 1, 1)] == [4, 4, 5, 5, 6]
    watched.says = TimeReading(0, 3, 2)
    assert [watched.after(at) for at in (8 * LOOK_S, LOOK_S)] == [7, 8], "patience again"
