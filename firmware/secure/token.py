"""The MAC of pull requests: no session, no data.

The controller draws a token for every session and gives it to the camera inside the secure channel. Every pull frame
then carries HMAC-SHA-256 under that token, cut to 16 bytes, over PREFIX, the session's salt (u32) and the frame's own
fields in the table's order and encoding, all but the MAC. Bulk bytes themselves are sealed and their digests come
from the signed manifest, so nothing else of the bulk channel is protected again.

A MAC says who asks, not when: a pull that is repeated within its session is answered again, which gives whoever
listens nothing that was not on the wire before. The salt and the token keep it out of every other session.
"""

import hmac
import struct
from hashlib import sha256
from typing import Any

from firmware.link import codec
from firmware.ports.entropy import Entropy

TOKEN_BYTES = 32
MAC_BYTES = 16  # 128 bits (RFC 2104, 5: not less than half of the hash): 2^64 tries at 1 MHz are 580 000 years
PREFIX = b"openbwc-pull-1\x00"

_ROWS = tuple(row for row in codec.FRAME_BY_NAME["pull"][3] if row[0] != "mac")


class PullToken:
    """One session's token. ``salt``: the session's, as the link seeds its header checks with it."""

    def __init__(self, token: bytes, salt: int) -> None:
        if len(token) != TOKEN_BYTES:
            raise ValueError(f"a token of {len(token)} bytes instead of {TOKEN_BYTES}")
        self._keyed = hmac.new(token, PREFIX + struct.pack("<I", salt), sha256)

    def mac(self, values: "dict[str, Any]") -> bytes:
        """The MAC of a pull frame's fields; a field ``mac`` among them counts for nothing."""
        keyed = self._keyed.copy()
        keyed.update(codec.pack(_ROWS, {row[0]: values[row[0]] for row in _ROWS}))
        return keyed.digest()[:MAC_BYTES]

    def holds(self, values: "dict[str, Any]") -> bool:
        """Whether a pull frame's own MAC is right. Takes as long for a wrong one as for a right one."""
        return hmac.compare_digest(self.mac(values), bytes(values["mac"]))


def new_token(entropy: Entropy) -> bytes:
    """A token for one session."""
    return entropy.random_bytes(TOKEN_BYTES)
