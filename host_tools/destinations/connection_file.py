"""The connection file: all that a controller must be told of a destination, in one JSON document of at most 64 kB.

Law: pure. Read as liberally as files of other makers demand (empty texts for what is off, unknown keys), written as
strictly as the public description says. It holds a secret in the clear: whoever uploads it is told to delete it.
Errors name the key and what it may be.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from host_tools.destinations.interface import DestinationError

FILE_BYTES_MAX = 64_000  # the API's limit
VERSION = "1.0"
BLOB_API = "Swift 1.0"
LIST_MAX = 10  # URIs, certificates
URI_CHARACTERS_MAX = 512
CERTIFICATE_CHARACTERS_MAX = 16_384
PUBLIC_KEY_CHARACTERS_MAX = 2_048
RSA_BITS_MIN = 1024  # the public example takes these; it makes 2048 itself
DEFAULT_CONTAINER_TYPE = "mkv"
CONTAINER_TYPES = ("mkv", "mp4")

_TEXT_LIMITS = {
    "SiteName": 64,
    "ApplicationName": 256,
    "ApplicationVersion": 128,
    "BlobAPIUserName": 64,
    "BlobAPIKey": 64,
    "PublicKeyId": 128,
}
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class ConnectionFileError(DestinationError):
    """The file cannot be used; one line with the key and the remedy."""


@dataclass(frozen=True, slots=True)
class ConnectionFile:
    """``certificates``: PEM, to be trusted and nothing else; empty: none is pinned. ``public_key``: PEM, of content
    encryption; empty: off."""

    site: str
    application: str
    application_version: str
    auth_uris: tuple[str, ...]
    user: str
    key: str = field(repr=False)
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    container_type: str = DEFAULT_CONTAINER_TYPE
    is_time_server: bool = False
    has_full_support: bool = False
    wants_encryption: bool = False
    public_key: bytes = field(default=b"", repr=False)
    public_key_id: str = ""
    version: str = VERSION


def parse(data: bytes) -> ConnectionFile:
    """The file's content. ConnectionFileError."""
    document = _document(data)
    wants_encryption = _flag(document, "WantEncryption", False)
    certificates = tuple(
        _certificate(text) for text in _texts(document, "HTTPSCertificate", CERTIFICATE_CHARACTERS_MAX)
    )
    return ConnectionFile(
        site=_text(document, "SiteName"),
        application=_text(document, "ApplicationName"),
        application_version=_text(document, "ApplicationVersion"),
        auth_uris=_auth_uris(document, bool(certificates)),
        user=_text(document, "BlobAPIUserName"),
        key=_text(document, "BlobAPIKey"),
        certificates=certificates,
        container_type=_container_type(document),
        is_time_server=_flag(document, "ContentDestinationAsNTPServer", None),
        has_full_support=_flag(document, "FullStoreAndReadSupport", False),
        wants_encryption=wants_encryption,
        public_key=_public_key(document) if wants_encryption else b"",
        public_key_id=_text(document, "PublicKeyId") if wants_encryption else "",
        version=_version(document),
    )


def write(connection: ConnectionFile) -> bytes:
    """The file. What is off is left out, as the public description says. ConnectionFileError if it is none."""
    document: dict[str, Any] = {
        "ConnectionFileVersion": connection.version,
        "SiteName": connection.site,
        "ApplicationName": connection.application,
        "ApplicationVersion": connection.application_version,
        "ContentDestinationAsNTPServer": connection.is_time_server,
        "AuthenticationTokenURI": list(connection.auth_uris),
        "BlobAPI": BLOB_API,
        "BlobAPIUserName": connection.user,
        "BlobAPIKey": connection.key,
        "ContainerType": connection.container_type,
        "FullStoreAndReadSupport": connection.has_full_support,
        "WantEncryption": connection.wants_encryption,
    }
    if connection.certificates:
        document["HTTPSCertificate"] = [base64.b64encode(pem).decode() for pem in connection.certificates]
    if connection.wants_encryption:
        document["PublicKey"] = base64.b64encode(connection.public_key).decode()
        document["PublicKeyId"] = connection.public_key_id
    data = json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
    parse(data)
    return data


def check_change(known: ConnectionFile, new: ConnectionFile) -> None:
    """ConnectionFileError unless ``new`` may take the place of ``known``. Whether it is the same destination is not in
    the file: the System object tells (``identity``)."""
    if new.container_type != known.container_type:
        raise ConnectionFileError(
            f"ContainerType: was {known.container_type} and cannot become {new.container_type}: "
            "issue the file with the old one, or reset the system"
        )
    for key, was, will_be in (
        ("WantEncryption", known.wants_encryption, new.wants_encryption),
        ("FullStoreAndReadSupport", known.has_full_support, new.has_full_support),
    ):
        if was and not will_be:
            raise ConnectionFileError(f"{key}: was on and cannot be turned off: issue the file with it on")


