"""The people's secret: 32 random bytes in a file beside the database, and the keys that are made of it.

Law: whoever has only the database (a backup, a copy, a way to write into it) has not this. It keys the seal over
accounts and audit trail, signs cookies, and goes into every password hash, so that nobody can guess passwords against a
database alone. Whoever has both files has what the controller has; nothing here is behind the passphrase.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware.ports.entropy import Entropy
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from host_tools.accounts.errors import AccountsError

PATH = "people.key"
SECRET_BYTES = 32
KEY_BYTES = 32
_NEW = PATH + ".new"


class PeopleSecret:
    """Four keys, one for each use, so that no use can be turned against another."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise AccountsError(f"{PATH}: {len(secret)} bytes instead of {SECRET_BYTES}: put the backup of it back")
        self.seal_key = _derive(secret, b"openbwc-people-seal-1")
        self.cookie_key = _derive(secret, b"openbwc-people-cookie-1")
        self.password_key = _derive(secret, b"openbwc-people-password-1")
        self.system_key = _derive(secret, b"openbwc-system-seal-1")  # of who wears which camera, and of settings

    def __repr__(self) -> str:
        return "PeopleSecret(…)"


def load_secret(files: Files, entropy: Entropy) -> PeopleSecret:
    """The secret of this folder, made at the first call: written whole, then moved into place."""
    try:
        file = files.open(PATH)
    except NotFound:
        return PeopleSecret(_make(files, entropy))
    try:
        found = bytearray(SECRET_BYTES + 1)
        return PeopleSecret(bytes(found[: file.read_at(0, found)]))
    finally:
        file.close()


def _make(files: Files, entropy: Entropy) -> bytes:
    secret = entropy.random_bytes(SECRET_BYTES)
    if files.exists(_NEW):
        files.remove(_NEW)
    file = files.create(_NEW)
    try:
        file.write_at(0, secret)
        file.sync()
    finally:
        file.close()
    files.rename(_NEW, PATH)
    files.sync_folder("")
    return secret


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=purpose).derive(secret)
