"""A destination's folder: settings, secret, certificate, catalogue and objects; made once, opened often.

Law: the only place that knows what is called what in there. Time, randomness and files are arguments. The secret and
the private key are readable by their owner alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from firmware.version import VERSION
from host_tools.destinations import connection_file
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.evidence import certificates
from host_tools.evidence.catalogue import Catalogue
from host_tools.evidence.certificates import Validity
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.holding import holder_word
from host_tools.evidence.intake import Intake
from host_tools.evidence.objects import OBJECTS
from host_tools.evidence.quarantine import FOLDER as QUARANTINE
from host_tools.evidence.quarantine import with_quarantine
from host_tools.evidence.settings import SETTINGS_NAME, ServerSettings, read_settings
from host_tools.evidence.sole import sole
from host_tools.evidence.store import Store
from host_tools.evidence.swift_keys import KEYS_NAME, SwiftKeys, read_keys, session
from host_tools.evidence.swift_objects import SwiftObjects

SECRET_NAME = "account.key"  # noqa: S105 - a file's name
CERTIFICATE_NAME = "certificate.pem"
KEY_NAME = "certificate.key"
CATALOGUE_NAME = "catalogue.sqlite"
DATABASE_NAME = "database.url"  # instead of it, where it is there; holds a password
URL_CHARACTERS_MAX = 2_000
APPLICATION = "OpenBWC content destination"
IDENTITY_FACT = "store"  # of the catalogue: the word by which a Swift container is known as ours
SWIFT_FIRST, SWIFT_LAST = "swift", "swift0"  # between these are all places of a Swift store
PUBLIC_ID_CHARACTERS = 16  # of the key's SHA-256: tells keys apart


@dataclass(frozen=True, slots=True)
class Destination:
    """An opened destination."""

    folder: Path
    settings: ServerSettings
    intake: Intake
    secret: str = field(repr=False)
    shown: bytes = b""  # the certificate that was there when this was opened: a server shows it until its end

    def validity(self) -> Validity:
        """Of the certificate that this server shows. EvidenceError, OSError."""
        is_replaced = self.certificate.read_bytes() != self.shown
        return certificates.validity(self.shown)._replace(is_replaced=is_replaced)

    @property
    def certificate(self) -> Path:
        """The server's certificate, PEM."""
        return self.folder / CERTIFICATE_NAME

    @property
    def certificate_key(self) -> Path:
        """Its private key, PEM."""
        return self.folder / KEY_NAME

    @property
    def store(self) -> Store:
        """What it keeps."""
        return self.intake.store