def _document(data: bytes) -> Mapping[str, Any]:
    if len(data) > FILE_BYTES_MAX:
        raise ConnectionFileError(f"{len(data)} bytes are too many for a connection file: at most {FILE_BYTES_MAX}")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConnectionFileError(
            "this is no connection file (no JSON): choose the file the destination issued"
        ) from error
    if not isinstance(document, dict):
        raise ConnectionFileError("this is no connection file (no object): choose the file the destination issued")
    return cast("dict[str, Any]", document)


def _version(document: Mapping[str, Any]) -> str:
    version = document.get("ConnectionFileVersion")
    if not isinstance(version, str) or version.split(".")[0] != VERSION.split(".")[0]:
        raise ConnectionFileError(
            f"ConnectionFileVersion: {version!r:.40} is not known, {VERSION} is: issue another file"
        )
    return version[:64]


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    limit = _TEXT_LIMITS[key]
    if not isinstance(value, str) or not value or len(value) > limit or not value.isprintable():
        raise ConnectionFileError(f"{key}: must be a text of 1 to {limit} characters: issue another connection file")
    return value


def _flag(document: Mapping[str, Any], key: str, default: bool | None) -> bool:
    value = document.get(key, default)
    if not isinstance(value, bool):
        raise ConnectionFileError(f"{key}: must be true or false: issue another connection file")
    return value


def _texts(document: Mapping[str, Any], key: str, characters_max: int) -> tuple[str, ...]:
    """A list of texts; a lone text stands for a list of one, empty ones for none."""
    value = document.get(key) or ()
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or len(cast("list[Any]", found)) > LIST_MAX:
        raise ConnectionFileError(f"{key}: must be a list of at most {LIST_MAX}: issue another connection file")
    texts: list[str] = []
    for text in cast("list[Any]", found):
        if not isinstance(text, str) or len(text) > characters_max:
            raise ConnectionFileError(
                f"{key}: each must be a text of at most {characters_max} characters: issue another"
            )
        if text:
            texts.append(text)
    return tuple(texts)


def _auth_uris(document: Mapping[str, Any], is_pinned: bool) -> tuple[str, ...]:
    uris = _texts(document, "AuthenticationTokenURI", URI_CHARACTERS_MAX)
    if not uris:
        raise ConnectionFileError("AuthenticationTokenURI: names no address: issue another connection file")
    for uri in uris:
        scheme = _scheme(uri)
        if scheme not in ("http", "https") or (is_pinned and scheme != "https"):
            raise ConnectionFileError(
                f"AuthenticationTokenURI: {uri!r:.100} is not an {'https' if is_pinned else 'https or http'} address: "
                "issue another connection file"
            )
    return uris


def _scheme(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return ""
    return parts.scheme if parts.hostname and uri.isascii() and uri.isprintable() else ""


def _container_type(document: Mapping[str, Any]) -> str:
    value = document.get("ContainerType") or DEFAULT_CONTAINER_TYPE
    if value not in CONTAINER_TYPES:
        raise ConnectionFileError(f"ContainerType: {value!r:.40} is neither mkv nor mp4: issue another connection file")
    return str(value)


def _certificate(text: str) -> bytes:
    """PEM of one certificate or several: from base64 of PEM text, as the description says, or of DER, or PEM itself."""
    data = text.encode(errors="replace") if "-----BEGIN" in text else _base64("HTTPSCertificate", text)
    try:
        if b"-----BEGIN" not in data:
            data = _as_pem(data)
        for block in _PEM.findall(data) or [data]:
            x509.load_pem_x509_certificate(block)
    except ValueError as error:
        raise ConnectionFileError(
            "HTTPSCertificate: holds no X.509 certificate: issue another connection file"
        ) from error
    return data


def _as_pem(der: bytes) -> bytes:
    x509.load_der_x509_certificate(der)
    lines = base64.encodebytes(der).decode().replace("\n", "")
    body = "\n".join(lines[start : start + 64] for start in range(0, len(lines), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()


def _public_key(document: Mapping[str, Any]) -> bytes:
    text = document.get("PublicKey")
    if not isinstance(text, str) or not text or len(text) > PUBLIC_KEY_CHARACTERS_MAX:
        raise ConnectionFileError("PublicKey: WantEncryption is on, so a key is needed: issue another connection file")
    pem = text.encode(errors="replace") if "-----BEGIN" in text else _base64("PublicKey", text)
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise ConnectionFileError("PublicKey: is no public key in PEM form: issue another connection file") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise ConnectionFileError(f"PublicKey: is no RSA key of at least {RSA_BITS_MIN} bits: issue another")
    return pem


def _base64(key: str, text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConnectionFileError(f"{key}: is no base64: issue another connection file") from error
