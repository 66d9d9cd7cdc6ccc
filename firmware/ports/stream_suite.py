"""What every pair of stream ends must pass. ``CASES`` take ``new_pair()``: two ends of a cable that is plugged in.

The cable is a good one; what a bad one may do is said in the port.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.stream import Stream

    NewPair = Callable[[], tuple[Stream, Stream]]

TRIES_MAX = 100000  # calls until bytes must have come through, for streams with an operating system in between


def bytes_come_through_in_order(new_pair: "NewPair") -> None:
    """Both ways, whatever the sizes of writes and reads."""
    first, second = new_pair()
    assert first.is_open()
    assert second.is_open()
    for sender, receiver in ((first, second), (second, first)):
        sent = bytes(n * 7 & 255 for n in range(5000))
        assert carry(sender, receiver, sent, 700, 333) == sent


def nothing_there_reads_as_nothing(new_pair: "NewPair") -> None:
    """At once, and the buffer is untouched."""
    first, second = new_pair()
    buffer = bytearray(b"????")
    assert first.read_into(buffer) == 0
    assert second.read_into(buffer) == 0
    assert buffer == b"????"


def a_full_stream_takes_less(new_pair: "NewPair") -> None:
    """``write`` never blocks, and what it took arrives."""
    first, second = new_pair()
    taken = 0
    block = bytes(8192)
    for _ in range(4096):
        count = first.write(block)
        assert 0 <= count <= len(block)
        taken += count
        if count == 0:
            break
    else:
        raise AssertionError("32 MiB were taken and nobody read")
    arrived = 0
    buffer = bytearray(8192)
    for _ in range(TRIES_MAX):
        arrived += second.read_into(buffer)
        if arrived == taken:
            break
    assert arrived == taken
    assert first.write(b"x") == 1


def reads_fill_only_the_front(new_pair: "NewPair") -> None:
    """Of the buffer, by as many bytes as returned."""
    first, second = new_pair()
    assert carry(first, second, b"abc", 3, 3) == b"abc"
    assert first.write(b"de") == 2
    buffer = bytearray(b"????")
    count = 0
    for _ in range(TRIES_MAX):
        count = second.read_into(buffer)
        if count:
            break
    assert count == 2
    assert buffer == b"de??"


CASES = (
    bytes_come_through_in_order,
    nothing_there_reads_as_nothing,
    a_full_stream_takes_less,
    reads_fill_only_the_front,
)


def carry(sender: "Stream", receiver: "Stream", data: bytes, write_bytes: int, read_bytes: int) -> bytes:
    """Send ``data`` in pieces and return what arrived."""
    view = memoryview(data)
    buffer = bytearray(read_bytes)
    arrived = bytearray()
    for _ in range(TRIES_MAX):
        if len(view):
            view = view[sender.write(view[:write_bytes]) :]
        arrived += memoryview(buffer)[: receiver.read_into(buffer)]
        if len(arrived) >= len(data):
            break
    return bytes(arrived)
