"""Several ways to one host, of which the host chooses one by speaking: a terminal for control, bulk endpoints for more.

Law: no bytes are looked at. Whoever spoke last is answered; the session above notices a change as a new opening.
"""

from collections.abc import Sequence

from firmware.ports.stream import Stream


class HostChosenStream(Stream):
    """``streams``: the ways, the one that is answered at first first."""

    def __init__(self, streams: "Sequence[Stream]") -> None:
        self._streams = list(streams)
        self.chosen = self._streams[0]

    def is_open(self) -> bool:
        """See Stream: whether anybody can be at the end of any of them."""
        return any(stream.is_open() for stream in self._streams)

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream. From one of them at a time."""
        for stream in self._streams:
            count = stream.read_into(buffer)
            if count:
                self.chosen = stream
                return count
        return 0

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """See Stream."""
        return self.chosen.write(data)
