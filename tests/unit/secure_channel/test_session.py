"""Two real sessions that agree to speak securely, over the link's seeded line, with and without faults."""

from __future__ import annotations

from typing import TypeVar

import pytest

from firmware.link import events, schema
from firmware.link.control import ControlStream
from firmware.link.errors import LocalError
from firmware.link.session import BOARD, HOST, Session
from firmware.secure.channel import SecureChannel
from firmware.secure.channel_context import ChannelTrust
from firmware.secure.channel_stream import SecuredStream
from firmware.secure.token import PullToken
from tests.unit.link.conftest import Faults, Pair
from tests.unit.trust.parts import World, peer

pytestmark = pytest.mark.req("LINK-04")
Event = TypeVar("Event")
TOKEN = bytes(range(32))


def secured(trust: ChannelTrust):
    def make(stream: ControlStream, version: int, now_ms: int) -> SecuredStream:
        return SecuredStream(stream, SecureChannel(trust, version, now_ms))

    return make


def sessions(host: ChannelTrust, board: ChannelTrust | None, seed: int = 1, faults: Faults | None = None) -> Pair:
    """A host that speaks securely, and a board that does so if it has ``board`` to show; opened and settled."""
    print(f"seed {seed}")
    make_board = secured(board) if board is not None else None
    pair = Pair(
        seed,
        faults or Faults(),
        Session(HOST, 11, payload_max=4096, slack_bytes=4096, make_secure=secured(host)),
        Session(BOARD, 22, payload_max=4096, slack_bytes=4096, make_secure=make_board),
    )
    pair.host.open(0)
    return pair


def is_secured(pair: Pair) -> bool:
    """Whether both ends have told who is there."""
    return all(kinds(log, events.Secured) for log in (pair.host_events, pair.board_events))


def kinds(log: list[events.Event], kind: type[Event]) -> list[Event]:
    return [event for event in log if isinstance(event, kind)]


@pytest.mark.parametrize(("seed", "faults"), [(1, Faults()), (2, Faults(lost=30, doubled=30, flipped=30))])
def test_both_ends_know_who_is_there_before_the_first_message(seed: int, faults: Faults):
    world = World()
    camera = world.camera()
    pair = sessions(world.trust.channel_trust(), camera.identity.channel_trust(), seed, faults)
    with pytest.raises(LocalError):
        pair.host.send("identify", {}, 1)
    pair.run(lambda: is_secured(pair))
    assert kinds(pair.host_events, events.Secured) == [events.Secured(peer(camera))]
    pair.host.send("get_camera", {}, 1)
    pair.run(lambda: bool(kinds(pair.board_events, events.Message)))
    order = [type(event) for event in pair.board_events]
    assert order.index(events.Secured) < order.index(events.Message)
    assert b"get_camera" not in pair.content


def test_nothing_readable_crosses_the_line():
    world = World()
    pair = sessions(world.trust.channel_trust(), world.camera().identity.channel_trust())
    pair.run(lambda: is_secured(pair))
    pair.host.send("assign_wearer", {"wearer": "W-17", "name": "Ada Lovelace", "profile": ""}, 1)
    wire = bytearray()
    while (data := pair.host.take_output()) is not None:
        wire += data
        pair.board.receive(data, pair.now_ms)
    assert len(wire) > 40
    assert b"Lovelace" not in wire
    event = pair.board.next_event()
    assert isinstance(event, events.Message)
    assert event.fields["name"] == "Ada Lovelace"


def test_a_board_that_the_host_does_not_believe_is_closed_with_a_reason_on_both_ends():
    world, other = World(), World(seed=2)
    pair = sessions(world.trust.channel_trust(), other.camera().identity.channel_trust())
    pair.run(lambda: pair.host.state == pair.board.state == "closed")
    for log in (pair.host_events, pair.board_events):
        closed = kinds(log, events.Closed)[0]
        assert closed.reason == schema.CLOSE_SECURITY
        assert closed.text
        assert not kinds(log, events.Secured)


def test_a_peer_that_agrees_and_then_says_nothing_is_given_up():
    world = World()
    pair = sessions(world.trust.channel_trust(), world.camera().identity.channel_trust())
    pair.run(lambda: pair.host.state == "open")
    pair.board.stream.next_segment = lambda now_ms: None  # its control stream is dead; frames still come and go
    pair.run(lambda: pair.host.state == "closed")
    closed = kinds(pair.host_events, events.Closed)[0]
    assert closed.reason == schema.CLOSE_SECURITY


def test_no_token_no_data():
    world = World()
    pair = sessions(world.trust.channel_trust(), world.camera().identity.channel_trust())
    pair.run(lambda: is_secured(pair))
    failed = [pair.pull(0, 100)]
    pair.run(lambda: len(kinds(pair.host_events, events.PullFailed)) == 1)
    pair.board.pull_macs = PullToken(TOKEN, pair.board.salt)
    failed.append(pair.pull(0, 100))
    pair.run(lambda: len(kinds(pair.host_events, events.PullFailed)) == 2)
    pair.host.pull_macs = PullToken(bytes(32), pair.host.salt)
    failed.append(pair.pull(0, 100))
    pair.run(lambda: len(kinds(pair.host_events, events.PullFailed)) == 3)
    assert [event.request for event in kinds(pair.host_events, events.PullFailed)] == failed
    pair.host.pull_macs = PullToken(TOKEN, pair.host.salt)
    wanted = pair.pull(1000, 100_000)
    pair.run(lambda: wanted in pair.done)
    assert pair.received[wanted] == pair.content[1000:101_000]
    assert all(not any(pair.received[request]) for request in failed)


def test_a_new_session_forgets_the_token_and_proves_anew():
    world = World()
    pair = sessions(world.trust.channel_trust(), world.camera().identity.channel_trust())
    pair.run(lambda: is_secured(pair))
    pair.host.pull_macs = pair.board.pull_macs = PullToken(TOKEN, pair.host.salt)
    pair.host_events.clear()
    pair.board_events.clear()
    pair.host.open(pair.now_ms)
    pair.run(lambda: is_secured(pair))
    assert pair.host.pull_macs is None
    assert pair.board.pull_macs is None


def test_a_board_that_cannot_speak_securely_opens_bare_and_says_so():
    pair = sessions(World().trust.channel_trust(), None)
    pair.run(lambda: bool(kinds(pair.host_events, events.Opened)))
    opened = kinds(pair.host_events, events.Opened)[0]
    assert not opened.capabilities & schema.CAPABILITY_SECURE
    assert not pair.host.secured
