"""Signed manifests: the manifest's bytes as they are, a newline, the signature document, a newline.

The manifest is one line of canonical JSON, so the first newline ends it and nobody has to write it down again to check
it. The whole, both lines, is part 1 of a recording: its SHA-256 is what custody stores and what an erasure names. The
signature covers ``SIGNED_PREFIX``, the manifest's SHA-256 and that of the signer's own certificate.

``encode`` is the camera's, ``decode`` takes the document apart and trusts nothing, ``judge`` is the controller's: it
believes only what was announced, by a camera whose certificates hold at the time of signing, or at that of receiving
where the camera's clock was wrong or missing. A later revocation ends sessions, not old evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.formats import canonical, manifest
from firmware.formats.chunk import Bytes
from firmware.formats.errors import FormatError
from firmware.formats.manifest import MANIFEST_BYTES_MAX, Manifest
from firmware.secure import signing
from firmware.secure.signing import SUITE_P256, KeyHandle
from firmware.secure.suite import SEALED_ONLY

SIGNED_PREFIX = b"openbwc-manifest-1\x00"  # nothing else signed by the same key can be taken for one
CERTIFICATES_MAX = 4  # signer, issuing authority, and two between it and the root, which stays home
CERTIFICATE_BYTES_MAX = 4096  # P-256 certificates with all their extensions take below 1 KB
SIGNATURE_BYTES_MAX = 72  # of ECDSA on P-256 in DER
SIGNATURE_LINE_BYTES_MAX = 2 * CERTIFICATES_MAX * CERTIFICATE_BYTES_MAX + 1024
SIGNED_BYTES_MAX = MANIFEST_BYTES_MAX  # of both lines: what a part on the wire may be long
_NEWLINE = b"\n"
_KIND = "manifest-signature"
_KEYS = frozenset({"format", "schema", "suite", "certificates", "signature"})


class SignerTrust(Protocol):
    """Whose certificates count."""

    def serial_of(self, chain: "tuple[bytes, ...]", at_unix_ms: int) -> str:
        """The serial of the camera that the first certificate was given to, for signing evidence. FormatError unless
        the chain (DER, signer first, root left out) leads to one of our roots and holds at that time."""
        ...


@dataclass(frozen=True, slots=True)
class EvidenceSigner:
    """A camera's evidence key, and its certificates in DER: the key's own first, the root left out."""

    key: KeyHandle
    certificates: "tuple[bytes, ...]"


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A signed manifest taken apart. ``sha256``: of the whole document; ``manifest_sha256``: of its first line."""

    manifest: Manifest
    sha256: bytes
    manifest_sha256: bytes
    certificates: "tuple[bytes, ...]"
    signature: bytes


@dataclass(frozen=True, slots=True)
class Announced:
    """What a camera has said over its secure channel. ``suites``: those that its board uses, from our own records."""

    recording: bytes
    sha256: bytes
    camera_serial: str
    suites: "frozenset[str]" = SEALED_ONLY


class SignedDocuments:
    """Writes and reads manifests as ``firmware.formats.manifest`` does, signed. Reading believes nothing more: it is
    for documents that are one's own, or that have been judged before."""

    def __init__(self, signer: EvidenceSigner) -> None:
        self._signer = signer

    def encode(self, closed: Manifest) -> bytes:
        """The signed document. FormatError beyond a limit; PortFault if the key store does not sign."""
        return encode(closed, self._signer)

    def decode(self, data: Bytes) -> Manifest:
        """The manifest in a signed document. FormatError if anything in it is not as written."""
        return decode(data).manifest


def encode(closed: Manifest, signer: EvidenceSigner) -> bytes:
    """The signed document. FormatError beyond a limit."""
    first = manifest.encode(closed)
    _require_certificates(signer.certificates)
    signature = signing.sign(signer.key, _signed_bytes(sha256(first).digest(), signer.certificates[0]))
    second = canonical.encode(
        {
            "format": "openbwc-" + _KIND,
            "schema": canonical.SCHEMA,
            "suite": SUITE_P256,
            "certificates": [der.hex() for der in signer.certificates],
            "signature": signature.hex(),
        }
    )
    data = b"".join((first, _NEWLINE, second, _NEWLINE))
    decode(data)
    return data


