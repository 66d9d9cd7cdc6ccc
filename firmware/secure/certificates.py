"""Certificates of this house: what each kind must look like, whose it is, and whether it is valid at a given time.

A chain is two or three certificates as DER, the owner's first, the root last. TLS proves that the peer has the key and
that the chain's signatures lead to a root we trust; ``identify`` then says who that is, and ``standing`` whether the
whole chain is valid in time, against a time that is given. OpenSSL's own check of time is off (DESIGN §3): a camera
without a clock can be talked to, and an expired one can be told so.

Names (X.520), the same in every certificate: O is the owner's id (a system's, a manufacturer's), OU the kind, and
serialNumber the serial (an authority's: the day it was made). Nothing else about a device is in its certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

IDEVID = "IDevID"  # a camera as its manufacturer made it
LDEVID = "LDevID"  # a camera as its system knows it
CONTROLLER = "controller"
EVIDENCE = "evidence"  # the key with which a camera signs manifests
ISSUING = "issuing"
ROOT = "root"

# What a kind's key is for: its extended key usage. A camera is the TLS client and a controller the server, so neither
# can ever play the other's part, whatever its software does.
PURPOSES: "dict[str, ObjectIdentifier]" = {
    IDEVID: ExtendedKeyUsageOID.CLIENT_AUTH,
    LDEVID: ExtendedKeyUsageOID.CLIENT_AUTH,
    CONTROLLER: ExtendedKeyUsageOID.SERVER_AUTH,
    EVIDENCE: ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # id-kp-documentSigning, RFC 9336
}

VALID = "valid"
ABOUT_TO_EXPIRE = "about_to_expire"
EXPIRED = "expired"
NOT_YET_VALID = "not_yet_valid"

WARNING_MS = 7 * 24 * 3600 * 1000  # CAM-22: a week's notice
CLOCK_SLACK_MS = 5 * 60 * 1000  # between the clocks of two controllers of one system, before time keeping has settled
CERTIFICATE_BYTES_MAX = 2048  # ours take 500 to 700
CHAIN_CERTIFICATES_MAX = 3  # owner, issuing, root
KNOWN_MAX = 256  # certificates read, and signatures that held: neither changes, and each session asks
SERIAL_CHARACTERS_MAX = 32
OWNER_CHARACTERS_MAX = 64  # X.520's own limit for O

_SERIAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")
_CURVES = ("secp256r1", "secp384r1")
_HASHES = (hashes.SHA256, hashes.SHA384)
_UNREADABLE = (
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    CryptographyDeprecationWarning,  # where warnings are errors: what a later release will not read any more
)
_E = TypeVar("_E", bound=x509.ExtensionType)
_SUBJECT = (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.SERIAL_NUMBER)


class CertificateFault(Exception):
    """A certificate or chain that does not count. ``code`` is a word of ``channel_faults.FAULTS``; the text, one line,
    names it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Validity:
    """From the first millisecond in which a certificate is valid to the last."""

    not_before_ms: int
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """Who a chain belongs to. ``owner``: id of the system or manufacturer; ``validity``: one a certificate, in the
    chain's order; ``anchored``: whether the chain led to a root that we trust."""

    kind: str
    serial: str
    owner: str
    chain: tuple[bytes, ...]
    validity: tuple[Validity, ...]
    anchored: bool

    @property
    def root(self) -> bytes:
        """The root certificate that the chain ends in."""
        return self.chain[-1]

    @property
    def issued_ms(self) -> int:
        """When the owner's own certificate was made."""
        return self.validity[0].not_before_ms

    @property
    def expires_ms(self) -> int:
        """The last moment at which the whole chain is valid."""
        return min(each.not_after_ms for each in self.validity)

    @property
    def issuing_made_ms(self) -> int:
        """When the certificate that stands above the owner's was made: a newer issuing key replaces an older one."""
        return self.validity[1].not_before_ms

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the owner's certificate, in hexadecimal."""
        return fingerprint(self.chain[0])


