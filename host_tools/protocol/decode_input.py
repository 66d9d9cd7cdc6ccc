"""What people paste: frames or lone messages, as bytes or as hexadecimal in any of the usual forms.

Law: pure; text and bytes in, entries out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from host_tools.protocol.decode import MESSAGE, Entry, LineDecoder, decode_message
from host_tools.protocol.decode_control import lone_messages
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST


class InputError(Exception):
    """What was given is no hexadecimal. One line."""


def decode_bytes(data: bytes, direction: str, salt: int | None) -> Iterator[Entry]:
    """Entries of bytes that hold frames, or only messages."""
    heard = lone_messages(data)
    if heard is not None:
        sender = {TO_BOARD: "host", TO_HOST: "board"}.get(direction, "")
        for each in heard:
            name, fields, remark = decode_message(each, sender)
            yield Entry(0, "", direction, MESSAGE, name, each.request, 0, fields, remark)
        return
    decoder = LineDecoder(salt=salt)
    yield from decoder.feed(direction, data)
    yield from decoder.finish()


def bytes_of_hex(text: str) -> bytes:
    """Bytes of hexadecimal as people and tools write it: spaces, colons, commas, 0x, ``\\x``, and lines of ``xxd`` or
    ``hexdump -C``. InputError names what is none."""
    digits: list[str] = []
    dumped = False
    for number, line in enumerate(text.splitlines(), 1):
        dump = _DUMP_LINE.match(line)
        if dumped and _DUMP_END.match(line):
            continue
        dumped = dumped or dump is not None
        body = re.sub(r"0x|\\x|[\s:,;]", "", (dump["xxd"] or dump["hexdump"]) if dump else line)
        if re.search(r"[^0-9a-fA-F]", body) or len(body) % 2:
            raise InputError(f"line {number} of the input is no hexadecimal; --binary takes bytes as they are")
        digits.append(body)
    return bytes.fromhex("".join(digits))


# An address and a colon, groups with one space between them, two spaces, characters; or an address, two spaces, bytes,
# characters between bars. The last line of a dump may be an address alone.
_DUMP_LINE = re.compile(
    r"^\s*[0-9a-f]{4,16}(?::\s+(?P<xxd>[0-9a-f]+(?: [0-9a-f]+)*)(?:  .*)?|\s{2,}(?P<hexdump>[0-9a-f\s]+)(?:\|.*)?)$",
    re.IGNORECASE,
)
_DUMP_END = re.compile(r"^[0-9a-fA-F]{7,16}$")
