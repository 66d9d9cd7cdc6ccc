"""Readers that act as keyboards or as smart-card readers: what their libraries say becomes taps, or the loss of one.

There is neither such a reader nor its library here; what stands for the library has its calls and its exceptions alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from host_tools.readers.errors import ReaderLost
from host_tools.readers.keyed import KeyedNumbers
from host_tools.readers.pcsc import PcscReader, _uid_of
from host_tools.readers.presence import Event, Gone, Seen
from host_tools.readers.tags import ISO14443A, KEYED, Tag
from host_tools.readers.wedge import WedgeReader

pytestmark = pytest.mark.req("RFID-01")
NUMBER = "04A1B2C3D4E5F6"
TAG = Tag(KEYED, 56, bytes.fromhex(NUMBER))
CODES = {ord(digit): f"KEY_{digit}" for digit in "0123456789ABCDEF"} | {28: "KEY_ENTER"}


class Key(NamedTuple):
    """As evdev tells it."""

    code: int
    value: int
    sec: int
    usec: int


class Keyboard:
    """Numbers that were typed at these times; then it is unplugged."""

    def __init__(self, typed_ms: Sequence[int]) -> None:
        self.now_ms = 0
        self._typed_ms = list(typed_ms)

    async def async_read(self) -> list[Key]:
        if not self._typed_ms:
            raise OSError(19, "No such device")
        self.now_ms = self._typed_ms.pop(0)
        codes = [*map(ord, NUMBER), 28]
        return [Key(code, value, 7_000 - self.now_ms, 0) for code in codes for value in (1, 0)]

    def close(self) -> None:
        return


def taps_of(typed_ms: Sequence[int]) -> list[int]:
    """At which of these times a tap was heard."""
    keyboard, heard = Keyboard(typed_ms), []

    async def go() -> None:
        reader = WedgeReader("wedge://x", keyboard, CODES, 16, lambda: keyboard.now_ms)
        while True:
            event = await reader.next_event()
            assert event in (Seen(TAG), Gone(TAG))
            if isinstance(event, Seen):
                heard.append(keyboard.now_ms)

    with pytest.raises(ReaderLost, match="plug the reader in again"):
        asyncio.run(go())
    return heard


def test_a_badge_that_is_typed_again_and_again_is_one_tap():
    assert taps_of(range(0, 5_000, 300)) == [0]
    assert taps_of([0, 300, 4_000]) == [0, 4_000]
    assert taps_of([0, 20_000]) == [0, 20_000], "though its clock was set back"


def test_half_a_number_that_was_never_ended_does_not_cost_the_next_one():
    numbers = KeyedNumbers()
    for place, digit in enumerate("04A1"):
        numbers.key(digit, place * 8)
    for place, digit in enumerate(NUMBER):
        numbers.key(digit, 60_000 + place * 8)
    assert numbers.enter(60_150) == TAG
    for place, digit in enumerate(NUMBER):
        numbers.key(digit, 90_000 + place * 8 + (200 if place > 5 else 0))
    assert numbers.enter(90_400) is None, "the rest of a number is no number"


@pytest.mark.req("RFID-01")
def test_a_card_on_a_pcsc_reader_is_seen_once_and_gone_when_it_is_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("host_tools.readers.pcsc.POLL_S", 0)
    uid = bytes.fromhex("04A1B2C3D4E5F6")
    found = iter([None, uid, uid, None, None, uid])
    times_ms = iter(range(0, 6_000, 1_000))
    reader = PcscReader("pcsc:///", "any", lambda: next(found), lambda: next(times_ms))

    async def go() -> list[Event]:
        return [await reader.next_event() for _ in range(3)]

    card = Tag(ISO14443A, 56, uid)
    try:
        assert asyncio.run(go()) == [Seen(card), Gone(card), Seen(card)]
    finally:
        reader.close()
        reader._thread.shutdown()


class SmartcardException(Exception):
    """As pyscard has it."""


class NoCardException(SmartcardException):
    """No card is there."""


class CardConnectionException(SmartcardException):
    """Anything else that keeps a card from answering; the loss of its reader among it."""


ERRORS = SimpleNamespace(
    SmartcardException=SmartcardException,
    NoCardException=NoCardException,
    CardConnectionException=CardConnectionException,
)


class CardReader:
    """``meets``: what its card does."""

    def __init__(self, meets: Exception | None) -> None:
        self.meets = meets

    def __str__(self) -> str:
        return "ACR122U 00 00"

    def createConnection(self) -> CardReader:
        return self

    def connect(self) -> None:
        if self.meets is not None:
            raise self.meets

    def transmit(self, _command: list[int]) -> tuple[list[int], int, int]:
        return list(bytes.fromhex(NUMBER)), 0x90, 0x00

    def disconnect(self) -> None:
        return


def uid_of(meets: Exception | None, plugged: bool = True) -> bytes | None:
    reader = CardReader(meets)
    system: Any = SimpleNamespace(readers=lambda: [reader] if plugged else [])
    return _uid_of("pcsc:///", reader, system, ERRORS)


def test_a_smart_card_reader_that_was_unplugged_is_lost_and_not_empty():
    assert uid_of(None) == bytes.fromhex(NUMBER)
    assert uid_of(NoCardException("no card")) is None
    assert uid_of(CardConnectionException("it was taken away meanwhile")) is None
    with pytest.raises(ReaderLost, match="plug the reader in again"):
        uid_of(CardConnectionException("reader unavailable"), plugged=False)
    with pytest.raises(ReaderLost, match="plug the reader in again"):
        uid_of(SmartcardException("no service"))
