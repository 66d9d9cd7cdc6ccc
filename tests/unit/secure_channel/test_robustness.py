"""Any bytes at any moment: the channel ends in a state, in time, and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure.certificates import CertificateFault, parse
from firmware.secure.certificates_request import read_request
from firmware.secure.channel import FAILED, HANDSHAKE_BYTES_MAX, HANDSHAKING, OPEN, SecureChannel
from firmware.secure.channel_faults import TEXTS
from tests.unit.secure_channel.parts import Raw, raw_context, settle
from tests.unit.trust.parts import World, connect, peer

WORLD = World()
CAMERA = WORLD.camera()
HOST_TRUST = WORLD.trust.channel_trust()
BOARD_TRUST = CAMERA.identity.channel_trust()
ENDS = {FAILED, HANDSHAKING}


def new_ends() -> tuple[SecureChannel, SecureChannel]:
    return SecureChannel(HOST_TRUST, 1, 0, "CAM-0001"), SecureChannel(BOARD_TRUST, 1, 0)


def legacy_versions(records: bytes | bytearray) -> set[int]:
    """Where the bytes are that say which TLS an unencrypted record is of."""
    places: set[int] = set()
    start = 0
    while start < len(records):
        places |= {start + 1, start + 2}
        start += 5 + int.from_bytes(records[start + 3 : start + 5], "big")
    return places


def require_failed(channel: SecureChannel, *codes: str) -> None:
    assert channel.state == FAILED
    assert channel.fault is not None
    assert channel.fault.code in codes
    assert channel.fault.text.startswith(TEXTS[channel.fault.code])
    assert channel.read() == b""


@pytest.mark.req("LINK-04")
def test_no_byte_of_a_handshake_but_the_last_opens_anything():
    """A byte at a time, both ways: until the last one of each side's proof, an end of the stream is a truncation."""
    host, board = new_ends()
    for _ in range(2):
        for sender, receiver in ((board, host), (host, board)):
            while byte := sender.take_output(1):
                assert receiver.state == HANDSHAKING
                assert receiver.read() == b""
                receiver.feed(byte)
    assert (host.state, board.state) == (OPEN, OPEN)


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize("who", ["host", "board"])
def test_a_handshake_that_is_cut(who: str):
    """At 60 places all over it; the test before this one has shown that the state is the same at all others."""
    whole = connect(HOST_TRUST, BOARD_TRUST)
    length = len(whole.to_host if who == "host" else whole.to_board)
    for cut in range(0, length - 4, length // 60):
        host, board = new_ends()
        sender, receiver = (board, host) if who == "host" else (host, board)
        left = cut
        for _ in range(2):
            sender.feed(receiver.take_output())
            data = sender.take_output(left) if left else b""
            left -= len(data)
            receiver.feed(data)
        receiver.end_of_input()
        require_failed(receiver, "truncated")


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize("who", ["host", "board"])
def test_one_bit_changed_anywhere_in_a_handshake(who: str):
    """Nobody ends up open with a peer who saw other bytes, but for the version in front of a record, which TLS 1.3
    tells everybody to ignore (RFC 8446, 5.1)."""
    entropy = SeededEntropy(f"bits of {who}")
    for _ in range(100):
        host, board = new_ends()
        sender, receiver = (board, host) if who == "host" else (host, board)
        first = bytearray(sender.take_output())
        if who == "board":
            host.feed(board.take_output())
            first = bytearray(host.take_output())
        ignored = legacy_versions(first)
        place = entropy.below(len(first))
        first[place] ^= 1 << entropy.below(8)
        receiver.feed(bytes(first))
        settle(host, board)
        assert place in ignored or not (host.state == OPEN and board.state == OPEN)
        for end in (host, board):
            end.end_of_input()
            assert end.state == FAILED


@pytest.mark.req("LINK-02", "LINK-04")
@settings(max_examples=200)
@given(st.data())
def test_any_bytes_end_in_a_state(data: st.DataObject):
    """Garbage before, within or instead of the handshake raises nothing and opens nothing."""
    host, board = new_ends()
    victim, other = (host, board) if data.draw(st.booleans()) else (board, host)
    front = data.draw(st.integers(0, 3_000))
    if victim is board:
        other.feed(victim.take_output())
    victim.feed(other.take_output(front) if front else b"")
    victim.feed(data.draw(st.binary(min_size=1, max_size=600)))
    victim.end_of_input()
    assert victim.state in ENDS | {FAILED}
    assert victim.read() == b""
    assert len(victim.take_output()) < 10_000


def test_a_record_longer_than_tls_allows():
    host, board = new_ends()
    host.feed(bytes([23, 3, 3, 0x48, 0x01]) + bytes(0x4801))
    require_failed(host, "protocol")
    settle(host, board)
    pair = connect(HOST_TRUST, BOARD_TRUST)
    pair.host.feed(bytes([23, 3, 3, 0xFF, 0xFF]) + bytes(60_000))
    require_failed(pair.host, "protocol")


def test_a_peer_that_only_talks_is_cut_off():
    """Records that TLS would collect for ever: a handshake message of 16 MB, in small pieces."""
    host, _ = new_ends()
    record = bytes([22, 3, 1, 0x10, 0x00]) + bytes([1, 0xFF, 0xFF, 0xFF]) + bytes(0x1000 - 4)
    fed = 0
    while host.state == HANDSHAKING and fed < 10 * HANDSHAKE_BYTES_MAX:
        host.feed(record)
        fed += len(record)
    require_failed(host, "protocol")
    assert fed <= HANDSHAKE_BYTES_MAX + len(record)


def test_a_peer_that_only_sends_certificates_is_cut_off():
    """Eighty certificates, of real ones: more than anybody needs to prove who it is, and still within OpenSSL's own
    limit of 100 KB."""
    world = World()
    own = peer(world.camera())
    host = SecureChannel(world.trust.channel_trust(), 1, 0, "CAM-0001")
    key = world.trust.record.controller.key
    settle(host, Raw(raw_context("board", [world.trust.record.controller.chain[0], *[own.chain[1]] * 80], key), False))
    require_failed(host, "flooded")


@settings(max_examples=300)
@given(st.data())
def test_certificates_and_requests_of_any_bytes_are_faults(data: st.DataObject):
    """And so are real ones with bytes changed, unless they are read as something else that is well-formed."""
    real = bytearray(data.draw(st.sampled_from([peer(CAMERA).chain[0], REQUEST, WORLD.maker.root, b"\x30\x82"])))
    for _ in range(data.draw(st.integers(0, 4))):
        real[data.draw(st.integers(0, len(real) - 1))] = data.draw(st.integers(0, 255))
    for read in (parse, read_request):
        fault = fault_of(read, bytes(real))
        assert fault is None or ("\n" not in str(fault) and fault.code in TEXTS)


def fault_of(read: Callable[[bytes], object], data: bytes) -> CertificateFault | None:
    try:
        read(data)
    except CertificateFault as fault:
        return fault
    return None


REQUEST = WORLD.factory_camera("CAM-0009").identity.request("LDevID")
