"""Whom a camera answers: adoption, renewal, safe mode and release over real sessions, and what everybody else gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from firmware.camera import access
from firmware.camera.membership import REPLACED, TAKEN_OFF
from firmware.camera.trust import RECIPIENTS_FILE
from firmware.link import codec, events, schema
from firmware.ports.errors import IoFault
from firmware.ports.files import File
from firmware.ports.memory_files import MemoryFiles
from firmware.secure import certificates
from firmware.secure.certificates import EVIDENCE, LDEVID, PeerIdentity
from firmware.secure.certificates_store import CameraIdentity
from firmware.secure.token import PullToken
from host_tools.controller.security import ChannelMaker
from host_tools.trust import passphrase
from host_tools.trust.system import Issued
from tests.unit.camera.rig import SERIAL, CameraRig
from tests.unit.trust.parts import NOW_MS, PHRASE, WEEK_MS, World

DOCKS = range(32, 40)  # numbers of messages that no camera knows, in any session
HOST_MESSAGES = [row[1] for row in schema.MESSAGES if row[2] == "host" and row[0] not in DOCKS]
BYTES_OF = {"fixed": bytes, "bytes": lambda _limit: b"x", "text": lambda _limit: "x"}


def any_fields(name: str) -> dict[str, Any]:
    """Fields that fit the table and mean nothing."""
    rows = codec.MESSAGE_BY_NAME[name][4]
    return {field: BYTES_OF[kind](limit or 0) if kind in BYTES_OF else 0 for field, kind, _unit, limit in rows}


def peer_of(maker: ChannelMaker, rig: CameraRig) -> PeerIdentity:
    """Who the camera has proved to be."""
    secured = next(event for event in rig.heard if isinstance(event, events.Secured))
    assert isinstance(secured.peer, PeerIdentity)
    assert maker.fault is None
    return secured.peer


def set_time(rig: CameraRig, unix_ms: int) -> events.Message:
    """Tell it the time."""
    return rig.ask("set_time", {"unix_ms": unix_ms, "uncertainty_ms": 40})


def install(rig: CameraRig, issued: Issued) -> events.Message:
    """Give it a certificate."""
    leaf, issuing = issued.chain[:2]
    return rig.ask("install_certificate", {"certificate": leaf, "issuing": issuing, "grant": issued.grant})


def request(rig: CameraRig, kind: str = LDEVID) -> bytes:
    """Have it ask for one."""
    answer = rig.ask("request_certificate", {"kind": kind})
    assert answer.name == "certificate_request", answer.fields
    return answer.fields["request"]


def adopt(rig: CameraRig, world: World) -> events.Message:
    """What a controller does when an administrator adds a camera."""
    maker = rig.open_session(world.trust.channel_trust())
    peer = peer_of(maker, rig)
    assert set_time(rig, world.now_ms).name == "done"
    return install(rig, world.trust.adopt(peer, request(rig), world.now_ms))


def renew(rig: CameraRig, kind: str = LDEVID, grant: bytes = b"") -> events.Message:
    """What a controller does at every dock. In a session that is open."""
    own = CameraIdentity(rig.files, rig.keyed.keystore, SERIAL).identity(LDEVID)
    assert own is not None
    return install(rig, rig.world.trust.renew(own, request(rig, kind), rig.world.now_ms, grant))


@pytest.mark.req("CTRL-03", "CAM-28")
def test_a_factory_camera_is_adopted_and_works_for_its_system():
    rig = CameraRig(wearer=None, docked=True, adopted=False)
    assert rig.app.state == "factory"
    assert adopt(rig, rig.world).name == "done"
    assert rig.app.state == "docked"
    rig.connect()
    assert rig.ask("identify").fields["system"] == rig.world.trust.system
    rig.boot(docked=True)
    assert rig.app.state == "docked"


@pytest.mark.req("LINK-04", "CTRL-03")
def test_before_it_is_adopted_it_answers_nothing_but_adoption():
    rig = CameraRig(wearer=None, docked=True, adopted=False)
    rig.open_session()
    answered = {name for name in HOST_MESSAGES if rig.ask(name, any_fields(name)).fields.get("code") != 8}
    assert answered <= {"set_time", "request_certificate", "install_certificate"}
    assert rig.told("camera_changed") == []


@pytest.mark.req("LINK-04")
def test_without_a_secure_channel_it_answers_nothing_at_all():
    rig = CameraRig(docked=True)
    rig.open_session(secure=False)
    for name in HOST_MESSAGES:
        answer = rig.ask(name, any_fields(name))
        assert (answer.name, answer.fields["code"]) == ("error", 8), name
    assert rig.told("camera_changed") == []


@pytest.mark.req("LINK-04", "CAM-22")
def test_its_own_controller_gets_nothing_either_before_they_agree_on_the_time():
    rig = CameraRig(docked=True)
    rig.open_session()
    for name in HOST_MESSAGES:
        if name != "set_time":
            assert rig.ask(name, any_fields(name)).fields["code"] == 8, name
    assert set_time(rig, NOW_MS - WEEK_MS).name == "error", "before the floor"
    assert rig.ask("identify").name == "error"
    assert set_time(rig, NOW_MS).name == "done"
    assert rig.ask("identify").name == "identity"


@pytest.mark.req("LINK-04")
def test_another_systems_controller_gets_the_serial_and_nothing_else():
    rig = CameraRig(docked=True)
    maker = rig.open_session(World(2).trust.channel_trust())
    assert maker.serial == SERIAL
    assert maker.fault is not None
    assert maker.fault.code == "refused_there"
    assert rig.session is not None
    assert rig.session.state == "closed"
    closed = [event for event in rig.heard if isinstance(event, events.Closed)]
    assert [event.reason for event in closed] == [schema.CLOSE_SECURITY]


@pytest.mark.req("CTRL-21", "LINK-04")
def test_a_controller_whose_issuing_key_was_replaced_is_not_answered_any_more():
    rig = CameraRig(docked=True)
    rig.connect()
    old = rig.world.trust.channel_trust()
    rig.world.now_ms += 60_000
    passphrase.rotate_issuing(rig.world.trust, PHRASE, rig.world.now_ms)
    rig.connect()
    assert rig.ask("identify").name == "identity"
    rig.open_session(old)
    refusal = set_time(rig, rig.world.now_ms)
    assert refusal.name == "error"
    assert refusal.fields["text"] == REPLACED, "whole: a wire's error has 60 characters"
    assert rig.app.membership.level == access.SHUT


@pytest.mark.req("LINK-04")
def test_a_controller_that_was_revoked_is_not_answered_once_the_camera_knows():
    rig = CameraRig(docked=True)
    rig.connect()
    trust = rig.world.trust
    trust.revoke("controller-1", rig.world.now_ms, (certificates.CONTROLLER,))
    document = trust.revocation_document()
    for offset in range(0, len(document), 100):
        piece = {"offset": offset, "total": len(document), "data": document[offset : offset + 100]}
        assert rig.ask("revocations", piece).name == "done"
    assert rig.ask("identify").name == "error", "it has just told us so"
    rig.boot(docked=True)
    rig.open_session()
    refusal = set_time(rig, rig.world.now_ms)
    assert refusal.name == "error"
    assert refusal.fields["text"] == TAKEN_OFF


@pytest.mark.req("LINK-04")
def test_a_list_of_revocations_must_be_whole_newer_and_its_own_systems():
    rig = CameraRig(docked=True)
    rig.connect()
    document = rig.world.trust.revocation_document()
    theirs = World(2).trust.revocation_document()
    for piece in (
        {"offset": 10, "total": len(document), "data": document[10:]},
        {"offset": 0, "total": len(document), "data": b""},
        {"offset": 0, "total": 10, "data": document[:20]},
        {"offset": 0, "total": len(theirs), "data": theirs},
    ):
        assert rig.ask("revocations", piece).name == "error"
    rig.world.trust.revoke("CAM-0009", NOW_MS)
    newer = rig.world.trust.revocation_document()
    assert rig.ask("revocations", {"offset": 0, "total": len(newer), "data": newer}).name == "done"
    assert rig.ask("get_credentials").fields["revocations"] == 1
    assert rig.ask("revocations", {"offset": 0, "total": len(document), "data": document}).name == "error"


@pytest.mark.req("CAM-22")
def test_its_certificate_is_renewed_in_a_session():
    rig = CameraRig(docked=True)
    rig.world.now_ms += 5 * WEEK_MS
    rig.connect()
    before = rig.ask("get_credentials").fields["expires_unix_ms"]
    assert renew(rig).name == "done"
    credentials = rig.ask("get_credentials").fields
    assert credentials["expires_unix_ms"] - before == 5 * WEEK_MS
    assert credentials["protection"] == "memory"
    assert renew(rig, EVIDENCE).name == "done"
    after = rig.ask("get_credentials").fields["evidence_expires_unix_ms"]
    assert after - credentials["evidence_expires_unix_ms"] == 5 * WEEK_MS
    assert rig.app.trust.documents.signer is not None
    rig.boot(docked=True)
    assert rig.app.trust.documents.signer is not None
    rig.connect()


def lapsed(weeks: int = 9) -> CameraRig:
    """A camera that has been away for too long, and is back in its dock."""
    rig = CameraRig()
    rig.world.now_ms += weeks * WEEK_MS
    rig.world.trust.confirm_clock(rig.world.now_ms)
    assert rig.app.state == "ready", "it knows nothing of it before a controller tells the time"
    rig.dock()
    rig.open_session()
    assert set_time(rig, rig.world.now_ms).name == "done"
    return rig


@pytest.mark.req("CAM-22", "CTRL-13")
def test_a_camera_whose_certificate_has_lapsed_is_in_safe_mode_at_the_next_dock():
    rig = lapsed()
    assert rig.app.state == "safe_mode"
    for name in ("list_recordings", "erase", "assign_wearer", "seal_to", "bulk_token"):
        assert rig.ask(name, any_fields(name)).fields["code"] == 8, name
    state = rig.ask("get_camera").fields["state"]
    assert schema.word_of(schema.CAMERA_STATES, state) == "safe_mode"
    rig.undock()
    rig.press()
    assert rig.app.state == "safe_mode", "and does not record"
    rig.boot()
    assert rig.app.state == "safe_mode", "nor after its battery was out"


@pytest.mark.req("CTRL-13")
def test_only_the_passphrase_brings_it_back():
    rig = lapsed()
    world, own = rig.world, CameraIdentity(rig.files, rig.keyed.keystore, SERIAL).identity(LDEVID)
    assert own is not None
    asked = request(rig)
    forged = world.trust.record.issuing.issue(
        LDEVID, SERIAL, certificates.public_key_of(own.chain[0]), world.now_ms, world.entropy, 8
    )
    assert install(rig, Issued(forged)).fields["code"] == 8
    theirs = World(2)
    grant = passphrase.allow_back(theirs.trust, PHRASE, [replace(own, owner=theirs.trust.system)], world.now_ms)
    assert install(rig, Issued(forged, grant)).name == "error"
    given = passphrase.allow_back(world.trust, PHRASE, [own], world.now_ms)
    assert install(rig, world.trust.renew(own, asked, world.now_ms, given)).name == "done"
    assert rig.app.state == "docked"
    assert rig.ask("list_recordings", {"after": bytes(16)}).name == "recordings"


@pytest.mark.req("CTRL-03")
def test_a_drained_camera_is_released_and_belongs_to_nobody():
    rig = CameraRig(docked=True)
    rig.connect()
    assert renew(rig, EVIDENCE).name == "done"
    assert rig.ask("factory_reset").name == "done"
    assert rig.app.state == "factory"
    assert rig.app.assignment.wearer is None
    assert rig.ask("identify").name == "error", "the old session is over"
    assert not any(rig.keyed.keystore.has_key(slot) for slot in ("ldevid_a", "ldevid_b", "evidence_a", "evidence_b"))
    other = World(2)
    other.trust.trust_manufacturer(rig.world.maker.root)
    other.now_ms = rig.world.now_ms
    assert adopt(rig, other).name == "done"
    rig.open_session(other.trust.channel_trust())
    assert set_time(rig, other.now_ms).name == "done"
    assert rig.ask("identify").fields["system"] == other.trust.system


@pytest.mark.req("CTRL-03")
def test_a_camera_with_recordings_is_not_released():
    rig = CameraRig()
    rig.record(1_000)
    rig.dock()
    rig.connect()
    answer = rig.ask("factory_reset")
    assert (
        answer.name,
        schema.word_of(tuple((row[0], row[1]) for row in schema.ERROR_CODES), answer.fields["code"]),
    ) == (
        "error",
        "not_now",
    )
    assert "1 recordings" in answer.fields["text"]
    assert rig.app.membership.is_adopted()


@pytest.mark.req("CAM-19")
def test_recipients_are_taken_whole_and_in_order():
    rig = CameraRig(docked=True)
    rig.connect()
    before = rig.app.trust.recipients
    keys = [each.trust.recipient().raw for each in (rig.world, World(2), World(3))]

    def name(place: int, count: int = 3) -> str:
        return rig.ask("seal_to", {"place": place, "count": count, "key": keys[place]}).name

    assert [name(1), name(0), name(2), name(0), name(1), name(1)] == ["error", "done", "error", "done", "done", "error"]
    assert name(0, 0) == "error", "nobody is no recipient"
    assert rig.app.trust.recipients == before, "until all are named the old ones count"
    assert [name(0), name(1), name(2)] == ["done"] * 3
    assert [each.raw for each in rig.app.trust.recipients] == keys
    rig.boot(docked=True)
    assert [each.raw for each in rig.app.trust.recipients] == keys


class UnreadableList(MemoryFiles):
    """A card that does not give its list of recipients."""

    failing = True

    def open(self, path: str, writable: bool = False) -> File:
        if self.failing and path == RECIPIENTS_FILE:
            raise IoFault("bad sector")
        return super().open(path, writable)


def test_a_camera_that_can_read_only_a_part_of_its_membership_reads_it_all_again():
    files = UnreadableList()
    rig = CameraRig(docked=True, files=files)
    assert not rig.app.membership.is_known()
    files.failing = False
    rig.run(11_000)
    assert rig.app.membership.is_known()
    assert rig.app.trust.recipients
    assert rig.app.state == "docked"


@pytest.mark.req("LINK-04")
def test_no_pull_is_answered_without_the_token():
    rig = CameraRig()
    rig.record(1_000)
    rig.dock()
    rig.open_session()
    assert set_time(rig, rig.world.now_ms).name == "done"
    assert rig.session is not None
    (stored,) = rig.app.vault.recordings()
    for macs in (None, PullToken(bytes(32), rig.session.salt)):
        rig.session.pull_macs = macs
        rig.heard.clear()
        rig.session.pull(stored.recording, schema.PART_CHUNKS, 0, 100)
        rig.run(300)
        (failed,) = rig.heard
        assert isinstance(failed, events.PullFailed)
        assert failed.code == 8
    assert rig.session.bytes_in < 20_000
    rig.connect()
    assert len(rig.pull(stored.recording, schema.PART_CHUNKS, 100)) == 100


@pytest.mark.req("LINK-04")
def test_levels_are_a_table_that_never_opens_by_accident():
    levels = {access.SHUT, access.PROVISIONAL, access.MET, access.LAPSED, access.FULL}
    happenings = {happened for _, happened in access.TRANSITIONS}
    into_full = {(level, happened) for (level, happened), after in access.TRANSITIONS.items() if after == access.FULL}
    assert into_full == {(level, access.VALID_NOW) for level in (access.MET, access.LAPSED, access.FULL)}
    for level in levels:
        for happened in happenings | {"sneeze"}:
            if (level, happened) not in access.TRANSITIONS:
                assert access.next_level(level, happened) == access.SHUT
    assert set(access.ANSWERED) <= set(HOST_MESSAGES)
    assert all(len(reason) <= schema.TEXT_BYTES_MAX // 4 for reason in access.REASONS.values()), "else it is cut off"
    assert not any(access.answers(access.SHUT, name) for name in HOST_MESSAGES)
