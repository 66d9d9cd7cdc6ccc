"""Who this person is at which manager: logins that ``bwc login`` has kept, each with what vouches for the server.

Law: a file a manager in a folder of this person's own, mode 0600, replaced as a whole. It holds a session's token,
never a password; the session ends as any other does.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from host_tools.cli.over_rest import AskError, Trust

FOLDER_MODE = 0o700
FILE_MODE = 0o600
FILE_BYTES_MAX = 64 << 10  # of a login, a token or a file of certificates: a few KiB are usual
PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Login:
    """``trust`` None: whom this machine trusts anyway."""

    url: str
    account: str
    token: str
    trust: Trust | None

    def __repr__(self) -> str:
        return f"Login({self.account} at {self.url})"


class Logins:
    """``folder``: where they are kept; else this person's settings folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or _settings_folder() / "openbwc" / "logins"

    def keep(self, login: Login) -> None:
        """Instead of the one that was kept for that manager. AskError."""
        path = self._path(login.url)
        text = json.dumps(asdict(login), indent=2)
        beside = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise AskError(f"{path}: cannot be written ({error.strerror}): check the folder's owner") from error

    def find(self, url: str) -> Login | None:
        """What is kept for that manager. AskError if it cannot be read."""
        path = self._path(url)
        if not path.exists():
            return None
        try:
            found: dict[str, Any] = json.loads(_read(path))
            trust = found["trust"]
            return Login(url, str(found["account"]), str(found["token"]), Trust(**trust) if trust else None)
        except (ValueError, KeyError, TypeError) as error:
            raise AskError(f"{path}: no login can be read from it: remove it, then bwc login {url}") from error

    def forget(self, url: str) -> None:
        """Nothing is kept for that manager any more."""
        self._path(url).unlink(missing_ok=True)

    def _path(self, url: str) -> Path:
        return self._folder / f"{quote(urlsplit(url).netloc, safe='')}.json"


def read_url(text: str) -> str:
    """A manager's address without what is not part of it. AskError."""
    try:
        place = urlsplit(text.strip())
        host, port = place.hostname or "", place.port
    except ValueError:
        host, port, place = "", None, urlsplit("")
    if place.scheme != "https" or not host or place.username is not None or place.path.strip("/") or place.query:
        raise AskError(f"{text[:100]}: no address of a manager: write it as https://station:8440")
    name = f"[{host}]" if ":" in host else host
    return f"https://{name}" + (f":{port}" if port is not None else "")


def read_token(path: Path) -> str:
    """A token from the first line of a file. AskError."""
    token = _read(path).partition("\n")[0].strip()
    if not token or not is_token(token):
        raise AskError(f"{path}: no token is in its first line: write there what POST /api/v1/token answers")
    return token


def is_token(text: str) -> bool:
    """Whether it can stand in a header: what cannot would be shown with the error of the request."""
    return text.isascii() and text.isprintable()


def trust_of_file(path: Path) -> Trust:
    """Certificates that vouch for a manager, from a file in PEM form. AskError."""
    trust = Trust(_read(path), False)
    try:
        trust.context()
    except AskError as error:
        raise AskError(f"{path}: {error}") from error
    return trust


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode()
    except OSError as error:
        raise AskError(f"{path}: cannot be read ({error.strerror}): check its name and owner") from error
    except UnicodeDecodeError:
        raise AskError(f"{path}: not text in UTF-8: name another file") from None


def _settings_folder() -> Path:
    """Of this person, as the XDG Base Directory Specification says."""
    said = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(said) if said.startswith("/") else Path.home() / ".config"
