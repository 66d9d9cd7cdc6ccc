"""What a listener hears of two ends that speak securely: the greeting, records, and never a message."""

from __future__ import annotations

from collections import Counter

import pytest

from firmware.link import codec, schema
from firmware.link.session import BOARD, HOST, Session
from firmware.secure import channel_greeting
from firmware.secure.channel import SecureChannel
from firmware.secure.channel_greeting import GreetingReader
from firmware.secure.channel_stream import SecuredStream
from host_tools.protocol.decode import GAP, MESSAGE, SEALED, Entry, LineDecoder, text_of
from host_tools.protocol.decode_control import ControlListener, Sealed
from host_tools.protocol.decode_words import RECORD_KINDS
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST
from tests.unit.protocol.test_dissector import INSTALLED, captured, every, tree_of
from tests.unit.trust.parts import World

Heard = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def passed() -> Heard:
    """All that passes between a controller and a camera that greet, prove themselves, ask and answer."""
    world = World()
    camera = world.camera()
    host_trust, board_trust = world.trust.channel_trust(), camera.identity.channel_trust()
    greeting = channel_greeting.encode(camera.serial)
    host = Session(
        HOST,
        11,
        make_secure=lambda stream, version, now_ms: SecuredStream(
            stream, SecureChannel(host_trust, version, now_ms), reader=GreetingReader()
        ),
    )
    board = Session(
        BOARD,
        22,
        make_secure=lambda stream, version, now_ms: SecuredStream(
            stream, SecureChannel(board_trust, version, now_ms), greeting
        ),
    )
    host.open(0)
    wire: Heard = []
    shuttle(host, board, wire)
    host.send("assign_wearer", {"wearer": "W-17", "name": "Ada Lovelace", "profile": ""}, 1)
    shuttle(host, board, wire)
    board.send("done", {"about": 16}, 1)
    shuttle(host, board, wire)
    return wire


def shuttle(host: Session, board: Session, wire: Heard) -> None:
    """Carry bytes until none move."""
    moved = True
    while moved:
        moved = False
        for source, sink, way in ((host, board, TO_BOARD), (board, host, TO_HOST)):
            while (data := source.take_output()) is not None:
                moved = True
                wire.append((way, bytes(data)))
                sink.receive(data, 0)
                while sink.next_event() is not None:
                    pass


def decoded(wire: Heard) -> list[Entry]:
    decoder = LineDecoder("camera1")
    return [entry for way, data in wire for entry in decoder.feed(way, data)]


@pytest.mark.req("LINK-04")
def test_a_listener_hears_the_greeting_and_sealed_records(passed: Heard):
    entries = decoded(passed)
    messages = [entry for entry in entries if entry.what == MESSAGE]
    assert [(entry.name, entry.fields) for entry in messages] == [("greeting", {"serial": "CAM-0001"})]
    kinds = Counter(entry.name for entry in entries if entry.what == SEALED)
    assert kinds["handshake"] == 2
    assert kinds["application_data"] >= 4
    assert not [entry for entry in entries if entry.what == GAP]
    line = next(text_of(entry) for entry in entries if entry.what == SEALED)
    assert "sealed handshake" in line
    assert "bytes of the secure channel" in line


def test_a_record_that_is_missed_is_a_gap_and_listening_goes_on(passed: Heard):
    listener, whole = ControlListener(), []
    stream = b"".join(bytes([23, 3, 3, 0, 20]) + bytes([number]) * 20 for number in range(6))
    whole = [each for part in (0, 1) for each in listener.segment(part, stream[part * 60 : part * 60 + 60])]
    assert whole == [Sealed("application_data", 20)] * 4
    listener._held = b""  # the rest of the fifth is never heard
    found = listener.segment(2, stream[130:])
    assert [type(each).__name__ for each in found] == ["Unheard"]
    assert listener.segment(3, stream[:25]) == [Sealed("application_data", 20)]


def test_no_message_of_the_table_looks_like_a_record():
    for kind, _name in RECORD_KINDS:
        for number in (1, 3):
            length = kind | 3 << 8
            _number, _name, _direction, _since, rows = codec.MESSAGE_BY_NUMBER[number]
            longest = sum(2 + (row[3] or 0) if row[1] == "text" else 2 for row in rows) + 4
            assert longest < length, f"message {number} could be {length} bytes long"
    assert max(codec.MESSAGE_BY_NUMBER) < 256, "a number above 255 could have any low byte"
    assert schema.MESSAGE_BYTES_MAX >= 0x0317


@pytest.mark.parametrize("tshark", INSTALLED)
def test_tshark_shows_the_same(tshark: str, passed: Heard, tmp_path):
    tree = tree_of(tshark, captured(tmp_path, *passed))
    ours = [entry.name for entry in decoded(passed) if entry.what == SEALED]
    assert every(tree, "openbwc.record.kind") == ours
    assert every(tree, "openbwc.message.name") == ["greeting"]
    assert every(tree, "openbwc.expert.gap") == []
