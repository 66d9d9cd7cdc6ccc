"""The cameras of this system as a controller remembers them, docked or not: one small document, replaced as a whole.

Law: a memory for people, never a right. Who is a member is decided by certificates alone; whoever edits this file gets
a wrong list, and no camera. ``removing``: somebody has asked for it, and it is done as soon as the camera is drained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles

PATH = "members"
MEMBERS_MAX = 16_384
MEMBERS_BYTES_MAX = 4 << 20
_WHAT = "members"
_KEYS = frozenset({"format", "schema", "members"})
_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Member:
    """``expires_unix_ms``: of the certificate that it was given last; ``seen_unix_ms``: when it was docked last."""

    serial: str
    model: str
    expires_unix_ms: int
    seen_unix_ms: int
    removing: bool = False


class Members:
    """All of them, by serial. A document that is damaged counts as empty: every camera that docks is noted again."""

    def __init__(self, files: Files | None = None) -> None:
        self._files = files or MemoryFiles()
        self._members = _read(self._files)

    def all(self) -> list[Member]:
        """By serial."""
        return [self._members[serial] for serial in sorted(self._members)]

    def find(self, serial: str) -> Member | None:
        """One of them."""
        return self._members.get(serial)

    def note(self, member: Member) -> None:
        """It is docked, or its certificate is new: durable when this returns. What was asked for it stays."""
        known = self._members.get(member.serial)
        self._keep(replace(member, removing=known.removing if known else member.removing))

    def remove_when_drained(self, serial: str, wanted: bool) -> bool:
        """Ask for it, or take it back; False if there is no such member."""
        known = self._members.get(serial)
        if known is not None:
            self._keep(replace(known, removing=wanted))
        return known is not None

    def forget(self, serial: str) -> None:
        """It is none any more."""
        if self._members.pop(serial, None) is not None:
            self._write()

    def _keep(self, member: Member) -> None:
        if self._members.get(member.serial) != member and (
            member.serial in self._members or len(self._members) < MEMBERS_MAX
        ):
            self._members[member.serial] = member
            self._write()

    def _write(self) -> None:
        rows = [
            [each.serial, each.model, each.expires_unix_ms, each.seen_unix_ms, int(each.removing)]
            for each in self.all()
        ]
        data = canonical.encode({"format": "openbwc-" + _WHAT, "schema": canonical.SCHEMA, "members": rows})
        new = PATH + ".new"
        if self._files.exists(new):
            self._files.remove(new)
        file = self._files.create(new)
        try:
            file.write_at(0, data)
            file.sync()
        finally:
            file.close()
        self._files.rename(new, PATH)
        self._files.sync_folder("")


def _read(files: Files) -> dict[str, Member]:
    try:
        file = files.open(PATH)
    except NotFound:
        return {}
    try:
        data = bytearray(min(file.size_bytes(), MEMBERS_BYTES_MAX + 1))
        file.read_at(0, data)
    finally:
        file.close()
    try:
        return {member.serial: member for member in _decode(bytes(data))}
    except FormatError:
        return {}


def _decode(data: bytes) -> list[Member]:
    document = canonical.decode(data, _WHAT, MEMBERS_BYTES_MAX)
    canonical.require_kind(document, _WHAT)
    canonical.require_keys(document, _KEYS, _WHAT)
    return [
        Member(
            canonical.text(serial, _WHAT),
            canonical.text(model, _WHAT),
            canonical.integer(expires_ms, _WHAT),
            canonical.integer(seen_ms, _WHAT),
            bool(canonical.integer(removing, _WHAT, 1)),
        )
        for serial, model, expires_ms, seen_ms, removing in canonical.rows(
            document["members"], _WHAT, MEMBERS_MAX, _COLUMNS
        )
    ]
