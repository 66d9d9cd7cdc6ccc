"""Who must not get in, and what they learn by trying."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from firmware.link import schema
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import certificates
from firmware.secure.certificates import CONTROLLER, EVIDENCE, IDEVID, LDEVID
from firmware.secure.certificates_keys import new_key, pem_of
from firmware.secure.channel import FAILED, OPEN, SecureChannel
from firmware.secure.channel_context import BOARD, HOST, ChannelTrust, TlsKey
from host_tools.trust import admission
from host_tools.trust.authority import Authority, make_issuing, make_root
from tests.unit.secure_channel.parts import (
    KEY,
    Forged,
    Raw,
    against_board,
    against_host,
    raw_context,
    settle,
)
from tests.unit.trust.parts import NOW_MS, WEEK_MS, World, connect, peer

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
DOCUMENTS = ObjectIdentifier("1.3.6.1.5.5.7.3.36")


def code_of(channel: SecureChannel) -> str:
    """Why it failed; an open one is the failure."""
    assert channel.state == FAILED
    assert channel.fault is not None
    assert channel.read() == b""
    assert "\n" not in channel.fault.text
    return channel.fault.code


def look_alike(world: World) -> Authority:
    """An authority with all the names of the system's, and none of its keys."""
    entropy = SeededEntropy("look-alike")
    root = make_root(world.trust.system, new_key(entropy), NOW_MS, entropy)
    return make_issuing(root, new_key(entropy), NOW_MS, entropy)


@pytest.mark.req("LINK-04")
def test_a_camera_of_another_system_shows_nothing_but_its_greeting():
    """Both trust the same maker; the camera gives up before it has shown any certificate."""
    ours, theirs = World(1), World(2)
    stranger = theirs.camera("CAM-7777")
    pair = connect(ours.trust.channel_trust(), stranger.identity.channel_trust(), "CAM-7777")
    assert code_of(pair.board) == "unknown_issuer"
    assert code_of(pair.host) == "refused_there"
    turned_away = admission.turn_away("CAM-7777", pair.host.fault)  # type: ignore[arg-type]
    assert turned_away.state == admission.UNKNOWN
    greeting_bytes = len(SecureChannel(stranger.identity.channel_trust(), 1, 0).take_output())
    alert_bytes = 64  # a record of two bytes, encrypted, with a compatibility record before it
    assert len(pair.to_host) <= greeting_bytes + alert_bytes
    assert len(pair.to_host) < len(peer(stranger).chain[0])
    assert b"CAM-7777" not in pair.to_host


@pytest.mark.req("LINK-04")
def test_a_certificate_of_look_alike_names_is_refused_by_its_signature():
    world = World()
    fake = look_alike(world)
    forged = Forged(world.trust.system).signed_by(fake)
    host, attacker = against_host(world, raw_context(BOARD, [forged, *fake.chain]))
    assert code_of(host) == "unknown_issuer"
    assert attacker.plaintext == b""
    controller = Forged(world.trust.system, CONTROLLER, "controller-1").signed_by(fake)
    board, _ = against_board(world, raw_context(HOST, [controller, *fake.chain]))
    assert code_of(board) == "unknown_issuer"


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize("role", [HOST, BOARD])
def test_a_self_signed_certificate_is_refused(role: str):
    world = World()
    kind = CONTROLLER if role == HOST else LDEVID
    alone = Forged(world.trust.system, kind).signed_by(Authority((), KEY))
    attack = against_board if role == HOST else against_host
    channel, _ = attack(world, raw_context(role, [alone]))
    assert code_of(channel) in ("unknown_issuer", "bad_certificate")


@pytest.mark.req("LINK-04")
def test_a_peer_without_a_certificate_is_refused():
    host, _ = against_host(World(), raw_context(BOARD))
    assert code_of(host) == "no_certificate"