def identify(chain: "Sequence[bytes]", anchored: bool) -> PeerIdentity:
    """Whose chain this is. CertificateFault unless every certificate has exactly the form of its kind and stands where
    it may. Signatures and time are not looked at."""
    if not 2 <= len(chain) <= CHAIN_CERTIFICATES_MAX:
        raise CertificateFault("bad_certificate", f"a chain of {len(chain)} certificates, 2 or 3 are allowed")
    certificates = [parse(data) for data in chain]
    kind, serial, owner = _judge_leaf(certificates[0])
    for below, certificate in enumerate(certificates[1:]):
        _judge_authority(certificate, below, below == len(chain) - 2, owner)
    return PeerIdentity(kind, serial, owner, tuple(map(bytes, chain)), tuple(map(_validity, certificates)), anchored)


def verify_chain(chain: "Sequence[bytes]", root: bytes) -> PeerIdentity:
    """``identify``, and every signature up to ``root``, which must be the chain's last. For chains that come as
    documents; a TLS peer's chain has been verified by OpenSSL."""
    identity = identify(chain, True)
    if identity.root != root:
        raise CertificateFault("unknown_issuer", f"{identity.serial}: the chain leads to another root")
    certificates = [parse(data) for data in chain]
    for certificate, issuer in zip(certificates, [*certificates[1:], certificates[-1]], strict=True):
        _verify_issued(certificate, issuer, identity.serial)
    return identity


def verify_authority(issuing: bytes, root: bytes) -> None:
    """CertificateFault unless ``issuing`` is an issuing certificate that the root's key has signed."""
    owner = verify_root(root)
    certificate, anchor = parse(issuing), parse(root)
    _judge_authority(certificate, 0, False, owner)
    _verify_issued(certificate, anchor, owner)


def verify_root(root: bytes) -> str:
    """Whose root certificate this is. CertificateFault unless it is one, signed by its own key."""
    anchor = parse(root)
    owner = _names(anchor.subject)[0]
    _judge_authority(anchor, 1, True, owner)
    _verify_issued(anchor, anchor, owner)
    return owner


def standing(identity: PeerIdentity, unix_ms: int) -> str:
    """VALID, ABOUT_TO_EXPIRE, EXPIRED or NOT_YET_VALID at that time: the whole chain's, so that nothing outlives
    what it was issued by."""
    latest_ms = max(each.not_before_ms for each in identity.validity)
    return standing_of(Validity(latest_ms, identity.expires_ms), unix_ms)


def standing_of(validity: Validity, unix_ms: int) -> str:
    """The same for one span of time."""
    if unix_ms > validity.not_after_ms:
        return EXPIRED
    if unix_ms + CLOCK_SLACK_MS < validity.not_before_ms:
        return NOT_YET_VALID
    return ABOUT_TO_EXPIRE if validity.not_after_ms - unix_ms <= WARNING_MS else VALID


def validity_of(certificate: bytes) -> Validity:
    """When one certificate is valid."""
    return _validity(parse(certificate))


def parse(data: bytes) -> x509.Certificate:
    """One certificate. CertificateFault unless it is one, not too long, on our curves and hashes."""
    if len(data) > CERTIFICATE_BYTES_MAX:
        raise CertificateFault(
            "bad_certificate", f"a certificate of {len(data)} bytes, at most {CERTIFICATE_BYTES_MAX} are allowed"
        )
    return _read(bytes(data))


