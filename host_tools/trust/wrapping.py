"""Secrets wrapped by a passphrase: Argon2id (RFC 9106), then AES-256-GCM with everything beside the secret bound in.

A wrong passphrase costs exactly one Argon2id, as a right one does, and is told from a changed file by nothing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.entropy import Entropy
from host_tools.trust.errors import TrustError, WrongPassphrase

PASSPHRASE_CHARACTERS_MIN = 8
PASSPHRASE_BYTES_MAX = 1024
SALT_BYTES = 16
NONCE_BYTES = 12
KEY_BYTES = 32
SEALED_BYTES_MAX = 4 << 20
PREFIX = b"openbwc-passphrase-1\x00"

_MEMORY_KIB_MAX = 1 << 20  # 1 GiB: a changed file cannot make us ask for more
_ITERATIONS_MAX = 64
_LANES_MAX = 16
_KEYS = frozenset({"kdf", "memory_kib", "iterations", "lanes", "salt", "cipher", "nonce", "sealed"})


@dataclass(frozen=True, slots=True)
class ArgonCost:
    """What one try costs whoever tries."""

    memory_kib: int
    iterations: int
    lanes: int


# The second choice of RFC 9106, section 4; well above the least that the OWASP password cheat sheet asks for (19 MiB,
# two iterations, one lane), because a restore key may be attacked for years. About 0.2 s and 64 MiB a try.
DEFAULT_COST = ArgonCost(memory_kib=65_536, iterations=3, lanes=4)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A wrapped secret, as it is written down."""

    cost: ArgonCost
    salt: bytes
    nonce: bytes
    sealed: bytes


def check_passphrase(passphrase: str) -> None:
    """TrustError unless it may become a system's passphrase. It can never be changed afterwards."""
    if len(passphrase) < PASSPHRASE_CHARACTERS_MIN:
        raise TrustError(f"a passphrase needs {PASSPHRASE_CHARACTERS_MIN} characters or more")
    if len(_encoded(passphrase)) > PASSPHRASE_BYTES_MAX or not passphrase.isprintable():
        raise TrustError(f"a passphrase is printable text of at most {PASSPHRASE_BYTES_MAX} bytes")


def wrap(secret: bytes, passphrase: str, context: bytes, entropy: Entropy, cost: ArgonCost = DEFAULT_COST) -> Wrapped:
    """The secret, wrapped for whoever knows the passphrase and says the same ``context``."""
    salt, nonce = entropy.random_bytes(SALT_BYTES), entropy.random_bytes(NONCE_BYTES)
    front = Wrapped(cost, salt, nonce, b"")
    return Wrapped(cost, salt, nonce, _cipher(front, passphrase).encrypt(nonce, secret, _bound(front, context)))


def unwrap(wrapped: Wrapped, passphrase: str, context: bytes, what: str) -> bytes:
    """The secret. WrongPassphrase, which names ``what``, if anything is not as it was."""
    cipher = _cipher(wrapped, passphrase)
    try:
        return cipher.decrypt(wrapped.nonce, wrapped.sealed, _bound(wrapped, context))
    except InvalidTag:
        raise WrongPassphrase(what) from None


def to_fields(wrapped: Wrapped) -> canonical.Document:
    """A wrapped secret as a part of a document."""
    return {
        "kdf": "argon2id",
        "memory_kib": wrapped.cost.memory_kib,
        "iterations": wrapped.cost.iterations,
        "lanes": wrapped.cost.lanes,
        "salt": wrapped.salt.hex(),
        "cipher": "aes-256-gcm",
        "nonce": wrapped.nonce.hex(),
        "sealed": wrapped.sealed.hex(),
    }


def from_fields(value: object, what: str) -> Wrapped:
    """The wrapped secret that a part of a document holds. FormatError beyond any limit."""
    fields = canonical.members(value, what)
    canonical.require_keys(fields, _KEYS, what)
    if fields["kdf"] != "argon2id" or fields["cipher"] != "aes-256-gcm":
        raise FormatError(f"{what}: wrapped in a way that is not known here; update this side")
    cost = ArgonCost(
        canonical.integer(fields["memory_kib"], f"{what}.memory_kib", _MEMORY_KIB_MAX),
        canonical.integer(fields["iterations"], f"{what}.iterations", _ITERATIONS_MAX),
        canonical.integer(fields["lanes"], f"{what}.lanes", _LANES_MAX),
    )
    if cost.iterations < 1 or cost.lanes < 1 or cost.memory_kib < 8 * cost.lanes:  # RFC 9106, 3.1
        raise FormatError(f"{what}: costs that Argon2id does not have")
    return Wrapped(
        cost,
        canonical.binary(fields["salt"], f"{what}.salt", SALT_BYTES),
        canonical.binary(fields["nonce"], f"{what}.nonce", NONCE_BYTES),
        canonical.binary(fields["sealed"], f"{what}.sealed", bytes_max=SEALED_BYTES_MAX),
    )


def _cipher(wrapped: Wrapped, passphrase: str) -> AESGCM:
    cost = wrapped.cost
    derivation = Argon2id(
        salt=wrapped.salt,
        length=KEY_BYTES,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    return AESGCM(derivation.derive(_encoded(passphrase)))


def _bound(wrapped: Wrapped, context: bytes) -> bytes:
    front = to_fields(Wrapped(wrapped.cost, wrapped.salt, wrapped.nonce, b""))
    return PREFIX + canonical.encode(front) + b"\n" + context


def _encoded(passphrase: str) -> bytes:
    """One form for one text, whatever keyboard it was typed on (RFC 8265, 4.2.2)."""
    return unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
