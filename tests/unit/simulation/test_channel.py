"""The secure channel's stand-in against the real one: both believe the same peers, and fail with the same word."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from firmware.link import schema
from firmware.link.errors import LocalError
from firmware.secure.certificates import CONTROLLER, LDEVID, PeerIdentity
from firmware.secure.channel import CLOSED, FAILED, HANDSHAKE_LIMIT_MS, OPEN, SecureChannel
from firmware.secure.channel_context import ChannelTrust
from host_tools.simulation.channel import SimChannel
from tests.unit.trust.parts import Pair, World

Make = Callable[[ChannelTrust, int, int, str | None], SecureChannel]
BOTH = pytest.mark.parametrize("make", [SecureChannel, SimChannel], ids=["real", "simulated"])


@dataclass
class Case:
    """Who meets whom, and what comes of it at the host and at the board: a peer's serial, or a word of FAULTS."""

    name: str
    host: Callable[[World], ChannelTrust]
    board: Callable[[World], ChannelTrust]
    at_host: str
    at_board: str
    claimed: str | None = None


def own(world: World) -> ChannelTrust:
    return world.trust.channel_trust()


def foreign(world: World) -> ChannelTrust:
    return World(seed=99).trust.channel_trust()


def member(world: World) -> ChannelTrust:
    return world.camera().identity.channel_trust()


def factory(world: World) -> ChannelTrust:
    return world.factory_camera().identity.channel_trust()


def of_unknown_maker(world: World) -> ChannelTrust:
    return World(seed=98).factory_camera().identity.channel_trust()


CASES = [
    Case("a member docks", own, member, "CAM-0001", "controller-1", "CAM-0001"),
    Case("a factory camera docks", own, factory, "CAM-0001", "controller-1"),
    Case("another system's controller", foreign, member, "refused_there", "unknown_issuer"),
    Case("a camera of an unknown maker", own, of_unknown_maker, "unknown_issuer", ""),
    Case("another camera than its port says", own, member, "wrong_serial", "", "CAM-0002"),
]


def joined(make: Make, case: Case) -> Pair:
    world = World()
    host = make(case.host(world), schema.PROTOCOL_VERSION, 0, case.claimed)
    pair = Pair(host, make(case.board(world), schema.PROTOCOL_VERSION, 0, None))
    pair.settle()
    return pair


def outcome(channel: SecureChannel) -> str:
    if channel.fault is not None:
        return channel.fault.code
    return channel.peer.serial if channel.is_proved() else channel.state


@BOTH
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_believe_the_same_peers(make: Make, case: Case) -> None:
    pair = joined(make, case)
    assert outcome(pair.host) == case.at_host
    if case.at_board:
        assert outcome(pair.board) == case.at_board


@BOTH
def test_the_peers_are_told_alike(make: Make) -> None:
    pair = joined(make, CASES[0])

    def told(peer: PeerIdentity) -> tuple[str, str, bool, int]:
        return peer.kind, peer.serial, peer.anchored, len(peer.chain)

    assert told(pair.host.peer) == (LDEVID, "CAM-0001", True, 3)
    assert told(pair.board.peer) == (CONTROLLER, "controller-1", True, 3)


@BOTH
def test_a_factory_camera_meets_a_stranger(make: Make) -> None:
    assert not joined(make, CASES[1]).board.peer.anchored


@BOTH
def test_plaintext_passes_both_ways_and_the_end_is_said(make: Make) -> None:
    pair = joined(make, CASES[0])
    pair.host.write(bytes(40_000))
    pair.board.write(b"up")
    pair.settle()
    assert pair.board.read() == bytes(40_000)
    assert pair.host.read() == b"up"
    pair.host.close()
    pair.settle()
    assert (pair.host.state, pair.board.state) == (CLOSED, CLOSED)
    with pytest.raises(LocalError):
        pair.board.write(b"late")


@BOTH
def test_a_board_shows_nothing_to_a_controller_that_it_does_not_believe(make: Make) -> None:
    pair = joined(make, CASES[2])
    assert not pair.host.is_proved()
    assert b"CAM-0001" not in bytes(pair.to_host)


@BOTH
def test_an_older_link_is_not_agreed_on_behind_our_back(make: Make) -> None:
    world = World()
    pair = Pair(
        make(own(world), schema.PROTOCOL_VERSION + 1, 0, None), make(member(world), schema.PROTOCOL_VERSION, 0, None)
    )
    pair.settle()
    assert "downgraded" in (outcome(pair.host), outcome(pair.board))


@BOTH
def test_who_does_not_prove_himself_in_time_is_given_up(make: Make) -> None:
    channel = make(own(World()), schema.PROTOCOL_VERSION, 0, None)
    assert channel.deadline_ms() == HANDSHAKE_LIMIT_MS
    channel.tick(HANDSHAKE_LIMIT_MS)
    assert channel.state == FAILED
    assert channel.deadline_ms() is None


@BOTH
def test_garbage_ends_in_a_fault(make: Make) -> None:
    channel = make(own(World()), schema.PROTOCOL_VERSION, 0, None)
    channel.feed(b"\x07" * 400)
    assert channel.fault is not None
    assert channel.state != OPEN
