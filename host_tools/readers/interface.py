"""What every reader offers."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from host_tools.readers.presence import Event

READY, ACCEPTED, REFUSED, WAIT, OFF = "ready", "accepted", "refused", "wait", "off"
SIGNALS = (READY, ACCEPTED, REFUSED, WAIT, OFF)  # what a reader can show a person, as far as it has lamps and a voice


class ReaderIdentity(NamedTuple):
    """``model`` and ``version`` for people; ``number``: by which this very reader is known again, empty if it has
    none."""

    url: str
    model: str
    version: str
    number: str


class Reader(Protocol):
    """An open reader. One task waits for events; ``signal`` may be called from others meanwhile."""

    @property
    def identity(self) -> ReaderIdentity:
        """Which reader this is."""
        ...

    async def next_event(self) -> Event:
        """Wait for the next thing that happens. ReaderLost when the reader is gone."""
        ...

    async def signal(self, word: str) -> None:
        """Show one of SIGNALS; nothing where a reader cannot. ReaderLost when the reader is gone."""
        ...

    def close(self) -> None:
        """Give the port back. A second call does nothing."""
        ...