@pytest.mark.req("LINK-04")
def test_a_certificate_copied_from_a_camera_is_worth_nothing_without_its_key():
    """Key and certificate do not fit in any honest TLS; this one has the certificate's key replaced by its own."""
    world = World()
    camera = peer(world.camera())
    real = certificates.public_key_of(camera.chain[0])
    mine = KEY.public_key()
    numbers = [key.public_numbers() for key in (real, mine)]
    points = [each.x.to_bytes(32, "big") + each.y.to_bytes(32, "big") for each in numbers]
    patched = camera.chain[0].replace(points[0], points[1])
    assert patched != camera.chain[0]
    host, _ = against_host(world, raw_context(BOARD, [patched, camera.chain[1]]))
    assert code_of(host) in ("unknown_issuer", "bad_certificate", "protocol")
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        raw_context(BOARD, [camera.chain[0]])


@pytest.mark.req("LINK-04", "CTRL-12")
def test_one_camera_cannot_stand_in_for_another():
    """A real camera of this system whose USB descriptor says another serial."""
    world = World()
    thief = world.camera("CAM-0002")
    pair = connect(world.trust.channel_trust(), thief.identity.channel_trust(), claimed="CAM-0001")
    assert code_of(pair.host) == "wrong_serial"
    assert pair.board.state != OPEN


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize(
    ("kind", "purposes"),
    [
        (LDEVID, [SERVER]),
        (LDEVID, [CLIENT, SERVER]),
        (LDEVID, [DOCUMENTS]),
        (LDEVID, []),
        (EVIDENCE, [DOCUMENTS]),
        (EVIDENCE, [CLIENT]),
        (CONTROLLER, [SERVER]),
        (CONTROLLER, [CLIENT]),
        (IDEVID, [CLIENT]),
        ("issuing", [CLIENT]),
    ],
)
def test_only_a_cameras_own_certificate_opens_a_camera_session(kind: str, purposes: Sequence[ObjectIdentifier]):
    """All of these are signed by the system's real issuing key."""
    world = World()
    issuing = world.trust.record.issuing
    chain = [Forged(world.trust.system, kind, purposes=purposes).signed_by(issuing), issuing.chain[0]]
    host, _ = against_host(world, raw_context(BOARD, chain))
    assert code_of(host) == "wrong_purpose"


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize(
    ("kind", "purposes"), [(LDEVID, [CLIENT]), (LDEVID, [SERVER]), (CONTROLLER, [CLIENT]), (EVIDENCE, [DOCUMENTS])]
)
def test_a_stolen_camera_cannot_play_the_controller(kind: str, purposes: Sequence[ObjectIdentifier]):
    world = World()
    issuing = world.trust.record.issuing
    chain = [Forged(world.trust.system, kind, purposes=purposes).signed_by(issuing), issuing.chain[0]]
    board, attacker = against_board(world, raw_context(HOST, chain))
    assert code_of(board) == "wrong_purpose"
    assert attacker.plaintext == b""


def test_a_factory_camera_too_listens_to_controllers_only():
    world = World()
    issuing = world.trust.record.issuing
    forged = Forged(world.trust.system, LDEVID, purposes=[CLIENT]).signed_by(issuing)
    board = SecureChannel(world.factory_camera().identity.channel_trust(), 1, 0)
    settle(board, Raw(raw_context(HOST, [forged, *issuing.chain]), server=True))
    assert code_of(board) == "wrong_purpose"


def test_a_factory_camera_wants_a_chain_that_holds():
    world = World()
    fake = look_alike(world)
    forged = Forged(world.trust.system, CONTROLLER, "controller-1").signed_by(fake)
    board = SecureChannel(world.factory_camera().identity.channel_trust(), 1, 0)
    settle(board, Raw(raw_context(HOST, [forged, *world.trust.record.issuing.chain]), server=True))
    assert code_of(board) == "unknown_issuer"


