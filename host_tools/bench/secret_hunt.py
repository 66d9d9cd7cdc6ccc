"""Looks for secrets where none may be: in logs, traces, status, captures, whatever a run has left behind.

Law: knows what to look for, not how it came there. A secret is looked for as it is and as people and programs write
bytes down (hexadecimal, base64 at any alignment, Python's and JSON's escapes, percent signs), and in pieces, so that
one that was cut or wrapped shows too. What it reports names the secret and the place, and never the secret.

In a scenario::

    hunt = SecretHunt()
    hunt.add("root's password", password)
    ...                                           # the run, all programs with --debug
    hunt.add_folder(folder)                       # every key file below: people, trust, maker, keystores, OTP
    hunt.must_find_nothing(controller.log, bench_log)
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from firmware.ports.errors import PortFault
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure.certificates_keys import DeviceKeyWrap

PIECE_BYTES = 12  # of a key: 96 bits do not come together by chance, and a line of a hex dump has 16
SECRET_BYTES_MIN = 4  # ``demo`` is the shortest password there is; anything shorter is found everywhere
PEOPLE_KEY = "people.key"
TRUST_FILE = "trust"
MAKER_FILE = "manufacturer"
OTP_FILE = "otp"
KEYSTORE_FOLDER = "keys"
TRUST_BYTES_MAX = 1 << 20
KEY_FILE_BYTES_MAX = 4_096


class SecretLeaked(AssertionError):
    """A secret is where it must not be."""


@dataclass(frozen=True, slots=True)
class Leak:
    """``name`` of the secret, the way it was written, the file and where in it."""

    name: str
    form: str
    path: Path
    offset: int

    def __str__(self) -> str:
        return f"{self.name} ({self.form}) in {self.path} at byte {self.offset}"


class SecretHunt:
    """Gathers secrets, then looks for them."""

    def __init__(self) -> None:
        self._secrets: dict[str, bytes] = {}

    def add(self, name: str, value: str | bytes) -> None:
        """One secret. What is too short to be told from other text is a ValueError."""
        secret = value.encode() if isinstance(value, str) else value
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"{name}: a secret of less than {SECRET_BYTES_MIN} bytes cannot be looked for")
        self._secrets[name] = secret

    def add_folder(self, folder: Path) -> list[str]:
        """Every key that lies in a file below ``folder``; answers their names. Look at them: none is a wrong folder."""
        found = dict(_keys_below(folder))
        for name, secret in found.items():
            self.add(name, secret)
        return sorted(found)

    def leaks(self, *paths: Path) -> Iterator[Leak]:
        """Where they are, file by file."""
        wanted = [(name, form, text) for name, secret in self._secrets.items() for form, text in _forms(secret)]
        for path in paths:
            content = path.read_bytes()
            folded = content.lower()
            for name, form, text in wanted:
                offset = (folded if form == "hexadecimal" else content).find(text)
                if offset >= 0:
                    yield Leak(name, form, path, offset)

    def must_find_nothing(self, *paths: Path) -> None:
        """SecretLeaked names what was found; ValueError if nothing was looked for, or nowhere."""
        if not self._secrets or not paths:
            raise ValueError("a hunt needs secrets and files: add what was used, and name the logs")
        found = list(self.leaks(*paths))
        if found:
            raise SecretLeaked("; ".join(str(leak) for leak in found[:10]))


def _forms(secret: bytes) -> Iterator[tuple[str, bytes]]:
    """Every way in which a secret, or a piece of it, may be written."""
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and text.isprintable():
        yield "as it is", secret
        yield "JSON", json.dumps(text).encode()[1:-1]
        yield "percent signs", urllib.parse.quote(text).encode()
    pieces = [secret[at : at + PIECE_BYTES] for at in range(0, len(secret) - PIECE_BYTES + 1, PIECE_BYTES)]
    for piece in pieces or [secret]:
        if text is None:
            yield "bytes", piece
            yield "Python's bytes", repr(piece)[2:-1].encode()
        yield "hexadecimal", piece.hex().encode()
        yield "hexadecimal", piece.hex(" ").encode()
        yield "hexadecimal", piece.hex(":").encode()
        for text_in_64 in _in_base64(piece):
            yield "base64", text_in_64


def _in_base64(piece: bytes) -> Iterator[bytes]:
    """The characters that only this piece can have made, at each alignment, in both alphabets."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + piece)
        whole = encoded[(0, 2, 3)[before] : (len(bytes(before) + piece) * 8) // 6]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def _keys_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    device_keys = [path.read_bytes() for path in files if path.name == OTP_FILE]
    for path in files:
        name = str(path.relative_to(folder))
        if path.name in (PEOPLE_KEY, OTP_FILE):
            yield name, path.read_bytes()
        elif path.parent.name == KEYSTORE_FOLDER and path.stat().st_size <= KEY_FILE_BYTES_MAX:
            yield name, _unwrapped(path, device_keys)
        elif path.name in (TRUST_FILE, MAKER_FILE) and path.stat().st_size <= TRUST_BYTES_MAX:
            content = path.read_bytes()
            if b'"openbwc-' in content:  # on a USB tree there are files of that name with other things in them
                yield from ((f"{name}: {part}", secret) for part, secret in _in_document(json.loads(content)))


def _unwrapped(path: Path, device_keys: list[bytes]) -> bytes:
    """A key as its board uses it: as it is kept, or unwrapped with the device key that fits."""
    kept = path.read_bytes()
    for device_key in device_keys:
        try:
            return DeviceKeyWrap(device_key, SeededEntropy(0)).unwrap(path.name, kept)
        except PortFault:
            continue  # that of another board
    return kept


def _in_document(document: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """What a trust or maker's file holds in use: every ``key`` of an authority, and the sealing seeds."""
    for name, value in document.items():
        if isinstance(value, dict):
            part = cast("dict[str, Any]", value)
            if isinstance(part.get("key"), str):
                yield f"{name} key", bytes.fromhex(part["key"])
    if isinstance(document.get("key"), str):
        yield "key", bytes.fromhex(document["key"])
    for number, _, seed in document.get("sealing", []):
        yield f"sealing seed {number}", bytes.fromhex(seed)
