"""What every radio must pass. ``CASES`` take ``new_pair()``: two radios within reach of each other, and a function that
lets the time of a repetition pass."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault
from firmware.ports.expect import expect_fault
from firmware.ports.radio import MESSAGE_BYTES_MAX, POWER_DBM_MAX, POWER_DBM_MIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.radio import Radio

    NewPair = Callable[[], tuple[Radio, Radio, Callable[[], None]]]

POWER_DBM = 0
PATIENCE = 50  # repetitions: even a bad place lets one of them through


def heard_by(radio: "Radio", repeat: "Callable[[], None]") -> "set[bytes]":
    """All that it hears in some time."""
    found = set()
    for _ in range(PATIENCE):
        repeat()
        while (heard := radio.receive()) is not None:
            assert heard.rssi_dbm < 0
            found.add(heard.data)
    return found


def who_listens_hears_what_is_repeated(new_pair: "NewPair") -> None:
    """Of any allowed length, from bytes, bytearray and memoryview; nobody hears himself."""
    sender, listener, repeat = new_pair()
    listener.listen(True)
    sender.listen(True)
    longest = bytes(range(MESSAGE_BYTES_MAX))
    for data in (b"\x00", bytearray(longest), memoryview(b"abc")):
        sender.broadcast(data, POWER_DBM)
        assert bytes(data) in heard_by(listener, repeat)
    assert heard_by(sender, repeat) == set()


def a_new_message_takes_the_place_of_the_old(new_pair: "NewPair") -> None:
    """And silence that of both."""
    sender, listener, repeat = new_pair()
    listener.listen(True)
    sender.broadcast(b"old", POWER_DBM)
    assert heard_by(listener, repeat) == {b"old"}
    sender.broadcast(b"new", POWER_DBM)
    assert heard_by(listener, repeat) == {b"new"}
    sender.be_silent()
    repeat()
    while listener.receive() is not None:
        pass
    assert heard_by(listener, repeat) == set()


def who_does_not_listen_hears_nothing(new_pair: "NewPair") -> None:
    """Before, and after, and nothing of it later."""
    sender, listener, repeat = new_pair()
    sender.broadcast(b"early", POWER_DBM)
    assert heard_by(listener, repeat) == set()
    listener.listen(True)
    assert heard_by(listener, repeat) == {b"early"}
    repeat()
    listener.listen(False)
    assert listener.receive() is None
    assert heard_by(listener, repeat) == set()
    sender.be_silent()
    listener.listen(True)
    assert heard_by(listener, repeat) == set()


def a_chip_knows_how_loud_it_is(new_pair: "NewPair") -> None:
    """Whatever it is asked for, and again the same."""
    sender = new_pair()[0]
    for wanted_dbm in (POWER_DBM_MIN, 0, POWER_DBM_MAX):
        power_dbm = sender.power_for(wanted_dbm)
        assert POWER_DBM_MIN <= power_dbm <= POWER_DBM_MAX
        assert sender.power_for(wanted_dbm) == power_dbm == sender.power_for(power_dbm)


def what_is_no_message_is_refused(new_pair: "NewPair") -> None:
    """And the one before goes on."""
    sender, listener, repeat = new_pair()
    listener.listen(True)
    sender.broadcast(b"good", POWER_DBM)
    assert "24" in expect_fault(PortFault, sender.broadcast, bytes(MESSAGE_BYTES_MAX + 1), POWER_DBM)
    assert "not 0" in expect_fault(PortFault, sender.broadcast, b"", POWER_DBM)
    for power_dbm in (POWER_DBM_MIN - 1, POWER_DBM_MAX + 1):
        assert "dBm" in expect_fault(PortFault, sender.broadcast, b"loud", power_dbm)
    assert heard_by(listener, repeat) == {b"good"}


CASES = (
    who_listens_hears_what_is_repeated,
    a_new_message_takes_the_place_of_the_old,
    who_does_not_listen_hears_nothing,
    a_chip_knows_how_loud_it_is,
    what_is_no_message_is_refused,
)
