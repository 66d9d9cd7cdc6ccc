"""The passphrase: what needs it, what it costs, and that nothing stands in for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf import argon2

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.secure import certificates, certificates_grants
from firmware.secure.certificates import LDEVID
from firmware.secure.certificates_grants import ALLOW_BACK, ALLOW_BACK_ALWAYS, FORCE_REMOVE, Grant
from host_tools.trust import admission, folder, passphrase, restore, wrapping
from host_tools.trust.authority import DAY_MS
from host_tools.trust.errors import TrustError, TrustFileError, WrongPassphrase
from host_tools.trust.passphrase import allow_back, allow_back_always, force_remove, rotate_issuing, rotate_sealing
from host_tools.trust.system import create_system, open_system
from host_tools.trust.wrapping import DEFAULT_COST, ArgonCost
from tests.unit.trust.parts import CHEAP, NOW_MS, PHRASE, WEEK_MS, World, peer

LAPSED_MS = NOW_MS + 9 * WEEK_MS
ACTIONS = {
    "rotate_issuing": lambda world, phrase: rotate_issuing(world.trust, phrase, NOW_MS + DAY_MS),
    "rotate_sealing": lambda world, phrase: rotate_sealing(world.trust, phrase, NOW_MS),
    "allow_back": lambda world, phrase: allow_back(world.trust, phrase, [peer(world.camera())], NOW_MS),
    "allow_back_always": lambda world, phrase: allow_back_always(world.trust, phrase, NOW_MS),
    "force_remove": lambda world, phrase: force_remove(world.trust, phrase, ["CAM-0001"], NOW_MS),
    "make_restore_key": lambda world, phrase: restore.make_restore_key(world.trust, phrase, NOW_MS),
}


@pytest.mark.req("CTRL-01", "CTRL-21")
@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_needs_the_right_one(name: str):
    world = World()
    before = world.trust.record
    with pytest.raises(WrongPassphrase, match=r"^this system's root key does not open: the passphrase is wrong"):
        ACTIONS[name](world, PHRASE + " ")
    assert world.trust.record == before
    assert folder.read(world.files) == before
    ACTIONS[name](world, PHRASE)


@pytest.mark.req("CTRL-01")
def test_a_wrong_one_costs_as_much_as_a_right_one(monkeypatch: pytest.MonkeyPatch):
    """One Argon2id of the same cost each, whatever was typed: nothing is compared before."""
    world = World()
    calls: list[dict[str, object]] = []

    def counted(**costs: Any) -> argon2.Argon2id:
        calls.append({name: value for name, value in costs.items() if name != "salt"})
        return argon2.Argon2id(**costs)

    monkeypatch.setattr(wrapping, "Argon2id", counted)
    for phrase in ("", "x", "correct horse batterz", PHRASE * 40, "\ud800"):
        with pytest.raises(WrongPassphrase):
            passphrase.unlock(world.trust, phrase)
    passphrase.unlock(world.trust, PHRASE)
    assert len(calls) == 6
    assert all(call == calls[0] for call in calls)


@pytest.mark.parametrize("phrase", ["", "seven c", "tab\tin the middle", "x" * 1025, "\ud800 broken pair"])
def test_what_may_not_become_one(phrase: str):
    with pytest.raises(TrustError, match="passphrase"):
        create_system(MemoryFiles(), phrase, "controller-1", NOW_MS, SeededEntropy(1), CHEAP)


def test_one_text_is_one_passphrase_on_any_keyboard():
    files, entropy = MemoryFiles(), SeededEntropy(1)
    trust = create_system(files, "Brücke über den Fluß", "controller-1", NOW_MS, entropy, CHEAP)
    assert passphrase.unlock(trust, "Bru\u0308cke u\u0308ber den Fluß")
    with pytest.raises(WrongPassphrase):
        passphrase.unlock(trust, "Bruecke ueber den Fluss")


def test_the_default_cost_is_above_what_is_asked_of_anybody():
    """The OWASP password storage cheat sheet: at least 19 MiB, two iterations, one lane."""
    assert ArgonCost(memory_kib=65_536, iterations=3, lanes=4) == DEFAULT_COST
    entropy = SeededEntropy(1)
    trust = create_system(MemoryFiles(), PHRASE, "controller-1", NOW_MS, entropy)
    assert trust.record.secrets.cost == DEFAULT_COST
    assert passphrase.unlock(trust, PHRASE)


@pytest.mark.req("CTRL-01")
def test_it_cannot_be_changed_by_putting_other_secrets_in_their_place():
    """Somebody with the file, its issuing key and a phrase of his own: a file that verifies, and opens nothing."""
    world = World()
    his = create_system(MemoryFiles(), "attackers own phrase", "controller-1", NOW_MS, SeededEntropy(9), CHEAP)
    world.trust.save(replace(world.trust.record, secrets=his.record.secrets))
    again = open_system(world.files, world.entropy)
    for phrase in ("attackers own phrase", PHRASE):
        with pytest.raises(WrongPassphrase):
            passphrase.unlock(again, phrase)
    context = b"record\n" + world.trust.record.root
    forged = wrapping.wrap(his_secrets(), "attackers own phrase", context, world.entropy, CHEAP)
    world.trust.save(replace(world.trust.record, secrets=forged))
    with pytest.raises(TrustFileError, match="another system's root key"):
        passphrase.unlock(open_system(world.files, world.entropy), "attackers own phrase")


def his_secrets() -> bytes:
    return canonical.encode(
        {"format": "openbwc-secrets", "schema": 1, "root_key": "01" * 48, "sealing_master": "02" * 32}
    )


@pytest.mark.req("CTRL-13")
def test_safe_mode_ends_with_a_grant_for_this_very_camera():
    world = World()
    one, two = world.camera("CAM-0001"), world.camera("CAM-0002")
    grant = allow_back(world.trust, PHRASE, [peer(one)], LAPSED_MS)
    assert world.trust.renew(peer(one), one.identity.request(LDEVID), LAPSED_MS, grant).grant == grant
    for kept, when_ms in ((two, LAPSED_MS), (one, LAPSED_MS + 8 * DAY_MS), (one, LAPSED_MS - 1)):
        assert world.trust.admit(peer(kept), when_ms).state == admission.SAFE_MODE
        with pytest.raises(TrustError, match="allow it back"):
            world.trust.renew(peer(kept), kept.identity.request(LDEVID), when_ms, grant)
    with pytest.raises(TrustError, match="only cameras of this system"):
        allow_back(world.trust, PHRASE, [world.controller()], NOW_MS)
    with pytest.raises(TrustError, match="nothing was granted"):
        allow_back(world.trust, PHRASE, [], NOW_MS)


@pytest.mark.req("CTRL-13")
def test_a_grant_for_each_lets_that_camera_back_and_no_other():
    world = World()
    cameras = {serial: world.camera(serial) for serial in ("CAM-0001", "CAM-0002")}
    grants = passphrase.allow_back_each(world.trust, PHRASE, [peer(each) for each in cameras.values()], LAPSED_MS)
    assert grants.keys() == cameras.keys()
    one, two = cameras.values()
    with pytest.raises(TrustError, match="allow it back"):
        world.trust.renew(peer(two), two.identity.request(LDEVID), LAPSED_MS, grants["CAM-0001"])
    for camera, grant in ((one, grants["CAM-0001"]), (two, grants["CAM-0002"])):
        assert world.trust.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS, grant).grant == grant
    with pytest.raises(WrongPassphrase):
        passphrase.allow_back_each(world.trust, "somebody else's", [peer(one)], LAPSED_MS)


@pytest.mark.req("CTRL-13")
def test_safe_mode_can_end_by_itself_once_the_passphrase_has_said_so():
    world = World()
    camera = world.camera()
    with pytest.raises(TrustError, match="allow it back"):
        world.trust.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS)
    allow_back_always(world.trust, PHRASE, NOW_MS)
    again = open_system(world.files, world.entropy)
    issued = again.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS)
    world.trust = again
    again.confirm_clock(LAPSED_MS)
    believed = certificates_grants.decode(issued.grant, camera.identity.root())
    camera.identity.renew(world.controller(), issued.chain, LAPSED_MS, believed)
    assert certificates.standing(peer(camera), LAPSED_MS) == certificates.VALID
    passphrase.ask_each_time(again)
    with pytest.raises(TrustError, match="allow it back"):
        again.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS + 9 * WEEK_MS)


@pytest.mark.req("CTRL-13")
def test_a_standing_grant_ends_with_the_issuing_key():
    world = World()
    camera = world.camera()
    allow_back_always(world.trust, PHRASE, NOW_MS)
    kept = world.trust.record.standing_grant
    rotate_issuing(world.trust, PHRASE, NOW_MS + DAY_MS)
    assert world.trust.record.standing_grant == b""
    world.trust.save(replace(world.trust.record, standing_grant=kept))
    with pytest.raises(TrustError, match="allow it back"):
        world.trust.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS)


@pytest.mark.req("CTRL-13")
def test_cameras_of_a_disowned_key_do_not_come_back_by_themselves():
    """Whoever stole that key can make any number of them; a person has to name the real ones."""
    world = World()
    camera = world.camera()
    rotate_issuing(world.trust, PHRASE, NOW_MS + DAY_MS, disown=True)
    allow_back_always(world.trust, PHRASE, NOW_MS + DAY_MS)
    with pytest.raises(TrustError, match="allow it back"):
        world.trust.renew(peer(camera), camera.identity.request(LDEVID), NOW_MS + DAY_MS)
    grant = allow_back(world.trust, PHRASE, [peer(camera)], NOW_MS + DAY_MS)
    assert world.trust.renew(peer(camera), camera.identity.request(LDEVID), NOW_MS + DAY_MS, grant).grant == grant


@pytest.mark.req("CTRL-13")
@pytest.mark.parametrize("action", [ALLOW_BACK, ALLOW_BACK_ALWAYS])
def test_the_issuing_key_cannot_sign_a_grant(action: str):
    """Whoever has the controller's disk has that key, and may write into any file and database."""
    world = World()
    camera = world.camera()
    issuing = world.trust.record.issuing
    subject = peer(camera).fingerprint if action == ALLOW_BACK else certificates.fingerprint(issuing.chain[0])
    forged = certificates_grants.encode(Grant(action, world.trust.system, (subject,), 0, 1 << 60), issuing.key)
    with pytest.raises(TrustError, match="not signed with this system's passphrase"):
        world.trust.renew(peer(camera), camera.identity.request(LDEVID), LAPSED_MS, forged)
    with pytest.raises(FormatError, match="not signed with this system's passphrase"):
        certificates_grants.decode(forged, camera.identity.root())
    world.trust.save(replace(world.trust.record, standing_grant=forged))
    with pytest.raises(TrustFileError, match="not signed with this system's passphrase"):
        open_system(world.files, world.entropy)