@pytest.mark.parametrize(
    "forged",
    [
        Forged("another-owner"),
        Forged("", extra_name="x"),
        Forged("", serial=""),
        Forged("", serial="CAM 0001"),
        Forged("", serial="../../etc"),
        Forged("", serial="C" * 33),
        Forged("", ca=True, path_length=0),
    ],
    ids=["owner", "one name more", "no serial", "space", "path", "long", "authority"],
)
def test_a_certificate_of_another_form_is_refused_though_our_issuing_key_signed_it(forged: Forged):
    world = World()
    issuing = world.trust.record.issuing
    forged.owner = forged.owner or world.trust.system
    host, _ = against_host(world, raw_context(BOARD, [forged.signed_by(issuing), issuing.chain[0]]), None)
    assert code_of(host) in ("bad_certificate", "wrong_purpose")


def test_a_device_cannot_issue_for_another():
    """A camera's certificate used as if it were an authority's."""
    world = World()
    camera = world.camera("CAM-0002")
    entropy = SeededEntropy("device")
    key = new_key(entropy)
    chain = world.trust.record.issuing.issue(LDEVID, "CAM-0002", key.public_key(), NOW_MS, entropy)
    forged = Forged(world.trust.system).signed_by(Authority(chain, key))
    host, _ = against_host(world, raw_context(BOARD, [forged, *chain[:-1]]))
    assert code_of(host) in ("wrong_purpose", "bad_certificate")
    assert peer(camera).serial == "CAM-0002"


@pytest.mark.req("LINK-04")
def test_a_makers_authority_cannot_make_members_of_a_system():
    """An IDevID's issuer that writes LDevID into a certificate, with the system's name in it or its own."""
    world = World()
    maker = world.maker._issuing
    for owner in (world.trust.system, maker.owner):
        forged = Forged(owner).signed_by(maker)
        host, _ = against_host(world, raw_context(BOARD, [forged, maker.chain[0]]))
        assert code_of(host) in ("wrong_purpose", "bad_certificate")


@pytest.mark.req("LINK-04", "CTRL-13", "CAM-22")
@pytest.mark.parametrize(
    ("weeks_later", "state"),
    [(0, "member"), (7.5, "member"), (8.01, "safe_mode"), (60, "safe_mode"), (-1, "refused")],
)
def test_an_expired_camera_can_be_told_so(weeks_later: float, state: str):
    """The channel opens at any time; what the camera then is depends on the time that the controller is given."""
    world = World()
    pair = connect(world.trust.channel_trust(), world.camera().identity.channel_trust(), "CAM-0001")
    assert pair.host.state == OPEN
    assert world.trust.admit(pair.host.peer, NOW_MS + int(weeks_later * WEEK_MS)).state == state


