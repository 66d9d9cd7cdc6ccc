"""Content encryption: what readers of the public API can open."""

import asyncio
import base64
import hashlib
import itertools
import re

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from host_tools.custody.blocking import run_inline
from host_tools.destinations.encryption import (
    ContentKey,
    Decryptor,
    Encrypting,
    StoredReceipt,
    encrypted_bytes,
    key_name,
    unwrap,
)
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.suite import BOX, CLIP, Pieces
from host_tools.destinations.wrappers import Failing, Failure, Retry

PRIVATE = rsa.generate_private_key(65_537, 2048)
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def entropy():
    numbers = itertools.count(1)
    return lambda count: bytes([next(numbers)]) * count


async def no_sleep(_: int) -> None:
    return


def stored(content: bytes, name: str = CLIP, retried: bool = False) -> tuple[MemoryDestination, object]:
    memory = MemoryDestination()

    async def run() -> object:
        inner = memory
        if retried:
            lost = DestinationUnavailable("the cable is out: put it in")
            inner = Retry(Failing(memory, [Failure("put_object", 1, lost, "during", 100)]), no_sleep, lambda: 0.5)
        wrapped = Encrypting(inner, PUBLIC, "key-1", entropy(), run_inline)
        await wrapped.ensure_container(BOX, {})
        return await wrapped.put_object(BOX, name, Pieces(content), len(content), {"StartTime": "1767225600"})

    return memory, asyncio.run(run())


def test_a_key_is_never_written_into_a_log():
    assert bytes(range(32)).hex() not in repr(ContentKey(bytes(range(32)), bytes(16)))
    assert repr(bytes(range(32))) not in repr(ContentKey(bytes(range(32)), bytes(16)))


def read(memory: MemoryDestination, name: str) -> bytes:
    return asyncio.run(memory.read_object(BOX, name))


@pytest.mark.req("DEST-01", "DEST-02")
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 7_919 * 3])
@pytest.mark.parametrize("retried", [False, True])
def test_a_reader_that_goes_by_lines_opens_it(length: int, retried: bool):
    """As the public scripts do: find the line, cut between the quotes, RSA-OAEP with SHA-1, AES-256-CBC, PKCS#7."""
    content = bytes(range(256)) * 100
    content = content[:length]
    memory, receipt = stored(content, retried=retried)
    sealed, lines = read(memory, CLIP), read(memory, key_name(CLIP)).decode().splitlines()

    def cut(word: str) -> bytes:
        (line,) = (line for line in lines if f'"{word}"' in line)
        return base64.b64decode(line.split('"')[3])

    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    key, iv = PRIVATE.decrypt(cut("EncryptedKey"), oaep), cut("ContentEncryptionIV")
    plain = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(sealed)
    assert (len(key), len(iv), len(sealed)) == (32, 16, encrypted_bytes(length))
    assert plain[: -plain[-1]] == content
    assert isinstance(receipt, StoredReceipt)
    assert receipt.sha256 == hashlib.sha256(content).hexdigest()
    assert receipt.stored_sha256 == hashlib.sha256(sealed).hexdigest()
    assert (receipt.length_bytes, receipt.stored_bytes) == (length, len(sealed))


@pytest.mark.req("DEST-01")
def test_our_own_reader_opens_it_and_nobody_else_does():
    content = b"what was said" * 1000
    name = "20260101_000000_7CF7_B8A44F_gpstrail.json"
    memory, _ = stored(content, name)
    sealed, key = read(memory, name), read(memory, name.replace("json", "key"))
    decryptor = Decryptor(unwrap(key, PRIVATE))
    assert decryptor.feed(sealed[:100]) + decryptor.feed(sealed[100:]) + decryptor.end() == content
    with pytest.raises(ValueError, match=r"(?i)decryption failed"):
        unwrap(key, rsa.generate_private_key(65_537, 2048))
    torn = Decryptor(unwrap(key, PRIVATE))
    torn.feed(sealed[:-5])
    with pytest.raises(ValueError, match="block length"):
        torn.end()
    for bad in (b"{}", b"[]", b'{"EncryptedKey":"AA=="}', b"x" * 20_000):
        with pytest.raises(ValueError, match="key object"):
            unwrap(bad, PRIVATE)


def test_a_flat_key_object_is_read_too():
    memory, _ = stored(b"content")
    text = read(memory, key_name(CLIP)).decode()
    found = dict(re.findall(r'"(\w+)": "([^"]*)"', text))
    flat = "{" + ",".join(f'"{name}":"{found[name]}"' for name in ("EncryptedKey", "ContentEncryptionIV")) + "}"
    assert unwrap(flat.encode(), PRIVATE) == unwrap(text.encode(), PRIVATE)


@pytest.mark.req("DEST-01")
def test_bookmarks_are_left_as_they_are_and_every_object_has_its_own_key():
    memory = MemoryDestination()

    async def run() -> None:
        wrapped = Encrypting(memory, PUBLIC, "key-1", entropy(), run_inline)
        await wrapped.ensure_container(BOX, {})
        for name in ("bookmark_20260101T000000Z_1", "a.mp4", "b.mp4"):
            await wrapped.put_object(BOX, name, Pieces(b"text"), 4, {"StartTime": "1767225600"})

    asyncio.run(run())
    container = asyncio.run(memory.read_container(BOX))
    assert container is not None
    assert sorted(container.objects) == ["a.key", "a.mp4", "b.key", "b.mp4", "bookmark_20260101T000000Z_1"]
    assert read(memory, "bookmark_20260101T000000Z_1") == b"text"
    assert read(memory, "a.mp4") != read(memory, "b.mp4")
    assert container.objects["a.key"].metadata == {"StartTime": "1767225600", "FileType": "key"}
