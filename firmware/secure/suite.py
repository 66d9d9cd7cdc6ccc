"""The sealed suite: how a camera begins a sealed recording, and how its recipients open one again.

A fresh key for each recording, wrapped to every recipient and dropped when the recording ends. The camera has the
recipients' public halves only: nothing on it opens a recording that is closed, nor one that a power cut has ended.
A suite is a property of the board: whoever opens says which suites it accepts, and nobody negotiates.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from firmware.formats.chunk import SUITE_CLEAR, Begun, ClearOpener, Opener, Suite
from firmware.formats.errors import FormatError
from firmware.formats.manifest import WRAPPED_KEYS_MAX, Manifest
from firmware.ports.entropy import Entropy
from firmware.secure import hpke_wrapping
from firmware.secure.hpke_keys import KeyRing, RecipientKey, shown
from firmware.secure.hpke_wrapping import RECORDING_KEY_BYTES, WrappedKey
from firmware.secure.sealing import SUITE_SEALED, GcmOpener, GcmSealer

__all__ = ("SUITE_SEALED", "NoKey", "SealedRecording", "SealedSuite", "opener_for")

SEALED_ONLY = frozenset({SUITE_SEALED})

Wrap = Callable[[bytes, RecipientKey, str, bytes], bytes]  # hpke_wrapping.wrap


class NoKey(FormatError):
    """The recording is whole as far as one can see, but none of the given keys opens it."""


class SealedRecording(Protocol):
    """What a header and a manifest have in common here."""

    @property
    def recording(self) -> bytes: ...
    @property
    def suite(self) -> str: ...
    @property
    def wrapped_keys(self) -> "tuple[bytes, ...]": ...


class SealedSuite(Suite):
    """Seals to ``recipients``: the system's key first, then paired phones. ``wrap``: in place of real HPKE, whose
    randomness is OpenSSL's own, for simulations that must repeat themselves."""

    name = SUITE_SEALED

    def __init__(self, recipients: Sequence[RecipientKey] = (), wrap: Wrap = hpke_wrapping.wrap) -> None:
        self._recipients: tuple[RecipientKey, ...] = ()
        self._wrap = wrap
        self.seal_to(recipients)

    def seal_to(self, recipients: Sequence[RecipientKey]) -> None:
        """Change the recipients, from the next recording on: after adoption, rotation, pairing. FormatError beyond
        the limits; with none, no recording can begin."""
        if len(recipients) > WRAPPED_KEYS_MAX:
            raise FormatError(f"sealing: {len(recipients)} recipients, at most {WRAPPED_KEYS_MAX} are allowed")
        if len({recipient.key_id for recipient in recipients}) != len(recipients):
            raise FormatError("sealing: a recipient is named twice")
        self._recipients = tuple(recipients)

    def begin(self, recording: bytes, entropy: Entropy) -> Begun:
        """A fresh key, wrapped to every recipient. FormatError without a recipient: nobody could ever open it."""
        if not self._recipients:
            raise FormatError("sealing: no key to seal to; add the camera to a system first")
        key = entropy.random_bytes(RECORDING_KEY_BYTES)
        wrapped = tuple(self._wrap(key, recipient, self.name, recording) for recipient in self._recipients)
        return Begun(GcmSealer(recording, key), wrapped)


def opener_for(of: SealedRecording, ring: KeyRing, accepted: Collection[str] = SEALED_ONLY) -> Opener:
    """What opens the chunks of a recording, from its header or its manifest, with whichever key of the ring fits.

    ``accepted``: the suites that this recording's board may use, so that a sealing board's recording never passes in
    the clear. FormatError: another suite, or a damaged wrapped key; NoKey: no key of the ring is a recipient.
    """
    name = of.recording.hex()
    if of.suite not in accepted:
        raise FormatError(f"recording {name}: suite {of.suite[:20]} is not what its board uses")
    if of.suite == SUITE_CLEAR:
        if of.wrapped_keys:
            raise FormatError(f"recording {name}: in the clear, yet with wrapped keys")
        return ClearOpener(of.recording)
    if of.suite != SUITE_SEALED:
        raise FormatError(f"recording {name}: suite {of.suite[:20]} cannot be opened here; update this side")
    return GcmOpener(of.recording, _unwrap_any(of, ring), _ends_of(of) if isinstance(of, Manifest) else None)


def _unwrap_any(of: SealedRecording, ring: KeyRing) -> bytes:
    """The recording's key, by the first of ours that opens it; the first fault if one is ours and none opens."""
    strangers: list[bytes] = []
    fault: FormatError | None = None
    for number, wrapped in enumerate(of.wrapped_keys):
        try:
            entry = hpke_wrapping.decode(wrapped)
            key = _unwrap(of, entry, ring)
        except FormatError as error:
            fault = fault or FormatError(f"recording {of.recording.hex()}: wrapped key {number}: {error}")
            continue
        if key is not None:
            return key
        strangers.append(entry.key_id)
    if fault is not None:
        raise fault
    whose = ", ".join(map(shown, strangers)) or "nobody"
    raise NoKey(
        f"recording {of.recording.hex()}: no key of this system opens it, it is sealed to {whose}; "
        "restore the key that was in use when it was recorded"
    )


def _ends_of(closed: Manifest) -> "frozenset[int]":
    return frozenset(entry.first_chunk + entry.chunk_count - 1 for entry in closed.fragments)


def _unwrap(of: SealedRecording, entry: WrappedKey, ring: KeyRing) -> "bytes | None":
    """The key by this entry; None if it is not for us."""
    ours = ring.find(entry.key_id)
    return hpke_wrapping.unwrap(entry, ours, of.suite, of.recording) if ours else None
