"""Edits a flattened device tree: takes a node away, sets a property. Source: Devicetree Specification 0.4, chapter 5.

Law: what is not asked for stays as it is, byte by byte; strings of new properties go to the end.
"""

from __future__ import annotations

import struct

BEGIN, END, PROPERTY, NOTHING, FINISHED = 1, 2, 3, 4, 9
MAGIC = 0xD00DFEED
_HEADER = struct.Struct(">10I")
_WORD = struct.Struct(">I")


class DeviceTree:
    """A tree in memory; ``written`` gives it back."""

    def __init__(self, data: bytes) -> None:
        header = _HEADER.unpack_from(data)
        if header[0] != MAGIC:
            raise ValueError("not a flattened device tree")
        _, _, structure, strings, reservations, _, _, self._boot_cpu, strings_bytes, structure_bytes = header
        self._structure = data[structure : structure + structure_bytes]
        self._strings = data[strings : strings + strings_bytes]
        self._reservations = data[reservations:structure]

    def remove(self, path: str) -> None:
        """Take a node away, with all below it. KeyError if there is none."""
        begin, _, end = self._find(path)
        self._structure = self._structure[:begin] + self._structure[end:]

    def set_text(self, path: str, name: str, text: str) -> None:
        """Give a node a property that it has not. KeyError if there is no such node."""
        _, inside, _ = self._find(path)
        value = text.encode() + b"\0"
        head = struct.pack(">III", PROPERTY, len(value), len(self._strings))
        self._strings += name.encode() + b"\0"
        self._structure = self._structure[:inside] + head + _padded(value) + self._structure[inside:]

    def written(self) -> bytes:
        """The whole tree."""
        reservations = _HEADER.size
        structure = reservations + len(self._reservations)
        strings = structure + len(self._structure)
        whole = strings + len(self._strings)
        sizes = (self._boot_cpu, len(self._strings), len(self._structure))
        header = _HEADER.pack(MAGIC, whole, structure, strings, reservations, 17, 16, *sizes)
        return header + self._reservations + self._structure + self._strings

    def _find(self, path: str) -> tuple[int, int, int]:
        """Where a node begins, where its content does, and where it is over."""
        wanted = ["", *path.strip("/").split("/")] if path.strip("/") else [""]
        names: list[str] = []
        begins: list[int] = []
        found: tuple[int, int] | None = None
        place = 0
        while True:
            (token,) = _WORD.unpack_from(self._structure, place)
            if token == BEGIN:
                name = self._structure[place + 4 : self._structure.index(b"\0", place + 4)]
                begins.append(place)
                names.append(name.decode())
                place += 4 + _up(len(name) + 1)
                if names == wanted:
                    found = begins[-1], place
            elif token == END:
                place += 4
                if found is not None and begins[-1] == found[0]:
                    return (*found, place)
                begins.pop()
                names.pop()
            elif token == PROPERTY:
                place += 12 + _up(_WORD.unpack_from(self._structure, place + 4)[0])
            elif token == NOTHING:
                place += 4
            else:
                raise KeyError(path)


def _up(count: int) -> int:
    return (count + 3) & ~3


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
