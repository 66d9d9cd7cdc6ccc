"""Numbers of badges that name nobody, whoever asks: readers while they pair, and whoever keeps whose badge is whose.

Law: pure; the number as it goes over the air, first byte first. What is known of the technology is a word, empty where
a number was typed or came out of a file: then what would be wrong with the commonest one counts.
"""

from __future__ import annotations

from typing import NamedTuple

ISO14443A = "iso14443a"
KEYED = "keyed"  # typed by a reader that acts as a keyboard: nobody knows what it read
ISO14443A_SIZES = (4, 7, 10)
CASCADE_TAG = 0x88  # only inside anticollision (ISO 14443-3, 6.5.4); in front of a number the reader leaked it
RANDOM_FIRST_BYTE = 0x08  # of a four-byte number that is drawn anew for every reading (ISO 14443-3, table 9)
TURNED_BYTES_MIN = 4  # shorter ones are no badge's, and are their own reverse too often


class Fault(NamedTuple):
    """``code``: for whoever says it in another language; ``text``: in one line of English."""

    code: str
    text: str


def fault_of(uid: bytes, technology: str = "") -> Fault | None:
    """Why a number cannot be somebody's badge; None if it can."""
    shown = uid.hex().upper()
    if technology not in (ISO14443A, KEYED, ""):
        return None
    if technology == ISO14443A and len(uid) not in ISO14443A_SIZES:
        text = f"badge {shown} has {len(uid)} bytes, no number of ISO 14443 A: set the reader to whole numbers"
        return Fault("badge_too_short", text)
    other_way = "" if technology == ISO14443A else ", or pair it at a reader that knows what it is"
    if uid[0] == CASCADE_TAG and len(uid) in ISO14443A_SIZES:
        text = f"badge {shown} begins with the cascade tag: the reader cut its number; set it to whole numbers"
        return Fault("badge_cut", text + other_way)
    if len(uid) == 4 and uid[0] == RANDOM_FIRST_BYTE:
        text = f"badge {shown} draws another number each time (a phone, as a rule): use another badge{other_way}"
        return Fault("badge_changing", text)
    return None


def turned_round(uid: bytes) -> bytes:
    """The same number as a reader tells it that turns bytes round; empty where that says nothing."""
    other = bytes(reversed(uid))
    return other if other != uid and len(uid) >= TURNED_BYTES_MIN else b""


def turned_text(uid: bytes) -> str:
    """What is wrong with a number whose reverse is known already."""
    return (
        f"badge {uid.hex().upper()} is known as {bytes(reversed(uid)).hex().upper()}: this reader turns the bytes "
        "round; set ?bytes=reversed in its URL, or pair all badges anew with this reader"
    )
