"""Secrets that stand in files of their own: a password, a private key. Whoever may read the file has the secret.

Law: read when needed and not kept, so that a new password is used at the next try. What it is goes into no error.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path

SECRET_BYTES_MAX = 1_024  # of a password: longer than any service takes
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class CredentialFault(Exception):
    """A file cannot be used. One line that names it and the remedy."""


def read_secret(path: Path) -> str:
    """The first line of a file that nobody but its owner may read. CredentialFault. Blocks."""
    try:
        with path.open("rb") as opened:
            _require_private(path, opened.fileno())
            data = opened.read(SECRET_BYTES_MAX + 1)
        text = data.decode().partition("\n")[0].strip("\r")
    except OSError as error:
        raise CredentialFault(f"{path}: cannot be read ({error.strerror}); name a file with the password") from error
    except UnicodeDecodeError:
        raise CredentialFault(f"{path}: not text; put the password there, alone on its line") from None
    if not text or len(data) > SECRET_BYTES_MAX:
        raise CredentialFault(f"{path}: holds no password; put it there, alone on its line")
    return text


def require_private(path: Path) -> None:
    """CredentialFault if others may read it. Blocks."""
    try:
        with path.open("rb") as opened:
            _require_private(path, opened.fileno())
    except OSError as error:
        raise CredentialFault(f"{path}: cannot be read ({error.strerror}); name a file that is there") from error


def is_this_machine(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require_private(path: Path, descriptor: int) -> None:
    if os.fstat(descriptor).st_mode & OTHERS:
        raise CredentialFault(f"{path}: others may read it; take their rights away (chmod 600)")
