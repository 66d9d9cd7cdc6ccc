"""The restore key, by doing it: the controller's folder is gone, and its cameras still belong to somebody."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.secure import certificates, hpke_wrapping
from firmware.secure.certificates import LDEVID, CertificateFault
from firmware.secure.certificates_keys import new_key
from firmware.secure.hpke_wrapping import decode, unwrap, wrap
from host_tools.trust import admission, folder, passphrase, restore, wrapping
from host_tools.trust.authority import DAY_MS, Authority, make_issuing, make_root
from host_tools.trust.errors import TrustError, TrustFileError, WrongPassphrase
from host_tools.trust.restore import SEALING_AHEAD, make_restore_key, restore_system
from host_tools.trust.system import SystemTrust, open_system
from tests.unit.trust.parts import CHEAP, NOW_MS, PHRASE, WEEK_MS, Camera, World, connect, peer

LATER_MS = NOW_MS + WEEK_MS
RECORDING = bytes(range(16))


def restored(key_file: bytes, files: MemoryFiles | None = None, phrase: str = PHRASE) -> SystemTrust:
    """A new controller with the trust of the old."""
    entropy = SeededEntropy("another machine")
    return restore_system(files or MemoryFiles(), key_file, phrase, "controller-2", LATER_MS, entropy)


@pytest.mark.req("CTRL-21")
def test_cameras_follow_the_restored_controller():
    world = World()
    camera, later = world.camera("CAM-0001"), world.factory_camera("CAM-0002")
    key_file = make_restore_key(world.trust, PHRASE, NOW_MS)
    files = MemoryFiles()
    del world.trust
    trust = restored(key_file, files)
    assert open_system(files.crash(), trust.entropy).record == trust.record
    pair = connect(trust.channel_trust(), camera.identity.channel_trust(), "CAM-0001")
    assert (pair.host.state, pair.board.state) == ("open", "open")
    assert pair.board.peer.serial == "controller-2"
    assert trust.admit(pair.host.peer, LATER_MS).state == admission.MEMBER
    camera.identity.meet(pair.board.peer)
    issued = trust.renew(pair.host.peer, camera.identity.request(LDEVID), LATER_MS)
    camera.identity.renew(pair.board.peer, issued.chain, LATER_MS)
    assert trust.admit(peer(camera), LATER_MS + 7 * WEEK_MS).state == admission.MEMBER
    adopt(trust, later)
    assert trust.admit(peer(later), LATER_MS).state == admission.MEMBER


def adopt(trust: SystemTrust, camera: Camera) -> None:
    pair = connect(trust.channel_trust(), camera.identity.channel_trust(), camera.serial)
    issued = trust.adopt(pair.host.peer, camera.identity.request(LDEVID), LATER_MS)
    camera.identity.adopt(pair.board.peer, issued.chain, LATER_MS)


@pytest.mark.req("CTRL-21")
def test_the_old_controller_is_turned_away_by_cameras_that_have_met_the_new():
    world = World()
    camera = world.camera()
    trust = restored(make_restore_key(world.trust, PHRASE, NOW_MS))
    pair = connect(trust.channel_trust(), camera.identity.channel_trust(), "CAM-0001")
    camera.identity.meet(pair.board.peer)
    old = connect(world.trust.channel_trust(), camera.identity.channel_trust(), "CAM-0001")
    with pytest.raises(CertificateFault, match="has been replaced"):
        camera.again().meet(old.board.peer)


@pytest.mark.req("CTRL-21", "CAM-19")
def test_recordings_open_that_were_sealed_before_and_after_the_restore_key_was_made():
    """A restore key of the first day, three sealing keys later."""
    world = World()
    key_file = make_restore_key(world.trust, PHRASE, NOW_MS)
    wrapped = [wrap(bytes(32), world.trust.recipient(), "aes-256-gcm", RECORDING)]
    for _ in range(3):
        passphrase.rotate_sealing(world.trust, PHRASE, NOW_MS)
        wrapped.append(wrap(bytes(32), world.trust.recipient(), "aes-256-gcm", RECORDING))
    trust = restored(key_file)
    ring = trust.key_ring()
    for entry in map(decode, wrapped):
        key = ring.find(entry.key_id)
        assert key is not None
        assert unwrap(entry, key, "aes-256-gcm", RECORDING) == bytes(32)
    assert trust.recipient().key_id not in {entry.key_id for entry in map(decode, wrapped)}
    assert [entry.number for entry in trust.record.sealing] == list(range(1, 2 + SEALING_AHEAD))
    assert len(wrapped[0]) == hpke_wrapping.WRAPPED_BYTES


def test_no_stored_sealing_key_tells_the_next():
    """The file in daily use has the keys until now; the master is wrapped."""
    world = World()
    secrets = passphrase.unlock(world.trust, PHRASE)
    assert world.trust.record.sealing[0].seed == secrets.sealing_seed(1)
    stored = folder.read(world.files)
    assert secrets.sealing_seed(2) not in [entry.seed for entry in stored.sealing]
    data = read(world.files)
    assert secrets.sealing_master.hex().encode() not in data
    assert secrets.sealing_seed(2).hex().encode() not in data


def read(files: MemoryFiles) -> bytes:
    file = files.open(folder.PATH)
    data = bytearray(file.size_bytes())
    file.read_at(0, data)
    file.close()
    return bytes(data)


@pytest.mark.req("CTRL-21")
def test_revoked_cameras_and_trusted_makers_come_along():
    world = World()
    camera = world.camera()
    world.trust.revoke("CAM-0001", NOW_MS)
    trust = restored(make_restore_key(world.trust, PHRASE, NOW_MS))
    assert trust.admit(peer(camera), LATER_MS).state == admission.REVOKED
    assert trust.record.manufacturers == (world.maker.root,)


@pytest.mark.req("CTRL-01", "CTRL-21")
def test_a_wrong_passphrase_is_one_line():
    world = World()
    key_file = make_restore_key(world.trust, PHRASE, NOW_MS)
    files = MemoryFiles()
    with pytest.raises(WrongPassphrase) as caught:
        restored(key_file, files, "wrong horse battery")
    assert str(caught.value) == "the restore key does not open: the passphrase is wrong, or the file was changed"
    assert not folder.exists(files)


@pytest.mark.req("CTRL-01")
def test_the_passphrase_is_the_same_afterwards():
    trust = restored(make_restore_key(World().trust, PHRASE, NOW_MS))
    passphrase.rotate_sealing(trust, PHRASE, LATER_MS)
    with pytest.raises(WrongPassphrase):
        passphrase.rotate_sealing(trust, "another passphrase", LATER_MS)


def test_a_restored_system_makes_restore_keys_too():
    world = World()
    first = restored(make_restore_key(world.trust, PHRASE, NOW_MS))
    second = restored(make_restore_key(first, PHRASE, LATER_MS))
    assert second.system == world.trust.system
    camera = world.camera()
    assert connect(second.channel_trust(), camera.identity.channel_trust()).host.state == "open"


def test_outside_stands_nothing_but_how_to_open_it():
    world = World()
    key_file = make_restore_key(world.trust, PHRASE, NOW_MS)
    document = json.loads(key_file)
    assert document.keys() == {"format", "schema", "wrapped"}
    assert document["wrapped"].keys() == {
        "kdf",
        "memory_kib",
        "iterations",
        "lanes",
        "salt",
        "cipher",
        "nonce",
        "sealed",
    }
    assert world.trust.system.encode() not in key_file


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{}", "format is not"),
        (b'{"format":"openbwc-restore-key","schema":2}', "schema is not 1"),
        (b'{"format":"openbwc-restore-key","schema":1}', "wrapped is missing"),
        (b"x" * 100, "not JSON"),
        (bytes(restore.RESTORE_KEY_BYTES_MAX + 1), "at most"),
    ],
)
def test_what_is_no_restore_key(data: bytes, reason: str):
    with pytest.raises(TrustFileError, match=f"not a restore key: .*{reason}"):
        restored(data)


@pytest.mark.req("CTRL-21")
def test_a_changed_restore_key_is_noticed_wherever_it_was_changed():
    key_file = make_restore_key(World().trust, PHRASE, NOW_MS)
    for place in range(0, len(key_file), 41):
        changed = bytearray(key_file)
        changed[place] ^= 1
        with pytest.raises((TrustFileError, WrongPassphrase)):
            restored(bytes(changed))


def test_what_opens_but_was_put_together_is_noticed():
    """By somebody who knows the passphrase: still no other root can be put in."""
    world, other = World(1), World(2)
    key_file = make_restore_key(world.trust, PHRASE, NOW_MS)
    fields = wrapping.from_fields(json.loads(key_file)["wrapped"], "it")
    content = wrapping.unwrap(fields, PHRASE, restore.CONTEXT, "it")
    changed = content.replace(world.trust.record.root.hex().encode(), other.trust.record.root.hex().encode())
    wrapped = wrapping.wrap(changed, PHRASE, restore.CONTEXT, world.entropy, CHEAP)
    document = {"format": "openbwc-restore-key", "schema": 1, "wrapped": wrapping.to_fields(wrapped)}
    with pytest.raises(TrustFileError, match="another system's root key"):
        restored(restore.canonical.encode(document))


def test_it_is_not_restored_over_a_system_or_into_the_past():
    world = World()
    key_file = make_restore_key(world.trust, PHRASE, LATER_MS + DAY_MS)
    with pytest.raises(TrustError, match="already"):
        restored(key_file, world.files)
    with pytest.raises(TrustError, match="set this controller's clock"):
        restored(key_file)


@pytest.mark.req("CTRL-21", "LINK-04")
def test_a_changed_trust_file_is_noticed_wherever_it_was_changed():
    world = World()
    world.trust.revoke("CAM-0009", NOW_MS)
    passphrase.allow_back_always(world.trust, PHRASE, NOW_MS)
    whole = read(world.files)
    assert folder.read(world.files) == world.trust.record
    for place in range(0, len(whole), 23):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises(TrustFileError, match="the trust file was changed or is damaged") as caught:
            folder.record.decode(bytes(changed))
        assert "\n" not in str(caught.value)
    for length in range(0, len(whole), 97):
        with pytest.raises(TrustFileError):
            folder.record.decode(whole[:length])


@pytest.mark.parametrize("part", ["issuing", "controller", "sealing", "revocations", "manufacturers", "standing_grant"])
def test_no_part_of_another_systems_trust_file_fits_into_ours(part: str):
    """Exchanged without the issuing key's signature, and with it where the part can be signed at all."""
    world, other = World(1), World(2)
    passphrase.allow_back_always(other.trust, PHRASE, NOW_MS)
    passphrase.rotate_sealing(other.trust, PHRASE, NOW_MS)
    other.trust.revoke("CAM-0009", NOW_MS)
    other.trust.distrust_manufacturer(other.maker.root)
    ours, theirs = json.loads(read(world.files)), json.loads(read(other.files))
    ours[part] = theirs[part]
    with pytest.raises(TrustFileError):
        folder.record.decode(restore.canonical.encode(ours))
    with pytest.raises((TrustFileError, FormatError, CertificateFault)):
        certificates.verify_chain(world.controller().chain, other.trust.record.root)


