"""pcapng files: what was on cables, with time, board and direction, as Wireshark reads it.

Law: knows blocks, options and bytes, nothing of frames. Written by hand because what we need of the format is two
hundred lines (docs/decisions/0004). Format: IETF draft-ietf-opsawg-pcapng. The reader takes either byte order,
any resolution of time and blocks it does not know; it keeps no more than one block in memory.

A board is an interface. Bytes to the board are *outbound*, bytes to the host *inbound*: the host is who captures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

TO_BOARD = "to_board"
TO_HOST = "to_host"

LINKTYPE_USER0 = 147  # reserved for private use: what the dissector registers for
PACKET_BYTES_MAX = 65_536  # Wireshark takes up to 262 144; longer runs of bytes become several packets
BLOCK_BYTES_MAX = 16 << 20  # of files that others wrote; more is no block

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_END, _COMMENT, _HARDWARE, _OS, _APPLICATION = 0, 1, 2, 3, 4  # options of a section; 0 and 1 of any block
_NAME, _DESCRIPTION, _RESOLUTION, _TIME_OFFSET = 2, 3, 9, 14  # of an interface
_FLAGS = 2  # of a packet
_MICROSECONDS = 6
_DIRECTIONS = {TO_HOST: 1, TO_BOARD: 2}
_DIRECTION_OF = {number: direction for direction, number in _DIRECTIONS.items()}


class CaptureFileError(Exception):
    """A file is no capture that we can read. One line."""


class Packet(NamedTuple):
    """Bytes that passed in one direction. ``direction`` is empty where the file does not say."""

    interface: int
    unix_us: int
    direction: str
    data: bytes
    comment: str = ""


class Interface(NamedTuple):
    """A board's cable."""

    name: str
    description: str = ""
    linktype: int = LINKTYPE_USER0
    ticks_per_second: int = 1_000_000
    offset_s: int = 0


class PcapngWriter:
    """Writes one section. Every block goes out whole at once, so that a file cut by a crash ends with a whole packet
    or in the middle of the last."""

    def __init__(self, file: BinaryIO, application: str, comment: str = "") -> None:
        self._file = file
        self._interfaces = 0
        options = _option(_COMMENT, comment) + _option(_APPLICATION, application)
        self._block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1), options)

    def add_interface(self, name: str, description: str = "") -> int:
        """A board's cable; returns the number by which packets name it."""
        options = _option(_NAME, name) + _option(_DESCRIPTION, description)
        options += _option(_RESOLUTION, bytes([_MICROSECONDS]))
        self._block(_INTERFACE, struct.pack("<HHI", LINKTYPE_USER0, 0, 0), options)
        self._interfaces += 1
        return self._interfaces - 1

    def write(self, packet: Packet) -> None:
        """Bytes that have passed. Long runs become several packets of the same time."""
        for start in range(0, max(len(packet.data), 1), PACKET_BYTES_MAX):
            data = packet.data[start : start + PACKET_BYTES_MAX]
            high, low = packet.unix_us >> 32, packet.unix_us & 0xFFFFFFFF
            front = struct.pack("<IIIII", packet.interface, high, low, len(data), len(data))
            options = _option(_COMMENT, packet.comment if start == 0 else "")
            flags = _DIRECTIONS.get(packet.direction, 0)
            options += _option(_FLAGS, struct.pack("<I", flags))
            self._block(_PACKET, front + _padded(data), options)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def _block(self, kind: int, body: bytes, options: bytes) -> None:
        if options:
            options += struct.pack("<HH", _END, 0)
        total = 12 + len(body) + len(options)
        self._file.write(struct.pack("<II", kind, total) + body + options + struct.pack("<I", total))


