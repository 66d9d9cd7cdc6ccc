"""Space promised to docked cameras for what they still have: first come, first kept, and never more than there is.

Law: numbers in memory only; a promise lasts as long as its camera is docked, because a camera that never comes back
must not block the others. From ``accept`` on the space is set aside on the medium itself and no promise is needed.
Every method is short and takes one lock.
"""

import threading
from collections.abc import Mapping
from typing import NamedTuple


class Promise(NamedTuple):
    """What of a camera's wish fits: ``granted`` bytes, and the recordings that have to wait on their camera."""

    granted_bytes: int
    refused: tuple[bytes, ...]
    refused_bytes: int


class Reservations:
    """Of one spool."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._promised: dict[str, dict[bytes, int]] = {}
        self._refused: dict[str, int] = {}

    def renew(self, camera_serial: str, wanted: Mapping[bytes, int], free_bytes: int) -> Promise:
        """Put ``wanted`` (bytes by recording, the most important first) in place of what the camera was promised.
        ``free_bytes``: on the medium, promises not counted. What it was promised before it keeps before others."""
        with self._lock:
            before = self._promised.pop(camera_serial, {})
            left = free_bytes - self._sum()
            granted: dict[bytes, int] = {}
            for recording in sorted(wanted, key=lambda each: each not in before):  # stable: the order given, else
                if wanted[recording] <= left:
                    granted[recording] = wanted[recording]
                    left -= wanted[recording]
            refused = tuple(each for each in wanted if each not in granted)
            refused_bytes = sum(wanted[each] for each in refused)
            if granted:
                self._promised[camera_serial] = granted
            self._refused[camera_serial] = refused_bytes
            return Promise(sum(granted.values()), refused, refused_bytes)

    def release(self, camera_serial: str) -> None:
        """The camera is gone."""
        with self._lock:
            self._promised.pop(camera_serial, None)
            self._refused.pop(camera_serial, None)

    def settle(self, recording: bytes) -> None:
        """Its space is set aside on the medium now, or not wanted any more."""
        with self._lock:
            for promised in self._promised.values():
                promised.pop(recording, None)

    def promised_bytes(self, but_for: bytes = b"") -> int:
        """All promises, without that of one recording."""
        with self._lock:
            return self._sum() - sum(promised.get(but_for, 0) for promised in self._promised.values())

    def refused_bytes(self) -> int:
        """What docked cameras have and the spool cannot keep now."""
        with self._lock:
            return sum(self._refused.values())

    def _sum(self) -> int:
        return sum(sum(promised.values()) for promised in self._promised.values())
