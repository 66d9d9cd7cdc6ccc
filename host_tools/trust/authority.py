"""The certificate authority: roots, issuing keys, and what they issue. X.509 version 3 (RFC 5280), ECDSA.

Law: pure. A certificate says what ``firmware.secure.certificates`` demands of its kind, and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware.ports.entropy import Entropy
from firmware.secure import certificates
from firmware.secure.certificates import CONTROLLER, EVIDENCE, IDEVID, ISSUING, LDEVID, PURPOSES, ROOT
from host_tools.trust.errors import TrustError

DAY_MS = 24 * 3600 * 1000
WEEK_MS = 7 * DAY_MS
YEAR_MS = 365 * DAY_MS

LDEVID_WEEKS_DEFAULT = 8  # CAM-22
LDEVID_WEEKS_MIN = 8
LDEVID_WEEKS_MAX = 12
ROOT_LIFETIME_MS = 30 * YEAR_MS  # the life of a system: it cannot be renewed without visiting every camera
ISSUING_LIFETIME_MS = 10 * YEAR_MS
CONTROLLER_LIFETIME_MS = 8 * WEEK_MS  # it renews its own; bounds how far its clock can lead cameras astray
EVIDENCE_LIFETIME_MS = 2 * YEAR_MS
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # IEEE 802.1AR-2018, 8.7: an IDevID does not expire
SERIAL_NUMBER_BYTES = 16  # 128 random bits; RFC 5280 asks for at most 20 bytes, positive


@dataclass(frozen=True, slots=True)
class Authority:
    """A key that a chain belongs to, the root last. The repr shows no secret; the chain says which key it is."""

    chain: tuple[bytes, ...]
    key: ec.EllipticCurvePrivateKey = field(compare=False)

    @property
    def owner(self) -> str:
        """Id of the system or manufacturer."""
        return owner_of(self.chain[0])

    def issue(
        self, kind: str, serial: str, key: ec.EllipticCurvePublicKey, now_ms: int, entropy: Entropy, weeks: int = 0
    ) -> tuple[bytes, ...]:
        """A new chain for a device or controller, the root last. ``weeks``: an LDevID's lifetime."""
        issuer = certificates.parse(self.chain[0])
        until = min(_until(kind, now_ms, weeks), issuer.not_valid_after_utc)
        subject = _name(self.owner, kind, certificates.check_serial(serial))
        builder = _builder(subject, issuer.subject, key, now_ms, until, entropy)
        builder = _with_usage(builder, self.key.public_key(), key, None)
        builder = builder.add_extension(x509.ExtendedKeyUsage([PURPOSES[kind]]), critical=True)
        return (_signed(builder, self.key), *self.chain)

    def __repr__(self) -> str:
        return f"Authority({self.owner})"


def make_root(
    owner: str, key: ec.EllipticCurvePrivateKey, now_ms: int, entropy: Entropy, forever: bool = False
) -> Authority:
    """A new root that certifies itself. ``forever``: a manufacturer's, whose IDevIDs never expire."""
    until = NEVER if forever else certificates.utc(now_ms + ROOT_LIFETIME_MS)
    name = _name(owner, ROOT, _day(now_ms))
    builder = _builder(name, name, key.public_key(), now_ms, until, entropy)
    builder = _with_usage(builder, key.public_key(), key.public_key(), 1)
    return Authority((_signed(builder, key),), key)


def make_issuing(
    root: Authority, key: ec.EllipticCurvePrivateKey, now_ms: int, entropy: Entropy, forever: bool = False
) -> Authority:
    """A new issuing key under a root."""
    issuer = certificates.parse(root.chain[0])
    until = NEVER if forever else certificates.utc(now_ms + ISSUING_LIFETIME_MS)
    name = _name(root.owner, ISSUING, _day(now_ms))
    until = min(until, issuer.not_valid_after_utc)
    builder = _builder(name, issuer.subject, key.public_key(), now_ms, until, entropy)
    builder = _with_usage(builder, root.key.public_key(), key.public_key(), 0)
    return Authority((_signed(builder, root.key), *root.chain), key)


def owner_of(certificate: bytes) -> str:
    """The id of whom a certificate belongs to."""
    subject = certificates.parse(certificate).subject
    return str(subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)


def check_weeks(weeks: int) -> int:
    """An LDevID's lifetime, if it may be that. TrustError otherwise."""
    if not LDEVID_WEEKS_MIN <= weeks <= LDEVID_WEEKS_MAX:
        raise TrustError(f"a camera's certificate lives {LDEVID_WEEKS_MIN} to {LDEVID_WEEKS_MAX} weeks, not {weeks}")
    return weeks


def _until(kind: str, now_ms: int, weeks: int) -> datetime:
    if kind == IDEVID:
        return NEVER
    lifetimes_ms = {
        LDEVID: (weeks or LDEVID_WEEKS_DEFAULT) * WEEK_MS,
        CONTROLLER: CONTROLLER_LIFETIME_MS,
        EVIDENCE: EVIDENCE_LIFETIME_MS,
    }
    return certificates.utc(now_ms + lifetimes_ms[kind])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now_ms: int,
    until: datetime,
    entropy: Entropy,
) -> x509.CertificateBuilder:
    number = int.from_bytes(entropy.random_bytes(SERIAL_NUMBER_BYTES), "big") or 1
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(number).not_valid_before(certificates.utc(now_ms)).not_valid_after(until)


def _with_usage(
    builder: x509.CertificateBuilder,
    issuer_key: ec.EllipticCurvePublicKey,
    key: ec.EllipticCurvePublicKey,
    path_length: int | None,
) -> x509.CertificateBuilder:
    """Basic constraints, key usage and key identifiers. ``path_length``: None for what is no authority."""
    issues = path_length is not None
    usage = x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=issues, path_length=path_length), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    hashed = hashes.SHA384() if key.curve.name == "secp384r1" else hashes.SHA256()
    certificate = builder.sign(key, hashed, ecdsa_deterministic=True)
    return certificate.public_bytes(serialization.Encoding.DER)


def _name(owner: str, kind: str, serial: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, owner),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, kind),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, serial),
        ]
    )


def _day(now_ms: int) -> str:
    return certificates.utc(now_ms).strftime("%Y%m%dT%H%M%SZ")