@dataclass
class PcapngReader:
    """Iterate for packets. ``interfaces``, ``comment`` and ``application`` are known once they have been read past;
    ``cut_short`` says that the file ends in the middle of a block."""

    file: BinaryIO
    name: str
    interfaces: list[Interface] = field(default_factory=list[Interface])
    application: str = ""
    comment: str = ""
    cut_short: bool = False
    _order: str = "<"
    _first_of_section: int = 0

    def __iter__(self) -> Iterator[Packet]:
        """All packets in the order of the file. CaptureFileError names what is wrong with it."""
        at = 0
        while (block := self._next_block(at)) is not None:
            kind, body, length = block
            try:
                packet = self._on_block(kind, body)
            except (struct.error, IndexError):
                raise CaptureFileError(f"{self.name}: the block at byte {at} does not fit its kind {kind}") from None
            if packet is not None:
                yield packet
            at += length

    def _next_block(self, at: int) -> tuple[int, bytes, int] | None:
        head = self.file.read(8)
        if len(head) < 8:
            if at == 0:
                raise CaptureFileError(f"{self.name}: empty, or too short for a pcapng file")
            self.cut_short = len(head) > 0
            return None
        if head[:4] == struct.pack("<I", _SECTION):
            head += self._byte_order(at)
        elif at == 0:
            raise CaptureFileError(f"{self.name}: no pcapng file; `editcap -F pcapng` converts other captures")
        kind, length = struct.unpack_from(self._order + "II", head)
        if length < 12 or length > BLOCK_BYTES_MAX or length % 4:
            raise CaptureFileError(f"{self.name}: a block of {length} bytes at byte {at}; the file is damaged")
        rest = self.file.read(length - len(head))
        if len(head) + len(rest) < length:
            self.cut_short = True
            return None
        return kind, (head + rest)[8:-4], length

    def _byte_order(self, at: int) -> bytes:
        magic = self.file.read(4)
        for order in "<>":
            if magic == struct.pack(order + "I", _BYTE_ORDER):
                self._order = order
                return magic
        raise CaptureFileError(f"{self.name}: the section at byte {at} has no byte order; the file is damaged")

    def _on_block(self, kind: int, body: bytes) -> Packet | None:
        if kind == _SECTION:
            self._on_section(body)
        elif kind == _INTERFACE:
            self._on_interface(body)
        elif kind == _PACKET:
            return self._on_packet(body)
        return None

    def _on_section(self, body: bytes) -> None:
        self._first_of_section = len(self.interfaces)
        options = self._options(body[16:])
        self.comment = self.comment or _text(options, _COMMENT)
        self.application = self.application or _text(options, _APPLICATION)

    def _on_interface(self, body: bytes) -> None:
        (linktype,) = struct.unpack_from(self._order + "H", body)
        options = self._options(body[8:])
        resolution = options.get(_RESOLUTION, bytes([_MICROSECONDS]))[0]
        ticks = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        (offset_s,) = struct.unpack(self._order + "q", options.get(_TIME_OFFSET, bytes(8)))
        name = _text(options, _NAME) or f"interface {len(self.interfaces)}"
        self.interfaces.append(Interface(name, _text(options, _DESCRIPTION), linktype, ticks, offset_s))

    def _on_packet(self, body: bytes) -> Packet:
        number, high, low, length, _original = struct.unpack_from(self._order + "IIIII", body)
        number += self._first_of_section
        if number >= len(self.interfaces) or 20 + length > len(body):
            raise IndexError
        interface = self.interfaces[number]
        options = self._options(body[20 + length + -length % 4 :])
        (flags,) = struct.unpack(self._order + "I", options.get(_FLAGS, bytes(4)))
        unix_us = (high << 32 | low) * 1_000_000 // interface.ticks_per_second + interface.offset_s * 1_000_000
        data = body[20 : 20 + length]
        return Packet(number, unix_us, _DIRECTION_OF.get(flags & 3, ""), data, _text(options, _COMMENT))

    def _options(self, data: bytes) -> dict[int, bytes]:
        """Options by number; of several with one number (comments), the first."""
        options: dict[int, bytes] = {}
        while len(data) >= 4:
            number, length = struct.unpack_from(self._order + "HH", data)
            if number == _END or 4 + length > len(data):
                break
            options.setdefault(number, data[4 : 4 + length])
            data = data[4 + length + -length % 4 :]
        return options


def _option(number: int, value: str | bytes) -> bytes:
    data = value.encode()[:0xFFFF] if isinstance(value, str) else value
    return struct.pack("<HH", number, len(data)) + _padded(data) if data else b""


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _text(options: dict[int, bytes], number: int) -> str:
    return options.get(number, b"").decode("utf-8", "replace")
