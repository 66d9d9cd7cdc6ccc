"""The secure channel: TLS 1.3 with certificates on both sides, over any ordered byte stream.

Law: sans-IO. Ciphertext and ``now_ms`` go in, plaintext and ciphertext come out; whoever owns the stream moves bytes:
``feed`` what has arrived, ``read`` until empty, ``take_output`` until empty, ``tick`` at ``deadline_ms``. The state
machine is TRANSITIONS. Nothing that a peer sends raises: it ends in FAILED, and ``fault`` says why. What is not
checked here is time and revocation (``certificates.standing``, ``certificates_revocations``): an expired camera must
still be told that it is.

Why the board is the TLS client: a TLS 1.3 server shows its certificate to anybody who asks, a client only to a server
that has proved itself. So a stolen camera, or one in somebody else's dock, shows nothing but its link's greeting.
"""

import ssl

from firmware.link.errors import LocalError
from firmware.secure.certificates import CertificateFault, PeerIdentity
from firmware.secure.channel_context import HOST, ChannelTrust, protocol
from firmware.secure.channel_faults import Fault, fault, fault_of

HANDSHAKING = "handshaking"
OPEN = "open"
CLOSING = "closing"  # we have said the last word and wait for the peer's
CLOSED = "closed"
FAILED = "failed"

# (state, what happened) -> state. A missing key: nothing changes, whatever comes after an end is thrown away.
TRANSITIONS = {
    (HANDSHAKING, "proved"): OPEN,
    (HANDSHAKING, "fault"): FAILED,
    (OPEN, "close"): CLOSING,
    (OPEN, "peer_close"): CLOSED,
    (OPEN, "fault"): FAILED,
    (CLOSING, "peer_close"): CLOSED,
    (CLOSING, "fault"): FAILED,
}

HANDSHAKE_LIMIT_MS = 10_000  # 4 KB of certificates and two signatures: under a second even at 115200 baud
HANDSHAKE_BYTES_MAX = 32_768  # from a peer that has not proved itself; three of our certificates take 2 KB
PIECE_BYTES = 4_096  # given to OpenSSL at once
PLAINTEXT_BYTES_MAX = 65_536  # waiting to be read; ``feed`` takes no more until then
OUTPUT_BYTES_MAX = 65_536  # waiting to go out; ``write`` refuses beyond it
_READ_BYTES = 16_384  # the largest TLS record


