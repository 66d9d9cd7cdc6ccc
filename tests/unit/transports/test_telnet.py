"""Taking a Telnet stream apart: data arrives whole however it is cut, and a peer cannot make us keep or say much."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host_tools.transports import telnet
from host_tools.transports.telnet import TelnetDecoder, escape

IAC = telnet.IAC[0]
BAUD_ANSWER = bytes([IAC, telnet.SB, telnet.COM_PORT, 101, 0, 0, 0x25, 0x80, IAC, telnet.SE])
COMMANDS = [
    bytes([IAC, telnet.DO, telnet.BINARY]),
    bytes([IAC, telnet.WILL, telnet.COM_PORT]),
    bytes([IAC, telnet.WONT, 1]),
    bytes([IAC, 241]),  # no operation
    BAUD_ANSWER,
    bytes([IAC, telnet.SB, telnet.COM_PORT, 107, IAC, IAC, IAC, telnet.SE]),  # modem lines: all on
    bytes([IAC, telnet.SB, 31, 1, 2, IAC, telnet.SE]),
]

rich_in_iac = st.binary(max_size=300).map(lambda data: data.replace(b"\x00", telnet.IAC))
parts = st.lists(st.one_of(rich_in_iac.map(lambda data: (data, escape(data))), st.sampled_from(COMMANDS)), max_size=12)


@given(parts, st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_data_comes_out_whole_whatever_is_between_and_however_it_is_cut(stream, cuts):
    wanted = b"".join(part[0] for part in stream if isinstance(part, tuple))
    sent = b"".join(part[1] if isinstance(part, tuple) else part for part in stream)
    decoder = TelnetDecoder()
    received, at, turn = b"", 0, 0
    while at < len(sent):
        size = cuts[turn % len(cuts)]
        received += decoder.feed(sent[at : at + size])
        at, turn = at + size, turn + 1
    assert received == wanted


@given(st.lists(st.binary(max_size=2000).map(lambda data: data.replace(b"\x01", b"\xff\xfa")), max_size=8))
def test_whatever_arrives_little_is_kept_and_little_is_said(pieces):
    decoder = TelnetDecoder()
    for piece in pieces:
        decoder.feed(piece)
        assert len(decoder._unfinished) <= telnet.COMMAND_BYTES_MAX
    assert len(decoder.answers) <= 3 * 2 * 256


def test_an_option_that_is_not_wanted_is_refused_once():
    decoder = TelnetDecoder()
    for _ in range(3):
        decoder.feed(bytes([IAC, telnet.WILL, 1, IAC, telnet.DO, 1]))
    assert bytes(decoder.answers) == bytes([IAC, telnet.DONT, 1, IAC, telnet.WONT, 1])
    decoder.feed(bytes([IAC, telnet.WILL, telnet.BINARY, IAC, telnet.DO, telnet.COM_PORT]))
    assert len(decoder.answers) == 6


def test_what_the_server_tells_of_the_port_is_heard():
    decoder = TelnetDecoder()
    assert decoder.feed(b"a" + BAUD_ANSWER + b"b") == b"ab"
    assert decoder.told == [(telnet.SET_BAUD_RATE, b"\x00\x00\x25\x80")]


def test_the_port_is_set_as_a_board_expects_it():
    assert telnet.settings(0xFF).endswith(bytes([IAC, telnet.SB, 44, 1, 0, 0, 0, IAC, IAC, IAC, telnet.SE]))
    assert telnet.settings(9600).count(bytes([IAC, telnet.SE])) == 8
