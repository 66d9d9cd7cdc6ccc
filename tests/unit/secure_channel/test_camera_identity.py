"""What a camera insists on before it takes a certificate, and what is left after a power cut."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_keystore import MemoryKeystore
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.secure import certificates, certificates_grants
from firmware.secure.certificates import CONTROLLER, EVIDENCE, IDEVID, LDEVID, CertificateFault
from firmware.secure.certificates_keys import P256
from firmware.secure.certificates_store import PATH, CameraIdentity
from host_tools.trust import passphrase
from tests.unit.trust.parts import NOW_MS, PHRASE, WEEK_MS, Camera, World, connect, peer

LATER_MS = NOW_MS + WEEK_MS
LAPSED_MS = NOW_MS + 9 * WEEK_MS


def test_from_blank_to_factory_to_adopted():
    world = World()
    files, keystore = MemoryFiles(), MemoryKeystore(P256(world.entropy))
    blank = CameraIdentity(files, keystore, "CAM-0001")
    with pytest.raises(CertificateFault, match="provision it"):
        blank.channel_trust()
    camera = world.factory_camera()
    assert not camera.identity.is_adopted()
    assert camera.identity.channel_trust().provisional
    world.adopt(camera)
    again = camera.again()
    assert again.is_adopted()
    assert again.root() == world.trust.record.root
    found = again.identity(LDEVID)
    assert found is not None
    assert (found.serial, found.owner) == ("CAM-0001", world.trust.system)
    assert not again.channel_trust().provisional


@pytest.mark.req("CAM-22")
def test_a_renewal_has_a_new_key_and_the_old_one_is_destroyed():
    world = World()
    camera = world.camera()
    before = peer(camera)
    issued = world.trust.renew(before, camera.identity.request(LDEVID), LATER_MS)
    camera.identity.renew(world.controller(), issued.chain, LATER_MS)
    assert not camera.keystore.has_key("ldevid_a"), "at once, not at the next start"
    after = camera.again().identity(LDEVID)
    assert after is not None
    assert after.expires_ms == before.expires_ms + WEEK_MS
    assert certificates.public_key_of(after.chain[0]) != certificates.public_key_of(before.chain[0])
    assert [slot for slot in ("ldevid_a", "ldevid_b") if camera.keystore.has_key(slot)] == ["ldevid_b"]
    pair = connect(world.trust.channel_trust(), camera.again().channel_trust(), "CAM-0001")
    assert pair.host.peer.chain == after.chain


def test_an_evidence_certificate_comes_beside_the_session_one():
    world = World()
    camera = world.camera()
    issued = world.trust.renew(peer(camera), camera.identity.request(EVIDENCE), NOW_MS)
    camera.identity.renew(world.controller(), issued.chain, NOW_MS)
    found = camera.again().identity(EVIDENCE)
    assert found is not None
    assert found.kind == EVIDENCE
    assert camera.again().identity(LDEVID) == peer(camera)


def test_it_takes_no_certificate_of_another_camera():
    world = World()
    one, two = world.camera("CAM-0001"), world.camera("CAM-0002")
    issued = world.trust.renew(peer(two), two.identity.request(LDEVID), NOW_MS)
    one.identity.request(LDEVID)
    with pytest.raises(CertificateFault, match="CAM-0002"):
        one.identity.renew(world.controller(), issued.chain, NOW_MS)


def test_it_takes_no_certificate_for_a_key_that_it_has_not():
    world = World()
    camera = world.camera()
    issued = world.trust.renew(peer(camera), camera.identity.request(LDEVID), NOW_MS)
    camera.identity.request(LDEVID)
    with pytest.raises(CertificateFault, match="a key that is not here"):
        camera.identity.renew(world.controller(), issued.chain, NOW_MS)
    camera.keystore.destroy("ldevid_b")
    with pytest.raises(CertificateFault, match="a key that is not here"):
        camera.identity.renew(world.controller(), issued.chain, NOW_MS)


def test_it_takes_no_certificate_that_it_did_not_ask_for():
    world = World()
    camera = world.camera()
    camera.identity.request(LDEVID)
    key = certificates.public_key_of(peer(camera).chain[0])
    for kind in (CONTROLLER, IDEVID):
        chain = world.trust.record.issuing.issue(kind, "CAM-0001", key, NOW_MS, world.entropy)
        with pytest.raises(CertificateFault, match="asked for no certificate"):
            camera.identity.renew(world.controller(), chain, NOW_MS)
    for kind in (CONTROLLER, "root"):
        with pytest.raises(CertificateFault, match="a camera has no certificate for"):
            camera.identity.request(kind)


def test_it_follows_no_other_system():
    ours, theirs = World(1), World(2)
    camera = ours.camera()
    request = camera.identity.request(LDEVID)
    chain = theirs.trust.adopt(peer(theirs.factory_camera(), IDEVID), request, NOW_MS).chain
    for act in (camera.identity.renew, camera.identity.adopt):
        with pytest.raises(CertificateFault, match=r"no controller of this camera's system|remove it there first"):
            act(theirs.controller(), chain, NOW_MS)
    assert camera.again().root() == ours.trust.record.root


def test_it_takes_certificates_from_controllers_alone():
    world = World()
    camera, other = world.camera("CAM-0001"), world.camera("CAM-0002")
    issued = world.trust.renew(peer(camera), camera.identity.request(LDEVID), NOW_MS)
    with pytest.raises(CertificateFault, match="no controller"):
        camera.identity.renew(peer(other), issued.chain, NOW_MS)


@pytest.mark.parametrize("unix_ms", [NOW_MS - WEEK_MS, NOW_MS + 9 * WEEK_MS])
def test_it_takes_nothing_that_is_not_valid_at_the_time(unix_ms: int):
    world = World()
    camera = world.factory_camera()
    issued = world.trust.adopt(peer(camera, IDEVID), camera.identity.request(LDEVID), NOW_MS)
    with pytest.raises(CertificateFault, match="not valid now"):
        camera.identity.adopt(world.controller(), issued.chain, unix_ms)


@pytest.mark.req("CTRL-13", "CAM-22")
def test_a_lapsed_camera_comes_back_with_the_passphrases_grant_only():
    """The camera itself insists; a controller that skips the question gets nowhere."""
    world = World()
    camera, other = world.camera("CAM-0001"), world.camera("CAM-0002")
    world.trust.confirm_clock(LAPSED_MS)
    grant = passphrase.allow_back(world.trust, PHRASE, [peer(camera)], LAPSED_MS)
    issued = world.trust.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS, grant)
    believed = certificates_grants.decode(issued.grant, camera.identity.root())
    with pytest.raises(CertificateFault, match="allow it back first"):
        camera.identity.renew(world.controller(), issued.chain, LAPSED_MS)
    others = passphrase.allow_back(world.trust, PHRASE, [peer(other)], LAPSED_MS)
    wrong = certificates_grants.decode(others, camera.identity.root())
    with pytest.raises(CertificateFault, match="allow it back first"):
        camera.identity.renew(world.controller(), issued.chain, LAPSED_MS, wrong)
    stale = replace(believed, expires_unix_ms=LAPSED_MS - 1)
    with pytest.raises(CertificateFault, match="allow it back first"):
        camera.identity.renew(world.controller(), issued.chain, LAPSED_MS, stale)
    camera.identity.renew(world.controller(), issued.chain, LAPSED_MS, believed)
    assert certificates.standing(peer(camera), LAPSED_MS) == certificates.VALID


def test_a_grant_is_spent_with_the_certificate_that_it_names():
    world = World()
    camera = world.camera()
    world.trust.confirm_clock(LAPSED_MS)
    grant = passphrase.allow_back(world.trust, PHRASE, [peer(camera)], LAPSED_MS)
    issued = world.trust.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS, grant)
    believed = certificates_grants.decode(grant, camera.identity.root())
    camera.identity.renew(world.controller(), issued.chain, LAPSED_MS, believed)
    assert not certificates_grants.allows_back(believed, peer(camera), world.controller(), LAPSED_MS)


def test_a_camera_of_no_system_believes_no_grant():
    world = World()
    grant = passphrase.allow_back(world.trust, PHRASE, [peer(world.camera())], LAPSED_MS)
    factory_root = world.factory_camera("CAM-0002").identity.root()
    with pytest.raises(FormatError, match="grant"):
        certificates_grants.decode(grant, factory_root)


def test_a_controller_whose_issuing_key_was_replaced_is_turned_away():
    """The disk of the old controller, or a copy of it."""
    world = World()
    camera = world.camera()
    stolen = world.controller()
    camera.identity.meet(stolen)
    passphrase.rotate_issuing(world.trust, PHRASE, LATER_MS)
    camera.identity.meet(world.controller())
    again = camera.again()
    with pytest.raises(CertificateFault, match="has been replaced"):
        again.meet(stolen)
    again.meet(world.controller())


def test_an_idevid_is_for_life():
    world = World()
    camera = world.factory_camera()
    with pytest.raises(CertificateFault, match="for life"):
        camera.identity.request(IDEVID)
    with pytest.raises(CertificateFault, match="provisioned already"):
        camera.identity.provision(peer(camera, IDEVID).chain)


@pytest.mark.req("CAM-22")
def test_a_factory_reset_destroys_what_the_system_knew():
    world = World()
    camera = world.camera()
    camera.identity.forget_system()
    assert [slot for slot in ("ldevid_a", "ldevid_b", "idevid") if camera.keystore.has_key(slot)] == ["idevid"]
    again = camera.again()
    assert not again.is_adopted()
    assert again.identity(LDEVID) is None
    other = World(2)
    other.trust.trust_manufacturer(world.maker.root)
    moved = Camera(camera.serial, camera.files, camera.keystore, again)
    other.adopt(moved)
    assert moved.again().root() == other.trust.record.root


def test_power_may_fail_at_any_moment_of_a_renewal():
    """The camera then has the old chain or the new one, and a key for it."""
    counted = run_renewal(lambda files: PowerCutFiles(files))
    for cut in range(counted):
        media: list[MemoryFiles] = []

        def wrap(files: MemoryFiles, cut: int = cut, media: list[MemoryFiles] = media) -> PowerCutFiles:
            media.append(files)
            return PowerCutFiles(files, cut)

        keystore = MemoryKeystore(P256(SeededEntropy("cut")))
        with suppress(PowerCut):
            run_renewal(wrap, keystore)
        after = CameraIdentity(media[0].crash_mixed(cut), keystore, "CAM-0001")
        if after.identity(IDEVID) is not None:
            after.channel_trust()


class MortalKeystore(MemoryKeystore):
    """Dies before it destroys a key, while ``mortal``."""

    mortal = False

    def destroy(self, slot: str) -> None:
        if self.mortal and self.has_key(slot):
            raise PowerCut("before a key was destroyed")
        super().destroy(slot)


def test_a_factory_reset_that_a_power_cut_has_ended_is_finished():
    world = World()
    files, keystore = MemoryFiles(), MortalKeystore(P256(world.entropy))
    camera = Camera("CAM-0001", files, keystore, CameraIdentity(files, keystore, "CAM-0001"))
    world.maker.provision(camera.identity, NOW_MS)
    world.adopt(camera)
    keystore.mortal = True
    with pytest.raises(PowerCut):
        camera.identity.forget_system()
    keystore.mortal = False
    assert keystore.has_key("ldevid_a")
    assert not camera.again().is_adopted()
    assert not keystore.has_key("ldevid_a")


def run_renewal(wrap: Callable[[MemoryFiles], PowerCutFiles], keystore: MemoryKeystore | None = None) -> int:
    world = World()
    files = wrap(MemoryFiles())
    keystore = keystore or MemoryKeystore(P256(SeededEntropy("cut")))
    identity = CameraIdentity(files, keystore, "CAM-0001")
    camera = Camera("CAM-0001", MemoryFiles(), keystore, identity)
    world.maker.provision(identity, NOW_MS)
    world.adopt(camera)
    issued = world.trust.renew(peer(camera), identity.request(LDEVID), LATER_MS)
    identity.renew(world.controller(), issued.chain, LATER_MS)
    return files.changes


@pytest.mark.parametrize("place", range(0, 4000, 97))
def test_a_changed_document_is_noticed(place: int):
    camera = World().camera()
    file = camera.files.open(PATH, True)
    byte = bytearray(1)
    place %= file.size_bytes()
    file.read_at(place, byte)
    file.write_at(place, bytes([byte[0] ^ 1]))
    file.close()
    with pytest.raises(FormatError):
        camera.again()
