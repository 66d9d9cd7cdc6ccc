"""A small house of certificates with fixed keys: the same bytes every time."""

from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware.secure import certificates

YEAR_MS = 365 * 24 * 3600 * 1000
VALID_FROM_MS = 1_740_000_000_000


def p256(number: int) -> ec.EllipticCurvePrivateKey:
    """A fixed key."""
    return ec.derive_private_key(number, ec.SECP256R1())


def certificate(
    kind: str,
    serial: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    owner: str = "system-1",
    valid_ms: tuple[int, int] = (VALID_FROM_MS, VALID_FROM_MS + YEAR_MS),
) -> bytes:
    """One certificate in the form of the house, in DER, always the same for the same arguments."""
    authority = kind == certificates.ROOT
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(owner, kind, serial))
        .issuer_name(_name(owner, certificates.ROOT, "root"))
        .public_key(key.public_key())
        .serial_number(int.from_bytes(sha256(f"{kind}{serial}{owner}{valid_ms}".encode()).digest()[:8], "big") >> 1)
        .not_valid_before(datetime.fromtimestamp(valid_ms[0] // 1000, UTC))
        .not_valid_after(datetime.fromtimestamp(valid_ms[1] // 1000, UTC))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=1 if authority else None), critical=True)
        .add_extension(_usage(authority), critical=True)
    )
    if not authority:
        built = built.add_extension(x509.ExtendedKeyUsage([certificates.PURPOSES[kind]]), critical=False)
    signed = built.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(serialization.Encoding.DER)


def _name(owner: str, kind: str, serial: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, owner),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, kind),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, serial),
        ]
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip
