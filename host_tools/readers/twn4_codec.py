"""The TWN4's Simple Protocol (DocRev17): commands and answers as bytes, in the four forms that its firmware can have.

Law: pure. ASCII forms are hexadecimal lines that end with a carriage return; binary forms have a length of two bytes in
front. With CRC, a CRC-16/MCRF4XX of the message goes behind it, low byte first. All numbers are little-endian.
"""

from __future__ import annotations

from typing import NamedTuple

from host_tools.readers.errors import ReaderError
from host_tools.readers.tags import TWN4_TECHNOLOGIES, UID_BYTES_MAX, Tag

ANSWER_BYTES_MAX = 512
STATUS_NONE, STATUS_UNKNOWN_FUNCTION = 0, 1
STATUSES = ("", "unknown function", "missing parameter", "unused parameters", "invalid function", "parser error")

GET_SYS_TICKS, GET_VERSION, GET_USB_TYPE, GET_DEVICE_UID = b"\x00\x03", b"\x00\x04\xff", b"\x00\x05", b"\x00\x08"
SEARCH_TAG = b"\x05\x00" + bytes([UID_BYTES_MAX])
SET_ALL_TAG_TYPES = b"\x05\x02" + b"\xff" * 8
RED, GREEN, YELLOW = 1, 2, 4
LEDS = RED | GREEN | YELLOW
# (what, function since newer firmware, function of all others)
LED_INIT, LED_ON, LED_OFF = (b"\x04\x10", b"\x04\x00"), (b"\x04\x11", b"\x04\x02"), (b"\x04\x12", b"\x04\x03")
BEEP = b"\x04\x07"
GPIO_PULL_NONE_PUSH_PULL = b"\x00\x00"


class Form(NamedTuple):
    """How a reader's firmware was built."""

    binary: bool
    crc: bool

    @property
    def text(self) -> str:
        """For people."""
        return ("binary" if self.binary else "ASCII") + (" with CRC" if self.crc else "")


FORMS = (Form(False, False), Form(False, True), Form(True, False), Form(True, True))


class BadAnswer(ReaderError):
    """Bytes that are no answer of this form."""


class CommandFailed(ReaderError):
    """The reader answered with a status. ``status``: its number."""

    def __init__(self, command: bytes, status: int) -> None:
        super().__init__(
            f"the reader answered command {command[:2].hex().upper()} with status {status} ({STATUSES[status]})"
        )
        self.status = status


def crc(data: bytes) -> int:
    """CRC-16/MCRF4XX: polynomial 0x1021 reflected, start 0xFFFF, nothing at the end. Of "123456789": 0x6F91."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value


def encode(form: Form, message: bytes) -> bytes:
    """A command as it is sent."""
    checked = message + crc(message).to_bytes(2, "little") if form.crc else message
    return len(checked).to_bytes(2, "little") + checked if form.binary else checked.hex().upper().encode() + b"\r"


class AnswerReader:
    """Takes bytes until an answer is whole."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._held = b""

    def feed(self, data: bytes) -> bytes | None:
        """The answer without its wrapping, when it is whole. BadAnswer for what cannot be one."""
        self._held += data
        whole = self._cut_binary() if self._form.binary else self._cut_ascii()
        if whole is None and len(self._held) > 2 * ANSWER_BYTES_MAX:
            self._held = b""
            raise BadAnswer("more bytes than any answer has")
        if whole is None or not self._form.crc:
            return whole
        message, check = whole[:-2], whole[-2:]
        if len(whole) < 2 or crc(message).to_bytes(2, "little") != check:
            raise BadAnswer(f"an answer whose CRC is wrong ({whole[:8].hex()})")
        return message

    def _cut_ascii(self) -> bytes | None:
        line, end, rest = self._held.partition(b"\r")
        if not end:
            return None
        self._held = rest
        try:
            return bytes.fromhex(line.decode("ascii"))
        except ValueError as error:
            raise BadAnswer(f"a line that is not hexadecimal ({line[:16]!r})") from error

    def _cut_binary(self) -> bytes | None:
        if len(self._held) < 2:
            return None
        length = int.from_bytes(self._held[:2], "little")
        if length > ANSWER_BYTES_MAX:
            self._held = b""
            raise BadAnswer(f"an answer of {length} bytes")
        if len(self._held) < 2 + length:
            return None
        whole, self._held = self._held[2 : 2 + length], self._held[2 + length :]
        return whole


def result_of(command: bytes, answer: bytes) -> bytes:
    """What comes behind the status. CommandFailed for another one than NONE, BadAnswer for an answer without, or with
    one that the protocol does not know: forms without CRC have nothing else that tells of a spoilt line."""
    if not answer:
        raise BadAnswer("an answer without a status")
    if answer[0] >= len(STATUSES):
        raise BadAnswer(f"an answer with status {answer[0]}, which the protocol has not")
    if answer[0] != STATUS_NONE:
        raise CommandFailed(command, answer[0])
    return answer[1:]


def tag_of(result: bytes) -> Tag | None:
    """What SearchTag has found: None for nothing. BadAnswer if it does not fit."""
    if not result:
        raise BadAnswer("no result of a search")
    if not result[0]:
        return None  # whatever follows: firmwares differ
    if len(result) < 4 or len(result) < 4 + result[3] or not 0 < result[3] <= UID_BYTES_MAX:
        raise BadAnswer(f"a tag that does not fit ({result.hex()})")
    technology = TWN4_TECHNOLOGIES.get(result[1], f"type-{result[1]:02x}")
    return Tag(technology, result[2], result[4 : 4 + result[3]])


def text_of(result: bytes) -> str:
    """A string: its length, then its characters. BadAnswer if it does not fit."""
    if not result or len(result) < 1 + result[0]:
        raise BadAnswer(f"a text that does not fit ({result.hex()})")
    return result[1 : 1 + result[0]].decode("ascii", "replace")


def beep(volume_percent: int, hertz: int, on_ms: int, off_ms: int) -> bytes:
    """The command that makes the reader's buzzer sound once."""
    rest = b"".join(number.to_bytes(2, "little") for number in (hertz, on_ms, off_ms))
    return BEEP + bytes([volume_percent]) + rest
