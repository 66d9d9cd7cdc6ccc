"""A secure channel over the link's control stream: the same ``write`` and ``read`` as the stream has, encrypted.

Law: moves bytes between ``ControlStream`` and ``SecureChannel``, nothing else. It is what a session uses in place of
its stream from the moment both ends have agreed to speak securely; docs/decisions says where that goes.
"""

from firmware.link.control import ControlStream
from firmware.link.errors import LocalError
from firmware.secure.channel import SecureChannel

PIECE_BYTES = 2_048  # handed to the stream at once, so that a small board's queue of 8 KiB is never asked for all of it


class SecuredStream:
    """Plaintext on this side, the stream on the other."""

    def __init__(self, stream: ControlStream, channel: SecureChannel) -> None:
        self.channel = channel
        self._stream = stream
        self._held = b""
        self.flush()

    def write(self, data: "bytes | bytearray | memoryview") -> None:
        """Queue plaintext for the peer. LocalError before the channel is open, or when nothing is taken any more."""
        self.channel.write(data)
        self.flush()

    def read(self) -> bytes:
        """The next plaintext; none when all has been read. What the peer says during the handshake is answered here."""
        plaintext = self.channel.read()
        while not plaintext:
            ciphertext = self._stream.read()
            if not ciphertext:
                break
            self.channel.feed(ciphertext)  # all of it: nothing waited to be read
            plaintext = self.channel.read()
        self.flush()
        return plaintext

    def flush(self) -> None:
        """Hand ciphertext to the stream as far as it has room; call it again when segments have been acknowledged."""
        while True:
            self._held = self._held or self.channel.take_output(PIECE_BYTES)
            if not self._held:
                return
            try:
                self._stream.write(self._held)
            except LocalError:
                return  # its queue is full: the piece waits here
            self._held = b""
