"""Sealing keys: the hybrid KEM ML-KEM-768 + X25519 (X-Wing, HPKE KEM 0x647A), as bytes and as HPKE takes them.

A private key is the draft's 32-byte seed, expanded with SHAKE256 into 64 bytes for ML-KEM and 32 for X25519. A public
key is 1216 bytes, ML-KEM's 1184 and X25519's 32; its SHA-256 is the key id by which a recording names its recipients.
Source: draft-connolly-cfrg-xwing-kem; draft-ietf-hpke-pq.
"""

from collections.abc import Iterable
from hashlib import sha256, shake_256

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from firmware.formats.errors import FormatError
from firmware.ports.entropy import Entropy

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 1216
KEY_ID_BYTES = 32
KEY_ID_SHOWN_CHARACTERS = 16  # of a key id in a message: enough to tell two keys of a system apart
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64
_X25519_BYTES = 32
_ANY_X25519 = X25519PrivateKey.from_private_bytes(bytes(_X25519_BYTES))  # guards nothing; clamping makes it a key


class RecipientKey:
    """Whom a recording is sealed to. ``raw``: the public key; ``key_id``: its SHA-256; ``hpke``: as HPKE takes it."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) != PUBLIC_KEY_BYTES:
            raise FormatError(f"sealing key: a public key of {len(raw)} bytes instead of {PUBLIC_KEY_BYTES}")
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES])
            x25519 = X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:])
            _ANY_X25519.exchange(x25519)  # refuses a point of low order, with which every shared secret is zero
        except ValueError as error:
            raise FormatError("sealing key: not a public key of ML-KEM-768 with X25519") from error
        self.raw = bytes(raw)
        self.key_id = sha256(raw).digest()
        self.hpke = MLKEM768X25519PublicKey(mlkem, x25519)

    def __repr__(self) -> str:
        return f"RecipientKey({shown(self.key_id)})"


class SealingKey:
    """What opens recordings. ``recipient``: its public half; ``hpke``: as HPKE takes it. The repr shows no secret."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise FormatError(f"sealing key: a seed of {len(seed)} bytes instead of {SEED_BYTES}")
        expanded = shake_256(seed).digest(_MLKEM_SEED_BYTES + _X25519_BYTES)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
        self.recipient = RecipientKey(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())
        self.key_id = self.recipient.key_id
        self.hpke = MLKEM768X25519PrivateKey(mlkem, x25519)

    def __repr__(self) -> str:
        return f"SealingKey({shown(self.key_id)})"


class KeyRing:
    """Every sealing key of a system, today's and those before it, so that old recordings stay readable."""

    def __init__(self, keys: Iterable[SealingKey] = ()) -> None:
        self._keys = {key.key_id: key for key in keys}

    def find(self, key_id: bytes) -> "SealingKey | None":
        """The key of that id, if it is on the ring."""
        return self._keys.get(key_id)

    def key_ids(self) -> "frozenset[bytes]":
        """The ids of all keys on the ring."""
        return frozenset(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(sorted(map(shown, self._keys)))})"


def new_seed(entropy: Entropy) -> bytes:
    """The seed of a fresh sealing key: what is to be kept, wrapped."""
    return entropy.random_bytes(SEED_BYTES)


def digest_of(recipients: Iterable[RecipientKey]) -> bytes:
    """What stands for a list of recipients: SHA-256 of their key ids in order. Both sides compare it."""
    return sha256(b"".join(recipient.key_id for recipient in recipients)).digest()


def shown(key_id: bytes) -> str:
    """A key id as messages show it."""
    return key_id.hex()[:KEY_ID_SHOWN_CHARACTERS]
