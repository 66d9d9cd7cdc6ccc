"""Keys in files, a file a slot, written once and moved into place.

Without a wrap whoever reads the card has the keys; with one they need this very board as well. Flash remembers: an
overwritten key may stay readable to somebody who takes the chip off, so ``destroy`` is final only with a wrap whose
own secret is destroyed, or on storage that can erase.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import NotFound, PortFault
from firmware.ports.keystore import PROTECTED_BY_DEVICE_KEY, PROTECTED_BY_MODE, Keystore, check_slot

if TYPE_CHECKING:
    from firmware.ports.files import Files
    from firmware.ports.keystore import Buffer, KeyAlgorithm, KeyWrap

FOLDER = "keys"
KEY_BYTES_MAX = 512  # a P-256 key takes 32 to 138 bytes, wrapped 28 more
_NEW = ".new"


class FilesKeystore(Keystore):
    """See Keystore. ``files``: any files port whose files only the board's own user reads."""

    def __init__(self, files: "Files", algorithm: "KeyAlgorithm", wrap: "KeyWrap | None" = None) -> None:
        self.protection = PROTECTED_BY_MODE if wrap is None else PROTECTED_BY_DEVICE_KEY
        self._files = files
        self._algorithm = algorithm
        self._wrap = wrap

    def make_key(self, slot: str) -> None:
        """See Keystore."""
        private = self._algorithm.make()
        kept = private if self._wrap is None else self._wrap.wrap(check_slot(slot), private)
        path = _path(slot)
        if not self._files.exists(FOLDER):
            self._files.make_folder(FOLDER)
            self._files.sync_folder("")
        if self._files.exists(path + _NEW):
            self._files.remove(path + _NEW)
        file = self._files.create(path + _NEW)
        try:
            file.write_at(0, kept)
            file.sync()
        finally:
            file.close()
        self._files.rename(path + _NEW, path)
        self._files.sync_folder(FOLDER)

    def has_key(self, slot: str) -> bool:
        """See Keystore."""
        return self._files.exists(_path(slot))

    def public_key(self, slot: str) -> bytes:
        """See Keystore."""
        return self._algorithm.public_key(self._private(slot))

    def sign(self, slot: str, data: "Buffer") -> bytes:
        """See Keystore."""
        return self._algorithm.sign(self._private(slot), data)

    def tls_key(self, slot: str) -> bytes:
        """See Keystore."""
        return self._algorithm.tls_key(self._private(slot))

    def destroy(self, slot: str) -> None:
        """See Keystore. The file is overwritten before it is removed, which helps on storage that writes in place."""
        path = _path(slot)
        if not self._files.exists(path):
            return
        file = self._files.open(path, True)
        try:
            file.write_at(0, bytes(file.size_bytes()))
            file.sync()
        finally:
            file.close()
        self._files.remove(path)
        self._files.sync_folder(FOLDER)

    def _private(self, slot: str) -> bytes:
        kept = self._kept(slot)
        return kept if self._wrap is None else self._wrap.unwrap(slot, kept)

    def _kept(self, slot: str) -> bytes:
        try:
            file = self._files.open(_path(slot))
        except NotFound:
            raise NotFound("key slot %s is empty: make a key first" % slot)
        try:
            length = file.size_bytes()
            if length == 0 or length > KEY_BYTES_MAX:
                raise PortFault("key slot %s holds %d bytes, which are no key: make a new one" % (slot, length))
            kept = bytearray(length)
            file.read_at(0, kept)
        finally:
            file.close()
        return bytes(kept)


def _path(slot: str) -> str:
    return FOLDER + "/" + check_slot(slot)
