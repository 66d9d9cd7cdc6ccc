"""What attackers have: certificates of any form under any key, and TLS with any settings."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import certificates
from firmware.secure.certificates import LDEVID, PURPOSES
from firmware.secure.certificates_keys import new_key, pem_of
from firmware.secure.channel import SecureChannel
from firmware.secure.channel_context import HOST
from host_tools.trust.authority import Authority
from tests.unit.trust.parts import NOW_MS, WEEK_MS, World

KEY = new_key(SeededEntropy("attacker"))
FROM, UNTIL = certificates.utc(NOW_MS), certificates.utc(NOW_MS + 8 * WEEK_MS)


@dataclass
class Forged:
    """A certificate as an attacker, or a broken issuer, would make it."""

    owner: str
    kind: str = LDEVID
    serial: str = "CAM-0001"
    purposes: Sequence[ObjectIdentifier] | None = None
    ca: bool = False
    path_length: int | None = None
    extra_name: str = ""
    not_before: datetime = FROM
    not_after: datetime = UNTIL
    key: ec.EllipticCurvePrivateKey = KEY

    def signed_by(self, issuer: Authority) -> bytes:
        """The certificate, under an issuer's key and name."""
        names = [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.owner),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, self.kind),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, self.serial),
        ]
        if self.extra_name:
            names.append(x509.NameAttribute(NameOID.COMMON_NAME, self.extra_name))
        purposes = [PURPOSES[self.kind]] if self.purposes is None and self.kind in PURPOSES else self.purposes
        issuer_name = certificates.parse(issuer.chain[0]).subject if issuer.chain else x509.Name(names)
        builder = (
            x509.CertificateBuilder(issuer_name, x509.Name(names), self.key.public_key(), 1)
            .not_valid_before(self.not_before)
            .not_valid_after(self.not_after)
            .add_extension(x509.BasicConstraints(self.ca, self.path_length), True)
            .add_extension(x509.KeyUsage(not self.ca, False, False, False, False, self.ca, self.ca, False, False), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
        )
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), True)
        return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@dataclass
class Raw:
    """An end that is TLS and nothing of ours: whatever ``context`` says."""

    context: ssl.SSLContext
    server: bool
    session: ssl.SSLSession | None = None
    error: str = ""
    plaintext: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_side=self.server, session=self.session)
        self.done = False
        self.turn()

    def feed(self, data: bytes) -> int:
        """See SecureChannel."""
        self.incoming.write(data)
        self.turn()
        return len(data)

    def take_output(self) -> bytes:
        """See SecureChannel."""
        return self.outgoing.read()

    def turn(self) -> None:
        """Go on with what there is."""
        try:
            if not self.done:
                self.tls.do_handshake()
                self.done = True
            self.plaintext += self.tls.read(65536)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            return
        except ssl.SSLError as error:
            self.error = error.reason or "error"


def raw_context(
    role: str,
    chain: Sequence[bytes] = (),
    key: ec.EllipticCurvePrivateKey = KEY,
    protocols: Sequence[str] = ("openbwc/1",),
) -> ssl.SSLContext:
    """TLS as an attacker sets it up: believes everybody, shows these certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if role == HOST else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if chain:
        pem = pem_of(key) + "".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode()
        descriptor = os.memfd_create("attacker")
        try:
            os.write(descriptor, pem)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
    return context


def settle(first: SecureChannel | Raw, second: SecureChannel | Raw) -> None:
    """Carry bytes until none move."""
    while True:
        one, two = first.take_output(), second.take_output()
        if not one and not two:
            return
        second.feed(one)
        first.feed(two)


def against_host(world: World, context: ssl.SSLContext, claimed: str | None = "CAM-0001") -> tuple[SecureChannel, Raw]:
    """An attacker in a bay of this system's dock."""
    host = SecureChannel(world.trust.channel_trust(), 1, 0, claimed)
    attacker = Raw(context, server=False)
    settle(host, attacker)
    return host, attacker


def against_board(world: World, context: ssl.SSLContext) -> tuple[SecureChannel, Raw]:
    """An attacker who has a camera of this system in his own dock."""
    board = SecureChannel(world.camera().identity.channel_trust(), 1, 0)
    attacker = Raw(context, server=True)
    settle(board, attacker)
    return board, attacker
