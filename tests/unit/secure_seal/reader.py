"""A reader of sealed and signed recordings by somebody who had ``docs/formats.md`` and nothing of our code.

Uses ``cryptography``'s primitives and the standard library only. HPKE and X-Wing are done by hand from their own texts
(RFC 9180, draft-connolly-cfrg-xwing-kem), so that the vectors hold for any implementation of them.
"""

import hmac
import json
import struct
import zlib
from hashlib import sha3_256, sha256, shake_256
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

XWING_LABEL = rb"\.//^\ "[:-1]
HPKE_NUMBERS = bytes.fromhex("647a00010002")


def public_key(seed: bytes) -> bytes:
    """ "Sealing keys": the public key that belongs to a seed."""
    kem, curve = _private(seed)
    return kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def decapsulate(seed: bytes, encapsulation: bytes) -> bytes:
    """X-Wing: the shared secret."""
    kem, curve = _private(seed)
    first, second = encapsulation[:1088], encapsulation[1088:]
    shared = curve.exchange(x25519.X25519PublicKey.from_public_bytes(second))
    own = curve.public_key().public_bytes_raw()
    return sha3_256(kem.decapsulate(first) + shared + second + own + XWING_LABEL).digest()


def recording_key(seed: bytes, wrapped: bytes, recording: bytes, suite: str) -> bytes:
    """ "Wrapped key": the key of a recording."""
    assert wrapped[:6] == b"OBWK\x01\x00"
    assert wrapped[6:12] == HPKE_NUMBERS
    key_id, encapsulation, ciphertext = wrapped[12:44], wrapped[44:1164], wrapped[1164:1212]
    assert len(wrapped) == 1212
    assert key_id == sha256(public_key(seed)).digest()
    info = b"openbwc-recording-key-1\x00" + recording + key_id + suite.encode()
    key, nonce = _key_schedule(decapsulate(seed, encapsulation), info)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def open_chunk(key: bytes, recording: bytes, index: int, sealed: bytes) -> tuple[bytes, bool]:
    """ "Sealed chunk": the plaintext, and whether it ends its fragment."""
    magic, version, suite, flags, zero, named, numbered, length = struct.unpack("<4sBBBB16sII", sealed[:32])
    assert (magic, version, suite, zero) == (b"OBWC", 1, 1, 0)
    assert flags in (0, 1)
    assert (named, numbered, len(sealed)) == (recording, index, 32 + length + 16)
    return AESGCM(key).decrypt(struct.pack("<IQ", 0, index), sealed[32:], sealed[:32]), flags == 1


def open_private(key: bytes, recording: bytes, private: bytes) -> dict[str, Any]:
    """ "Private part": who wore the camera."""
    padded = AESGCM(key).decrypt(struct.pack("<IQ", 1, 0), private, b"openbwc-private-1\x00" + recording)
    found = json.loads(_unpadded(padded))
    assert found.pop("format") == "openbwc-private"
    assert found.pop("schema") == 1
    return found


def open_places(key: bytes, recording: bytes, fragment: int, sealed: bytes) -> list[tuple[int, ...]]:
    """ "Track": the places of a fragment."""
    block = AESGCM(key).decrypt(struct.pack("<IQ", 2, fragment), sealed, b"openbwc-places-1\x00" + recording)
    return list(struct.iter_unpack("<IQiiHBB", block))


def read_signed(document: bytes, root: bytes) -> dict[str, Any]:
    """ "Signed manifest": the manifest, its signature and its signer's certificate verified up to ``root``."""
    first, second, rest = document.split(b"\n")
    assert rest == b""
    signature = json.loads(second)
    assert (signature["format"], signature["schema"]) == ("openbwc-manifest-signature", 1)
    assert signature["suite"] == "ecdsa-p256-sha256"
    chain = [bytes.fromhex(der) for der in signature["certificates"]] + [root]
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    for one, issuer in pairwise(certificates):
        one.verify_directly_issued_by(issuer)
    signed = b"openbwc-manifest-1\x00" + sha256(first).digest() + sha256(chain[0]).digest()
    _verify(certificates[0].public_key(), signed, bytes.fromhex(signature["signature"]))
    return json.loads(first)


def read_authorisation(document: bytes, controller: bytes) -> dict[str, Any]:
    """ "Erase authorisation": what is authorised. ``controller``: its public key, an uncompressed point."""
    found = json.loads(document)
    assert (found["format"], found["suite"]) == ("openbwc-erase", "ecdsa-p256-sha256")
    inner = json.dumps(found["authorisation"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), controller)
    _verify(key, b"openbwc-erase-authorisation-1\x00" + inner, bytes.fromhex(found["signature"]))
    return found["authorisation"]


