"""Bytes of a Telnet connection that carries a serial port (RFC 854, RFC 856, RFC 2217): pure, no socket.

Law: data passes through C code whole; only commands are looked at one by one. A peer can make us keep no more than one
unfinished command of COMMAND_BYTES_MAX, and answer each option once.
"""

from __future__ import annotations

import re

IAC = b"\xff"  # begins every command; a data byte of that value is sent twice
DONT, DO, WONT, WILL, SB, SE = 254, 253, 252, 251, 250, 240
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
AGREED = (COM_PORT, BINARY, SUPPRESS_GO_AHEAD)  # both ways; every other option is refused

SET_BAUD_RATE, SET_DATA_SIZE, SET_PARITY, SET_STOP_SIZE, SET_CONTROL, PURGE_DATA = 1, 2, 3, 4, 5, 12
FLOW_SUSPEND, FLOW_RESUME = 8, 9
SIGNATURE, LINE_STATE, MODEM_STATE, LINE_STATE_MASK, MODEM_STATE_MASK = 0, 6, 7, 10, 11
FROM_SERVER = 100  # what a server answers or tells has the client's number and this
PARITY_NONE, STOP_BITS_ONE, NO_FLOW_CONTROL, DTR_ON, RTS_ON, PURGE_BOTH = 1, 1, 1, 8, 11, 3
DATA_BITS = 8

MODEM_LINES_ON = 0b10110000  # carrier, data set ready, clear to send

COMMAND_BYTES_MAX = 512  # the longest that RFC 2217 knows is a signature of some tens of bytes

_COMMAND = re.compile(
    rb"""\xff (?: (?P<byte> \xff)
                 | (?P<verb> [\xfb-\xfe]) (?P<option> .)
                 | \xfa (?P<told> (?: [^\xff] | \xff\xff){0,250}) \xff\xf0
                 | [^\xfa-\xff] )""",
    re.DOTALL | re.VERBOSE,
)


class TelnetDecoder:
    """Takes what arrives apart: data, answers that are due, and what the server tells about the port."""

    def __init__(self) -> None:
        self.answers = bytearray()  # to be sent; the user of it empties it
        self.agreed: set[tuple[int, int]] = set()  # (verb, option) that the server has said
        self.told: list[tuple[int, bytes]] = []  # (number, value) of RFC 2217; the user of it empties it
        self.suspended = False
        self._unfinished = b""
        self._refused: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> bytes:
        """The data among what has arrived."""
        if self._unfinished:
            data = self._unfinished + data
            self._unfinished = b""
        if IAC not in data:
            return data
        if IAC not in data.replace(IAC + IAC, b""):  # no command, no half a pair: nearly always
            return data.replace(IAC + IAC, IAC)
        return self._take_apart(data)

    def _take_apart(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        at = 0
        while (start := data.find(IAC, at)) >= 0:
            pieces.append(data[at:start])
            found = _COMMAND.match(data, start)
            if found is not None:
                pieces.append(found["byte"] or b"")
                self._obey(found)
                at = found.end()
            elif len(data) - start < COMMAND_BYTES_MAX:
                self._unfinished = data[start:]
                return b"".join(pieces)
            else:
                at = start + 1  # no command ever ends like that: the line is damaged, or is no Telnet
        pieces.append(data[at:])
        return b"".join(pieces)

    def _obey(self, found: re.Match[bytes]) -> None:
        if found["verb"] is not None:
            self._negotiate(found["verb"][0], found["option"][0])
        elif found["told"] is not None and found["told"][:1] == bytes([COM_PORT]):
            self._hear(found["told"][1:].replace(IAC + IAC, IAC))

    def _negotiate(self, verb: int, option: int) -> None:
        self.agreed.add((verb, option))
        refusal = {DO: WONT, WILL: DONT}.get(verb)
        if option in AGREED or refusal is None or (verb, option) in self._refused:
            return
        self._refused.add((verb, option))
        self.answers += bytes([IAC[0], refusal, option])

    def _hear(self, told: bytes) -> None:
        number = told[0] - FROM_SERVER if told else -1
        if number in (FLOW_SUSPEND, FLOW_RESUME):
            self.suspended = number == FLOW_SUSPEND
        elif number == SET_BAUD_RATE:
            self.told = [(number, told[1:])]


class TelnetServerDecoder(TelnetDecoder):
    """The same at the end of a server that has a port: it grants what a client asks for. ``rate``: of the port, as the
    client has set it last; ``purged``: whether it wants what has not been sent yet thrown away, reset by the user."""

    def __init__(self, rate: int, signature: str) -> None:
        super().__init__()
        self.rate = rate
        self.purged = False
        self._signature = signature
        self._granted: set[tuple[int, int]] = set()

    def _negotiate(self, verb: int, option: int) -> None:
        grant = {DO: WILL, WILL: DO}.get(verb)
        if option not in AGREED or grant is None:
            super()._negotiate(verb, option)
        elif (grant, option) not in self._granted:
            self.agreed.add((verb, option))
            self._granted.add((grant, option))
            self.answers += bytes([IAC[0], grant, option])

    def _hear(self, told: bytes) -> None:
        if not told:
            return
        number, value = told[0], told[1:]
        if number in (FLOW_SUSPEND, FLOW_RESUME):
            self.suspended = number == FLOW_SUSPEND
            return
        if number == SIGNATURE:
            value = self._signature.encode()
        elif number == SET_BAUD_RATE:
            self.rate = int.from_bytes(value, "big") or self.rate  # 0 asks which it is
            value = self.rate.to_bytes(4, "big")
        elif number == PURGE_DATA:
            self.purged = True
        elif number not in _SET:
            return
        self.answers += _tell(FROM_SERVER + number, value)
        if number == SET_BAUD_RATE:
            self.answers += _tell(FROM_SERVER + MODEM_STATE, bytes([MODEM_LINES_ON]))


_SET = (SET_DATA_SIZE, SET_PARITY, SET_STOP_SIZE, SET_CONTROL, LINE_STATE_MASK, MODEM_STATE_MASK)


def escape(data: bytes) -> bytes:
    """Data as it is sent."""
    return data.replace(IAC, IAC + IAC)


def first_words() -> bytes:
    """What a client begins with: it offers and asks for all it needs."""
    return b"".join(bytes([IAC[0], verb, option]) for option in AGREED for verb in (WILL, DO))


def settings(rate: int) -> bytes:
    """The port as a board expects it: 8 data bits, no parity, no flow control, DTR and RTS on, its buffers emptied.

    The rate comes last: it is what every server answers, and the port is ready when it has.
    """
    return b"".join(
        _tell(number, value)
        for number, value in (
            (SET_DATA_SIZE, bytes([DATA_BITS])),
            (SET_PARITY, bytes([PARITY_NONE])),
            (SET_STOP_SIZE, bytes([STOP_BITS_ONE])),
            (SET_CONTROL, bytes([NO_FLOW_CONTROL])),
            (SET_CONTROL, bytes([DTR_ON])),
            (SET_CONTROL, bytes([RTS_ON])),
            (PURGE_DATA, bytes([PURGE_BOTH])),
            (SET_BAUD_RATE, rate.to_bytes(4, "big")),
        )
    )


def _tell(number: int, value: bytes) -> bytes:
    return IAC + bytes([SB, COM_PORT, number]) + escape(value) + IAC + bytes([SE])
