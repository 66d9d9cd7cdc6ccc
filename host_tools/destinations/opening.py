"""A bookmark at every recording's start, for destinations that take bookmarks.

Law: a wrapper. It goes by what the recording's container was told, and is sent just before completion; made from the
same words it is the same bytes, so that a repetition changes nothing.
"""

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable

from host_tools.destinations.capabilities import STORE_BOOKMARKS
from host_tools.destinations.extras import opening_bookmark
from host_tools.destinations.interface import Destination, Metadata
from host_tools.destinations.people import Device
from host_tools.destinations.wrappers import Wrapper

REMEMBERED_MAX = 256  # recordings under way; a controller has a handful
ID_CHARACTERS = 8


class Opening(Wrapper):
    """``device_of``: what a camera is called, by its serial; None: by its serial."""

    def __init__(self, inner: Destination, device_of: Callable[[str], Device | None]) -> None:
        super().__init__(inner)
        self._device_of = device_of
        self._known: OrderedDict[str, Metadata] = OrderedDict()

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        await self._inner.ensure_container(name, metadata)
        self._known[name] = metadata
        while len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """See Destination."""
        known = self._known.get(container, {})
        serial, start = known.get("BWCSerialNumber", ""), known.get("StartTime", "")
        if serial and start.isdecimal() and STORE_BOOKMARKS in self.describe().capabilities:
            device = self._device_of(serial)
            mark = opening_bookmark(
                hashlib.sha256(container.encode()).hexdigest()[:ID_CHARACTERS],
                int(start) * 1000,
                device.name if device is not None else serial,
                known.get("TriggerOn", ""),
                known.get("TriggerOnLocation", ""),
            )
            await self._inner.put_object(container, mark.name, _Text(mark.body), len(mark.body), mark.metadata)
        await self._inner.complete(container, metadata)
        self._known.pop(container, None)


class _Text:
    """A short text as a source."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._text
