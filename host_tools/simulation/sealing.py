"""Wrapping of recording keys that repeats itself: HPKE's form without HPKE's randomness.

Law: replaces what ``hpke_wrapping`` asks of OpenSSL, encapsulation and shared secret, and nothing else: head, lengths
and what is bound (recording, recipient, suite) are the real ones, chunks are sealed and opened by the real suite, and
whose recordings are believed is judged by the real ``SealedBelief``. Whoever knows this file opens everything: no
secret is needed. The encapsulation is SHAKE-256 of what is bound.
"""

from __future__ import annotations

from hashlib import sha256, shake_256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware.formats.chunk import Opener
from firmware.formats.errors import FormatError
from firmware.formats.manifest import Manifest
from firmware.secure import hpke_wrapping
from firmware.secure.document_trust import EvidenceTrust
from firmware.secure.hpke_keys import RecipientKey
from firmware.secure.hpke_wrapping import ENCAPSULATION_BYTES, WRAPPED_BYTES, WrappedKey
from firmware.secure.sealing import GcmOpener
from host_tools.custody.belief import SealedBelief
from host_tools.custody.errors import ContentMismatch, CustodyRefused
from host_tools.trust.system import SystemTrust

NONCE = bytes(12)  # one message a key
HEAD_BYTES = WRAPPED_BYTES - ENCAPSULATION_BYTES - 48  # the last part: a key of 32 bytes and a tag of 16


def wrap(key: bytes, recipient: RecipientKey, suite: str, recording: bytes) -> bytes:
    """See hpke_wrapping.wrap."""
    head = hpke_wrapping.wrap(key, recipient, suite, recording)[:HEAD_BYTES]
    info = hpke_wrapping.info_of(suite, recording, recipient.key_id)
    encapsulation = shake_256(info).digest(ENCAPSULATION_BYTES)
    return head + encapsulation + _cipher(encapsulation, info).encrypt(NONCE, key, info)


def unwrap(wrapped: WrappedKey, suite: str, recording: bytes) -> bytes:
    """See hpke_wrapping.unwrap. FormatError if anything was changed or is another's."""
    info = hpke_wrapping.info_of(suite, recording, wrapped.key_id)
    encapsulation, sealed = wrapped.sealed[:ENCAPSULATION_BYTES], wrapped.sealed[ENCAPSULATION_BYTES:]
    try:
        return _cipher(encapsulation, info).decrypt(NONCE, sealed, info)
    except InvalidTag as error:
        raise FormatError(f"recording {recording.hex()}: the wrapped key is damaged or of another recording") from error


class SimBelief(SealedBelief):
    """Believes as a system does; opens with ``unwrap`` whatever is sealed to a key of the system's ring."""

    def __init__(self, trust: SystemTrust) -> None:
        super().__init__(lambda: EvidenceTrust([trust.record.root]), trust.key_ring)
        self._trust = trust

    def opener_of(self, manifest: Manifest) -> Opener:
        """See Belief."""
        ring = self._trust.key_ring()
        try:
            entries = [hpke_wrapping.decode(wrapped) for wrapped in manifest.wrapped_keys]
            ours = next((entry for entry in entries if ring.find(entry.key_id) is not None), None)
            if ours is None:
                raise CustodyRefused(f"recording {manifest.recording.hex()}: no key of this system opens it")
            key = unwrap(ours, manifest.suite, manifest.recording)
        except FormatError as error:
            raise ContentMismatch(manifest.recording, str(error)) from error
        ends = frozenset(entry.first_chunk + entry.chunk_count - 1 for entry in manifest.fragments)
        return GcmOpener(manifest.recording, key, ends)


def _cipher(encapsulation: bytes, info: bytes) -> AESGCM:
    return AESGCM(sha256(encapsulation + info).digest())
