"""Kernel modules of an unpacked kernel package, with what they depend on first.

A package has no ``modules.dep`` yet (the machine that it is installed on makes that); each module names its own
dependencies in its ``.modinfo``, as ``depends=one,two`` between zero bytes.
"""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

from tests.guests.stages import Lacking

_DEPENDS = re.compile(rb"(?<=\0)depends=([^\0]*)\0")
_SUFFIXES = (".ko", ".ko.xz", ".ko.gz")


class Modules:
    """The modules below a folder; dashes and underscores are one, as the kernel has it."""

    def __init__(self, folder: Path) -> None:
        self._paths = {
            path.name.split(".ko")[0].replace("-", "_"): path
            for path in folder.rglob("*.ko*")
            if path.name.endswith(_SUFFIXES)
        }

    def has(self, name: str) -> bool:
        """Whether there is such a module."""
        return name.replace("-", "_") in self._paths

    def with_dependencies(self, *names: str) -> dict[str, bytes]:
        """Name -> content, in an order in which they can be loaded. Lacking for one that is not there."""
        loaded: dict[str, bytes] = {}
        for name in names:
            self._add(name.replace("-", "_"), loaded)
        return loaded

    def _add(self, name: str, loaded: dict[str, bytes]) -> None:
        if name in loaded:
            return
        if name not in self._paths:
            raise Lacking(f"this kernel has no module {name}; the lane needs Debian's kernel")
        data = unpacked(self._paths[name])
        for needed in dependencies(data):
            self._add(needed, loaded)
        loaded[name] = data


def dependencies(module: bytes) -> list[str]:
    """What a module says that it depends on."""
    found = _DEPENDS.search(module)
    return [name.decode().replace("-", "_") for name in found[1].split(b",") if name] if found else []


def unpacked(path: Path) -> bytes:
    """A module as the kernel takes it."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    return gzip.decompress(data) if path.suffix == ".gz" else data
