"""The channel between two who belong together: opening, bytes, closing, limits."""

from __future__ import annotations

import ssl

import pytest

from firmware.link import schema
from firmware.link.errors import LocalError
from firmware.secure import channel
from firmware.secure.certificates import CONTROLLER, IDEVID, LDEVID
from firmware.secure.channel import CLOSED, CLOSING, FAILED, HANDSHAKE_LIMIT_MS, HANDSHAKING, OPEN, SecureChannel
from tests.unit.trust.parts import Pair, World, connect


def opened(world: World) -> Pair:
    pair = connect(world.trust.channel_trust(), world.camera().identity.channel_trust(), "CAM-0001")
    assert (pair.host.state, pair.board.state) == (OPEN, OPEN)
    return pair


@pytest.mark.req("LINK-04")
def test_both_ends_know_who_the_other_is():
    world = World()
    pair = opened(world)
    assert (pair.host.peer.kind, pair.host.peer.serial, pair.host.peer.owner) == (
        LDEVID,
        "CAM-0001",
        world.trust.system,
    )
    assert (pair.board.peer.kind, pair.board.peer.serial) == (CONTROLLER, "controller-1")
    assert pair.host.peer.root == pair.board.peer.root == world.trust.record.root


@pytest.mark.req("LINK-04")
def test_it_is_tls_1_3_with_our_protocol_and_no_ticket():
    pair = opened(World())
    for end in (pair.host, pair.board):
        assert end._tls.version() == "TLSv1.3"
        assert end._tls.selected_alpn_protocol() == f"openbwc/{schema.PROTOCOL_VERSION}"
        assert not end._tls.session_reused
    session = pair.board._tls.session
    assert session is not None
    assert not session.has_ticket


@pytest.mark.req("LINK-04")
def test_bytes_come_through_both_ways_and_nobody_else_reads_them():
    pair = opened(World())
    secret = bytes(range(256)) * 200
    pair.host.write(secret)
    pair.board.write(b"answer")
    pair.settle()
    assert pair.board.read() == secret
    assert pair.host.read() == b"answer"
    assert pair.board.read() == b""
    wire = bytes(pair.to_host + pair.to_board)
    assert secret[:16] not in wire
    assert b"answer" not in wire
    assert b"CAM-0001" not in wire


def test_a_byte_at_a_time_is_enough():
    world = World()
    host = SecureChannel(world.trust.channel_trust(), 1, 0, "CAM-0001")
    board = SecureChannel(world.camera().identity.channel_trust(), 1, 0)
    while host.state == HANDSHAKING or board.state == HANDSHAKING:
        up, down = board.take_output(1), host.take_output(1)
        assert up or down
        host.feed(up)
        board.feed(down)
    board.write(b"hello")
    while data := board.take_output(1):
        host.feed(data)
    assert host.read() == b"hello"


@pytest.mark.req("LINK-04")
def test_closing_is_said_and_answered():
    pair = opened(World())
    pair.host.write(b"last words")
    pair.host.close()
    assert pair.host.state == CLOSING
    with pytest.raises(LocalError, match="closing"):
        pair.host.write(b"more")
    pair.settle()
    assert (pair.host.state, pair.board.state) == (CLOSED, CLOSED)
    assert pair.board.read() == b"last words"
    pair.host.end_of_input()
    assert pair.host.state == CLOSED


def test_what_the_peer_says_until_it_closes_too_is_read():
    pair = opened(World())
    pair.board.write(b"under way")
    pair.host.close()
    pair.settle()
    assert pair.host.read() == b"under way"
    assert pair.host.state == CLOSED


@pytest.mark.parametrize("closes", ["host", "board", "nobody"])
@pytest.mark.req("LINK-04")
def test_an_end_without_a_word_is_a_truncation(closes: str):
    pair = opened(World())
    pair.board.write(b"half of it")
    pair.settle()
    if closes == "host":
        pair.host.close()
    if closes == "board":
        pair.board.close()  # its word never arrives
    pair.host.end_of_input()
    assert pair.host.state == FAILED
    assert pair.host.fault is not None
    assert pair.host.fault.code == "truncated"
    assert pair.host.read() == b""


def test_nothing_is_said_before_the_peer_has_proved_itself():
    world = World()
    board = SecureChannel(world.camera().identity.channel_trust(), 1, 0)
    with pytest.raises(LocalError, match="handshaking"):
        board.write(b"wearer")
    with pytest.raises(LocalError, match="nobody has proved"):
        _ = board.peer
    board.close()
    assert board.state == FAILED


def test_an_unread_channel_takes_no_more():
    pair = opened(World())
    block = bytes(16_000)
    rest = b""
    for _ in range(20):
        pair.host.write(block)
        data = pair.host.take_output()
        rest = data[pair.board.feed(data) :]
        if rest:
            break
    assert rest
    assert len(pair.board._plaintext) <= channel.PLAINTEXT_BYTES_MAX + 2 * 16_384
    assert len(pair.board.read()) > 0
    assert pair.board.feed(rest) == len(rest)


def test_an_unheard_channel_takes_no_more_to_say():
    pair = opened(World())
    for _ in range(3):
        pair.host.write(bytes(16_000))
    with pytest.raises(LocalError, match="does not listen"):
        pair.host.write(bytes(20_000))
    assert len(pair.host.take_output()) <= channel.OUTPUT_BYTES_MAX


def test_a_silent_peer_is_given_up_in_time():
    world = World()
    host = SecureChannel(world.trust.channel_trust(), 1, 500, "CAM-0001")
    assert host.deadline_ms() == 500 + HANDSHAKE_LIMIT_MS
    host.tick(500 + HANDSHAKE_LIMIT_MS - 1)
    assert host.state == HANDSHAKING
    host.tick(500 + HANDSHAKE_LIMIT_MS)
    assert host.state == FAILED
    assert host.fault is not None
    assert host.fault.code == "timeout"
    assert host.deadline_ms() is None


def test_an_open_channel_has_no_deadline():
    pair = opened(World())
    assert pair.host.deadline_ms() is None
    pair.host.tick(10**9)
    assert pair.host.state == OPEN


def test_what_comes_after_the_end_is_thrown_away():
    pair = opened(World())
    pair.host.close()
    pair.settle()
    assert pair.board.feed(b"x" * 100) == 100
    assert pair.board.ignored_bytes == 100
    assert pair.board.read() == b""


@pytest.mark.req("LINK-04")
def test_a_factory_camera_knows_nobody_and_says_so():
    world = World()
    pair = connect(world.trust.channel_trust(), world.factory_camera().identity.channel_trust(), "CAM-0001")
    assert (pair.host.state, pair.board.state) == (OPEN, OPEN)
    assert pair.host.peer.kind == IDEVID
    assert pair.host.peer.anchored
    assert not pair.board.peer.anchored
    assert pair.board.peer.root == world.trust.record.root


def test_states_and_transitions_are_one_closed_table():
    states = {HANDSHAKING, OPEN, CLOSING, CLOSED, FAILED}
    assert {state for state, _ in channel.TRANSITIONS} | set(channel.TRANSITIONS.values()) == states
    assert not any(state in (CLOSED, FAILED) for state, _ in channel.TRANSITIONS)


def test_the_context_never_looks_at_the_clock():
    """A world of 2096 today: that it opens is what the flag is for."""
    world = World(now_ms=4_000_000_000_000)
    assert opened(world).host.peer.issued_ms > 3_999_999_000_000
    context = world.trust.channel_trust().context
    assert context.verify_flags & 0x200000
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
