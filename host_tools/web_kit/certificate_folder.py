"""The certificates of one server, by name, in a folder of its own: kept, asked for, installed, chosen.

Law: a private key is made here, has mode 0600 and never leaves. A name is given once; what it stands for does not
change. Which one is in use is a file of its own that is replaced as a whole, so that a power cut leaves the old choice
or the new. Everything here blocks.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

from host_tools.web_kit import certificates
from host_tools.web_kit.errors import WebError

CERTIFICATES_MAX = 20  # kept at once; beyond, people have lost track of them
OWN_NAME = "self-signed"  # of the one that is made at the first start
ACTIVE_FILE = "active"
FOLDER_MODE = 0o700
FILE_MODE = 0o600
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


class Pair(NamedTuple):
    """Files of one certificate, as OpenSSL reads them."""

    certificate: Path
    key: Path


class CertificateFolder:
    """``title``: what stands in the subject of those that are made here."""

    def __init__(self, folder: Path, title: str) -> None:
        self._folder = folder
        self._title = title
        self._lock = threading.Lock()

    def ensure(self, hosts: tuple[str, ...], now_ms: int) -> Pair:
        """The one in use; at the first start a self-signed one is made and taken. WebError."""
        with self._lock:
            self._make_folder()
            if not self._active_name():
                if not self._path(OWN_NAME, "pem").exists():
                    self._keep(OWN_NAME, certificates.self_signed(hosts, now_ms, self._title))
                self._write(self._folder / ACTIVE_FILE, OWN_NAME.encode())
            return self._pair(self._active_name())

    def all(self) -> list[dict[str, Any]]:
        """What each says of itself; ``state``: ``active``, ``installed``, or ``requested``."""
        with self._lock:
            active = self._active_name()
            found: list[dict[str, Any]] = []
            for name in self._names():
                if not self._path(name, "pem").exists():
                    found.append({"name": name, "state": "requested"})
                    continue
                said = plain(certificates.describe(self._path(name, "pem").read_bytes()))
                found.append({"name": name, "state": "active" if name == active else "installed", **said})
            return found

    def make_self_signed(self, name: str, hosts: tuple[str, ...], now_ms: int) -> None:
        """A new one under a new name. WebError."""
        with self._lock:
            self._require_new(name)
            self._keep(name, certificates.self_signed(hosts, now_ms, self._title))

    def request(self, name: str, hosts: tuple[str, ...], organisation: str = "") -> str:
        """A new key under a new name, and the request to be signed for it, in PEM. WebError."""
        with self._lock:
            self._require_new(name)
            key = certificates.new_key()
            text = certificates.signing_request(key, hosts, hosts[0] if hosts else self._title, organisation)
            self._write(self._path(name, "csr"), text)
            self._write(self._path(name, "key"), key)
            return text.decode()

    def install(self, name: str, pem: bytes, now_ms: int) -> None:
        """What was signed for a request of this name. WebError says what is wrong with it."""
        with self._lock:
            self._require_known(name)
            if self._path(name, "pem").exists():
                raise WebError(f"certificate {name}: is installed already: make a new request under another name")
            certificates.check_upload(pem, self._path(name, "key").read_bytes(), now_ms)
            self._write(self._path(name, "pem"), pem)
            self._path(name, "csr").unlink(missing_ok=True)

    def activate(self, name: str, now_ms: int) -> Pair:
        """Choose one; answers its files. WebError if it cannot be used."""
        with self._lock:
            self._require_known(name)
            if not self._path(name, "pem").exists():
                raise WebError(f"certificate {name}: is requested only: install what was signed first")
            pem, key = self._path(name, "pem").read_bytes(), self._path(name, "key").read_bytes()
            certificates.check_upload(pem, key, now_ms)
            self._write(self._folder / ACTIVE_FILE, name.encode())
            return self._pair(name)

    def remove(self, name: str) -> None:
        """Take one out with its key. WebError for the one in use."""
        with self._lock:
            self._require_known(name)
            if name == self._active_name():
                raise WebError(f"certificate {name}: is in use: activate another one first")
            for kind in ("pem", "csr", "key"):
                self._path(name, kind).unlink(missing_ok=True)

    def _active_name(self) -> str:
        try:
            name = (self._folder / ACTIVE_FILE).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""
        return name if _NAME.fullmatch(name) and self._path(name, "pem").exists() else ""

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.key"))

    def _require_new(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise WebError(
                f"certificate name {name[:40]!r}: 1 to 40 small letters, digits, dots, dashes or underscores: choose "
                "another"
            )
        if name in self._names():
            raise WebError(f"certificate {name}: the name is taken: choose another")
        if len(self._names()) >= CERTIFICATES_MAX:
            raise WebError(f"{CERTIFICATES_MAX} certificates are kept: remove one that is not used")
        self._make_folder()

    def _require_known(self, name: str) -> None:
        if name not in self._names():
            raise WebError(f"certificate {name[:40]}: there is none of that name: see the list")

    def _keep(self, name: str, issued: certificates.Issued) -> None:
        self._write(self._path(name, "pem"), issued.certificate)
        self._write(self._path(name, "key"), issued.key)

    def _pair(self, name: str) -> Pair:
        return Pair(self._path(name, "pem"), self._path(name, "key"))

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}.{kind}"

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        except OSError as error:
            raise WebError(f"{self._folder}: cannot be made ({error.strerror}): check its owner") from error

    def _write(self, path: Path, data: bytes) -> None:
        """Whole or not at all, for nobody else to read."""
        fresh = path.with_name(path.name + ".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            fresh.replace(path)
        except OSError as error:
            raise WebError(f"{path}: cannot be written ({error.strerror}): check the disk and its owner") from error


def plain(said: certificates.Described) -> dict[str, Any]:
    """As JSON has it."""
    return {**said._asdict(), "hosts": list(said.hosts)}
