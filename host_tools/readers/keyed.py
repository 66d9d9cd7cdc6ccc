"""What a reader types that acts as a keyboard: key by key into numbers, told apart from a person's typing.

Law: pure; keys with times in, tags out. There is no check in what is typed; its length, its characters and the speed
say whether a reader typed it: no person types fourteen keys with less than 50 ms between any two. What was typed long
before and never ended belongs to nothing, and does not spoil the next number.
"""

from __future__ import annotations

import re

from host_tools.readers.tags import KEYED, Tag

KEY_GAP_MS_MAX = 50
LEFT_BEHIND_MS = (
    1_000  # a reader types a number within a tenth of that; what is older waits for an end that never comes
)
KEYS_MAX = 64
_HEXADECIMAL = re.compile(r"(?:[0-9A-F]{2}){4,10}")
_DECIMAL_DIGITS = 10  # of a 32-bit number, as many readers print it
_DECIMAL = re.compile(rf"[0-9]{{{_DECIMAL_DIGITS}}}")


class KeyedNumbers:
    """``radix``: 16, or 10 for readers that type the decimal form of four bytes."""

    def __init__(self, radix: int = 16) -> None:
        self.rejected = 0
        self._radix = radix
        self._keys = ""
        self._last_ms = 0
        self._slow = False

    def key(self, character: str, now_ms: int) -> None:
        """A key that stands for a character."""
        if now_ms - self._last_ms > LEFT_BEHIND_MS:
            self._keys, self._slow = "", False
        if self._keys and now_ms - self._last_ms > KEY_GAP_MS_MAX:
            self._slow = True
        self._last_ms = now_ms
        if len(self._keys) < KEYS_MAX:
            self._keys += character.upper()

    def enter(self, now_ms: int) -> Tag | None:
        """The key that ends a number: the tag, or None if no reader can have typed that."""
        slow = self._slow or (self._keys != "" and now_ms - self._last_ms > KEY_GAP_MS_MAX)
        typed, self._keys, self._slow = self._keys, "", False
        uid = None if slow else self._number(typed)
        if uid is None:
            self.rejected += 1 if typed else 0
            return None
        return Tag(KEYED, 8 * len(uid), uid)

    def _number(self, typed: str) -> bytes | None:
        if self._radix == 16:
            return bytes.fromhex(typed) if _HEXADECIMAL.fullmatch(typed) else None
        if not _DECIMAL.fullmatch(typed) or int(typed) >= 1 << 32:
            return None
        return int(typed).to_bytes(4, "big")