def decode(data: Bytes) -> SignedManifest:
    """The parts of a signed document. FormatError if anything in it is not as written; nothing is believed yet."""
    raw = bytes(data)
    if len(raw) > SIGNED_BYTES_MAX:
        raise FormatError(f"manifest: {len(raw)} bytes, at most {SIGNED_BYTES_MAX} are allowed")
    first, newline, rest = raw.partition(_NEWLINE)
    if not newline:
        raise FormatError("manifest: not signed")
    if rest[-1:] != _NEWLINE or _NEWLINE in rest[:-1]:
        raise FormatError("manifest: not one line of manifest and one of signature")
    fields = canonical.decode(rest[:-1], _KIND, SIGNATURE_LINE_BYTES_MAX)
    canonical.require_kind(fields, _KIND)
    canonical.require_keys(fields, _KEYS, _KIND)
    suite = canonical.word(fields["suite"], f"{_KIND}.suite")
    if suite != SUITE_P256:
        raise FormatError(f"manifest: signed with {suite}, but only {SUITE_P256} counts here")
    rows = canonical.rows(fields["certificates"], f"{_KIND}.certificates", CERTIFICATES_MAX)
    certificates = tuple(
        canonical.binary(row, f"{_KIND}.certificates[{number}]", bytes_max=CERTIFICATE_BYTES_MAX)
        for number, row in enumerate(rows)
    )
    _require_certificates(certificates)
    return SignedManifest(
        manifest=manifest.decode(first),
        sha256=sha256(raw).digest(),
        manifest_sha256=sha256(first).digest(),
        certificates=certificates,
        signature=canonical.binary(fields["signature"], f"{_KIND}.signature", bytes_max=SIGNATURE_BYTES_MAX),
    )


def judge(data: Bytes, announced: Announced, trust: SignerTrust, received_unix_ms: int) -> SignedManifest:
    """The manifest, believed. ``received_unix_ms``: our own time, for a camera whose own was wrong or none.

    FormatError names what does not hold: another document than the announced one, another camera or suite, a signature
    that is not the certificate's, certificates that do not lead to us or did not hold when it was signed.
    """
    if sha256(data).digest() != announced.sha256:
        raise FormatError(f"recording {announced.recording.hex()}: another manifest than its camera announced")
    signed = decode(data)
    found = signed.manifest
    name = announced.recording.hex()
    if found.recording != announced.recording:
        raise FormatError(f"recording {name}: the manifest is that of recording {found.recording.hex()}")
    if found.suite not in announced.suites:
        raise FormatError(f"recording {name}: suite {found.suite} is not what its board uses")
    serial = _serial_of(signed, trust, received_unix_ms)
    if not serial or serial != found.camera_serial or serial != announced.camera_serial:
        raise FormatError(f"recording {name}: signed by camera {serial!r}, not by {announced.camera_serial!r}")
    require_signature(signed)
    return signed


def require_signature(signed: SignedManifest) -> None:
    """FormatError unless the signature is by the key of the first certificate, whoever that belongs to."""
    key = _key_of(signed.certificates[0])
    if not signing.holds(key, _signed_bytes(signed.manifest_sha256, signed.certificates[0]), signed.signature):
        raise FormatError(f"recording {signed.manifest.recording.hex()}: the signature does not fit its manifest")


def signed_at_unix_ms(found: Manifest, received_unix_ms: int) -> int:
    """The time at which its signer is judged: when the recording stopped, or, without a clock, when we received it."""
    return received_unix_ms if found.stopped.source == "none" else found.stopped.unix_ms


def manifest_in(data: Bytes) -> Manifest:
    """The manifest in a document that was believed before, signed or, from a board without signatures, plain.
    FormatError if anything in it is not as written."""
    return decode(data).manifest if _NEWLINE in bytes(data) else manifest.decode(data)


def _serial_of(signed: SignedManifest, trust: SignerTrust, received_unix_ms: int) -> str:
    """Whose certificates these are. A clock that was wrong must not cost evidence, and whoever holds a key states any
    time he likes: so certificates that hold now count like those that held at the stated time."""
    stated_ms = signed_at_unix_ms(signed.manifest, received_unix_ms)
    try:
        return trust.serial_of(signed.certificates, stated_ms)
    except FormatError:
        if stated_ms == received_unix_ms:
            raise
        return trust.serial_of(signed.certificates, received_unix_ms)


def _signed_bytes(manifest_sha256: bytes, certificate: bytes) -> bytes:
    return SIGNED_PREFIX + manifest_sha256 + sha256(certificate).digest()


def _require_certificates(certificates: Sequence[bytes]) -> None:
    if not 1 <= len(certificates) <= CERTIFICATES_MAX:
        raise FormatError(f"manifest: {len(certificates)} certificates instead of 1 to {CERTIFICATES_MAX}")


def _key_of(certificate: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return signing.require_p256(x509.load_der_x509_certificate(certificate).public_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError("manifest: the signer's certificate is not one in DER") from error
