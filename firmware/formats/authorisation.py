"""The authorisation to erase one recording from one camera: signed by the controller, believed once.

A document ``{"authorisation": {...}, "signature": hex, "suite": word}`` in canonical JSON. The signature covers
``SIGNED_PREFIX`` followed by the canonical form of the inner object. The suite ``unsigned`` signs nothing; a camera
that has been given a system's verifier accepts only that one's suite.
"""

from dataclasses import dataclass

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.formats.manifest import SHA256_BYTES
from firmware.formats.recording_id import RECORDING_ID_BYTES
from firmware.ports.errors import Unprovided

AUTHORISATION_BYTES_MAX = 2048  # what the message ``erase`` carries
SIGNATURE_BYTES_MAX = 512  # ECDSA on P-256 takes 72, RSA-4096 takes 512
SIGNED_PREFIX = b"openbwc-erase-authorisation-1\x00"  # nothing else signed by the same key can be taken for one
SUITE_UNSIGNED = "unsigned"

_OUTER_KEYS = frozenset({"format", "schema", "authorisation", "signature", "suite"})
_INNER_KEYS = frozenset({"camera_serial", "recording", "manifest_sha256", "policy", "counter", "issued_unix_ms"})


@dataclass(frozen=True, slots=True)
class EraseAuthorisation:
    """``policy``: the word for the rule that allows it; ``counter``: rises with every authorisation for this camera."""

    camera_serial: str
    recording: bytes
    manifest_sha256: bytes
    policy: str
    counter: int
    issued_unix_ms: int


class Signer:
    """Signs for one controller. ``suite``: the word that names how. The obligation of every signer."""

    suite = ""

    def sign(self, data: bytes) -> bytes:
        """The signature over ``data``."""
        raise Unprovided(self, "sign")


class Verifier:
    """Knows whose signatures count. ``suite``: the only one it accepts. The obligation of every verifier."""

    suite = ""

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether ``signature`` over ``data`` is one that counts."""
        raise Unprovided(self, "verify")


class UnsignedSigner(Signer):
    """Signs nothing."""

    suite = SUITE_UNSIGNED

    def sign(self, data: bytes) -> bytes:
        """An empty signature."""
        return b""


class UnsignedVerifier(Verifier):
    """Accepts what nobody signed, and nothing else."""

    suite = SUITE_UNSIGNED

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature is empty."""
        return signature == b""


UNSIGNED_SIGNER = UnsignedSigner()
UNSIGNED_VERIFIER = UnsignedVerifier()


def encode(authorisation: EraseAuthorisation, signer: Signer = UNSIGNED_SIGNER) -> bytes:
    """The signed document. FormatError beyond a limit."""
    inner = _to_fields(authorisation)
    _from_fields(inner)
    data = canonical.encode(
        {
            "format": "openbwc-erase",
            "schema": canonical.SCHEMA,
            "authorisation": inner,
            "suite": signer.suite,
            "signature": signer.sign(SIGNED_PREFIX + canonical.encode(inner)).hex(),
        }
    )
    if len(data) > AUTHORISATION_BYTES_MAX:
        raise FormatError(f"erase: {len(data)} bytes, at most {AUTHORISATION_BYTES_MAX} are allowed")
    return data


def decode(data: "bytes | bytearray | memoryview", verifier: Verifier = UNSIGNED_VERIFIER) -> EraseAuthorisation:
    """The authorisation, its signature verified. FormatError if anything does not fit or nobody known has signed it."""
    fields = canonical.decode(data, "erase", AUTHORISATION_BYTES_MAX)
    canonical.require_kind(fields, "erase")
    canonical.require_keys(fields, _OUTER_KEYS, "erase")
    inner = canonical.members(fields["authorisation"], "erase.authorisation")
    suite = canonical.word(fields["suite"], "erase.suite")
    signature = canonical.binary(fields["signature"], "erase.signature", bytes_max=SIGNATURE_BYTES_MAX)
    if suite != verifier.suite:
        raise FormatError(f"erase: signed with {suite}, but only {verifier.suite} counts here")
    if not verifier.verify(SIGNED_PREFIX + canonical.encode(inner), signature):
        raise FormatError("erase: the signature is not one of this camera's controller")
    return _from_fields(inner)


def _to_fields(authorisation: EraseAuthorisation) -> canonical.Document:
    return {
        "camera_serial": authorisation.camera_serial,
        "recording": authorisation.recording.hex(),
        "manifest_sha256": authorisation.manifest_sha256.hex(),
        "policy": authorisation.policy,
        "counter": authorisation.counter,
        "issued_unix_ms": authorisation.issued_unix_ms,
    }


def _from_fields(fields: canonical.Document) -> EraseAuthorisation:
    canonical.require_keys(fields, _INNER_KEYS, "erase")
    return EraseAuthorisation(
        camera_serial=canonical.text(fields["camera_serial"], "erase.camera_serial"),
        recording=canonical.binary(fields["recording"], "erase.recording", RECORDING_ID_BYTES),
        manifest_sha256=canonical.binary(fields["manifest_sha256"], "erase.manifest_sha256", SHA256_BYTES),
        policy=canonical.word(fields["policy"], "erase.policy"),
        counter=canonical.integer(fields["counter"], "erase.counter"),
        issued_unix_ms=canonical.integer(fields["issued_unix_ms"], "erase.issued_unix_ms"),
    )
