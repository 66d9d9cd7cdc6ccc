"""Signatures: ECDSA on P-256 with SHA-256, for manifests and erase authorisations.

Private keys stay behind ``KeyHandle``: a file, a secure element, a TPM. A signature is written down as strict DER with
the lower of the two values of s, so that one signature has one form and nobody can make a second one out of it.
"""

from collections.abc import Iterable
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from firmware.formats.authorisation import Signer, Verifier
from firmware.formats.errors import FormatError
from firmware.ports.keystore import Keystore

SUITE_P256 = "ecdsa-p256-sha256"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256; NIST SP 800-186, 3.2.1.3
_HASH = ec.ECDSA(hashes.SHA256())


class KeyHandle(Protocol):
    """A P-256 private key that signs, wherever it lives. ``public_der``: its SubjectPublicKeyInfo."""

    @property
    def public_der(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes:
        """The ECDSA signature over SHA-256 of ``data``, in DER."""
        ...


class MemoryKey:
    """A key in memory, such as a controller's that was read from a file. Repeats itself (RFC 6979)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(key.curve, ec.SECP256R1):
            raise FormatError(f"signing key: on {key.curve.name}, not P-256")
        self._key = key
        self.public_der = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, data: bytes) -> bytes:
        """See KeyHandle."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


class SlotKey:
    """A key in a slot of a board's keystore. What the keystore cannot do raises its PortFault."""

    def __init__(self, keystore: Keystore, slot: str) -> None:
        self._keystore = keystore
        self._slot = slot

    @property
    def public_der(self) -> bytes:
        """See KeyHandle."""
        return self._keystore.public_key(self._slot)

    def sign(self, data: bytes) -> bytes:
        """See KeyHandle."""
        return self._keystore.sign(self._slot, data)


class P256Signer(Signer):
    """Signs erase authorisations with a controller's key."""

    suite = SUITE_P256

    def __init__(self, key: KeyHandle) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """The signature over ``data``."""
        return sign(self._key, data)


class P256Verifier(Verifier):
    """Accepts what one of some keys has signed: the controllers of a camera's system, as SubjectPublicKeyInfo."""

    suite = SUITE_P256

    def __init__(self, keys_der: Iterable[bytes]) -> None:
        self._keys = tuple(load_public(der) for der in keys_der)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether one of the keys has signed ``data``."""
        return any(holds(key, data, signature) for key in self._keys)


def sign(key: KeyHandle, data: bytes) -> bytes:
    """The signature by ``key``, in its one form."""
    signature = key.sign(data)
    try:
        r, s = decode_dss_signature(signature)
    except ValueError as error:
        raise FormatError("signature: the key store gave no ECDSA signature in DER") from error
    return encode_dss_signature(r, min(s, _ORDER - s))


def holds(key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is the one form of a signature over ``data`` by ``key``."""
    try:
        _, s = decode_dss_signature(signature)  # refuses what is not strict DER
        if s > _ORDER // 2:
            return False
        key.verify(signature, data, _HASH)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_public(der: bytes) -> ec.EllipticCurvePublicKey:
    """A P-256 public key from its SubjectPublicKeyInfo. FormatError for anything else."""
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError("signing key: not a public key in DER") from error
    return require_p256(key)


def require_p256(key: object) -> ec.EllipticCurvePublicKey:
    """``key``, if it is a P-256 public key. FormatError for anything else."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise FormatError("signing key: not a P-256 public key")
    return key
