"""Calls between cameras: made by a member, once, near its moment, and strong enough; else they are none, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.ports.radio import MESSAGE_BYTES_MAX
from firmware.secure import broadcast
from firmware.secure.broadcast import MESSAGE_BYTES, SENDERS_MAX, Call, Listener, Now, encode, sender_of
from host_tools.emulator.models.radio import path_loss_db

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
NOON_S = 1_767_268_800
NOON = Now(True, NOON_S * 1000, 500)
CALL = Call("high", 4, sender_of("CAM-0001"), NOON_S, 1)
NEAR_DBM = -60


def listener(keys: dict[int, bytes] | None = None) -> Listener:
    return Listener({7: KEY} if keys is None else keys, sender_of("CAM-0002"))


def heard(
    call: Call = CALL, now: Now = NOON, rssi_dbm: int = NEAR_DBM, key: bytes = KEY, number: int = 7
) -> Call | str:
    """By a camera that has heard nothing yet."""
    return listener().hear(encode(call, number, key), rssi_dbm, now)


def later(seconds: float) -> Now:
    return NOON._replace(unix_ms=NOON.unix_ms + round(seconds * 1000))


@pytest.mark.req("CAM-13")
def test_a_message_fits_an_advertisement_and_is_heard_as_it_was_said():
    assert len(encode(CALL, 7, KEY)) == MESSAGE_BYTES <= MESSAGE_BYTES_MAX
    assert heard() == CALL
    assert b"CAM-0001" not in encode(CALL, 7, KEY)


@pytest.mark.req("CAM-13")
def test_a_clock_whose_seconds_need_more_than_32_bits_calls_and_is_heard():
    """The word of time ends in 2106; a camera that is told such a time must record all the same."""
    end_s = 1 << 32
    for made_s, heard_s in ((end_s + 5, end_s + 6), (end_s - 1, end_s + 3), (end_s + 2, end_s - 2)):
        found = heard(CALL._replace(unix_s=made_s), Now(True, heard_s * 1000, 500))
        assert found == CALL._replace(unix_s=made_s % end_s)
    assert heard(CALL._replace(unix_s=end_s - 6), Now(True, (end_s + 6) * 1000, 500)) == "late"


@pytest.mark.req("CAM-13")
def test_a_message_is_these_bytes():
    """HMAC-SHA-256 by RFC 2104, worked out once with another implementation."""
    body = bytes.fromhex("11070204") + sender_of("CAM-0001") + NOON_S.to_bytes(4, "little") + (1).to_bytes(4, "little")
    assert encode(CALL, 7, KEY)[:-8] == body
    inner = broadcast.sha256(bytes(byte ^ 0x36 for byte in KEY.ljust(64, b"\0")) + broadcast.PREFIX + body).digest()
    outer = broadcast.sha256(bytes(byte ^ 0x5C for byte in KEY.ljust(64, b"\0")) + inner).digest()
    assert encode(CALL, 7, KEY)[-8:] == outer[:8]


@pytest.mark.req("CAM-13")
@pytest.mark.parametrize(
    ("why", "found"),
    [
        ("forged", lambda: heard(key=OTHER_KEY)),
        ("strange", lambda: heard(number=8)),
        ("own", lambda: heard(CALL._replace(sender=sender_of("CAM-0002")))),
        ("no_clock", lambda: heard(now=Now(False, 0, 0))),
        ("late", lambda: heard(now=later(10.6))),
        ("late", lambda: heard(now=later(-10.6))),
        ("late", lambda: heard(now=later(90_000))),
        ("weak", lambda: heard(rssi_dbm=-89)),
        ("malformed", lambda: listener().hear(b"", NEAR_DBM, NOON)),
        ("malformed", lambda: listener().hear(encode(CALL, 7, KEY) + b"\0", NEAR_DBM, NOON)),
    ],
)
def test_what_is_no_call_says_why(why: str, found):
    assert found() == why


@pytest.mark.req("CAM-13")
def test_a_call_counts_once_and_one_from_before_never_again():
    ears = listener()
    first, second = encode(CALL, 7, KEY), encode(CALL._replace(unix_s=NOON_S + 3, turn=2), 7, KEY)
    assert isinstance(ears.hear(first, NEAR_DBM, NOON), Call)
    assert ears.hear(first, NEAR_DBM, later(1)) == "again"
    assert isinstance(ears.hear(second, NEAR_DBM, later(3)), Call)
    assert ears.hear(first, NEAR_DBM, later(4)) == "replayed"
    assert ears.hear(second, NEAR_DBM, later(3_600)) == "again"
    fresh = listener()
    assert fresh.hear(second, NEAR_DBM, later(14)) == "late", "a camera that knows nothing any more goes by the time"


@pytest.mark.req("CAM-13")
def test_a_sender_that_was_started_anew_is_heard_again():
    ears = listener()
    assert isinstance(ears.hear(encode(CALL._replace(turn=9), 7, KEY), NEAR_DBM, NOON), Call)
    assert isinstance(ears.hear(encode(CALL._replace(unix_s=NOON_S + 5, turn=1), 7, KEY), NEAR_DBM, later(5)), Call)


@pytest.mark.req("CAM-13")
@pytest.mark.parametrize(("reach", "metres"), [("low", 35), ("medium", 75), ("high", 100)])
def test_a_loud_chip_calls_no_farther_than_it_was_told(reach: str, metres: int):
    """It says how loud it was: a listener four times as far away hears it, and knows that it was not meant."""
    call = CALL._replace(range=reach, power_dbm=10)
    assert heard(call, rssi_dbm=round(10 - path_loss_db(metres))) == call
    assert heard(call, rssi_dbm=round(10 - path_loss_db(4 * metres))) == "weak"
    quiet = call._replace(power_dbm=-10)
    assert heard(quiet, rssi_dbm=round(-10 - path_loss_db(metres))) == quiet


def test_a_weak_call_counts_when_it_comes_nearer():
    ears = listener()
    assert ears.hear(encode(CALL, 7, KEY), -95, NOON) == "weak"
    assert isinstance(ears.hear(encode(CALL, 7, KEY), NEAR_DBM, later(2)), Call)


def test_the_key_before_is_understood_too():
    ears = listener({6: OTHER_KEY, 7: KEY})
    assert isinstance(ears.hear(encode(CALL, 6, OTHER_KEY), NEAR_DBM, NOON), Call)


def test_a_crowd_is_not_remembered_for_ever():
    ears = listener()
    calls = [CALL._replace(sender=number.to_bytes(4, "little")) for number in range(SENDERS_MAX + 1)]
    for call in calls:
        assert isinstance(ears.hear(encode(call, 7, KEY), NEAR_DBM, NOON), Call)
    assert ears.hear(encode(calls[1], 7, KEY), NEAR_DBM, NOON) == "again"
    assert isinstance(ears.hear(encode(calls[0], 7, KEY), NEAR_DBM, NOON), Call), "heard longest ago"


@given(st.binary(max_size=40), st.integers(-120, 0))
def test_bytes_that_nobody_of_us_made_are_no_call(message: bytes, rssi_dbm: int):
    assert listener().hear(message, rssi_dbm, NOON) in ("malformed", "strange", "forged")


@given(st.integers(0, MESSAGE_BYTES * 8 - 1))
def test_one_bit_makes_it_none(bit: int):
    message = bytearray(encode(CALL, 7, KEY))
    message[bit // 8] ^= 1 << bit % 8
    assert listener().hear(bytes(message), NEAR_DBM, NOON) in ("malformed", "strange", "forged")
