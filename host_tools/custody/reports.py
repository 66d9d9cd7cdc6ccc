"""What the spool tells: plain values."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from firmware.formats.manifest import Manifest
from host_tools.custody.states import State

StorageLevel = Literal["ok", "almost_full", "full"]
EventKind = Literal["rejected", "damaged", "orphan", "fault"]


class SpoolEvent(NamedTuple):
    """Something a person may want to read in a log. ``recording`` is None where the whole spool is meant."""

    kind: EventKind
    recording: bytes | None
    text: str


class ChunkRef(NamedTuple):
    """One chunk of one recording."""

    recording: bytes
    chunk: int


@dataclass(frozen=True, slots=True)
class SpooledRecording:
    """What ``accept`` answers."""

    recording: bytes
    manifest: Manifest
    state: State


@dataclass(slots=True)
class CommitReport:
    """``committed`` are durable; ``rejected`` had a wrong digest and are missing again, as are all chunks that a fault
    of their file kept from being durable; ``held`` are whole now."""

    committed: list[ChunkRef] = field(default_factory=list[ChunkRef])
    rejected: list[ChunkRef] = field(default_factory=list[ChunkRef])
    held: list[bytes] = field(default_factory=list[bytes])
    faults: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Storage:
    """``used``: committed bytes; ``reserved``: set aside for recordings that are being received, and promised to docked
    cameras; ``free``: what can still be promised; ``refused``: what docked cameras have and there is no room for.
    ``almost_full``: below ALMOST_FULL_PERCENT of the medium; ``full``: something is or would be refused."""

    total_bytes: int
    used_bytes: int
    reserved_bytes: int
    free_bytes: int
    almost_full: bool
    full: bool
    refused_bytes: int = 0

    @property
    def level(self) -> StorageLevel:
        """One word for how full it is."""
        return "full" if self.full else "almost_full" if self.almost_full else "ok"


@dataclass(slots=True)
class Counters:
    """Since this start. ``duplicate_bytes``: arrived again though they were here."""

    commits: int = 0
    committed_chunks: int = 0
    rejected_chunks: int = 0
    duplicate_bytes: int = 0
