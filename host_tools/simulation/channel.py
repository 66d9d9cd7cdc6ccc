"""The secure channel without its cryptography: chains are shown and judged as over TLS, bytes then pass in the clear.

Law: replaces OpenSSL's record layer and key exchange, whose randomness no seed governs, and nothing else. Who is
believed is decided by the same ``ChannelTrust`` from the same chains, in the same order: a board shows its chain only
to a controller that has been believed. States, faults, limits and greetings are SecureChannel's own. There is no
adversary on these cables, so nobody proves that he has the key of his certificate.

On the wire: records of a kind, a length and bytes. ``chain``: link version, then certificates, each with its length.
"""

from __future__ import annotations

import struct

from firmware.link.errors import LocalError
from firmware.secure.certificates import CertificateFault, verify_chain
from firmware.secure.channel import (
    HANDSHAKE_LIMIT_MS,
    HANDSHAKING,
    OPEN,
    OUTPUT_BYTES_MAX,
    SecureChannel,
)
from firmware.secure.channel_context import HOST, ChannelTrust
from firmware.secure.channel_faults import fault

CHAIN = 1
DATA = 2
GOODBYE = 3
REFUSED = 4
KINDS = (CHAIN, DATA, GOODBYE, REFUSED)
RECORD_BYTES_MAX = 16_384
_HEAD = struct.Struct(">BH")


class SimChannel(SecureChannel):
    """One end; used as SecureChannel is."""

    def __init__(  # there is no TLS object here, so nothing of the real one's is called
        self, trust: ChannelTrust, link_version: int, now_ms: int, claimed_serial: str | None = None
    ) -> None:
        self.state = HANDSHAKING
        self.fault = None
        self.ignored_bytes = 0
        self._trust = trust
        self._link_version = link_version
        self._claimed_serial = claimed_serial
        self._limit_ms = now_ms + HANDSHAKE_LIMIT_MS
        self._peer = None
        self._plaintext = bytearray()
        self._handshake_bytes = 0
        self._input = bytearray()
        self._output = bytearray()
        if trust.role == HOST:
            self._show()

    def write(self, plaintext: bytes | bytearray | memoryview) -> None:
        """See SecureChannel."""
        if self.state != OPEN:
            raise LocalError(f"the channel is {self.state}: nothing can be sent")
        if len(self._output) + len(plaintext) > OUTPUT_BYTES_MAX:
            raise LocalError(f"{len(self._output)} bytes wait to go out already; the peer does not listen")
        view = memoryview(plaintext)
        for start in range(0, len(view), RECORD_BYTES_MAX):
            self._say(DATA, view[start : start + RECORD_BYTES_MAX])

    def take_output(self, bytes_max: int = OUTPUT_BYTES_MAX) -> bytes:
        """See SecureChannel."""
        piece = bytes(self._output[:bytes_max])
        del self._output[:bytes_max]
        return piece

    def _take(self, piece: memoryview) -> None:
        if self.state == HANDSHAKING and self._handshake_bytes + len(piece) > 32_768:
            self._fail(fault("flooded"))
            return
        if self.state == HANDSHAKING:
            self._handshake_bytes += len(piece)
        self._input += piece
        self._turn()

    def _turn(self) -> None:
        try:
            while (record := self._next_record()) is not None:
                self._hear(*record)
        except CertificateFault as error:
            self._say(REFUSED, error.code.encode())
            self._fail(fault(error.code, str(error)))

    def _next_record(self) -> tuple[int, bytes] | None:
        if len(self._input) < _HEAD.size:
            return None
        kind, length = _HEAD.unpack_from(self._input)
        if kind not in KINDS or length > RECORD_BYTES_MAX:
            raise CertificateFault("protocol", f"a record of kind {kind} with {length} bytes")
        if len(self._input) < _HEAD.size + length:
            return None
        body = bytes(self._input[_HEAD.size : _HEAD.size + length])
        del self._input[: _HEAD.size + length]
        return kind, body

    def _hear(self, kind: int, body: bytes) -> None:
        if kind == CHAIN and self.state == HANDSHAKING:
            self._meet(body)
        elif kind == DATA and self._peer is not None:
            self._plaintext += body
        elif kind == GOODBYE:
            if self.state == OPEN:
                self._say_goodbye()
            self._enter("peer_close")
        elif kind == REFUSED:
            self._fail(fault("refused_there"))
        else:
            self._fail(fault("protocol"))

    def _meet(self, body: bytes) -> None:
        """The peer's chain has come: believe it, and (a board) show our own."""
        version, chain = _chain_from(body)
        peer = self._trust.peer_of(_Shown(self._trust, chain))  # pyright: ignore[reportArgumentType]  asked for chains
        if self._claimed_serial is not None and peer.serial != self._claimed_serial:
            raise CertificateFault("wrong_serial", f"{peer.serial} instead of {self._claimed_serial}")
        if version != self._link_version:
            raise CertificateFault("downgraded", f"the link speaks version {self._link_version}, the peer {version}")
        self._peer = peer
        if self._trust.role != HOST:
            self._show()
        self._enter("proved")

    def _show(self) -> None:
        """Our chain; a controller's with its root, from which a factory camera learns which system wants it."""
        chain = self._trust.identity.chain
        shown = chain if self._trust.role == HOST else chain[:-1]
        body = struct.pack(">H", self._link_version)
        self._say(CHAIN, body + b"".join(struct.pack(">H", len(each)) + each for each in shown))

    def _say(self, kind: int, body: bytes | memoryview) -> None:
        self._output += _HEAD.pack(kind, len(body))
        self._output += body

    def _say_goodbye(self) -> None:
        self._say(GOODBYE, b"")


class _Shown:
    """Stands where ``ChannelTrust`` asks a TLS connection for the chain that was shown."""

    def __init__(self, trust: ChannelTrust, chain: list[bytes]) -> None:
        self._trust = trust
        self._chain = chain

    def get_unverified_chain(self) -> list[bytes]:
        return self._chain

    def get_verified_chain(self) -> list[bytes]:
        """Up to one of the trusted roots, as OpenSSL would build it. CertificateFault if it leads to none."""
        for root in self._trust.context.get_ca_certs(binary_form=True):
            chain = self._chain if self._chain[-1] == root else [*self._chain, root]
            try:
                verify_chain(chain, root)
            except CertificateFault:
                continue
            return chain
        raise CertificateFault("unknown_issuer", "the chain leads to no root that is trusted here")


def _chain_from(body: bytes) -> tuple[int, list[bytes]]:
    chain: list[bytes] = []
    at = 2
    try:
        (version,) = struct.unpack_from(">H", body)
        while at < len(body):
            (length,) = struct.unpack_from(">H", body, at)
            chain.append(body[at + 2 : at + 2 + length])
            at += 2 + length
    except struct.error as error:
        raise CertificateFault("bad_certificate", "a chain that is cut off") from error
    if not chain:
        raise CertificateFault("no_certificate", "no chain was shown")
    return version, chain