def open_file(device_key: bytes, name: str, sealed: bytes) -> bytes:
    """ "Sealed file": what a camera keeps for itself."""
    assert sealed[:8] == b"OBWD\x01\x00\x00\x00"
    key = _expand(_extract(bytes(32), device_key), b"openbwc-device-file-1\x00", 32)
    return _unpadded(AESGCM(key).decrypt(sealed[8:20], sealed[20:], sealed[:8] + name.encode()))


def read_line(line: bytes) -> dict[str, Any]:
    """ "Checked line": the document of a header."""
    assert line[:9] == b"%08x " % zlib.crc32(line[9:-1])
    assert line.endswith(b"\n")
    return json.loads(line[9:-1])


def marked_lines(board_secret: bytes, recording: bytes, lines: list[bytes]) -> list[dict[str, Any]]:
    """ "Marks": header and journal of a recording, each line's mark checked."""
    key = _expand(_extract(bytes(32), board_secret), b"openbwc-device-marks-1\x00", 32)
    last = sha256(b"openbwc-marks-1\x00" + recording).digest()
    found = [read_line(line) for line in lines]
    for fields in found:
        written = bytes.fromhex(fields.pop("mark"))
        line = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        last = hmac.digest(key, last + line, "sha256")
        assert last == written
    return found


def read_recording(document: bytes, chunks: bytes, root: bytes, seed: bytes) -> tuple[dict[str, Any], bytes]:
    """ "What a reader of another make does": manifest, private part put back, and content."""
    manifest = read_signed(document, root)
    assert manifest["suite"] == "aes-256-gcm"
    recording = bytes.fromhex(manifest["recording"])
    ours = sha256(public_key(seed)).digest()
    (wrapped,) = [key for key in map(bytes.fromhex, manifest["wrapped_keys"]) if key[12:44] == ours]
    key = recording_key(seed, wrapped, recording, manifest["suite"])
    content, index = bytearray(), 0
    for _, first, count, *_, length, digest in manifest["fragments"]:
        plain = bytearray()
        for number in range(first, first + count):
            offset, size, sealed_sha256 = manifest["chunks"][number]
            sealed = chunks[offset : offset + size]
            assert sha256(sealed).hexdigest() == sealed_sha256
            piece, last = open_chunk(key, recording, number, sealed)
            assert (number, last) == (index, number == first + count - 1)
            plain += piece
            index += 1
        assert (len(plain), sha256(plain).hexdigest()) == (length, digest)
        content += plain
    assert index == len(manifest["chunks"])
    assert (len(content), sha256(content).hexdigest()) == (manifest["content_bytes"], manifest["content_sha256"])
    manifest.update(open_private(key, recording, bytes.fromhex(manifest["private"])))
    return manifest, bytes(content)


def _private(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    expanded = shake_256(seed).digest(96)
    kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    return kem, x25519.X25519PrivateKey.from_private_bytes(expanded[64:])


def _key_schedule(secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """RFC 9180, 5.1: base mode, no PSK. The first nonce is the base nonce itself."""
    context = b"\x00" + _labeled_extract(b"", b"psk_id_hash", b"") + _labeled_extract(b"", b"info_hash", info)
    pseudorandom = _labeled_extract(secret, b"secret", b"")
    return _labeled_expand(pseudorandom, b"key", context, 32), _labeled_expand(pseudorandom, b"base_nonce", context, 12)


def _labeled_extract(salt: bytes, label: bytes, material: bytes) -> bytes:
    return _extract(salt, b"HPKE-v1" + b"HPKE" + HPKE_NUMBERS + label + material)


def _labeled_expand(pseudorandom: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = struct.pack(">H", length) + b"HPKE-v1" + b"HPKE" + HPKE_NUMBERS + label + info
    return _expand(pseudorandom, labeled, length)


def _extract(salt: bytes, material: bytes) -> bytes:
    """RFC 5869."""
    return hmac.digest(salt or bytes(32), material, "sha256")


def _expand(pseudorandom: bytes, info: bytes, length: int) -> bytes:
    assert length <= 32
    return hmac.digest(pseudorandom, info + b"\x01", "sha256")[:length]


def _unpadded(padded: bytes) -> bytes:
    assert len(padded) % 256 == 0
    data, _, zeros = padded.rpartition(b"\x80")
    assert not zeros.strip(b"\x00")
    assert len(zeros) < 256
    return data


def _verify(key: object, signed: bytes, signature: bytes) -> None:
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
