"""A certificate authority of somebody's own, as a force's IT department has one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """``pem``: its root certificate."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Harbour IT")])
        builder = self._builder(self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
        subject = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.pem = (
            builder.add_extension(subject, critical=False).sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )

    def sign(self, request_pem: str) -> bytes:
        """What comes back for a request: the certificate, then the root, in PEM."""
        request = x509.load_pem_x509_csr(request_pem.encode())
        assert request.is_signature_valid
        builder = self._builder(request.subject, request.public_key())
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        builder = builder.add_extension(names.value, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = builder.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())
        return signed.public_bytes(Encoding.PEM) + self.pem

    def _builder(self, subject: x509.Name, key: object) -> x509.CertificateBuilder:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 90 * DAY)
        )
