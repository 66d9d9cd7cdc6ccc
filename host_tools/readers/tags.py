"""Tags: one canonical form of their numbers, and what is wrong with some of them.

Law: pure. The canonical form is the bytes as they go over the air, first byte first, with technology and bit count;
its text is upper-case hexadecimal. Readers differ in byte order, radix and length: what a reader's own settings do to
a number is undone where it is read, never guessed later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from host_tools.hardware.badge_numbers import ISO14443A as ISO14443A
from host_tools.hardware.badge_numbers import KEYED as KEYED
from host_tools.hardware.badge_numbers import fault_of, turned_round, turned_text
from host_tools.readers.errors import TagRefused

UID_BYTES_MAX = 16  # the longest that a TWN4 is asked for; ISO 14443 knows 10, ISO 15693 8
EM4100 = "em4100"
EM4100_BYTES = 5  # a version and a number of four

# Tag types of a TWN4 (Simple Protocol DocRev17) -> technology.
TWN4_TECHNOLOGIES = {
    0x40: EM4100, 0x41: "hitag1s", 0x42: "hitag2", 0x43: "em4150", 0x44: "t55x7", 0x45: "iso-fdx-b", 0x48: "em4305",
    0x49: "hid-prox", 0x4A: "tiris-hdx", 0x4B: "cotag", 0x4C: "ioprox", 0x4D: "indala", 0x4E: "nexwatch", 0x4F: "awid",
    0x50: "g-prox", 0x51: "pyramid", 0x52: "keri", 0x53: "deister", 0x54: "cardax", 0x55: "nedap", 0x56: "pac",
    0x57: "idteck", 0x58: "ultraprox", 0x59: "ict", 0x5A: "isonas", 0x80: ISO14443A, 0x81: "iso14443b",
    0x82: "iso15693", 0x83: "legic", 0x84: "iclass", 0x85: "felica", 0x86: "srx", 0x87: "nfc-p2p", 0x88: "ble",
    0x89: "topaz", 0x8A: "cts",
}  # fmt: skip
LOW_FREQUENCY = frozenset(name for number, name in TWN4_TECHNOLOGIES.items() if number < 0x80)
_TEXT = re.compile(r"[0-9A-F]{2,32}")


class Tag(NamedTuple):
    """``technology``: a word of TWN4_TECHNOLOGIES, or KEYED; ``bit_count``: of the number as it was read."""

    technology: str
    bit_count: int
    uid: bytes

    @property
    def text(self) -> str:
        """The number as it is stored and shown."""
        return self.uid.hex().upper()


def parse_uid(text: str) -> bytes:
    """A number out of a file or a form: hexadecimal, with or without separators. TagRefused for anything else."""
    plain = re.sub(r"[\s:.-]", "", text).upper()
    if not _TEXT.fullmatch(plain) or len(plain) % 2:
        raise TagRefused(f"{text[:40]!r} is no badge number; write it in hexadecimal, for example 04A1B2C3D4E5F6")
    return bytes.fromhex(plain)


def check_for_pairing(tag: Tag, known: Iterable[str] = ()) -> None:
    """Whether a tag may be paired with a wearer; ``known``: texts of those that are paired already. TagRefused. The
    domain asks the same of whatever comes in another way."""
    fault = fault_of(tag.uid, tag.technology)
    if fault:
        raise TagRefused(fault.text)
    turned = turned_round(tag.uid).hex().upper()
    if turned and turned in known and tag.text not in known:
        raise TagRefused(turned_text(tag.uid))


def em4100_printed(uid: bytes) -> str:
    """What is printed on an EM4100 badge, ``0007625328 116,23152``: the low 32 bits, then those as 16 bits twice."""
    if len(uid) != EM4100_BYTES:
        raise TagRefused(f"an EM4100 number has {EM4100_BYTES} bytes, not {len(uid)}")
    number = int.from_bytes(uid[1:], "big")
    return f"{number:010d} {number >> 16 & 0xFF:03d},{number & 0xFFFF:05d}"
