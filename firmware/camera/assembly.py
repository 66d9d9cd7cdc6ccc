"""From header and journal to manifest. Pure: a recording closed by its owner and one closed by recovery get their
manifest from the same lines in the same way."""

from hashlib import sha256

from firmware.formats.errors import FormatError
from firmware.formats.header import Header
from firmware.formats.journal import FragmentWritten
from firmware.formats.manifest import Manifest
from firmware.formats.moment import Moment
from firmware.formats.track import SEAL_BYTES_MAX, TrackEntry
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA

TRACK_ROW_BYTES = 16  # of an entry, around its block


def track_row_bytes(block_bytes: int) -> int:
    """What a fragment's block of places, sealed or not, takes of the manifest at most."""
    return 2 * (block_bytes + SEAL_BYTES_MAX) + TRACK_ROW_BYTES if block_bytes else 0


class Assembly:
    """The whole fragments of one recording so far; ``chunk_count`` and ``chunks_bytes`` are what they take on the card,
    ``content_bytes`` what they are long when played, ``track_bytes`` what their places take of the manifest."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.events: list[FragmentWritten] = []
        self.chunk_count = 0
        self.chunks_bytes = 0
        self.content_bytes = 0
        self.track_bytes = 0
        self._duration_ms = 0

    def add(self, event: FragmentWritten) -> None:
        """Take the next fragment. FormatError if it does not follow what is there."""
        self._check_follows(event)
        self.events.append(event)
        self.chunk_count += event.entry.chunk_count
        self.chunks_bytes += sum(chunk.length for chunk in event.chunks)
        self.content_bytes += event.entry.content_bytes
        self.track_bytes += track_row_bytes(len(event.places))
        self._duration_ms = max(self._duration_ms, event.entry.start_ms + event.entry.duration_ms)

    def cut(self, fragment_count: int) -> "Assembly":
        """The first ``fragment_count`` fragments alone."""
        shorter = Assembly(self.header)
        for event in self.events[:fragment_count]:
            shorter.add(event)
        return shorter

    def has_media(self) -> bool:
        """Whether there is any picture or sound in it."""
        return any(event.entry.kind == FRAGMENT_MEDIA for event in self.events[:2])

    def last_moment(self) -> Moment:
        """When the last whole fragment ended, as far as media time tells."""
        return self.header.info.started.later(self._duration_ms)

    def manifest(self, stopped: Moment, cause: str, interrupted: bool) -> Manifest:
        """The manifest of what is here."""
        info = self.header.info
        return Manifest(
            recording=self.header.recording,
            suite=self.header.suite,
            camera_serial=info.camera_serial,
            camera_model=info.camera_model,
            firmware=info.firmware,
            system=info.system,
            wearer_id=info.wearer_id,
            wearer_name=info.wearer_name,
            profile=info.profile,
            boot=info.boot,
            cause_start=info.cause_start,
            cause_stop=cause,
            started=info.started,
            stopped=stopped,
            interrupted=interrupted,
            chunks=tuple(chunk for event in self.events for chunk in event.chunks),
            fragments=tuple(event.entry for event in self.events),
            content_sha256=self.events[-1].total_sha256 if self.events else sha256().digest(),
            content_bytes=self.content_bytes,
            chunks_bytes=self.chunks_bytes,
            container=info.container,
            wrapped_keys=self.header.wrapped_keys,
            private=self.header.private,
            track=tuple(TrackEntry(number, event.places) for number, event in enumerate(self.events) if event.places),
        )

    def _check_follows(self, event: FragmentWritten) -> None:
        if (event.entry.kind == FRAGMENT_INIT) != (not self.events):
            raise FormatError("recording: exactly the first fragment is the initialisation")
        if event.entry.first_chunk != self.chunk_count:
            raise FormatError("recording: a fragment does not follow the chunks before it")
        offset = self.chunks_bytes
        for chunk in event.chunks:
            if chunk.offset != offset:
                raise FormatError("recording: a chunk does not follow the one before it")
            offset += chunk.length
