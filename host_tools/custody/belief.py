"""Whose recordings are believed and opened: signed manifests against a trust, sealed chunks with a ring of keys.

Law: nothing is negotiated. Which suites a camera's board uses comes from our own records, never from the recording; a
recording in the clear is not taken from a camera that seals, and an unsigned one from none of a system's. Custody
stores without opening: only who delivers asks for an opener, and only he learns who wore the camera.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from firmware.formats import manifest as manifests
from firmware.formats import track
from firmware.formats.chunk import SUITE_CLEAR, Opener
from firmware.formats.errors import FormatError
from firmware.formats.manifest import Manifest
from firmware.formats.track import TrackEntry
from firmware.secure import document, document_private
from firmware.secure.document import Announced, SignerTrust
from firmware.secure.document_trust import EvidenceTrust
from firmware.secure.hpke_keys import KeyRing
from firmware.secure.suite import SEALED_ONLY, NoKey, opener_for
from host_tools.custody.errors import ContentMismatch, CustodyRefused, ManifestRefused
from host_tools.trust.system import SystemTrust

CLEAR_ONLY = frozenset({SUITE_CLEAR})


class Belief(Protocol):
    """Whose manifests count, and what opens their recordings."""

    def judge(self, data: bytes, camera_serial: str, recording: bytes | None, received_unix_ms: int) -> Manifest:
        """The manifest in a document whose digest is the announced one. ManifestRefused names what does not hold.
        ``recording``: what the camera announced it as; None where the digest alone says so."""
        ...

    def opener_of(self, manifest: Manifest) -> Opener:
        """What opens its chunks. CustodyRefused without the key; ContentMismatch if its wrapped keys are damaged."""
        ...


class ClearBelief:
    """Without a system's trust: nobody seals, nobody signs. For tests, and for looking at a card of none."""

    def judge(self, data: bytes, camera_serial: str, recording: bytes | None, received_unix_ms: int) -> Manifest:
        """See Belief: whatever is well formed and this camera's."""
        try:
            found = manifests.decode(data)
        except FormatError as error:
            raise ManifestRefused(f"camera {camera_serial}: {error}") from error
        return _require_announced(found, camera_serial, recording)

    def opener_of(self, manifest: Manifest) -> Opener:
        """See Belief."""
        return _opener(manifest, KeyRing(), CLEAR_ONLY)


class SealedBelief:
    """``signers``: whose certificates count; ``ring``: this system's sealing keys, asked each time, as they rotate;
    ``suites_of``: the suites that the board of a camera uses, by the camera's serial, from our own records."""

    def __init__(
        self,
        signers: Callable[[], SignerTrust],
        ring: Callable[[], KeyRing],
        suites_of: Callable[[str], frozenset[str]] = lambda serial: SEALED_ONLY,
    ) -> None:
        self._signers = signers
        self._ring = ring
        self._suites_of = suites_of

    def judge(self, data: bytes, camera_serial: str, recording: bytes | None, received_unix_ms: int) -> Manifest:
        """See Belief: signed by this very camera, with certificates that lead to our root."""
        suites = self._suites_of(camera_serial)
        try:
            named = recording if recording is not None else document.decode(data).manifest.recording
            announced = Announced(named, manifests.digest(data), camera_serial, suites)
            return document.judge(data, announced, self._signers(), received_unix_ms).manifest
        except FormatError as error:
            raise ManifestRefused(f"camera {camera_serial}: {error}: examine the camera") from error

    def opener_of(self, manifest: Manifest) -> Opener:
        """See Belief."""
        return _opener(manifest, self._ring(), self._suites_of(manifest.camera_serial))


def of_system(trust: SystemTrust, suites_of: Callable[[str], frozenset[str]] = lambda serial: SEALED_ONLY) -> Belief:
    """What a controller of this system believes and opens, today and after every rotation of its keys."""
    return SealedBelief(lambda: EvidenceTrust([trust.record.root]), trust.key_ring, suites_of)


def known(manifest: Manifest, opener: Opener) -> Manifest:
    """The manifest with what was concealed in it put back, who wore the camera and where it was: for names and
    metadata, never for digests or signatures. ContentMismatch if its private part or its track does not open."""
    try:
        if manifest.private:
            part = document_private.decode(opener.reveal(manifest.private))
            manifest = document_private.put_back(manifest, part)
        return replace(manifest, track=tuple(_revealed(entry, opener) for entry in manifest.track))
    except FormatError as error:
        raise ContentMismatch(manifest.recording, str(error)) from error


def _revealed(entry: TrackEntry, opener: Opener) -> TrackEntry:
    block = opener.reveal_places(entry.fragment, entry.places)
    track.unpack(block)
    return TrackEntry(entry.fragment, block)


def _opener(manifest: Manifest, ring: KeyRing, suites: frozenset[str]) -> Opener:
    try:
        return opener_for(manifest, ring, suites)
    except NoKey as error:
        raise CustodyRefused(str(error)) from error
    except FormatError as error:
        raise ContentMismatch(manifest.recording, str(error)) from error


def _require_announced(found: Manifest, camera_serial: str, recording: bytes | None) -> Manifest:
    name = found.recording.hex()
    if recording is not None and found.recording != recording:
        raise ManifestRefused(f"recording {recording.hex()}: the manifest is that of recording {name}")
    if found.camera_serial != camera_serial:
        raise ManifestRefused(
            f"recording {name}: camera {camera_serial} offers a recording of camera {found.camera_serial}: "
            "examine both cameras"
        )
    if found.suite != SUITE_CLEAR:
        raise ManifestRefused(f"recording {name}: suite {found.suite} is not what its board uses: examine the camera")
    return found
