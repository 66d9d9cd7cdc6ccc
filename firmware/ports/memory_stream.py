"""A cable in memory: two ends, a bounded buffer each way, and a plug that can be pulled."""

from firmware.ports.stream import Stream

CAPACITY_BYTES = 65536  # each way: what a pseudo-terminal and a USB driver hold between them


class MemoryStream(Stream):
    """One end. Made in pairs by ``stream_pair``; pulling the plug at either end loses what is under way."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._arrived = bytearray()
        self._plugged = True
        self._peer = self

    def join(self, peer: "MemoryStream") -> None:
        """Make ``peer`` the other end."""
        self._peer = peer

    def is_open(self) -> bool:
        """See Stream."""
        return self._plugged and self._peer._plugged

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream."""
        count = min(len(buffer), len(self._arrived))
        buffer[:count] = memoryview(self._arrived)[:count]
        self._arrived = self._arrived[count:]
        return count

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """See Stream."""
        if not self.is_open():
            return 0
        peer = self._peer
        count = min(len(data), self._capacity_bytes - len(peer._arrived))
        peer._arrived += memoryview(data)[:count]
        return count

    def unplug(self) -> None:
        """Pull this end out."""
        self._plugged = False
        self._arrived = bytearray()
        self._peer._arrived = bytearray()

    def plug(self) -> None:
        """Put this end back in."""
        self._plugged = True

    def waiting_bytes(self) -> int:
        """What has arrived and has not been read."""
        return len(self._arrived)


def stream_pair(capacity_bytes: int = CAPACITY_BYTES) -> "tuple[MemoryStream, MemoryStream]":
    """Both ends of a new cable, plugged in."""
    first = MemoryStream(capacity_bytes)
    second = MemoryStream(capacity_bytes)
    first.join(second)
    second.join(first)
    return first, second
