"""Where a board's private keys live.

A slot is a word of at most 32 characters (``a-z 0-9 _``) that the application chooses; a slot holds one key pair on the
curve P-256. What a platform can promise about a key that somebody wants to steal is its ``protection``.

A limit of every keystore: TLS runs in OpenSSL behind Python's ``ssl``, which takes keys as PEM only. ``tls_key`` gives
the key itself where it can be read at all, or the reference by which an OpenSSL provider (PKCS #11, TPM 2) finds a key
that never leaves its chip. While a session starts, a key of the first kind is in the memory of the process.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault, Unprovided

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview

PROTECTED_BY_NOTHING = "memory"  # gone with the process
PROTECTED_BY_MODE = "file"  # readable by whoever reads the card
PROTECTED_BY_DEVICE_KEY = "device_key"  # readable by code that runs on this very board, not from its card alone
PROTECTED_BY_CHIP = "secure_element"  # usable by code that runs on this very board, never readable

SLOT_CHARACTERS_MAX = 32
SLOT_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"


class Keystore:
    """Private keys by slot. A slot that holds none raises NotFound; one that holds something else, PortFault."""

    protection = ""  # one of PROTECTED_BY_*

    def make_key(self, slot: str) -> None:
        """Put a new key into a slot; the one that was there is destroyed. Durable on return."""
        raise Unprovided(self, "make_key")

    def has_key(self, slot: str) -> bool:
        """Whether a slot holds a key."""
        raise Unprovided(self, "has_key")

    def public_key(self, slot: str) -> bytes:
        """The public half, as DER SubjectPublicKeyInfo."""
        raise Unprovided(self, "public_key")

    def sign(self, slot: str, data: "Buffer") -> bytes:
        """ECDSA with SHA-256 over ``data``, as a DER ECDSA-Sig-Value."""
        raise Unprovided(self, "sign")

    def tls_key(self, slot: str) -> bytes:
        """What OpenSSL on this board takes for the key, as PEM. Keep it no longer than it takes to hand it over."""
        raise Unprovided(self, "tls_key")

    def destroy(self, slot: str) -> None:
        """Forget a key for good, as far as ``protection`` goes; an empty slot is left as it is."""
        raise Unprovided(self, "destroy")


class KeyAlgorithm:
    """How a keystore in software makes and uses keys; ``firmware.secure`` has the real one. A private key is opaque
    bytes here."""

    def make(self) -> bytes:
        """A new private key."""
        raise Unprovided(self, "make")

    def public_key(self, private: bytes) -> bytes:
        """See Keystore. PortFault if these bytes are no private key."""
        raise Unprovided(self, "public_key")

    def sign(self, private: bytes, data: "Buffer") -> bytes:
        """See Keystore."""
        raise Unprovided(self, "sign")

    def tls_key(self, private: bytes) -> bytes:
        """See Keystore."""
        raise Unprovided(self, "tls_key")


class KeyWrap:
    """Encrypts keys at rest under a secret of the board."""

    def wrap(self, slot: str, private: bytes) -> bytes:
        """The key as it may lie on the card, bound to its slot."""
        raise Unprovided(self, "wrap")

    def unwrap(self, slot: str, wrapped: bytes) -> bytes:
        """The key again. PortFault for bytes that were not wrapped on this board for this slot."""
        raise Unprovided(self, "unwrap")


def check_slot(slot: str) -> str:
    """The slot's name, if it is one. PortFault otherwise."""
    if not slot or len(slot) > SLOT_CHARACTERS_MAX or any(c not in SLOT_CHARACTERS for c in slot):
        raise PortFault(
            "%s is no name of a key slot: use 1 to %d of a-z, 0-9 and _" % (repr(slot), SLOT_CHARACTERS_MAX)
        )
    return slot
