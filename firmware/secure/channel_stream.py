"""A secure channel over the link's control stream: the same ``write`` and ``read`` as the stream has, encrypted.

Law: moves bytes between ``ControlStream`` and ``SecureChannel``, nothing else. It is what a session uses in place of
its stream from the moment both ends have agreed to speak securely (``firmware.link.conversation``, decision 0030). The
greeting comes first: a board says it, a host hears it and holds the certificate against it.
"""

from firmware.link.control import ControlStream
from firmware.link.errors import LocalError
from firmware.secure.certificates import CertificateFault, PeerIdentity
from firmware.secure.channel import CLOSED, OPEN, SecureChannel
from firmware.secure.channel_greeting import GreetingReader

PIECE_BYTES = 2_048  # handed to the stream at once, so that a small board's queue of 8 KiB is never asked for all of it
CLOSED_THERE = "the other end has closed the secure channel: dock the camera again"


class SecuredStream:
    """Plaintext on this side, the stream on the other. ``greeting``: what a board says first; ``reader``: with what a
    host hears it. Neither, where both ends know who the other one claims to be."""

    def __init__(
        self,
        stream: ControlStream,
        channel: SecureChannel,
        greeting: bytes = b"",
        reader: "GreetingReader | None" = None,
    ) -> None:
        self.channel = channel
        self._stream = stream
        self._held = greeting
        self._reader = reader
        self.flush()

    @property
    def peer(self) -> "PeerIdentity | None":
        """Who is at the other end; None before that is proved, and after the end."""
        return self.channel.peer if self.channel.state == OPEN else None

    @property
    def fault_text(self) -> str:
        """Why the channel has ended, one line; empty while it has not."""
        if self.channel.fault is not None:
            return self.channel.fault.text
        return CLOSED_THERE if self.channel.state == CLOSED else ""

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
            self.channel.feed(self._hear(ciphertext))  # all of it: nothing waited to be read
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

    def tick(self, now_ms: int) -> None:
        """Let time pass: a peer that does not prove itself is given up."""
        self.channel.tick(now_ms)

    def deadline_ms(self) -> "int | None":
        """When ``tick`` has something to do."""
        return self.channel.deadline_ms()

    def _hear(self, data: bytes) -> bytes:
        """What of these bytes is the channel's."""
        if self._reader is None or self._reader.serial is not None:
            return data
        try:
            data = self._reader.feed(data)
        except CertificateFault as error:
            self.channel.refuse(error.code, str(error))
            return b""
        if self._reader.serial is not None:
            self.channel.claim(self._reader.serial)
        return data


class FailedStream:
    """In place of a channel that could not even be begun; says why."""

    peer = None

    def __init__(self, fault_text: str) -> None:
        self.fault_text = fault_text

    def write(self, data: "bytes | bytearray | memoryview") -> None:
        """LocalError."""
        raise LocalError(self.fault_text)

    def read(self) -> bytes:
        """Nothing."""
        return b""

    def flush(self) -> None:
        """Nothing waits."""

    def tick(self, now_ms: int) -> None:
        """Nothing changes."""

    def deadline_ms(self) -> "int | None":
        """Never."""
        return None