class SecureChannel:
    """One end of one channel. ``link_version``: what the link has agreed on in the clear, proved here.

    ``claimed_serial``: what the device said in its greeting or by USB; its certificate must say the same.
    """

    def __init__(
        self, trust: ChannelTrust, link_version: int, now_ms: int, claimed_serial: "str | None" = None
    ) -> None:
        self.state = HANDSHAKING
        self.fault: Fault | None = None
        self.ignored_bytes = 0
        self._trust = trust
        self._link_version = link_version
        self._claimed_serial = claimed_serial
        self._limit_ms = now_ms + HANDSHAKE_LIMIT_MS
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = trust.context.wrap_bio(self._incoming, self._outgoing, server_side=trust.role == HOST)
        self._peer: PeerIdentity | None = None
        self._plaintext = bytearray()
        self._handshake_bytes = 0
        self._turn()

    @property
    def peer(self) -> PeerIdentity:
        """Who is at the other end. LocalError before that is proved."""
        if self._peer is None:
            raise LocalError(f"the channel is {self.state}: nobody has proved who is there")
        return self._peer

    def claim(self, serial: str) -> None:
        """The peer has said its serial, before it proves anything: its certificate must say the same."""
        if self._claimed_serial not in (None, serial):
            self.refuse("wrong_serial", f"it greets as {serial[:40]}, and is {self._claimed_serial} by its port")
        self._claimed_serial = serial

    def refuse(self, code: str, detail: str) -> None:
        """Give the peer up for a reason that only whoever owns the stream knows. ``code``: a word of FAULTS."""
        self._fail(fault(code, detail))

    def is_proved(self) -> bool:
        """Whether ``peer`` can be asked."""
        return self._peer is not None

    def feed(self, ciphertext: "bytes | bytearray | memoryview") -> int:
        """Take bytes from the stream; returns how many, fewer than all only while plaintext waits to be read."""
        view = memoryview(ciphertext)
        taken = 0
        while taken < len(view) and len(self._plaintext) < PLAINTEXT_BYTES_MAX:
            piece = view[taken : taken + PIECE_BYTES]
            taken += len(piece)
            self._take(piece)
        return taken

    def end_of_input(self) -> None:
        """The stream is over. Unless the peer has closed the channel before, something may have been cut off."""
        if self.state in (HANDSHAKING, OPEN, CLOSING):
            self._fail(fault("truncated"))

    def read(self) -> bytes:
        """All plaintext that has arrived; none before the peer has proved itself."""
        plaintext = bytes(self._plaintext)
        self._plaintext.clear()
        return plaintext

    def write(self, plaintext: "bytes | bytearray | memoryview") -> None:
        """Send bytes. LocalError unless the channel is open and the stream keeps up."""
        if self.state != OPEN:
            raise LocalError(f"the channel is {self.state}: nothing can be sent")
        if self._outgoing.pending + len(plaintext) > OUTPUT_BYTES_MAX:
            raise LocalError(f"{self._outgoing.pending} bytes wait to go out already; the peer does not listen")
        rest = memoryview(plaintext)
        while len(rest):
            rest = rest[self._tls.write(rest) :]

    def take_output(self, bytes_max: int = OUTPUT_BYTES_MAX) -> bytes:
        """The next bytes for the stream, at most so many; none when all have gone."""
        return self._outgoing.read(bytes_max)

    def close(self) -> None:
        """Say that nothing more comes; what the peer still sends until it says so too can be read."""
        if self.state == HANDSHAKING:
            self._fail(fault("truncated", "closed here"))
        if self.state == OPEN:
            self._enter("close")
            self._say_goodbye()
            self._turn()

    def tick(self, now_ms: int) -> None:
        """Let time pass: a peer that does not prove itself is given up."""
        if self.state == HANDSHAKING and now_ms >= self._limit_ms:
            self._fail(fault("timeout"))

    def deadline_ms(self) -> "int | None":
        """When ``tick`` has something to do."""
        return self._limit_ms if self.state == HANDSHAKING else None

    # -- inside

    def _take(self, piece: memoryview) -> None:
        if self.state in (CLOSED, FAILED):
            self.ignored_bytes += len(piece)
            return
        if self.state == HANDSHAKING:
            self._handshake_bytes += len(piece)
            if self._handshake_bytes > HANDSHAKE_BYTES_MAX:
                self._fail(fault("flooded"))
                return
        self._incoming.write(piece)
        self._turn()

    def _turn(self) -> None:
        """Let OpenSSL go on with what there is."""
        try:
            if self.state == HANDSHAKING:
                self._tls.do_handshake()
                self._prove()
            while self.state in (OPEN, CLOSING):
                self._read_record()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except ssl.SSLError as error:
            self._fail(fault_of(error))
        except CertificateFault as error:
            self._say_goodbye()
            self._fail(fault(error.code, str(error)))

    def _prove(self) -> None:
        """TLS is satisfied; now whether this is who it must be, in the version and the way it must be."""
        if self._tls.session_reused:
            raise CertificateFault("resumed", "no certificate was shown")
        peer = self._trust.peer_of(self._tls)
        if self._claimed_serial is not None and peer.serial != self._claimed_serial:
            raise CertificateFault("wrong_serial", f"{peer.serial} instead of {self._claimed_serial}")
        agreed = self._tls.selected_alpn_protocol()
        if agreed != protocol(self._link_version):
            raise CertificateFault("downgraded", f"the link speaks version {self._link_version}, both know {agreed}")
        self._peer = peer
        self._enter("proved")

    def _read_record(self) -> None:
        """One record's plaintext, or the peer's last word."""
        try:
            plaintext = self._tls.read(_READ_BYTES)
        except ssl.SSLZeroReturnError:
            plaintext = b""
        self._plaintext += plaintext
        if not plaintext:
            if self.state == OPEN:
                self._say_goodbye()
            self._enter("peer_close")

    def _say_goodbye(self) -> None:
        try:
            self._tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return  # ours is on its way, the peer's is not here yet
        except ssl.SSLError as error:
            self._fail(fault_of(error))

    def _fail(self, reason: Fault) -> None:
        if (self.state, "fault") in TRANSITIONS:
            self._enter("fault")
            self.fault = reason
            self._peer = None
            self._plaintext.clear()

    def _enter(self, happened: str) -> None:
        self.state = TRANSITIONS.get((self.state, happened), self.state)
