"""A server's certificate: self-signed with every address it is known by, asked for (CSR), and judged when uploaded.

Law: pure; time is an argument, keys and certificates are bytes. Whoever calls keeps them and decides which is in use.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from host_tools.web_kit.errors import WebError

LIFE_DAYS = 825  # what common clients accept at most of a leaf
BACKDATED = timedelta(hours=1)  # browsers whose clocks are a little behind
CHAIN_LENGTH_MAX = 8  # certificates in one upload: longer chains are none
PEM_BYTES_MAX = 64 << 10  # of one upload: eight large certificates

# As browsers compare names (RFC 1123, with the underscores that machines have all the same); one star stands in front.
_HOST = re.compile(r"(?=.{1,253}$)(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*", re.IGNORECASE)


class Issued(NamedTuple):
    """PEM, both."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"Issued({len(self.certificate)} bytes)"


class Described(NamedTuple):
    """What a certificate says of itself. Times in milliseconds since 1970, the digest in hexadecimal."""

    subject: str
    issuer: str
    hosts: tuple[str, ...]
    begins_unix_ms: int
    ends_unix_ms: int
    sha256: str
    self_signed: bool


def self_signed(hosts: tuple[str, ...], now_ms: int, name: str) -> Issued:
    """A P-256 key and a certificate for it with ``hosts`` as subject alternative names. WebError."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name, "")
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=LIFE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Issued(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), _private(key))


def new_key() -> bytes:
    """A P-256 key in PEM, for a request."""
    return _private(ec.generate_private_key(ec.SECP256R1()))


def signing_request(key_pem: bytes, hosts: tuple[str, ...], name: str, organisation: str = "") -> bytes:
    """A CSR in PEM for a key that stays here. WebError names a host that is none."""
    key = _key_of(key_pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise WebError("certificate request: its key is of another kind than this software makes: begin anew")
    alternatives = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(name, organisation))
    return builder.add_extension(alternatives, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def describe(pem: bytes) -> Described:
    """Of the first certificate in a chain. WebError if there is none."""
    leaf = _chain(pem)[0]
    return Described(
        leaf.subject.rfc4514_string(),
        leaf.issuer.rfc4514_string(),
        _hosts(leaf),
        int(leaf.not_valid_before_utc.timestamp() * 1000),
        int(leaf.not_valid_after_utc.timestamp() * 1000),
        leaf.fingerprint(hashes.SHA256()).hex(),
        leaf.subject == leaf.issuer,
    )


def ends_unix_ms(pem: bytes) -> int:
    """When it, or the first that came along and vouches for it, is over. WebError if there is none."""
    return min(int(each.not_valid_after_utc.timestamp() * 1000) for each in _chain(pem))


def check_upload(pem: bytes, key_pem: bytes, now_ms: int) -> Described:
    """A signed certificate with its chain, for a key that was made here. WebError says what is wrong with it."""
    if len(pem) > PEM_BYTES_MAX:
        raise WebError(f"certificate: more than {PEM_BYTES_MAX} bytes: upload the certificate and its chain alone")
    chain = _chain(pem)
    if _public(_key_of(key_pem)) != _public_bytes(chain[0].public_key()):
        raise WebError("certificate: is for another key than this request's: upload the one that was signed for it")
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
            raise WebError("certificate: its chain does not fit together: order it from leaf to issuer") from error
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    for issuer in chain[1:]:
        if not issuer.not_valid_before_utc <= now < issuer.not_valid_after_utc:
            name = issuer.subject.rfc4514_string()[:80]
            raise WebError(f"certificate: its issuer {name} is not valid today: get the chain that is in use now")
    found = describe(pem)
    if not found.begins_unix_ms <= now_ms < found.ends_unix_ms:
        raise WebError("certificate: is not valid today: check its dates and this controller's clock")
    if not found.hosts:
        raise WebError("certificate: names no address (SAN), so no browser would accept it: have it signed with some")
    if not _is_for_servers(chain[0]):
        raise WebError("certificate: is not for servers (extended key usage): have it signed as a server's")
    return found


def _subject(name: str, organisation: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]
    if organisation:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]))
    return x509.Name(attributes)


def _chain(pem: bytes) -> list[x509.Certificate]:
    """All of each is read here, so that nothing odd in one shows later."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
        for each in chain:
            _ = each.public_key(), each.extensions, each.subject, each.issuer, each.not_valid_after_utc
    except (ValueError, x509.InvalidVersion) as error:
        raise WebError("certificate: is none in PEM form: upload the text between BEGIN and END CERTIFICATE") from error
    except (UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise WebError(f"certificate: is of a kind that this software cannot use ({error}): get another") from error
    if len(chain) > CHAIN_LENGTH_MAX:
        raise WebError(f"certificate: a chain of more than {CHAIN_LENGTH_MAX}: upload the leaf and its issuers alone")
    return chain


def _hosts(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _is_for_servers(leaf: x509.Certificate) -> bool:
    """A certificate that does not say what it is for is for anything."""
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(uses))


def _key_of(key_pem: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WebError("certificate: its key on the disk is damaged: remove it, and make a new request") from error


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_bytes(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST.fullmatch(host):
        raise WebError(f"host {host!r:.80} is no address and no name: correct it")
    return x509.DNSName(host)
