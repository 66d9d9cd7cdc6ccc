"""Captures come back as they were written, also as other programs write them, and damage is told in a line."""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.protocol.pcapng import (
    BLOCK_BYTES_MAX,
    LINKTYPE_USER0,
    PACKET_BYTES_MAX,
    TO_BOARD,
    TO_HOST,
    CaptureFileError,
    Packet,
    PcapngReader,
    PcapngWriter,
)

PACKETS = st.lists(
    st.builds(
        Packet,
        st.integers(0, 1),
        st.integers(0, 2**62),
        st.sampled_from(["", TO_BOARD, TO_HOST]),
        st.binary(max_size=300),
        st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").decode()),
    ),
    max_size=12,
)


def written(packets: list[Packet], comment: str = "seed 1") -> bytes:
    file = io.BytesIO()
    writer = PcapngWriter(file, "tests", comment)
    for name in ("camera1", "dock1"):
        writer.add_interface(name, f"about {name}")
    for packet in packets:
        writer.write(packet)
    return file.getvalue()


def reader(data: bytes) -> PcapngReader:
    return PcapngReader(io.BytesIO(data), "trace.pcapng")


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


@given(PACKETS)
def test_packets_come_back_as_they_were(packets: list[Packet]):
    found = reader(written(packets))
    assert list(found) == packets
    assert (found.application, found.comment, found.cut_short) == ("tests", "seed 1", False)
    assert [(each.name, each.description) for each in found.interfaces] == [
        ("camera1", "about camera1"),
        ("dock1", "about dock1"),
    ]


def test_long_runs_of_bytes_become_several_packets():
    data = bytes(range(256)) * 1000
    packets = list(reader(written([Packet(0, 5, TO_HOST, data, "once")])))
    assert b"".join(packet.data for packet in packets) == data
    assert max(len(packet.data) for packet in packets) == PACKET_BYTES_MAX
    assert [packet.comment for packet in packets] == ["once", "", "", ""]


@given(st.data())
def test_a_file_that_was_cut_gives_every_whole_packet(data: st.DataObject):
    packets = [Packet(0, at, TO_BOARD, bytes(40), "") for at in range(5)]
    whole = written(packets)
    found = reader(whole[: data.draw(st.integers(len(written([])), len(whole)))])
    given_back = list(found)
    assert given_back == packets[: len(given_back)]
    assert found.cut_short == (len(written(given_back)) != len(found.file.getvalue()))  # type: ignore[attr-defined]


@pytest.mark.parametrize("order", ["<", ">"])
def test_files_of_other_programs_are_read(order: str):
    """Either byte order, nanoseconds, binary fractions of a second, unknown blocks, a second section."""
    section = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    nanoseconds = struct.pack(order + "HH", 9, 1) + bytes([9, 0, 0, 0])
    halves = struct.pack(order + "HH", 9, 1) + bytes([0x81, 0, 0, 0]) + struct.pack(order + "HHq", 14, 8, 100)
    interface = struct.pack(order + "HHI", LINKTYPE_USER0, 0, 0)
    statistics = block(order, 5, bytes(12))
    packet = struct.pack(order + "IIIII", 0, 0, 3, 3, 3) + b"abc\0"
    flags = struct.pack(order + "HHI", 2, 4, 1)
    data = section + block(order, 1, interface + nanoseconds) + statistics + block(order, 6, packet + flags)
    data += section + block(order, 1, interface + halves) + block(order, 6, packet)
    found = reader(data)
    assert list(found) == [Packet(0, 0, TO_HOST, b"abc"), Packet(1, 101_500_000, "", b"abc")]
    assert [each.name for each in found.interfaces] == ["interface 0", "interface 1"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"root:x:0:0:root", "no pcapng file"),
        (struct.pack("<II", 0x0A0D0D0A, 28) + b"what", "no byte order"),
        (written([]) + struct.pack("<II", 6, BLOCK_BYTES_MAX + 4) + bytes(40), "damaged"),
        (written([]) + struct.pack("<II", 6, 13) + bytes(40), "damaged"),
        (written([]) + block("<", 6, bytes(8)), "does not fit"),
        (written([]) + block("<", 6, struct.pack("<IIIII", 2, 0, 0, 0, 0)), "does not fit"),
        (written([]) + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 99, 99)), "does not fit"),
    ],
)
def test_what_is_no_capture_is_told_in_a_line(data: bytes, told: str):
    with pytest.raises(CaptureFileError, match=rf"^trace\.pcapng: .*{told}"):
        list(reader(data))


@given(st.binary(max_size=200))
def test_any_bytes_give_packets_or_a_capture_file_error(data: bytes):
    with suppress(CaptureFileError):
        assert all(isinstance(packet, Packet) for packet in reader(written([]) + data))
