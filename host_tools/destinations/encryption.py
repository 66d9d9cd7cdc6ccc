"""End-to-end content encryption as the public API has it: AES-256-CBC under a key of each object, the key wrapped with
RSA-OAEP for the destination's private key, beside the object as ``<name without end>.key``.

Law: a wrapper around a destination; clips and location tracks are encrypted, bookmarks are not. Randomness is an
argument. The algorithms are the API's (readers that exist can do no others): CBC has no authentication tag, and OAEP is
with SHA-1. What proves that bytes are unchanged is the manifest's digest and the ledger, not this.
"""

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from host_tools.custody.blocking import Buffer, RunBlocking
from host_tools.destinations.interface import Destination, DestinationRefused, Metadata, Receipt, Source
from host_tools.destinations.receiving import Intake, reading
from host_tools.destinations.wrappers import Wrapper

KEY_BYTES = 32
IV_BYTES = 16
BLOCK_BYTES = 16
KEY_OBJECT_BYTES_MAX = 16_384
KEY_END = ".key"
ENCRYPTED_ENDS = (".mp4", ".mkv", "_gpstrail.json")

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class StoredReceipt(Receipt):
    """Of an object that is stored otherwise than it was given: ``sha256`` and ``length_bytes`` are of what was given;
    ``etag``, ``stored_sha256``, ``stored_bytes`` and ``stored_name`` of what the destination has."""

    stored_name: str = ""
    stored_sha256: str = ""
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ContentKey:
    """Of one object."""

    key: bytes = field(repr=False)
    iv: bytes


class Encrypting(Wrapper):
    """``public_key``: PEM, of the connection file; ``entropy``: random bytes, as many as asked for."""

    def __init__(
        self, inner: Destination, public_key: bytes, public_key_id: str, entropy: Entropy, run_blocking: RunBlocking
    ) -> None:
        super().__init__(inner)
        self._public_key = public_key
        self._public_key_id = public_key_id
        self._entropy = entropy
        self._run_blocking = run_blocking

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination: the object encrypted, then its key."""
        if not name.endswith(ENCRYPTED_ENDS):
            return await self._inner.put_object(container, name, source, length_bytes, metadata)
        key = ContentKey(self._entropy(KEY_BYTES), self._entropy(IV_BYTES))
        sealed = _Encrypted(source, name, length_bytes, key, self._run_blocking)
        stored = await self._inner.put_object(container, name, sealed, encrypted_bytes(length_bytes), metadata)
        text = key_object(key, self._public_key, self._public_key_id)
        about = {"StartTime": metadata["StartTime"]} if "StartTime" in metadata else {}
        await self._inner.put_object(container, key_name(name), _Whole(text), len(text), {**about, "FileType": "key"})
        given = sealed.receipt()
        return StoredReceipt(stored.etag, given.sha256, given.length_bytes, name, stored.sha256, stored.length_bytes)


def encrypted_bytes(length_bytes: int) -> int:
    """Length of an object when it is encrypted: padded to a whole block, by one at least."""
    return (length_bytes // BLOCK_BYTES + 1) * BLOCK_BYTES


def key_name(name: str) -> str:
    """``20190101_090909_7CF7.mp4`` has its key in ``20190101_090909_7CF7.key``."""
    return name.rpartition(".")[0] + KEY_END


def key_object(key: ContentKey, public_key: bytes, public_key_id: str) -> bytes:
    """The wrapped key: an attribute a line, since readers exist that go by lines. The names are those of Azure
    Storage's client-side encryption, version 1, of which the API names two."""
    wrapped = _rsa(public_key).encrypt(key.key, _oaep())
    document = {
        "WrappedContentKey": {
            "KeyId": public_key_id,
            "EncryptedKey": base64.b64encode(wrapped).decode(),
            "Algorithm": "RSA-OAEP",
        },
        "EncryptionAgent": {"Protocol": "1.0", "EncryptionAlgorithm": "AES_CBC_256"},
        "ContentEncryptionIV": base64.b64encode(key.iv).decode(),
        "PublicKeyId": public_key_id,
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def unwrap(text: bytes, private_key: RSAPrivateKey) -> ContentKey:
    """The key in a key object, its names flat or nested. ValueError if it is none, or for another private key."""
    if len(text) > KEY_OBJECT_BYTES_MAX:
        raise ValueError("the key object is too long to be one")
    found = _flat(json.loads(text))
    try:
        wrapped, iv = base64.b64decode(found["EncryptedKey"]), base64.b64decode(found["ContentEncryptionIV"])
    except KeyError as missing:
        raise ValueError(f"the key object lacks {missing.args[0]}") from missing
    key = private_key.decrypt(wrapped, _oaep())
    if len(key) != KEY_BYTES or len(iv) != IV_BYTES:
        raise ValueError("the key object holds a key of another length")
    return ContentKey(key, iv)


class Decryptor:
    """Plain bytes of an encrypted object, piece by piece: ``feed`` each, then ``end``."""

    def __init__(self, key: ContentKey) -> None:
        self._cipher = Cipher(algorithms.AES(key.key), modes.CBC(key.iv)).decryptor()
        self._unpadder = PKCS7(BLOCK_BYTES * 8).unpadder()

    def feed(self, piece: Buffer) -> bytes:
        """What has become plain."""
        return self._unpadder.update(self._cipher.update(piece))

    def end(self) -> bytes:
        """The rest. ValueError if it does not end as an encrypted object does."""
        return self._unpadder.update(self._cipher.finalize()) + self._unpadder.finalize()


class _Encrypted:
    """A source, encrypted as it passes; each start gives the same bytes."""

    def __init__(
        self, source: Source, name: str, length_bytes: int, key: ContentKey, run_blocking: RunBlocking
    ) -> None:
        self._source = source
        self._name = name
        self._length_bytes = length_bytes
        self._key = key
        self._run_blocking = run_blocking
        self._intake = Intake(name, length_bytes)

    def receipt(self) -> Receipt:
        """What was given, of the last start. SourceMismatch."""
        return self._intake.receipt()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        intake = self._intake = Intake(self._name, self._length_bytes)
        cipher = Cipher(algorithms.AES(self._key.key), modes.CBC(self._key.iv)).encryptor()
        padder = PKCS7(BLOCK_BYTES * 8).padder()

        def encrypt(piece: Buffer) -> bytes:
            intake.feed(piece)
            return cipher.update(padder.update(piece))

        async with reading(self._source) as pieces:
            async for piece in pieces:
                sealed = await self._run_blocking(partial(encrypt, piece))
                if sealed:
                    yield sealed
        intake.receipt()
        yield cipher.update(padder.finalize()) + cipher.finalize()


class _Whole:
    """A short text as a source."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._text


def _rsa(pem: bytes) -> RSAPublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey):
        raise DestinationRefused("PublicKey: is no RSA key: issue another connection file")
    return key


def _oaep() -> rsa_padding.OAEP:
    # SHA-1, as `openssl rsautl -oaep` has it and readers expect it; OAEP does not rest on collision resistance.
    sha1 = hashes.SHA1()  # noqa: S303 - as the API has it; OAEP does not rest on collisions
    return rsa_padding.OAEP(mgf=rsa_padding.MGF1(sha1), algorithm=sha1, label=None)


def _flat(document: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in cast("dict[str, Any]", document).items() if isinstance(document, dict) else ():
        if isinstance(value, dict):
            found.update(_flat(value))
        elif isinstance(value, str):
            found[key] = value
    return found
