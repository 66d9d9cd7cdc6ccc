"""P-256 signatures, and erase authorisations signed with them."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from firmware.formats import authorisation
from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_keystore import MemoryKeystore
from firmware.secure import signing
from firmware.secure.certificates_keys import P256
from firmware.secure.signing import MemoryKey, P256Signer, P256Verifier, SlotKey
from tests.unit.secure_seal.issuing import p256
from tests.unit.secure_seal.parts import CONTROLLER_KEY, FOREIGN_KEY, RECORDING, SERIAL

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GIVEN = EraseAuthorisation(SERIAL, RECORDING, bytes(32), "acknowledged", 7, 1_750_000_100_000)
KEY = MemoryKey(CONTROLLER_KEY)
SIGNED = authorisation.encode(GIVEN, P256Signer(KEY))


class HighKey:
    """A key store that gives the other value of s, as half of all do."""

    public_der = KEY.public_der

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(KEY.sign(data))
        return encode_dss_signature(r, max(s, ORDER - s))


class BrokenKey:
    """A key store that gives something else than a signature."""

    public_der = KEY.public_der

    def sign(self, data: bytes) -> bytes:
        return bytes(64)


def verifier(*keys: ec.EllipticCurvePrivateKey) -> P256Verifier:
    return P256Verifier([MemoryKey(key).public_der for key in keys])


@pytest.mark.req("CAM-21")
def test_an_authorisation_of_one_of_the_controllers_counts():
    for ours in (verifier(CONTROLLER_KEY), verifier(FOREIGN_KEY, CONTROLLER_KEY)):
        assert authorisation.decode(SIGNED, ours) == GIVEN


@pytest.mark.req("CAM-21")
def test_nobody_elses_authorisation_counts():
    for nobody in (verifier(), verifier(FOREIGN_KEY)):
        with pytest.raises(FormatError, match="the signature is not one of this camera's controller"):
            authorisation.decode(SIGNED, nobody)
    with pytest.raises(FormatError, match="signed with ecdsa-p256-sha256, but only unsigned counts"):
        authorisation.decode(SIGNED)
    with pytest.raises(FormatError, match="signed with unsigned, but only ecdsa-p256-sha256 counts"):
        authorisation.decode(authorisation.encode(GIVEN), verifier(CONTROLLER_KEY))


@pytest.mark.req("CAM-21")
def test_a_changed_authorisation_does_not_count():
    other = authorisation.encode(replace(GIVEN, recording=bytes(16)))
    forged = other.replace(b'"signature":"","suite":"unsigned"', SIGNED[SIGNED.index(b'"signature"') : -1])
    with pytest.raises(FormatError, match="the signature is not one"):
        authorisation.decode(forged, verifier(CONTROLLER_KEY))
    for position in range(len(SIGNED)):
        changed = bytearray(SIGNED)
        changed[position] ^= 1
        with pytest.raises(FormatError):
            authorisation.decode(changed, verifier(CONTROLLER_KEY))


def test_a_signature_for_one_purpose_is_none_for_another():
    inner = SIGNED[len(b'{"authorisation":') : SIGNED.index(b',"format"')]
    signature = bytes.fromhex(SIGNED.decode().split('"signature":"')[1].split('"')[0])
    assert verifier(CONTROLLER_KEY).verify(authorisation.SIGNED_PREFIX + inner, signature)
    assert not verifier(CONTROLLER_KEY).verify(b"openbwc-manifest-1\x00" + inner, signature)


def test_a_signature_has_one_form():
    ours = verifier(CONTROLLER_KEY)
    for key in (KEY, HighKey()):
        assert signing.sign(key, b"data") == signing.sign(KEY, b"data")
        assert ours.verify(b"data", signing.sign(key, b"data"))
    assert not ours.verify(b"data", HighKey().sign(b"data"))
    good = signing.sign(KEY, b"data")
    r, s = decode_dss_signature(good)
    longer = b"\x30" + bytes([good[1] + 1]) + b"\x02" + bytes([good[3] + 1]) + b"\x00" + good[4:]
    for other in (b"", good + b"\x00", good[:-1], longer, encode_dss_signature(r + ORDER, s), bytes(72)):
        assert not ours.verify(b"data", other)
    for nothing in ((0, 0), (0, 1), (1, 0), (ORDER, 1), (1, ORDER)):
        assert not ours.verify(b"data", encode_dss_signature(*nothing))


def test_what_is_no_signature_is_not_passed_on():
    with pytest.raises(FormatError, match="the key store gave no ECDSA signature"):
        P256Signer(BrokenKey()).sign(b"data")


def test_a_key_of_a_keystore_signs():
    keystore = MemoryKeystore(P256(SeededEntropy(4)))
    key = SlotKey(keystore, "evidence")
    with pytest.raises(NotFound):
        key.sign(b"data")
    keystore.make_key("evidence")
    assert P256Verifier([key.public_der]).verify(b"data", P256Signer(key).sign(b"data"))


@pytest.mark.parametrize("number", range(1, 20))
def test_signatures_are_what_anybody_can_verify(number: int):
    private = p256(number)
    signature = P256Signer(MemoryKey(private)).sign(b"data %d" % number)
    private.public_key().verify(signature, b"data %d" % number, ec.ECDSA(hashes.SHA256()))
    assert len(signature) <= 72


def public_der(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("der", "error"),
    [
        (b"", "not a public key in DER"),
        (bytes(91), "not a public key in DER"),
        (public_der(ec.derive_private_key(5, ec.SECP384R1()).public_key()), "not a P-256 public key"),
        (public_der(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()), "not a P-256 public key"),
    ],
)
def test_other_keys_are_refused(der: bytes, error: str):
    with pytest.raises(FormatError, match=error):
        P256Verifier([der])


def test_a_key_in_memory_is_on_p256():
    with pytest.raises(FormatError, match="on secp384r1, not P-256"):
        MemoryKey(ec.derive_private_key(5, ec.SECP384R1()))
