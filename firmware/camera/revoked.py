"""What this camera knows of certificates that do not count any more: the newest list that a controller has brought.

Law: a list is believed for its own signature, under the root that the camera was adopted by; its number only rises. It
comes in pieces and is kept as a whole, written once and moved into place.
"""

from firmware.camera import card
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.secure import certificates_revocations
from firmware.secure.certificates import PeerIdentity
from firmware.secure.certificates_revocations import REVOCATIONS_BYTES_MAX, Revocations

FILE = "revocations"


class KnownRevocations:
    """``load`` at every start and after an adoption; ``take`` for every piece that a controller sends."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: Revocations | None = None
        self._coming = bytearray()

    @property
    def number(self) -> int:
        """Of the list that is known; 0 for none."""
        return self._known.number if self._known is not None else 0

    def load(self, root: bytes) -> None:
        """Read what was kept. A damaged list, or another system's, counts as none: the controller brings it again."""
        self._known = None
        self._coming.clear()
        if not root:
            return
        try:
            self._known = certificates_revocations.decode(
                card.read_whole(self._files, FILE, REVOCATIONS_BYTES_MAX), root
            )
        except (NotFound, FormatError):
            return

    def is_revoked(self, controller: PeerIdentity) -> bool:
        """Whether this controller has been, or its issuing key."""
        return self._known is not None and (self._known.covers(controller) or self._known.disowns(controller))

    def take(self, offset: int, total: int, data: bytes, root: bytes) -> None:
        """The next piece. FormatError for one that does not follow, and for a list that does not hold or is older than
        the one that is known; PortFault from the card."""
        if offset == 0:
            self._coming.clear()
        if offset != len(self._coming) or not data or offset + len(data) > total or total > REVOCATIONS_BYTES_MAX:
            self._coming.clear()
            raise FormatError("revocations: a piece that does not follow the one before it")
        self._coming += data
        if len(self._coming) == total:
            whole = bytes(self._coming)
            self._coming.clear()
            self._keep(certificates_revocations.decode(whole, root), whole)

    def forget(self) -> None:
        """The system whose list it was has let the camera go. PortFault."""
        self._known = None
        if self._files.exists(FILE):
            self._files.remove(FILE)
            self._files.sync_folder("")

    def _keep(self, brought: Revocations, whole: bytes) -> None:
        if brought.number < self.number:
            raise FormatError(f"revocations: number {brought.number}, and number {self.number} is known here")
        card.replace(self._files, "", FILE, whole)
        self._known = brought
