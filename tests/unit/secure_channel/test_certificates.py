"""Chains: whose they are, whether they hold, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import certificates
from firmware.secure.certificates import (
    ABOUT_TO_EXPIRE,
    CLOCK_SLACK_MS,
    CONTROLLER,
    EVIDENCE,
    EXPIRED,
    IDEVID,
    LDEVID,
    NOT_YET_VALID,
    VALID,
    WARNING_MS,
    CertificateFault,
    identify,
    standing,
    verify_chain,
)
from firmware.secure.certificates_keys import new_key
from host_tools.trust.authority import Authority, make_issuing, make_root
from tests.unit.secure_channel.parts import Forged
from tests.unit.trust.parts import NOW_MS, WEEK_MS, World, peer

END_MS = NOW_MS + 8 * WEEK_MS + 999  # of an LDevID: the last millisecond of its last second


@pytest.mark.req("CAM-22", "CTRL-13")
@pytest.mark.parametrize(
    ("unix_ms", "expected"),
    [
        (0, NOT_YET_VALID),
        (NOW_MS - CLOCK_SLACK_MS - 1, NOT_YET_VALID),
        (NOW_MS - CLOCK_SLACK_MS, VALID),
        (NOW_MS, VALID),
        (END_MS - WARNING_MS - 1, VALID),
        (END_MS - WARNING_MS, ABOUT_TO_EXPIRE),
        (END_MS, ABOUT_TO_EXPIRE),
        (END_MS + 1, EXPIRED),
        (1 << 62, EXPIRED),
    ],
)
def test_standing_to_the_millisecond(unix_ms: int, expected: str):
    assert standing(peer(World().camera()), unix_ms) == expected


@pytest.mark.parametrize("weeks", [8, 10, 12])
@pytest.mark.req("CAM-22")
def test_a_lifetime_of_eight_to_twelve_weeks(weeks: int):
    world = World()
    entropy = SeededEntropy(1)
    key = new_key(entropy).public_key()
    chain = world.trust.record.issuing.issue(LDEVID, "CAM-1", key, NOW_MS, entropy, weeks)
    assert identify(chain, True).expires_ms == NOW_MS + weeks * WEEK_MS + 999


def test_an_idevid_does_not_expire():
    found = peer(World().factory_camera(), IDEVID)
    assert standing(found, NOW_MS + 3000 * WEEK_MS) == VALID
    assert certificates.parse(found.chain[0]).not_valid_after_utc.year == 9999


@pytest.mark.parametrize("kind", [IDEVID, LDEVID, CONTROLLER, EVIDENCE])
def test_a_chain_says_whose_it_is(kind: str):
    world = World()
    entropy = SeededEntropy(1)
    authority = world.maker._issuing if kind == IDEVID else world.trust.record.issuing
    chain = authority.issue(kind, "X-1", new_key(entropy).public_key(), NOW_MS, entropy)
    found = verify_chain(chain, chain[-1])
    assert (found.kind, found.serial, found.owner, found.anchored) == (kind, "X-1", authority.owner, True)
    assert found.chain == chain
    assert found.issued_ms == NOW_MS
    assert len(found.fingerprint) == 64


def test_a_certificate_holds_nothing_but_owner_kind_and_serial():
    """What a controller that is not the camera's could ever read of one."""
    certificate = certificates.parse(peer(World().camera()).chain[0])
    assert [attribute.value for attribute in certificate.subject] == [World().trust.system, LDEVID, "CAM-0001"]
    names = {extension.oid._name for extension in certificate.extensions}
    assert names == {
        "basicConstraints",
        "keyUsage",
        "extendedKeyUsage",
        "subjectKeyIdentifier",
        "authorityKeyIdentifier",
    }


def test_a_chain_leads_to_the_root_that_is_asked_for():
    ours, theirs = World(1), World(2)
    chain = peer(ours.camera()).chain
    with pytest.raises(CertificateFault, match="another root") as caught:
        verify_chain(chain, theirs.trust.record.root)
    assert caught.value.code == "unknown_issuer"
    mixed = (*chain[:-1], theirs.trust.record.root)
    with pytest.raises(CertificateFault):
        verify_chain(mixed, theirs.trust.record.root)


