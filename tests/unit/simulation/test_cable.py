"""The cable between board and controller: delay, limits, errors and breaks."""

import pytest

from host_tools.simulation.cable import CAPACITY_BYTES, BoardSocket, Cable
from host_tools.simulation.loop import VirtualLoop
from host_tools.transports.errors import LinkLost


class Listener:
    """The controller's side: takes everything, or pauses."""

    def __init__(self, room_bytes: int = 1 << 16) -> None:
        self.got = bytearray()
        self.turns = 0
        self.loss: LinkLost | None = None
        self._room = bytearray(room_bytes)

    def space(self) -> memoryview:
        return memoryview(self._room)

    def filled(self, count_bytes: int) -> None:
        self.got += self._room[:count_bytes]

    def turn_over(self) -> None:
        self.turns += 1

    def lost(self, error: LinkLost) -> None:
        self.loss = error


class Ends:
    """A cable that is plugged in on both sides."""

    def __init__(self) -> None:
        self.loop = VirtualLoop(pytest.fail)
        self.wakes = 0
        self.socket = BoardSocket(self._wake)
        self.cable = Cable(self.loop, "sim://CAM-0001/1", "seed")
        self.socket.put_in(self.cable)
        self.listener = Listener()
        self.host = self.cable.open_host()
        self.host.start(self.listener)

    def _wake(self) -> None:
        self.wakes += 1

    def settle(self) -> None:
        self.loop.run_until(self.loop.world.now_us + 10_000_000)


def read_all(socket: BoardSocket) -> bytes:
    buffer, got = bytearray(1000), bytearray()
    while count := socket.read_into(buffer):
        got += buffer[:count]
    return bytes(got)


def test_bytes_come_through_in_order_after_a_delay() -> None:
    ends = Ends()
    sent = bytes(range(256)) * 40
    assert ends.host.write([sent[:100], sent[100:]]) == len(sent)
    assert ends.socket.write(sent) == len(sent)
    assert not ends.socket.read_into(bytearray(10))
    ends.settle()
    assert read_all(ends.socket) == sent
    assert bytes(ends.listener.got) == sent
    assert ends.loop.world.now_us > 0


def test_a_full_cable_takes_no_more_and_tells_when_it_does_again() -> None:
    ends = Ends()
    assert ends.host.write([bytes(CAPACITY_BYTES), b"more"]) == CAPACITY_BYTES
    ends.settle()
    turns = ends.listener.turns
    read_all(ends.socket)
    ends.settle()
    assert ends.listener.turns > turns
    assert ends.host.write([b"more"]) == 4


def test_what_is_under_way_when_the_cable_breaks_is_lost_and_both_ends_know() -> None:
    ends = Ends()
    ends.host.write([b"never"])
    ends.socket.pull_out("broken")
    ends.settle()
    assert not ends.socket.is_open()
    assert "sim://CAM-0001/1 is gone (broken)" in str(ends.listener.loss)
    assert ends.host.write([b"more"]) == 0 or not read_all(ends.socket)


def test_bit_errors_are_the_seeds_and_as_many_as_asked() -> None:
    def garbled() -> bytes:
        ends = Ends()
        ends.cable.damage(1_000)
        ends.host.write([bytes(100_000)])
        ends.settle()
        return read_all(ends.socket)

    first = garbled()
    assert first == garbled()
    wrong = sum(byte.bit_count() for byte in first)
    assert 50 < wrong < 200


def test_a_dead_controller_reaches_nobody_and_the_next_one_opens_the_port_again() -> None:
    ends = Ends()
    ends.cable.hang_up()
    assert ends.host.write([b"ghost"]) == 0
    ends.socket.write(b"old")
    ends.settle()
    again = Listener()
    ends.cable.open_host().start(again)
    ends.socket.write(b"new")
    ends.settle()
    assert bytes(again.got) == b"new"
    assert not ends.listener.got