def create(folder: Path, settings_text: str, secret: str, now_ms: int) -> None:
    """Make a destination in an empty folder, with a self-signed certificate. ``secret``: random text for the
    controllers' account, at most 64 characters. EvidenceError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise EvidenceError(f"{folder}: is not empty: name an empty folder")
        folder.chmod(0o700)  # the catalogue names people
        (folder / SETTINGS_NAME).write_text(settings_text, encoding="utf-8")
        settings = read_settings(folder)
        _write_private(folder / SECRET_NAME, secret.encode() + b"\n")
    except OSError as error:
        raise EvidenceError(f"{folder}: cannot be made ({error.strerror}): choose a folder you may write") from error
    renew_certificate(folder, settings.hosts, now_ms)


def renew_certificate(folder: Path, hosts: tuple[str, ...], now_ms: int) -> None:
    """A new key and certificate in place of the old ones. A running server takes them at its next start."""
    issued = certificates.self_signed(hosts, now_ms)
    try:
        _write_private(folder / KEY_NAME, issued.key)
        _write_private(folder / CERTIFICATE_NAME, issued.certificate)
    except OSError as error:
        raise EvidenceError(f"{folder}: cannot be written ({error.strerror}): check its owner and space") from error


@contextmanager
def opened(
    folder: Path,
    files: Files,
    wall_ms: Callable[[], int],
    new_name: Callable[[], str],
    told: Callable[[str], None],
    files_at: Callable[[Path], Files] | None = None,
    is_sole: bool = False,
) -> Generator[Destination]:
    """The destination of a folder; ``files``: the same folder through the files port; ``files_at``: others that exist,
    for a quarantine elsewhere; ``is_sole``: for a server, or who moves or removes things: nobody else does meanwhile.
    EvidenceError."""
    settings = read_settings(folder)
    files = with_quarantine(files, settings.quarantine_folder, files_at)
    secret = _read_secret(folder)
    with ExitStack() as stack:
        if is_sole:
            stack.enter_context(sole(folder))
        url = _database_url(folder / DATABASE_NAME)
        if not url and not (folder / CATALOGUE_NAME).exists():
            _require_nothing_kept(folder)
        catalogue = Catalogue(folder / CATALOGUE_NAME, url, may_make=False)
        stack.callback(catalogue.close)
        if is_sole:
            catalogue.hold()
        swift = None
        if (folder / KEYS_NAME).exists():
            swift = _swift_objects(read_keys(folder / KEYS_NAME), catalogue, new_name, folder)
            stack.callback(swift.close)
        intake = Intake(Store(files, catalogue, wall_ms, new_name, swift), settings, wall_ms, told)
        intake.declare()
        pem = folder / CERTIFICATE_NAME
        yield Destination(folder, settings, intake, secret, pem.read_bytes() if pem.exists() else b"")


def try_keys(file: Path) -> None:
    """Whether a Swift store lets us in with the keys in ``file``. Changes nothing there. EvidenceError."""
    keys = read_keys(file)
    tried = SwiftObjects(session(keys), keys.container, keys.segment_bytes, "", lambda: False)
    try:
        tried.knock()
    except PortFault as error:
        raise EvidenceError(str(error)) from error
    finally:
        tried.close()


def keep_in(destination: Destination, file: Path, new_name: Callable[[], str]) -> SwiftKeys:
    """New objects go into the Swift store whose keys are in ``file`` from the next start on; or the one that has them
    gets other keys. EvidenceError if it does not let us in, or has not what it should; then nothing has changed."""
    keys = read_keys(file)
    tried = _swift_objects(keys, destination.store.catalogue, new_name, destination.folder)
    try:
        trouble = tried.look()
    finally:
        tried.close()
    if trouble:
        raise EvidenceError(trouble)
    _write_private(destination.folder / KEYS_NAME, file.read_bytes())
    return keys


def connection(destination: Destination, port: int, is_encrypted: bool = True) -> ConnectionFile:
    """What a controller needs to deliver here. ``is_encrypted``: over HTTPS; off is for development alone."""
    settings = destination.settings
    scheme = "https" if is_encrypted else "http"
    public_key = _public_key(settings.public_key)
    return ConnectionFile(
        site=settings.site,
        application=APPLICATION,
        application_version=VERSION,
        auth_uris=tuple(f"{scheme}://{_in_url(host)}:{port}/auth/v1.0" for host in settings.hosts),
        user=settings.account,
        key=destination.secret,
        certificates=(destination.certificate.read_bytes(),) if is_encrypted else (),
        container_type=settings.container_type,
        has_full_support=settings.full_support,
        wants_encryption=bool(public_key),
        public_key=public_key,
        public_key_id=hashlib.sha256(public_key).hexdigest()[:PUBLIC_ID_CHARACTERS] if public_key else "",
    )


def connection_text(destination: Destination, port: int, is_encrypted: bool = True) -> bytes:
    """The same as a file."""
    return connection_file.write(connection(destination, port, is_encrypted))


def keep_rows_in(folder: Path, file: Path) -> None:
    """The catalogue of a destination that has none yet is in the database whose URL is in ``file``. EvidenceError if it
    cannot be used; then nothing has changed."""
    _write_private(folder / DATABASE_NAME, try_database(file).encode() + b"\n")


def try_database(file: Path) -> str:
    """The URL in ``file``, of a database in which the catalogue is or can be. EvidenceError."""
    url = _database_url(file)
    if not url:
        raise EvidenceError(f"{file}: is not there, or empty: name a file with the URL of a database")
    Catalogue("", url).close()
    return url


def _require_nothing_kept(folder: Path) -> None:
    """EvidenceError where an empty catalogue would know nothing of what lies here: all of it would be nobody's. (A
    Swift container knows by itself whose it is.)"""
    kept = (path for place in (OBJECTS, QUARANTINE) for path in (folder / place).glob("*/*"))
    if next(kept, None) is not None:
        raise EvidenceError(
            f"{folder}: has objects and neither {CATALOGUE_NAME} nor {DATABASE_NAME}: restore it from a backup"
        )


def _database_url(file: Path) -> str:
    """Of the server that has the catalogue; empty if there is none."""
    try:
        return file.read_text(encoding="utf-8")[:URL_CHARACTERS_MAX].strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{file}: cannot be read: it must hold the URL of a database") from error


def _swift_objects(keys: SwiftKeys, catalogue: Catalogue, new_name: Callable[[], str], folder: Path) -> SwiftObjects:
    with catalogue.change():
        identity = catalogue.fact(IDENTITY_FACT) or new_name()
        catalogue.keep_fact(IDENTITY_FACT, identity)

    def may_claim() -> bool:
        return not catalogue.has_between(SWIFT_FIRST, SWIFT_LAST)

    holder = holder_word(identity, folder)
    return SwiftObjects(session(keys), keys.container, keys.segment_bytes, identity, may_claim, holder)


def _public_key(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        pem = path.read_bytes()
        load_pem_public_key(pem)
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path}: is no public key in PEM form: name the file openssl wrote") from error
    return pem


def _read_secret(folder: Path) -> str:
    path = folder / SECRET_NAME
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path}: cannot be read: restore it, or make the destination anew") from error
    if not 0 < len(secret) <= 64:
        raise EvidenceError(f"{path}: must hold 1 to 64 characters: restore it")
    return secret


def _write_private(path: Path, data: bytes) -> None:
    """In place of what was there, whole, for the owner's eyes."""
    partial = path.with_suffix(path.suffix + ".new")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