@pytest.mark.req("LINK-04")
def test_a_revoked_camera_is_told_apart():
    world = World()
    camera = world.camera()
    world.trust.revoke("CAM-0001", NOW_MS)
    pair = connect(world.trust.channel_trust(), camera.identity.channel_trust(), "CAM-0001")
    assert world.trust.admit(pair.host.peer, NOW_MS).state == admission.REVOKED


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize("role", [HOST, BOARD])
def test_tls_1_2_is_refused(role: str):
    """By a peer that has every certificate it needs, and by one that asks both versions but is cut down on the way."""
    world = World()
    if role == BOARD:
        camera = world.camera()
        context = raw_context(BOARD)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        host, _ = against_host(world, context)
        assert code_of(host) == "downgraded"
        assert peer(camera).serial == "CAM-0001"
        return
    record = world.trust.record
    context = raw_context(HOST, record.controller.chain, record.controller.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    board, _ = against_board(world, context)
    assert code_of(board) == "downgraded"


@pytest.mark.req("LINK-03", "LINK-04")
@pytest.mark.parametrize("protocols", [["http/1.1"], ["openbwc/0", "openbwc/10"], []])
def test_a_peer_that_does_not_name_our_protocol_is_refused(protocols: list[str]):
    world = World()
    record = world.trust.record
    context = raw_context(HOST, record.controller.chain, record.controller.key, protocols)
    board, _ = against_board(world, context)
    assert code_of(board) == "downgraded"


@pytest.mark.req("LINK-03", "LINK-04")
def test_a_link_that_was_talked_into_an_older_version_does_not_open(monkeypatch: pytest.MonkeyPatch):
    """Both ends speak 1 and 2; somebody between has changed the link's opening so that they agreed on 1."""
    world = World()
    monkeypatch.setattr(schema, "PROTOCOL_VERSION", 2)
    pair = connect(world.trust.channel_trust(), world.camera().identity.channel_trust(), "CAM-0001", version=1)
    assert code_of(pair.host) == "downgraded"
    assert code_of(pair.board) == "downgraded"
    fair = connect(world.trust.channel_trust(), world.camera().identity.channel_trust(), "CAM-0001", version=2)
    assert (fair.host.state, fair.board.state) == (OPEN, OPEN)


@pytest.mark.req("LINK-04")
def test_no_session_is_resumed():
    """A camera that kept its session, and offers it, has to show its certificate again."""
    world = World()
    camera = world.camera().identity
    trust = world.trust.channel_trust()
    own = camera.channel_trust()
    first = connect(trust, own, "CAM-0001")
    second = Raw(own.context, server=False, session=first.board._tls.session)
    host = SecureChannel(trust, 1, 0, "CAM-0001")
    settle(host, second)
    assert host.state == OPEN
    assert not second.tls.session_reused


@pytest.mark.req("LINK-04")
def test_a_recorded_session_cannot_be_replayed():
    """All that a camera has ever said, said again to the same controller; and the other way round."""
    world = World()
    camera = world.camera().identity
    trust, own = world.trust.channel_trust(), camera.channel_trust()
    pair = connect(trust, own, "CAM-0001")
    pair.board.write(b"erase nothing")
    pair.settle()
    host = SecureChannel(trust, 1, 0, "CAM-0001")
    host.feed(bytes(pair.to_host))
    host.end_of_input()
    assert code_of(host) in ("protocol", "truncated")
    board = SecureChannel(own, 1, 0)
    board.feed(bytes(pair.to_board))
    board.end_of_input()
    assert code_of(board) in ("protocol", "truncated")


@pytest.mark.req("LINK-04")
def test_a_record_that_is_said_again_within_its_session_ends_it():
    world = World()
    pair = connect(world.trust.channel_trust(), world.camera().identity.channel_trust(), "CAM-0001")
    pair.board.write(b"once")
    record = pair.board.take_output()
    pair.host.feed(record)
    assert pair.host.read() == b"once"
    pair.host.feed(record)
    assert code_of(pair.host) == "protocol"


def test_one_bit_of_a_record_ends_the_session():
    world = World()
    pair = connect(world.trust.channel_trust(), world.camera().identity.channel_trust(), "CAM-0001")
    pair.board.write(b"once")
    record = bytearray(pair.board.take_output())
    record[-1] ^= 1
    pair.host.feed(bytes(record))
    assert code_of(pair.host) == "protocol"


def test_a_certificate_outlives_nothing_that_it_was_issued_by():
    """A broken issuer gives a hundred years; the chain counts as long as its shortest link."""
    world = World()
    issuing = world.trust.record.issuing
    forged = Forged(world.trust.system, not_after=certificates.utc(NOW_MS) + timedelta(days=36_500))
    found = certificates.identify([forged.signed_by(issuing), *issuing.chain], True)
    ten_years_ms = 10 * 365 * 24 * 3600 * 1000
    assert certificates.standing(found, NOW_MS + ten_years_ms - WEEK_MS * 2) == certificates.VALID
    assert certificates.standing(found, NOW_MS + ten_years_ms + 1000) == certificates.EXPIRED


def test_a_key_that_does_not_fit_is_said_in_one_line():
    world = World()
    with pytest.raises(certificates.CertificateFault, match="CAM-0001: the private key does not fit"):
        ChannelTrust(BOARD, TlsKey(peer(world.camera()).chain, pem_of(KEY)), ())
