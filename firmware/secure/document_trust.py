"""Whose evidence counts: cameras with an evidence certificate that leads to a root of ours and held at that time.

A ``document.SignerTrust`` over ``certificates``. Roots of groups that were imported may stand beside the system's own.
"""

from collections.abc import Iterable

from firmware.formats.errors import FormatError
from firmware.secure import certificates
from firmware.secure.certificates import CertificateFault, PeerIdentity


class EvidenceTrust:
    """``roots``: root certificates in DER."""

    def __init__(self, roots: Iterable[bytes]) -> None:
        self._roots = tuple(roots)

    def serial_of(self, chain: "tuple[bytes, ...]", at_unix_ms: int) -> str:
        """See document.SignerTrust."""
        identity = self._identify(chain)
        if identity.kind != certificates.EVIDENCE:
            raise FormatError(f"manifest: signed by {identity.serial} with a certificate for {identity.kind}")
        standing = certificates.standing(identity, at_unix_ms)
        if standing in (certificates.EXPIRED, certificates.NOT_YET_VALID):
            raise FormatError(f"manifest: the evidence certificate of {identity.serial} was {standing} when it signed")
        return identity.serial

    def _identify(self, chain: "tuple[bytes, ...]") -> PeerIdentity:
        fault = "no root is known here"
        for root in self._roots:
            try:
                return certificates.verify_chain((*chain, root), root)
            except CertificateFault as error:
                fault = str(error)
        raise FormatError(f"manifest: its signer is not one of ours ({fault})")
