"""What only the passphrase opens: the root key, and the master from which every sealing key follows.

Each sealing key's seed is HKDF-SHA-256 of the master and the key's number. So a restore key that was put away on the
first day opens what was sealed under every later key too, and no stored sealing key tells the next one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.entropy import Entropy
from firmware.secure import certificates
from firmware.secure.certificates_keys import new_key
from firmware.secure.hpke_keys import SEED_BYTES
from host_tools.trust.errors import TrustFileError

MASTER_BYTES = 32
ROOT_KEY_BYTES = 48  # P-384
SEALING_INFO = b"openbwc-sealing-seed-1\x00"
SECRETS_BYTES_MAX = 1024
_WHAT = "secrets"
_KEYS = frozenset({"format", "schema", "root_key", "sealing_master"})


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """In memory only while somebody who knows the passphrase is doing something."""

    root_key: ec.EllipticCurvePrivateKey
    sealing_master: bytes

    def sealing_seed(self, number: int) -> bytes:
        """The seed of the system's sealing key of that number."""
        info = SEALING_INFO + struct.pack("<I", number)
        return HKDF(algorithm=hashes.SHA256(), length=SEED_BYTES, salt=None, info=info).derive(self.sealing_master)


def new_secrets(entropy: Entropy) -> Secrets:
    """A new system's."""
    return Secrets(new_key(entropy, ec.SECP384R1()), entropy.random_bytes(MASTER_BYTES))


def encode(secrets: Secrets) -> bytes:
    """What is wrapped."""
    number = secrets.root_key.private_numbers().private_value
    return canonical.encode(
        {
            "format": "openbwc-" + _WHAT,
            "schema": canonical.SCHEMA,
            "root_key": number.to_bytes(ROOT_KEY_BYTES, "big").hex(),
            "sealing_master": secrets.sealing_master.hex(),
        }
    )


def decode(data: bytes, root: bytes) -> Secrets:
    """What was wrapped, if its root key is that of the certificate ``root``; TrustFileError if it is not."""
    try:
        document = canonical.decode(data, _WHAT, SECRETS_BYTES_MAX)
        canonical.require_kind(document, _WHAT)
        canonical.require_keys(document, _KEYS, _WHAT)
        number = canonical.binary(document["root_key"], f"{_WHAT}.root_key", ROOT_KEY_BYTES)
        master = canonical.binary(document["sealing_master"], f"{_WHAT}.sealing_master", MASTER_BYTES)
        key = ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP384R1())
    except (FormatError, ValueError):
        raise TrustFileError("what the passphrase opens are no secrets of a system: restore from the key") from None
    if key.public_key() != certificates.public_key_of(root):
        raise TrustFileError("the passphrase opens another system's root key: the trust file was put together")
    return Secrets(key, master)