def test_a_root_of_the_same_name_and_another_key_does_not_do():
    world = World()
    entropy = SeededEntropy("another")
    fake = make_root(world.trust.system, new_key(entropy), NOW_MS, entropy)
    chain = peer(world.camera()).chain
    with pytest.raises(CertificateFault, match="a signature of the chain does not hold"):
        verify_chain((*chain[:-1], fake.chain[0]), fake.chain[0])


@pytest.mark.parametrize(
    ("forged", "code"),
    [
        (Forged("", ca=True, path_length=0), "wrong_purpose"),
        (Forged("", purposes=[]), "wrong_purpose"),
        (Forged("", kind="issuing"), "wrong_purpose"),
        (Forged("someone else"), "bad_certificate"),
        (Forged("", extra_name="x"), "bad_certificate"),
        (Forged("O" * 65), "bad_certificate"),
    ],
    ids=["authority", "no purpose", "kind", "owner", "one name more", "long owner"],
)
def test_forms_that_we_refuse_ourselves(forged: Forged, code: str):
    """OpenSSL refuses some of these too; documents and evidence do not come past it."""
    issuing = World().trust.record.issuing
    forged = replace(forged, owner=forged.owner or issuing.owner)
    with pytest.raises(CertificateFault) as caught:
        identify([forged.signed_by(issuing), *issuing.chain], True)
    assert caught.value.code == code


@pytest.mark.parametrize("count", [0, 1, 4])
def test_chains_of_other_lengths_are_refused(count: int):
    chain = peer(World().camera()).chain
    with pytest.raises(CertificateFault, match="a chain of"):
        identify((*chain, *chain)[:count], True)


def test_order_matters():
    owner, issuing, root = peer(World().camera()).chain
    for chain in ((issuing, owner, root), (owner, root, issuing), (root, issuing, owner), (owner, issuing)):
        with pytest.raises(CertificateFault):
            verify_chain(chain, chain[-1])


def test_an_issuing_key_may_not_make_another():
    """Path length: the chain would be one longer, and is refused in that form already."""
    world = World()
    entropy = SeededEntropy(1)
    below = make_issuing(world.trust.record.issuing, new_key(entropy), NOW_MS, entropy)
    leaf = below.issue(LDEVID, "CAM-1", new_key(entropy).public_key(), NOW_MS, entropy)
    with pytest.raises(CertificateFault, match="a chain of 4"):
        verify_chain(leaf, world.trust.record.root)
    with pytest.raises(CertificateFault):
        verify_chain((leaf[0], leaf[1], leaf[3]), world.trust.record.root)


def test_an_authority_is_told_from_a_device():
    world = World()
    certificates.verify_authority(world.trust.record.issuing.chain[0], world.trust.record.root)
    certificates.verify_root(world.trust.record.root)
    for wrong in (peer(world.camera()).chain[0], world.trust.record.root):
        with pytest.raises(CertificateFault):
            certificates.verify_authority(wrong, world.trust.record.root)
    for wrong in (peer(world.camera()).chain[0], world.trust.record.issuing.chain[0]):
        with pytest.raises(CertificateFault):
            certificates.verify_root(wrong)


def test_keys_of_other_kinds_are_refused():
    """P-521 is no weakness; it is not ours, and every algorithm more is a parser more."""
    world = World()
    key = ec.derive_private_key(12345, ec.SECP521R1())
    chain = Forged(world.trust.system, key=key).signed_by(world.trust.record.issuing)
    with pytest.raises(CertificateFault, match="another algorithm"):
        certificates.parse(chain)


@pytest.mark.parametrize("serial", ["", "a b", "a/b", "a\n", "ü", "A" * 33, "a_b"])
def test_serials_that_cannot_be(serial: str):
    with pytest.raises(CertificateFault, match="use 1 to 32"):
        certificates.check_serial(serial)


def test_texts_and_reprs_show_no_secret():
    world = World()
    number = world.trust.record.issuing.key.private_numbers().private_value
    shown = repr(world.trust.record) + repr(Authority(world.trust.record.issuing.chain, world.trust.record.issuing.key))
    assert f"{number:064x}" not in shown
    assert str(number) not in shown
    assert world.trust.record.sealing[0].seed.hex() not in shown
    assert repr(world.trust.record.sealing[0].seed) not in shown
