"""The greeting: a board's serial in one bare message, the first bytes of a secured stream, before TLS begins.

It proves nothing. A controller shows it for a camera that it cannot believe, and compares it with the certificate of
one that it can.
"""

import struct

from firmware.link import codec
from firmware.link.errors import LocalError, PeerError
from firmware.secure.certificates import SERIAL_CHARACTERS_MAX, CertificateFault, check_serial

NAME = "greeting"
GREETING_BYTES_MAX = codec.MESSAGE_HEADER_BYTES + 2 + SERIAL_CHARACTERS_MAX
_LENGTH_BYTES = 2
_CODEC = codec.TableCodec()
_NUMBER = codec.MESSAGE_BY_NAME[NAME][0]


def encode(serial: str) -> bytes:
    """The greeting of a board. CertificateFault for a serial that cannot stand in a certificate."""
    try:
        return _CODEC.encode(NAME, {"serial": check_serial(serial)}, 0)
    except LocalError as error:
        raise CertificateFault("bad_certificate", str(error)) from error


class GreetingReader:
    """Takes bytes until the greeting is whole. ``serial`` is None until then."""

    def __init__(self) -> None:
        self.serial: str | None = None
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; returns those behind the greeting. CertificateFault as soon as it cannot be one."""
        if self.serial is not None:
            return data
        self._held += data
        if len(self._held) < _LENGTH_BYTES:
            return b""
        whole = _LENGTH_BYTES + struct.unpack_from("<H", self._held)[0]
        if not codec.MESSAGE_HEADER_BYTES < whole <= GREETING_BYTES_MAX:
            raise CertificateFault("protocol", "it does not greet")
        if len(self._held) < whole:
            return b""
        self.serial, rest = _decode(self._held[:whole]), self._held[whole:]
        self._held = b""
        return rest


def _decode(message: bytes) -> str:
    _length, number, request = struct.unpack_from(codec.MESSAGE_HEADER, message)
    if number != _NUMBER or request != 0:
        raise CertificateFault("protocol", "it does not greet")
    try:
        serial: str = _CODEC.decode(number, message[codec.MESSAGE_HEADER_BYTES :])["serial"]
    except PeerError as error:
        raise CertificateFault("protocol", f"its greeting does not hold: {error}") from error
    return check_serial(serial)
