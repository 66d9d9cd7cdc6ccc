"""P-256 keys: how keystores in software make and use them, how they are wrapped, and how a keystore's key signs X.509.

A private key is 32 bytes, drawn from the entropy port as FIPS 186-5 A.2.1 says (64 bits more than the order, so that
reducing them shows nothing); the same entropy gives the same key. Signatures are deterministic (RFC 6979): there is
no nonce to get wrong on a board whose randomness is poor just after power-on.
"""

from typing import NoReturn

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import utils as asymmetric_utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware.ports.entropy import Entropy
from firmware.ports.errors import PortFault, Unprovided
from firmware.ports.keystore import KeyAlgorithm, Keystore, KeyWrap
from firmware.secure.signing import load_public

PRIVATE_BYTES = 32
DEVICE_KEY_BYTES = 32
NONCE_BYTES = 12
WRAP_PREFIX = b"openbwc-key-slot-1\x00"

_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
_EXTRA_BYTES = 8
_SIGNING = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


class P256(KeyAlgorithm):
    """See KeyAlgorithm. Private keys are their number, 32 bytes, big-endian."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def make(self) -> bytes:
        """See KeyAlgorithm."""
        return new_key(self._entropy).private_numbers().private_value.to_bytes(PRIVATE_BYTES, "big")

    def public_key(self, private: bytes) -> bytes:
        """See KeyAlgorithm."""
        return public_bytes(_loaded(private).public_key())

    def sign(self, private: bytes, data: "bytes | bytearray | memoryview") -> bytes:
        """See KeyAlgorithm."""
        return _loaded(private).sign(bytes(data), _SIGNING)

    def tls_key(self, private: bytes) -> bytes:
        """See KeyAlgorithm."""
        return pem_of(_loaded(private))


class DeviceKeyWrap(KeyWrap):
    """AES-256-GCM under a secret of the board, such as the OTP rows of a Raspberry Pi; the slot is bound in.

    Its limit: whoever runs code as root on that board can read the OTP too. It protects a card that was taken out.
    """

    def __init__(self, device_key: bytes, entropy: Entropy) -> None:
        if len(device_key) != DEVICE_KEY_BYTES:
            raise PortFault(f"a device key of {len(device_key)} bytes instead of {DEVICE_KEY_BYTES}")
        self._cipher = AESGCM(device_key)
        self._entropy = entropy

    def wrap(self, slot: str, private: bytes) -> bytes:
        """See KeyWrap."""
        nonce = self._entropy.random_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, private, WRAP_PREFIX + slot.encode())

    def unwrap(self, slot: str, wrapped: bytes) -> bytes:
        """See KeyWrap."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], WRAP_PREFIX + slot.encode())
        except (InvalidTag, ValueError) as error:
            raise PortFault(f"key slot {slot} was not wrapped on this board: make a new key") from error


class KeystoreKey(ec.EllipticCurvePrivateKey):
    """A slot of a keystore where ``cryptography`` wants a private key: it signs and shows its public half, no more."""

    def __init__(self, keystore: Keystore, slot: str) -> None:
        self._keystore = keystore
        self._slot = slot

    def sign(
        self, data: "bytes | bytearray | memoryview", signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        """ECDSA with SHA-256 by the keystore; PortFault for another algorithm."""
        inner = signature_algorithm.algorithm
        if isinstance(inner, asymmetric_utils.Prehashed) or inner.name != "sha256":
            raise PortFault(f"key slot {self._slot} signs with SHA-256 alone")
        return self._keystore.sign(self._slot, data)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return load_public(self._keystore.public_key(self._slot))

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return ec.SECP256R1()

    @property
    def key_size(self) -> int:
        """In bits."""
        return self.curve.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        """Refused."""
        self._refuse("exchange")

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Refused."""
        self._refuse("private_numbers")

    def private_bytes(
        self,
        encoding: serialization.Encoding,
        format: serialization.PrivateFormat,
        encryption_algorithm: serialization.KeySerializationEncryption,
    ) -> bytes:
        """Refused."""
        self._refuse("private_bytes")

    def __copy__(self) -> "KeystoreKey":
        return KeystoreKey(self._keystore, self._slot)

    def __deepcopy__(self, memo: "dict[int, object]") -> "KeystoreKey":
        return KeystoreKey(self._keystore, self._slot)

    def _refuse(self, operation: str) -> NoReturn:
        raise Unprovided(self._keystore, operation)


def new_key(entropy: Entropy, curve: "ec.EllipticCurve | None" = None) -> ec.EllipticCurvePrivateKey:
    """A fresh private key, on P-256 unless told otherwise (P-384)."""
    chosen = curve or ec.SECP256R1()
    drawn = entropy.random_bytes((chosen.key_size + 7) // 8 + _EXTRA_BYTES)
    return ec.derive_private_key(int.from_bytes(drawn, "big") % (_ORDERS[chosen.name] - 1) + 1, chosen)


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as OpenSSL reads it, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """ECDSA as this house uses it: SHA-256 on P-256 and SHA-384 on P-384, deterministic."""
    return key.sign(data, _signing_for(key.curve, True))


def holds(key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``data`` is one of that key."""
    try:
        key.verify(signature, data, _signing_for(key.curve, False))
    except InvalidSignature:
        return False
    return True


def _signing_for(curve: ec.EllipticCurve, deterministic: bool) -> ec.ECDSA:
    chosen = hashes.SHA384() if curve.name == "secp384r1" else hashes.SHA256()
    return ec.ECDSA(chosen, deterministic_signing=deterministic)


def _loaded(private: bytes) -> ec.EllipticCurvePrivateKey:
    if len(private) != PRIVATE_BYTES:
        raise PortFault(f"a private key of {len(private)} bytes instead of {PRIVATE_BYTES}: make a new one")
    try:
        return ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    except ValueError as error:
        raise PortFault("a private key outside the curve's order: make a new one") from error