@lru_cache(KNOWN_MAX)
def _read(data: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(data)
        key = certificate.public_key()
        known_hash = isinstance(certificate.signature_hash_algorithm, _HASHES)
        _ = certificate.subject, certificate.extensions, _validity(certificate)  # read late, and may not parse
    except (ValueError, TypeError, *_UNREADABLE) as error:
        raise CertificateFault("bad_certificate", "not an X.509 certificate") from error
    if certificate.serial_number <= 0:
        raise CertificateFault("bad_certificate", "a certificate whose serial number is not positive")
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES or not known_hash:
        raise CertificateFault("bad_certificate", "a certificate of another algorithm than ECDSA on P-256 or P-384")
    return certificate


def public_key_of(certificate: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a certificate that ``parse`` accepts."""
    key = parse(certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CertificateFault("bad_certificate", "a certificate of another algorithm than ECDSA")
    return key


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate, in hexadecimal: what people compare, and what documents name it by."""
    return sha256(certificate).hexdigest()


def check_serial(serial: str) -> str:
    """The serial, if it can stand in a certificate. CertificateFault otherwise."""
    if not 0 < len(serial) <= SERIAL_CHARACTERS_MAX or not _SERIAL.issuperset(serial) or serial[0] == ".":
        raise CertificateFault(
            "bad_certificate",
            f"serial {serial[:40]!r}: use 1 to {SERIAL_CHARACTERS_MAX} letters, digits, dots and hyphens, no dot first",
        )
    return serial


def utc(unix_ms: int) -> datetime:
    """A time as X.509 writes it: whole seconds, UTC."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC)


def unix_ms_of(moment: datetime) -> int:
    """A time of a certificate in milliseconds since 1970."""
    return int(moment.timestamp()) * 1000


def _validity(certificate: x509.Certificate) -> Validity:
    last_ms = unix_ms_of(certificate.not_valid_after_utc) + 999  # RFC 5280: notAfter is the last second, inclusive
    return Validity(unix_ms_of(certificate.not_valid_before_utc), last_ms)


def _judge_leaf(certificate: x509.Certificate) -> "tuple[str, str, str]":
    owner, kind, serial = _names(certificate.subject)
    check_serial(serial)
    if kind not in PURPOSES:
        raise CertificateFault("wrong_purpose", f"{serial}: a certificate for {kind[:20]!r}, which is no device")
    basic, usage = _authority_extensions(certificate, serial)
    if basic.ca or not usage.digital_signature or usage.key_cert_sign or usage.crl_sign:
        raise CertificateFault("wrong_purpose", f"{serial}: a device's certificate that may sign certificates")
    if _extension(certificate, x509.ExtendedKeyUsage, serial) != x509.ExtendedKeyUsage([PURPOSES[kind]]):
        raise CertificateFault("wrong_purpose", f"{serial}: a certificate for another purpose than {kind}'s")
    return kind, serial, owner


def _judge_authority(certificate: x509.Certificate, below: int, is_last: bool, owner: str) -> None:
    """``below``: authorities that stand between this one and the device."""
    if _names(certificate.subject)[:2] != (owner, ROOT if is_last else ISSUING):
        raise CertificateFault("bad_certificate", f"a certificate of {owner} that somebody else's authority issued")
    basic, usage = _authority_extensions(certificate, owner)
    depth = basic.path_length
    if not basic.ca or not usage.key_cert_sign or depth is None or depth < below:
        raise CertificateFault("wrong_purpose", f"{owner}: a chain through a certificate that may not issue")


def _names(name: x509.Name) -> "tuple[str, ...]":
    """O, OU and serialNumber of a name that has these three and nothing else."""
    attributes = list(name)
    if tuple(attribute.oid for attribute in attributes) != _SUBJECT:
        raise CertificateFault("bad_certificate", "a certificate must name owner, kind and serial, and nothing else")
    values = tuple(str(attribute.value) for attribute in attributes)
    if len(values[0]) > OWNER_CHARACTERS_MAX:
        raise CertificateFault("bad_certificate", f"an owner's id of {len(values[0])} characters")
    return values


def _authority_extensions(certificate: x509.Certificate, whose: str) -> "tuple[x509.BasicConstraints, x509.KeyUsage]":
    basic = _extension(certificate, x509.BasicConstraints, whose)
    return basic, _extension(certificate, x509.KeyUsage, whose)


def _extension(certificate: x509.Certificate, kind: "type[_E]", whose: str) -> "_E":
    try:
        found = certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound as error:
        raise CertificateFault("wrong_purpose", f"{whose}: a certificate without {kind.__name__}") from error
    return found.value


def _verify_issued(certificate: x509.Certificate, issuer: x509.Certificate, serial: str) -> None:
    try:
        _require_issued(certificate, issuer)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise CertificateFault("unknown_issuer", f"{serial}: a signature of the chain does not hold") from error


@lru_cache(KNOWN_MAX)
def _require_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """InvalidSignature, which is not remembered, unless the issuer's key has signed it."""
    certificate.verify_directly_issued_by(issuer)
