"""What a camera's vault needs of the camera's system: to whom it seals, how it signs, whose erasures count.

Law: one object between the vault, which asks, and whoever adopts the camera and talks to its controllers, who fills it.
It decides nothing about either. Recipients are kept on the card and sealed under the board's secret, so that nobody
with a card in hand can add himself to them; signing certificates are the camera identity's to keep; which controller
counts is known only while one is there. What is not filled in refuses: a camera without a system records nothing.

How it is filled: ``load`` at every start, ``sign_with`` at every start and whenever the evidence certificate is new,
``seal_to`` whenever the controller names the recipients, ``meet`` when a controller has proved itself in a session and
``part`` when that session ends, ``forget`` when the system lets the camera go.
"""

from collections.abc import Callable, Sequence

from firmware.camera import card
from firmware.camera.assignment import Assignment
from firmware.camera.documents import MarksOf, no_marks
from firmware.camera.vault import Vault
from firmware.formats import canonical
from firmware.formats.authorisation import Verifier
from firmware.formats.chunk import SUITE_CLEAR, Begun, Bytes, ClearSuite, Suite
from firmware.formats.errors import FormatError
from firmware.formats.manifest import WRAPPED_KEYS_MAX, Manifest
from firmware.ports.entropy import Entropy
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.ports.keystore import Keystore
from firmware.secure import certificates, certificates_keys, document, hpke_keys, hpke_wrapping
from firmware.secure.certificates import CONTROLLER, PeerIdentity
from firmware.secure.document import EvidenceSigner
from firmware.secure.hpke_keys import PUBLIC_KEY_BYTES, RecipientKey
from firmware.secure.sealing_file import SEALED_FILE_BYTES_MAX, FileSealer
from firmware.secure.signing import SUITE_P256, P256Verifier, SlotKey
from firmware.secure.suite import SUITE_SEALED, SealedSuite, Wrap

RECIPIENTS_FILE = "recipients"
_WHAT = "recipients"
_KEYS = frozenset({"format", "schema", "keys"})
NOT_ADOPTED = "this camera belongs to no system: there is nobody to seal to; add it to a system"
NO_CERTIFICATE = "this camera has no evidence certificate: nobody would believe its recordings; dock it"


class CameraTrust:
    """Makes vault and assignment of what it has: ``suite``, ``documents``, ``erase_verifier``, ``marks_of``.

    ``file_sealer``: over the board's secret. None where the board has none: then recipients and assignment lie on the
    card for all to read and change, and nothing tells a header or journal of ours from another's.
    """

    def __init__(
        self,
        files: Files,
        file_sealer: FileSealer | None,
        suite: str = SUITE_SEALED,
        wrap: Wrap = hpke_wrapping.wrap,
    ) -> None:
        """``suite``: the board's, from board.toml; ``clear`` is signed like any other, but not sealed. ``wrap``: see
        SealedSuite."""
        self.file_sealer = file_sealer
        self.documents = TrustedDocuments()
        self.erase_verifier = ControllerVerifier()
        self._sealed = SealedSuite(wrap=wrap)
        self.suite: Suite = _TrustedSuite(self.lack, _suite_of(suite, self._sealed))
        self.marks_of: MarksOf = file_sealer.marks_of if file_sealer else no_marks
        self._files = files
        self._recipients: tuple[RecipientKey, ...] = ()

    def vault(self, entropy: Entropy) -> Vault:
        """The card's recordings, sealed, signed and erased as this trust says."""
        return Vault(self._files, entropy, self.suite, self.erase_verifier, self.documents, self.marks_of)

    def assignment(self) -> Assignment:
        """Who wears the camera, kept for the camera alone."""
        return Assignment(self._files, self.file_sealer)

    @property
    def recipients(self) -> tuple[RecipientKey, ...]:
        """To whom the next recording is sealed, the system first."""
        return self._recipients

    @property
    def recipients_sha256(self) -> bytes:
        """What stands for them (hpke_keys.digest_of): a controller that knows it need not name them again."""
        return hpke_keys.digest_of(self._recipients)

    def lack(self) -> str:
        """Why nothing can be recorded, one line with the remedy; empty if it can."""
        if not self._recipients:
            return NOT_ADOPTED
        return "" if self.documents.signer is not None else NO_CERTIFICATE

    def load(self) -> None:
        """Read the recipients that were kept. A damaged or foreign file counts as none: the controller names them
        again. PortFault if the card cannot be read."""
        try:
            kept = card.read_whole(self._files, RECIPIENTS_FILE, SEALED_FILE_BYTES_MAX)
            self._use(_decode(kept, self.file_sealer))
        except (NotFound, FormatError):
            self._use(())

    def seal_to(self, keys: Sequence[bytes]) -> None:
        """Seal to these public keys, the system's first, from the next recording on; durable when this returns.
        FormatError for what are no keys, and then nothing has changed; PortFault from the card."""
        recipients = _recipients(keys)
        if [each.raw for each in recipients] == [each.raw for each in self._recipients]:
            return
        card.replace(self._files, "", RECIPIENTS_FILE, _encode(recipients, self.file_sealer))
        self._use(recipients)

    def sign_with(self, signer: EvidenceSigner | None) -> None:
        """Sign manifests so from now on; None: not any more."""
        self.documents.signer = signer

    def meet(self, controller: PeerIdentity) -> None:
        """This controller of the camera's own system has proved itself: its erase authorisations count, no others'."""
        self.erase_verifier.believe(controller)

    def part(self) -> None:
        """The session is over: nobody's count."""
        self.erase_verifier.believe(None)

    def forget(self) -> None:
        """The camera belongs to nobody any more: no recipient, no signature, no controller. PortFault."""
        self._use(())
        self.sign_with(None)
        self.part()
        if self._files.exists(RECIPIENTS_FILE):
            self._files.remove(RECIPIENTS_FILE)
            self._files.sync_folder("")

    def _use(self, recipients: tuple[RecipientKey, ...]) -> None:
        self._sealed.seal_to(recipients)
        self._recipients = recipients


