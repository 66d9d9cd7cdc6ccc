"""The greeting: a serial before anything is proved, and what becomes of one that does not fit."""

from __future__ import annotations

import random

import pytest

from firmware.link.control import ControlStream
from firmware.secure import channel_greeting
from firmware.secure.certificates import CertificateFault
from firmware.secure.channel import FAILED, OPEN, SecureChannel
from firmware.secure.channel_greeting import GREETING_BYTES_MAX, GreetingReader
from firmware.secure.channel_stream import SecuredStream
from tests.unit.trust.parts import World


def pair_of(claimed: str | None, greeting: bytes) -> tuple[SecuredStream, SecuredStream, GreetingReader]:
    """A host and a camera after all that they have to say to each other."""
    world = World()
    board_trust, host_trust = world.camera().identity.channel_trust(), world.trust.channel_trust()
    one, two = ControlStream(252), ControlStream(252)
    reader = GreetingReader()
    host = SecuredStream(two, SecureChannel(host_trust, 1, 0, claimed), reader=reader)
    board = SecuredStream(one, SecureChannel(board_trust, 1, 0), greeting=greeting)
    for _ in range(100):
        for here, there in ((one, two), (two, one)):
            segment = here.next_segment(0)
            if segment is not None:
                there.on_segment(segment[0], segment[1])
                here.on_ack(*there.ack(), 0)
        board.read()
        host.read()
    return host, board, reader


def test_a_serial_is_heard_before_tls_and_must_be_the_certificate_s():
    host, board, reader = pair_of(None, channel_greeting.encode("CAM-0001"))
    assert (reader.serial, host.channel.state, board.channel.state) == ("CAM-0001", OPEN, OPEN)
    assert host.peer is not None
    assert host.peer.serial == "CAM-0001"


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize(
    ("claimed", "greeting"),
    [(None, "CAM-0002"), ("CAM-0001", "CAM-0002"), ("CAM-0002", "CAM-0002"), ("CAM-0002", "CAM-0001")],
)
def test_serial_of_port_greeting_and_certificate_are_one(claimed: str | None, greeting: str):
    host, _board, reader = pair_of(claimed, channel_greeting.encode(greeting))
    assert host.channel.state == FAILED
    assert host.channel.fault is not None
    assert host.channel.fault.code == "wrong_serial"
    assert host.fault_text
    assert reader.serial == greeting  # it is shown all the same


def test_a_greeting_in_pieces_leaves_the_rest_alone():
    whole = channel_greeting.encode("A.b-9")
    reader = GreetingReader()
    rests = [reader.feed(whole[number : number + 1]) for number in range(len(whole) - 1)]
    assert set(rests) == {b""}
    assert reader.serial is None
    assert (reader.feed(whole[-1:] + b"rest"), reader.serial, reader.feed(b"more")) == (b"rest", "A.b-9", b"more")


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",
        b"\xff\xff",
        (GREETING_BYTES_MAX + 1).to_bytes(2, "little"),
        b"\x08\x00\x03\x00\x00\x00\x02\x00AB",  # another message
        b"\x08\x00\x30\x00\x01\x00\x02\x00AB",  # an answer
        b"\x08\x00\x30\x00\x00\x00\x03\x00AB",  # a text that is longer than the message
        b"\x08\x00\x30\x00\x00\x00\x02\x00A/",  # no serial
        b"\x16\x03\x01\x02\x00\x01",  # TLS without a greeting
    ],
)
def test_what_is_no_greeting_is_refused_at_once(data: bytes):
    with pytest.raises(CertificateFault):
        GreetingReader().feed(data)


def test_any_bytes_are_a_greeting_or_a_fault():
    whole, chance = channel_greeting.encode("CAM-0001"), random.Random(5)
    for _ in range(2_000):
        data = bytearray(whole + chance.randbytes(chance.randrange(8)))
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        reader = GreetingReader()
        try:
            for at in range(0, len(data), 3):
                reader.feed(bytes(data[at : at + 3]))
        except CertificateFault:
            continue
        assert reader.serial is None or channel_greeting.encode(reader.serial)


def test_no_greeting_ends_the_channel():
    host, _board, reader = pair_of(None, b"")
    assert host.channel.state == FAILED
    assert reader.serial is None
    assert host.channel.fault is not None
    assert host.channel.fault.code == "protocol"


def test_a_serial_that_no_certificate_could_have_is_not_said():
    with pytest.raises(CertificateFault, match="letters"):
        channel_greeting.encode("ä")
