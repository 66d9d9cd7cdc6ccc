"""The server's certificate: self-signed with every address it is known by, made and rotated here.

Law: time is an argument. Controllers trust exactly what the connection file names, so a new certificate means a
new connection file; until that has been uploaded, they do not deliver.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from host_tools.evidence.errors import EvidenceError

LIFE_DAYS = 825  # what common clients accept at most of a leaf
BACKDATED = timedelta(hours=1)  # controllers whose clocks are a little behind
NAME = "OpenBWC content destination"


class Issued(NamedTuple):
    """PEM, both."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"Issued({len(self.certificate)} bytes)"


class Validity(NamedTuple):
    """Of a certificate in use."""

    hosts: tuple[str, ...]
    ends_ms: int


def self_signed(hosts: tuple[str, ...], now_ms: int) -> Issued:
    """A P-256 key and a certificate for it with ``hosts`` as subject alternative names. EvidenceError."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=LIFE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Issued(certificate.public_bytes(Encoding.PEM), private)


def validity(pem: bytes) -> Validity:
    """What a certificate says. EvidenceError if it has no alternative names: no controller would accept it."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise EvidenceError("certificate: is none, or names no address (SAN): make one that does") from error
    hosts = (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))
    return Validity(hosts, int(certificate.not_valid_after_utc.timestamp() * 1000))


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise EvidenceError(f"host {host!r:.80} is no address and no name: correct it") from error
