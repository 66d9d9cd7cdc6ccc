"""What a link's health tells, and when it calls a link slow."""

from __future__ import annotations

import pytest

from firmware.link.pulse import LATENCY_LIMITS_MS
from firmware.link.session import HOST, Session
from host_tools.protocol.health import LinkHealth, measure


def session_with(bytes_in: int, busy_ms: int, latencies_ms: tuple[int, ...] = ()) -> Session:
    """A session that pulled so much in that time."""
    session = Session(HOST, 1)
    session.pulls.ask(bytes(16), 0, 0, 1000)
    assert session.pulls.next_ask(0) is not None
    assert session.pulls.on_data(1, 0, 1000, busy_ms) == (1, True)
    session.pulls.bytes_in = bytes_in
    for latency_ms in latencies_ms:
        session.pulse.pong(0, latency_ms)
    return session


def judge(session: Session, kind: str, nominal: float | None = None) -> LinkHealth:
    return measure(session, "url", kind, nominal, 1_000_000)


@pytest.mark.req("LINK-08")
def test_goodput_counts_only_the_time_in_which_something_was_under_way():
    health = judge(session_with(4_000_000, 500), "pty")
    assert health.goodput_bytes_per_s == 8_000_000
    assert health.slow == ""
    assert judge(Session(HOST, 1), "pty").goodput_bytes_per_s is None


@pytest.mark.req("LINK-08")
def test_a_link_slower_than_its_kind_says_so_and_leaves_remedies_to_the_alert():
    health = judge(session_with(2_000_000, 10_000), "usb-bulk")
    assert "0.20 MB/s" in health.slow
    assert "swap" not in health.slow
    assert "usb" not in health.slow
    assert judge(session_with(2_000_000, 10_000), "uart", 11_520).slow == ""
    assert judge(session_with(2_000_000, 1_000_000), "uart", 11_520).slow
    assert judge(session_with(1000, 10_000), "usb-bulk").slow == "", "too little was sent to judge"


@pytest.mark.req("LINK-08")
def test_latency_is_a_histogram_and_late_answers_are_slow():
    health = judge(session_with(10, 1, (0, 1, 2, 3, 700, 5000)), "pty")
    assert health.latency == {str(limit): 0 for limit in LATENCY_LIMITS_MS} | {
        "1": 2,
        "2": 1,
        "5": 1,
        "1000": 1,
        "more": 1,
    }
    assert health.latency_ms == 5000
    assert health.slow == ""
    assert "over 200 ms" in judge(session_with(10, 1, (500,) * 6 + (1,)), "pty").slow