class TrustedDocuments:
    """Writes manifests signed, as soon as there is a ``signer``; reads them without one (see SignedDocuments)."""

    def __init__(self) -> None:
        self.signer: EvidenceSigner | None = None

    def encode(self, closed: Manifest, /) -> bytes:
        """The signed document. FormatError without a signer: the recording stays as it is until there is one."""
        if self.signer is None:
            raise FormatError(NO_CERTIFICATE)
        return document.encode(closed, self.signer)

    def decode(self, data: Bytes, /) -> Manifest:
        """The manifest in a signed document that is the camera's own."""
        return document.decode(data).manifest


class ControllerVerifier(Verifier):
    """Accepts erase authorisations of the one controller that is there, and of nobody while none is.

    Its chain has been held against the system's root by the channel, so its key alone is looked at here. An
    authorisation that another controller of the system has signed is to be asked for again from this one.
    """

    suite = SUITE_P256

    def __init__(self) -> None:
        self._keys = P256Verifier(())

    def believe(self, controller: PeerIdentity | None) -> None:
        """Whose count from now on. FormatError for a peer that is no proven controller."""
        if controller is None:
            self._keys = P256Verifier(())
            return
        if controller.kind != CONTROLLER or not controller.anchored:
            raise FormatError(f"{controller.serial} is no controller of this camera's system: it authorises nothing")
        key = certificates_keys.public_bytes(certificates.public_key_of(controller.chain[0]))
        self._keys = P256Verifier((key,))

    def verify(self, data: bytes, signature: bytes) -> bool:
        """See Verifier."""
        return self._keys.verify(data, signature)


class _TrustedSuite(Suite):
    """The board's suite, for a camera that has everything it takes to record evidence. ``lack``: what it has not."""

    def __init__(self, lack: Callable[[], str], suite: Suite) -> None:
        self.name = suite.name
        self._lack = lack
        self._suite = suite

    def begin(self, recording: bytes, entropy: Entropy) -> Begun:
        """See Suite. FormatError says what the camera lacks."""
        lack = self._lack()
        if lack:
            raise FormatError(lack)
        return self._suite.begin(recording, entropy)


def evidence_signer(keystore: Keystore, slot: str, chain: Sequence[bytes]) -> EvidenceSigner:
    """What signs manifests: the key in that slot, and its certificates as ``chain`` has them, root last."""
    return EvidenceSigner(SlotKey(keystore, slot), tuple(chain[:-1]))


def _suite_of(word: str, sealed: SealedSuite) -> Suite:
    suites: dict[str, Suite] = {SUITE_SEALED: sealed, SUITE_CLEAR: ClearSuite()}
    if word not in suites:
        raise FormatError(f"suite {word[:20]}: this firmware knows {' and '.join(sorted(suites))}")
    return suites[word]


def _recipients(keys: Sequence[bytes]) -> tuple[RecipientKey, ...]:
    recipients = tuple(map(RecipientKey, keys))
    SealedSuite(recipients)  # refuses too many, and one that is named twice
    if not recipients:
        raise FormatError("recipients: nobody is named; the system's own key comes first")
    return recipients


def _encode(recipients: tuple[RecipientKey, ...], sealer: FileSealer | None) -> bytes:
    data = canonical.encode_line(
        {
            "format": "openbwc-" + _WHAT,
            "schema": canonical.SCHEMA,
            "keys": [each.raw.hex() for each in recipients],
        }
    )
    return sealer.seal(RECIPIENTS_FILE, data) if sealer else data


def _decode(kept: bytes, sealer: FileSealer | None) -> tuple[RecipientKey, ...]:
    data = sealer.open(RECIPIENTS_FILE, kept) if sealer else kept
    fields = canonical.decode_line(data, _WHAT, SEALED_FILE_BYTES_MAX)
    canonical.require_kind(fields, _WHAT)
    canonical.require_keys(fields, _KEYS, _WHAT)
    rows = canonical.rows(fields["keys"], f"{_WHAT}.keys", WRAPPED_KEYS_MAX)
    return _recipients([canonical.binary(row, f"{_WHAT}.keys", PUBLIC_KEY_BYTES) for row in rows])
