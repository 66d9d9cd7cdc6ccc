"""The certificates of one server, by name, in a folder of its own: kept, asked for, installed, chosen.

Law: a private key is made here, has mode 0600 and never leaves. A name is given once; what it stands for does not
change. Which one is in use is a file of its own that is replaced as a whole, so that a power cut leaves the old choice
or the new. Everything here blocks.
"""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

from host_tools.web_kit import certificates
from host_tools.web_kit.errors import WebError
from host_tools.web_kit.private_files import write_whole
from host_tools.web_kit.tls import tls_context

CERTIFICATES_MAX = 20  # kept at once; beyond, people have lost track of them
OWN_NAME = "self-signed"  # of the one that is made at the first start
ACTIVE_FILE = "active"
FOLDER_MODE = 0o700
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")

LOG = logging.getLogger("openbwc.web")


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
        """The one in use; at the first start a self-signed one is made and taken. So it is where the one in use cannot
        be used any more (a damaged file, an OpenSSL that has become stricter): a server that does not start helps
        nobody, and browsers say that it is another. WebError."""
        with self._lock:
            self._make_folder()
            active = self._active_name()
            fault = self._fault_of(active) if active else ""
            if fault:
                LOG.error("certificate %s is not used: %s", active, fault)
            if fault or not active:
                active = self._own_usable(hosts, now_ms)
                self._write(self._folder / ACTIVE_FILE, active.encode())
            return self._pair(active)

    def all(self) -> list[dict[str, Any]]:
        """What each says of itself; ``state``: ``active``, ``installed``, ``damaged``, or ``requested``, with the
        ``request`` in PEM, which somebody may look for once more."""
        with self._lock:
            active = self._active_name()
            found: list[dict[str, Any]] = []
            for name in self._names():
                if not self._path(name, "pem").exists():
                    found.append({"name": name, "state": "requested", "request": self._request_of(name)})
                    continue
                try:
                    said = plain(certificates.describe(self._path(name, "pem").read_bytes()))
                except WebError:  # others are shown all the same, and this one can be removed
                    found.append({"name": name, "state": "damaged"})
                else:
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
            self._try(name, pem)
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
            tls_context(*self._pair(name))  # before it is chosen: what cannot be used is not in use at the next start
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
        return name if _NAME.fullmatch(name) and self._is_whole(name) else ""

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.key"))

    def _request_of(self, name: str) -> str:
        try:
            return self._path(name, "csr").read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):  # it is made anew under another name then
            return ""

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

    def _own_usable(self, hosts: tuple[str, ...], now_ms: int) -> str:
        """The name of a self-signed one that can be used, made if there is none."""
        fault = ""
        for name in (OWN_NAME, *(f"{OWN_NAME}-{number}" for number in range(2, CERTIFICATES_MAX))):
            if not self._is_whole(name):
                self._keep(name, certificates.self_signed(hosts, now_ms, self._title))
            fault = self._fault_of(name)
            if not fault:
                return name
        raise WebError(fault)

    def _is_whole(self, name: str) -> bool:
        return self._path(name, "pem").exists() and self._path(name, "key").exists()

    def _fault_of(self, name: str) -> str:
        """Why it cannot be used; empty if it can."""
        try:
            tls_context(*self._pair(name))
        except WebError as error:
            return str(error)
        return ""

    def _try(self, name: str, pem: bytes) -> None:
        """WebError unless this machine's TLS would use it with the key of that name."""
        trial = self._path(name, "trial")
        self._write(trial, pem)
        try:
            tls_context(trial, self._path(name, "key"))
        except WebError as error:
            why = getattr(error.__cause__, "reason", None) or error.__cause__
            raise WebError(f"certificate: this machine's TLS does not take it ({why}): have it signed anew") from error
        finally:
            trial.unlink(missing_ok=True)

    def _keep(self, name: str, issued: certificates.Issued) -> None:
        """The key first: one without its certificate is a request, a certificate without its key would be nothing."""
        self._write(self._path(name, "key"), issued.key)
        self._write(self._path(name, "pem"), issued.certificate)

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
        try:
            write_whole(path, data)
        except OSError as error:
            raise WebError(f"{path}: cannot be written ({error.strerror}): check the disk and its owner") from error


def plain(said: certificates.Described) -> dict[str, Any]:
    """As JSON has it."""
    return {**said._asdict(), "hosts": list(said.hosts)}
