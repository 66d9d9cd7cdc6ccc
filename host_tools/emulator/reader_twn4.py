"""An emulated Elatec TWN4 with Simple Protocol firmware, byte for byte as its document (DocRev17) has it.

Law: written from the maker's tables alone; shares nothing with the driver. ``feed`` takes what a host sends and gives
what the reader answers; badges are put into the field and taken out of it by whoever plays the person.
"""

from __future__ import annotations

from collections.abc import Callable

CARRIAGE_RETURN = 0x0D
COMMAND_BYTES_MAX = 256
NEWER_LED = {0x10: "init", 0x11: "on", 0x12: "off", 0x13: "toggle"}
OLDER_LED = {0x00: "init", 0x02: "on", 0x03: "off", 0x04: "toggle"}


class EmulatedTwn4:
    """``binary``, ``with_crc``: how its firmware was built; ``newer``: whether it knows the lamp functions of newer
    firmware; ``now_ms``: a clock. ``feels``: what its field makes of the number that is held to it, None for nothing.
    ``spoil``: how many of the next answers get one bit flipped."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        binary: bool = False,
        with_crc: bool = False,
        newer: bool = True,
        version: str = "TWN4/B1.03/CCF1.57/PRS1.03/PI",
        uid: bytes = bytes(range(12)),
        feels: Callable[[bytes], bytes | None] = lambda number: number,
    ) -> None:
        self.lamps = 0
        self.tones: list[tuple[int, int]] = []  # hertz, milliseconds
        self.tag: tuple[int, int, bytes] | None = None
        self.mute = False
        self.spoil = 0
        self.commands = 0
        self.searches = 0  # of the commands: those that take time, which is for whoever hands on the answer
        self._now_ms = now_ms
        self._binary = binary
        self._with_crc = with_crc
        self._newer = newer
        self._version = version
        self._uid = uid
        self._feels = feels
        self._booted_ms = now_ms()
        self._outputs = 0
        self._held = b""

    def hold(self, tag_type: int, bit_count: int, number: bytes) -> None:
        """A person holds a badge to it."""
        self.tag = (tag_type, bit_count, number)

    def take_away(self) -> None:
        """And takes it away."""
        self.tag = None

    def restart(self) -> None:
        """Loses power for a moment."""
        self._booted_ms = self._now_ms()
        self.lamps = self._outputs = 0
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What it answers to that; nothing as long as no command is whole."""
        self._held += data
        answers = b""
        while (command := self._next_command()) is not None:
            answers += self._wrap(self._answer(command))
        return b"" if self.mute else answers

    # -- wrapping

    def _next_command(self) -> bytes | None:
        whole = self._next_binary() if self._binary else self._next_line()
        if whole is None or not self._with_crc:
            return whole
        message, check = whole[:-2], whole[-2:]
        return message if _check(message) == check else b""

    def _next_line(self) -> bytes | None:
        end = self._held.find(CARRIAGE_RETURN)
        if end < 0:
            self._held = self._held[-2 * COMMAND_BYTES_MAX :]
            return None
        line, self._held = self._held[:end], self._held[end + 1 :]
        try:
            return bytes.fromhex(line.decode("ascii"))
        except ValueError:
            return b""

    def _next_binary(self) -> bytes | None:
        if len(self._held) < 2:
            return None
        length = self._held[0] | self._held[1] << 8
        if length > COMMAND_BYTES_MAX:
            self._held = b""
            return None
        if len(self._held) < 2 + length:
            return None
        whole, self._held = self._held[2 : 2 + length], self._held[2 + length :]
        return whole

    def _wrap(self, answer: bytes) -> bytes:
        if not answer:
            return b""
        whole = answer + _check(answer) if self._with_crc else answer
        if self.spoil:
            self.spoil -= 1
            whole = bytes([whole[0] ^ 0x40]) + whole[1:]
        if self._binary:
            return bytes([len(whole) & 0xFF, len(whole) >> 8]) + whole
        return whole.hex().upper().encode() + bytes([CARRIAGE_RETURN])

    # -- functions

    def _answer(self, command: bytes) -> bytes:
        if len(command) < 2:
            return b"\x05"  # parser error
        self.commands += 1
        group, function, rest = command[0], command[1], command[2:]
        if group == 0x00:
            return self._system(function)
        if group == 0x04:
            return self._peripheral(function, rest)
        if group == 0x05:
            return self._rf(function, rest)
        return b"\x01"

    def _system(self, function: int) -> bytes:
        if function == 0x03:
            return b"\x00" + (self._now_ms() - self._booted_ms).to_bytes(4, "little")
        if function == 0x04:
            return b"\x00" + bytes([len(self._version)]) + self._version.encode()
        if function == 0x05:
            return b"\x00\x01"
        if function == 0x08:
            return b"\x00" + self._uid
        return b"\x01"

    def _peripheral(self, function: int, rest: bytes) -> bytes:
        if function == 0x07:
            if len(rest) != 7:
                return b"\x02"
            self.tones.append((rest[1] | rest[2] << 8, rest[3] | rest[4] << 8))
            return b"\x00"
        word = (NEWER_LED if self._newer else {}).get(function) or OLDER_LED.get(function)
        if word is None:
            return b"\x01"
        if not rest or (function == 0x00 and len(rest) != 3):
            return b"\x02"
        self._light(word, rest[0])
        return b"\x00"

    def _light(self, word: str, bits: int) -> None:
        if word == "init":
            self._outputs |= bits
        elif word == "on":
            self.lamps |= bits & self._outputs
        elif word == "off":
            self.lamps &= ~bits
        else:
            self.lamps ^= bits & self._outputs

    def _rf(self, function: int, rest: bytes) -> bytes:
        if function == 0x01:
            return b"\x00"
        if function == 0x02:
            return b"\x00" if len(rest) == 8 else b"\x02"
        if function != 0x00:
            return b"\x01"
        self.searches += 1
        if len(rest) != 1:
            return b"\x02"
        tag_type, bit_count, held = self.tag or (0, 0, b"")
        number = self._feels(held) if held else None
        if number is None:
            return b"\x00\x00"
        number = number[: rest[0]]
        return bytes([0x00, 0x01, tag_type, bit_count, len(number)]) + number


def _check(message: bytes) -> bytes:
    """The check that firmware with CRC wants: CRC-CCITT, bit-reversed, from all ones, low byte first."""
    register = 0xFFFF
    for byte in message:
        for bit in range(8):
            carry = (register ^ byte >> bit) & 1
            register = register >> 1 ^ carry * 0x8408
    return bytes([register & 0xFF, register >> 8])
