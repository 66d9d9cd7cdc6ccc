"""PC/SC readers: ``pcsc:///`` for the only one, ``pcsc:///NAME`` for one by a part of its name, through ``pyscard``.

Law: asks for the number of the card that is there (``FF CA 00 00 00``) and for nothing else on it. pyscard's calls
block; they run in a thread of their own, one at a time.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from host_tools.readers.errors import ReaderLost, UnsupportedReader
from host_tools.readers.interface import ReaderIdentity
from host_tools.readers.presence import Event, Presence
from host_tools.readers.tags import ISO14443A, UID_BYTES_MAX, Tag

GET_UID = (0xFF, 0xCA, 0x00, 0x00, 0x00)
DONE = (0x90, 0x00)
POLL_S = 0.15
GONE_MS = 500


class PcscReader:
    """An open reader; see ``open_pcsc``. ``read``: the number of the card that is there, None for none; it blocks."""

    def __init__(self, url: str, name: str, read: Callable[[], bytes | None], now_ms: Callable[[], int]) -> None:
        self._url = url
        self._name = name
        self._read = read
        self._now_ms = now_ms
        self._presence = Presence(GONE_MS)
        self._events: list[Event] = []
        self._thread = ThreadPoolExecutor(1, "pcsc")

    @property
    def identity(self) -> ReaderIdentity:
        """See Reader."""
        return ReaderIdentity(self._url, self._name, "", "")

    async def next_event(self) -> Event:
        """See Reader."""
        while not self._events:
            await asyncio.sleep(POLL_S)
            uid = await asyncio.get_running_loop().run_in_executor(self._thread, self._read)
            tag = Tag(ISO14443A, 8 * len(uid), uid) if uid else None
            self._events += self._presence.feed(tag, self._now_ms())
        return self._events.pop(0)

    async def signal(self, word: str) -> None:
        """See Reader."""
        del (
            word
        )  # lamps and buzzers are each maker's own escape commands, which drivers do not let through as delivered

    def close(self) -> None:
        """See Reader."""
        self._thread.shutdown(wait=False)


async def open_pcsc(url: str, wanted: str, now_ms: Callable[[], int]) -> PcscReader:
    """A reader by a part of its name. UnsupportedReader says what is missing, or which there are."""
    try:
        system: Any = importlib.import_module("smartcard.System")
        errors: Any = importlib.import_module("smartcard.Exceptions")
    except ImportError as error:
        raise UnsupportedReader(f"{url}: PC/SC readers need the package pyscard; install openbwc[readers]") from error
    reader = await asyncio.get_running_loop().run_in_executor(None, lambda: _find(url, wanted, system, errors))
    return PcscReader(url, str(reader), lambda: _uid_of(url, reader, system, errors), now_ms)


def _find(url: str, wanted: str, system: Any, errors: Any) -> Any:
    try:
        known = list(system.readers())
    except errors.SmartcardException as error:
        raise UnsupportedReader(f"{url}: no PC/SC service answers ({error}); start pcscd") from error
    found = [reader for reader in known if wanted in str(reader)]
    if len(found) != 1:
        what = "no such reader" if not found else f"{len(found)} readers could be meant"
        there = ", ".join(str(reader) for reader in known) or "none"
        raise UnsupportedReader(f"{url}: {what}; there is: {there}")
    return found[0]


def _uid_of(url: str, reader: Any, system: Any, errors: Any) -> bytes | None:
    try:
        connection = reader.createConnection()
        try:
            connection.connect()
            data, first, second = connection.transmit(list(GET_UID))
        finally:
            connection.disconnect()
    except errors.NoCardException:
        return None
    except errors.CardConnectionException as error:
        if str(reader) in [str(each) for each in system.readers()]:
            return None  # the card was taken away while it was read
        raise ReaderLost(f"{url} is gone ({error}); plug the reader in again") from error
    except errors.SmartcardException as error:
        raise ReaderLost(f"{url} is gone ({error}); plug the reader in again") from error
    return bytes(data) if (first, second) == DONE and 0 < len(data) <= UID_BYTES_MAX else None
