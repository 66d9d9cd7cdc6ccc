"""Pulling the plug."""

from firmware.ports.memory_stream import stream_pair


def test_an_unplugged_cable_carries_nothing_and_loses_what_was_under_way() -> None:
    first, second = stream_pair()
    assert first.write(b"before") == 6
    second.unplug()
    assert not first.is_open()
    assert not second.is_open()
    assert first.write(b"during") == 0
    second.plug()
    assert first.is_open()
    assert second.is_open()
    assert second.read_into(bytearray(10)) == 0
    assert first.write(b"after") == 5
    buffer = bytearray(10)
    assert second.read_into(buffer) == 5
    assert buffer[:5] == b"after"


def test_both_ends_must_be_in() -> None:
    first, second = stream_pair()
    first.unplug()
    second.unplug()
    first.plug()
    assert not first.is_open()
    second.plug()
    assert first.is_open()
