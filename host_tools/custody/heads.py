"""Signed heads: where the ledger's chain stood when a recording was delivered, signed by the controller.

Law: pure; makes and judges statements, keeps none. A head is an entry of the chain itself (``head_signed``, about the
link before it) and travels with the delivered recording. So whoever rewrites history must sign it anew, and whoever
cuts it short is told by the heads that lie at the destination. A head also covers the recording's own entries, so that
these are proved by an export alone, without the chain that they stand in. The certificate that signs is an entry too
(``signer``, once for each), so that a copy can be judged years later with nothing but the system's root certificate.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from firmware.formats import canonical
from firmware.formats.authorisation import UNSIGNED_SIGNER, Signer
from firmware.formats.errors import FormatError
from firmware.secure import certificates
from firmware.secure.certificates import CHAIN_CERTIFICATES_MAX, CONTROLLER, CertificateFault
from firmware.secure.signing import SUITE_P256, holds
from host_tools.custody.ledger import Entry, Head

HEAD_SCHEMA = 2
HEAD_SCHEMA_BARE = 1  # of heads from before entries were covered
SIGNED_PREFIX = b"openbwc-ledger-head-1\x00"  # nothing else signed by the same key can be taken for one
UNSIGNED = UNSIGNED_SIGNER.suite


@dataclass(frozen=True, slots=True)
class SignedHead:
    """``head`` as it stood for ``recording``'s delivery. ``certificate``: SHA-256 of the signer's, in hexadecimal;
    ``entries``: ``digest_of`` the recording's entries up to the head, empty in a head of former times."""

    head: Head
    recording: bytes
    controller: str
    at_unix_ms: int
    suite: str
    certificate: str
    signature: bytes
    entries: str = ""

    def statement(self) -> bytes:
        """What the signature covers, after SIGNED_PREFIX."""
        return canonical.encode(
            {
                "schema": HEAD_SCHEMA if self.entries else HEAD_SCHEMA_BARE,
                "controller": self.controller,
                "sequence": self.head.sequence,
                "hash": self.head.hash.hex(),
                "recording": self.recording.hex(),
                "at_unix_ms": self.at_unix_ms,
                "certificate": self.certificate,
                "suite": self.suite,
                **self._covered(),
            }
        )

    def details(self) -> dict[str, Any]:
        """What the ledger's entry tells beside recording and time."""
        return {
            "controller": self.controller,
            "sequence": self.head.sequence,
            "hash": self.head.hash.hex(),
            "suite": self.suite,
            "certificate": self.certificate,
            "signature": self.signature.hex(),
            **self._covered(),
        }

    def _covered(self) -> dict[str, str]:
        return {"entries": self.entries} if self.entries else {}


class HeadSigner:
    """Signs for one controller. ``chain``: its certificate first, the root last; empty where nobody signs."""

    def __init__(self, controller: str, signer: Signer = UNSIGNED_SIGNER, chain: tuple[bytes, ...] = ()) -> None:
        self.controller = controller
        self.chain = chain
        self.certificate = certificates.fingerprint(chain[0]) if chain else ""
        self._signer = signer

    def sign(self, head: Head, recording: bytes, at_unix_ms: int, entries: str = "") -> SignedHead:
        """The signed head."""
        suite = self._signer.suite
        unsigned = SignedHead(head, recording, self.controller, at_unix_ms, suite, self.certificate, b"", entries)
        return replace(unsigned, signature=self._signer.sign(SIGNED_PREFIX + unsigned.statement()))

    def details(self) -> dict[str, Any]:
        """What the ledger's entry ``signer`` tells."""
        return {
            "controller": self.controller,
            "certificate": self.certificate,
            "chain": [each.hex() for each in self.chain],
        }


class HeadJudge:
    """Judges the signed heads of one chain, first entry first. ``root``: the system's root certificate; without it a
    signer is believed as the chain names it."""

    def __init__(self, root: bytes = b"") -> None:
        self.signed = 0
        self.unsigned = 0
        self.controllers: set[str] = set()
        self._root = root
        self._signers: dict[str, bytes] = {}

    def fault(self, before: Head, entry: Entry) -> str:
        """What is wrong with this entry, empty if nothing is."""
        if entry.word == "signer":
            return self._learn(entry.details)
        if entry.word != "head_signed":
            return ""
        try:
            signed = read_details(entry.details, entry.recording or b"", entry.at_unix_ms)
        except (FormatError, KeyError, TypeError, ValueError):
            return "its signed head cannot be read"
        if signed.head != before:
            return "its signed head is not the entry before it"
        return self.fault_of(signed)

    def fault_of(self, signed: SignedHead) -> str:
        """What is wrong with a signed head, whether it stands in the chain or came from a destination."""
        if signed.suite == UNSIGNED:
            self.unsigned += 1
            return "its head is not signed, though this system signs" if self._root or self._signers else ""
        certificate = self._signers.get(signed.certificate)
        if certificate is None:
            return f"its head is signed with a certificate that the ledger does not name ({signed.certificate[:16]})"
        if signed.suite != SUITE_P256:
            return f"its head is signed with {signed.suite}, which this software does not know: use a newer one"
        key = certificates.public_key_of(certificate)
        if not holds(key, SIGNED_PREFIX + signed.statement(), signed.signature):
            return "the signature of its head does not hold"
        self.signed += 1
        self.controllers.add(signed.controller)
        return ""

    def _learn(self, details: Mapping[str, Any]) -> str:
        try:
            chain = [bytes.fromhex(each) for each in details["chain"]]
            if not 0 < len(chain) <= CHAIN_CERTIFICATES_MAX:
                return "its signer has no chain of certificates"
            identity = (
                certificates.verify_chain(chain, self._root) if self._root else certificates.identify(chain, False)
            )
        except (CertificateFault, KeyError, TypeError, ValueError) as error:
            return f"its signer does not lead to this system's root ({error})"
        if identity.kind != CONTROLLER or identity.serial != details.get("controller"):
            return "its signer is not the controller that it names"
        self._signers[certificates.fingerprint(chain[0])] = chain[0]
        return ""


def read_details(details: Mapping[str, Any], recording: bytes, at_unix_ms: int) -> SignedHead:
    """The signed head that a ledger entry tells of. KeyError, TypeError or ValueError if it tells of none."""
    return SignedHead(
        Head(int(details["sequence"]), bytes.fromhex(details["hash"])),
        recording,
        str(details["controller"]),
        at_unix_ms,
        str(details["suite"]),
        str(details["certificate"]),
        bytes.fromhex(details["signature"]),
        str(details.get("entries", "")),
    )


def digest_of(hashes: Iterable[bytes]) -> str:
    """SHA-256 of a recording's entries, in hexadecimal: over their hashes, one after the other."""
    digest = hashlib.sha256()
    for each in hashes:
        digest.update(each)
    return digest.hexdigest()