@pytest.mark.parametrize("case", ["key", "kind", "root", "sealing", "revocations"])
def test_a_file_that_was_put_together_with_the_issuing_key_in_hand_is_noticed(case: str):
    """Its signature holds; what it signs does not."""
    world = World()
    record, entropy = world.trust.record, SeededEntropy("forger")
    issuing = record.issuing
    if case == "root":
        look_alike = make_root(world.trust.system, new_key(entropy), NOW_MS, entropy)
        false = make_issuing(look_alike, new_key(entropy), NOW_MS, entropy)
        issuing = Authority((false.chain[0], record.root), false.key)
    changed = {
        "key": replace(record, controller=Authority(record.controller.chain, new_key(entropy))),
        "kind": replace(record, controller=cameras_authority(world)),
        "root": replace(record, issuing=issuing),
        "sealing": replace(record, sealing=(*record.sealing, *record.sealing)),
        "revocations": replace(record, revocations=World(2).trust.record.revocations),
    }
    folder.write(world.files, changed[case])
    with pytest.raises(TrustFileError, match="the trust file was changed"):
        folder.read(world.files)


def cameras_authority(world: World) -> Authority:
    key = new_key(world.entropy)
    chain = world.trust.record.issuing.issue(LDEVID, "CAM-0001", key.public_key(), NOW_MS, world.entropy)
    return Authority(chain, key)
