"""What a channel needs of OpenSSL: a context for the part that this side plays, and the chain that a peer showed.

TLS 1.3 alone; both sides show certificates; no tickets and no early data, so no session is ever resumed; compression
and renegotiation do not exist in TLS 1.3. OpenSSL checks signatures, curves and purposes strictly, and not the time
(X509_V_FLAG_NO_CHECK_TIME): that is ``certificates.standing``.

A private key reaches OpenSSL as PEM through a file in memory (``memfd_create``, Linux) and never touches a disk. It
stays in this process's memory while the context lives: the limit of Python's ``ssl``, see ``firmware.ports.keystore``.
"""

import os
import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from firmware.link import schema
from firmware.secure.certificates import CONTROLLER, CertificateFault, PeerIdentity, identify, parse, verify_chain

HOST = "host"  # TLS server: shows its certificate first, to any device
BOARD = "board"  # TLS client: shows its own only to a controller that has proved itself

PROTOCOL_NAME = "openbwc"
ANCHORS_MAX = 64  # our own root, manufacturers, and groups that were imported
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of openssl/x509_vfy.h; Python has no name for it
_DER = 2  # PY_SSL_ENCODING_DER of CPython's Modules/_ssl.h
_KEY_FILE_NAME = "openbwc-tls-key"  # shows in /proc of this process alone


class Anchor(NamedTuple):
    """A root that is trusted, and the kinds of certificate that it may stand behind."""

    root: bytes
    kinds: frozenset[str]


class TlsKey(NamedTuple):
    """What this side shows: its chain with the root last, and the key as ``Keystore.tls_key`` gives it."""

    chain: tuple[bytes, ...]
    key_pem: bytes

    def __repr__(self) -> str:
        return f"TlsKey({len(self.chain)} certificates)"


class ChannelTrust:
    """Who this side is and whom it believes; made once, used for every channel.

    ``provisional`` (RFC 8995, 5.2): a factory camera knows no system yet. It then takes any controller's chain, marks
    the peer as not anchored, and must believe nothing but an adoption whose root that chain leads to.
    """

    def __init__(self, role: str, own: TlsKey, anchors: Sequence[Anchor], provisional: bool = False) -> None:
        if provisional and (role != BOARD or anchors):
            raise ValueError("only a board that trusts nobody yet is provisional")
        if len(anchors) > ANCHORS_MAX:
            raise CertificateFault("bad_certificate", f"{len(anchors)} roots, at most {ANCHORS_MAX} are allowed")
        self.role = role
        self.provisional = provisional
        self.identity = identify(own.chain, True)
        self.context = _context(role, provisional)
        _load_anchors(self.context, anchors)
        # A controller sends its root too: that is how a factory camera learns which system wants it.
        _load_key(self.context, own.key_pem, own.chain if role == HOST else own.chain[:-1], self.identity.serial)
        self._kinds = {anchor.root: anchor.kinds for anchor in anchors}

    def peer_of(self, tls: ssl.SSLObject) -> PeerIdentity:
        """Who is at the other end, after a handshake. CertificateFault if that may not be."""
        if self.provisional:
            stranger = _stranger(_chain_of(tls, "unverified"))
            if stranger.kind != CONTROLLER:
                raise CertificateFault("wrong_purpose", f"{stranger.serial}: a factory camera talks to controllers")
            return stranger
        identity = identify(_chain_of(tls, "verified"), True)
        if identity.kind not in self._kinds.get(identity.root, frozenset()):
            raise CertificateFault(
                "wrong_purpose", f"{identity.serial}: {identity.kind} is not for that issuer to certify"
            )
        return identity


def _stranger(chain: "list[bytes]") -> PeerIdentity:
    """Somebody whose root nobody here knows: whole in itself, and not anchored."""
    if not chain:
        raise CertificateFault("no_certificate", "no chain")
    return replace(verify_chain(chain, chain[-1]), anchored=False)


def protocols() -> "list[str]":
    """The names that both sides offer (ALPN), newest first: every version of the link that is spoken."""
    versions = range(schema.PROTOCOL_VERSION, schema.PROTOCOL_VERSION_OLDEST - 1, -1)
    return [protocol(version) for version in versions]


def protocol(version: int) -> str:
    """The name of one version of the link."""
    return f"{PROTOCOL_NAME}/{version}"


def _context(role: str, provisional: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if role == HOST else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a serial is no host name: ``peer_of`` and the channel check names
    context.verify_mode = ssl.CERT_NONE if provisional else ssl.CERT_REQUIRED
    context.verify_flags = ssl.VerifyFlags(_NO_CHECK_TIME | ssl.VERIFY_X509_STRICT)
    context.options |= ssl.OP_NO_TICKET
    if role == HOST:
        context.num_tickets = 0
    context.set_alpn_protocols(protocols())
    return context


def _load_anchors(context: ssl.SSLContext, anchors: Sequence[Anchor]) -> None:
    for anchor in anchors:
        parse(anchor.root)
        context.load_verify_locations(cadata=bytes(anchor.root))


def _load_key(context: ssl.SSLContext, key_pem: bytes, chain: Sequence[bytes], serial: str) -> None:
    pem = key_pem + "".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode()
    descriptor = os.memfd_create(_KEY_FILE_NAME, os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except ssl.SSLError as error:
        raise CertificateFault("bad_certificate", f"{serial}: the private key does not fit the certificate") from error
    finally:
        os.close(descriptor)


def _chain_of(tls: ssl.SSLObject, which: str) -> "list[bytes]":
    """The peer's chain, ``verified`` up to the root or ``unverified`` as it was sent.

    Public since Python 3.13; 3.10 to 3.12 have the same functions one object deeper, and receive security fixes only.
    """
    name = f"get_{which}_chain"
    public: Any = getattr(tls, name, None)
    if public is not None:
        return list(public())
    inner: Any = getattr(tls, "_sslobj")  # noqa: B009 - the name is private: said above
    return [certificate.public_bytes(_DER) for certificate in getattr(inner, name)() or ()]
