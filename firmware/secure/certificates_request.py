"""Certificate requests (PKCS #10): made by a camera with a key of its keystore, read by whoever issues.

The request proves that its sender has the key; it names kind and serial in the house's form. What a certificate then
says is the issuer's decision: nothing but the public key is taken from the request without looking.
"""

from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware.ports.keystore import Keystore
from firmware.secure.certificates import PURPOSES, CertificateFault, check_serial
from firmware.secure.certificates_keys import KeystoreKey

REQUEST_BYTES_MAX = 1024  # ours take about 250
_SUBJECT = (NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.SERIAL_NUMBER)


class Request(NamedTuple):
    """What is asked for, and the key that the asker has proved to have."""

    kind: str
    serial: str
    key: ec.EllipticCurvePublicKey


def make_request(keystore: Keystore, slot: str, kind: str, serial: str) -> bytes:
    """A request for a certificate of that kind over the key in a slot, as DER."""
    values = zip(_SUBJECT, (kind, check_serial(serial)), strict=True)
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in values])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(KeystoreKey(keystore, slot), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def read_request(data: bytes) -> Request:
    """The request, its proof of possession verified. CertificateFault if it does not hold."""
    if len(data) > REQUEST_BYTES_MAX:
        raise CertificateFault(
            "bad_certificate", f"a request of {len(data)} bytes, at most {REQUEST_BYTES_MAX} are allowed"
        )
    try:
        request = x509.load_der_x509_csr(bytes(data))
        key = request.public_key()
        proved = request.is_signature_valid
        attributes = [(attribute.oid, str(attribute.value)) for attribute in request.subject]
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateFault("bad_certificate", "not a certificate request") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1) or not proved:
        raise CertificateFault("bad_certificate", "a request that does not prove a key on P-256")
    if tuple(oid for oid, _ in attributes) != _SUBJECT or attributes[0][1] not in PURPOSES:
        raise CertificateFault("bad_certificate", "a request that does not name kind and serial")
    return Request(attributes[0][1], check_serial(attributes[1][1]), key)