def test_a_grant_is_for_its_own_system():
    world, other = World(1), World(2)
    camera = world.camera()
    root_key = passphrase.unlock(world.trust, PHRASE).root_key
    grant = Grant(ALLOW_BACK, other.trust.system, (peer(camera).fingerprint,), NOW_MS, LAPSED_MS + 1)
    believed = certificates_grants.decode(certificates_grants.encode(grant, root_key), world.trust.record.root)
    assert not certificates_grants.allows_back(believed, peer(camera), world.controller(), LAPSED_MS)
    with pytest.raises(FormatError):
        certificates_grants.encode(replace(grant, action="become_root"), root_key)
    with pytest.raises(FormatError):
        certificates_grants.encode(replace(grant, subjects=("b", "a")), root_key)


def test_force_remove_revokes_and_leaves_a_grant_for_the_ledger():
    world = World()
    camera = world.camera()
    grant = world.trust.read_grant(force_remove(world.trust, PHRASE, ["CAM-0001"], NOW_MS))
    assert grant.allows(FORCE_REMOVE, "CAM-0001", NOW_MS)
    assert not grant.allows(FORCE_REMOVE, "CAM-0002", NOW_MS)
    assert not grant.allows(ALLOW_BACK, "CAM-0001", NOW_MS)
    assert world.trust.admit(peer(camera), NOW_MS).state == admission.REVOKED


@pytest.mark.parametrize(
    ("cost", "name"),
    [((1 << 21, 1, 1), "memory_kib"), ((64, 65, 1), "iterations"), ((64, 1, 17), "lanes"), ((8, 1, 4), "costs")],
)
def test_a_file_cannot_ask_for_more_than_a_machine_has(cost: tuple[int, int, int], name: str):
    wrapped = wrapping.Wrapped(ArgonCost(*cost), bytes(16), bytes(12), b"sealed")
    with pytest.raises(FormatError, match=name):
        wrapping.from_fields(wrapping.to_fields(wrapped), "restore-key")


@pytest.mark.parametrize("field", ["memory_kib", "iterations", "salt", "nonce", "sealed"])
def test_nothing_about_a_wrapped_secret_can_be_changed(field: str):
    """Argon2id's own costs too: they are bound in, so that nobody can have them lowered."""
    wrapped = wrapping.wrap(b"secret", PHRASE, b"context", SeededEntropy(1), ArgonCost(64, 2, 1))
    assert wrapping.unwrap(wrapped, PHRASE, b"context", "it") == b"secret"
    fields = dict(wrapping.to_fields(wrapped))
    value = fields[field]
    fields[field] = value + 8 if isinstance(value, int) else ("0" if value[0] != "0" else "1") + value[1:]
    with pytest.raises(WrongPassphrase):
        wrapping.unwrap(wrapping.from_fields(fields, "it"), PHRASE, b"context", "it")
    with pytest.raises(WrongPassphrase):
        wrapping.unwrap(wrapped, PHRASE, b"another", "it")
