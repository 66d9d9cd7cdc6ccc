"""The radio port over HCI, against controllers that take their commands byte by byte as the specification has them."""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Callable

import pytest

from firmware.platform.linux import radio
from firmware.platform.linux.radio import HciRadio, HciSocket, heard_in, radio_or_none
from firmware.ports import radio_suite
from firmware.ports.errors import PortFault
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.radio import Radio
from host_tools.hardware import board_data, find_board

OK, UNKNOWN, DISALLOWED, INVALID = 0x00, 0x01, 0x0C, 0x12
RSSI_DBM = -61
CHIP_DBM = 4


class Ether:
    """Controllers within reach of each other."""

    def __init__(self) -> None:
        self.controllers: list[Controller] = []

    def repeat(self) -> None:
        """Everybody who advertises does so once."""
        for sender in self.controllers:
            if sender.advertising:
                for listener in self.controllers:
                    if listener is not sender:
                        listener.report(sender.address, sender.data)


class Controller:
    """A Bluetooth 4.2 controller, as far as this port needs one. ``refuses``: commands that it does not know."""

    def __init__(self, ether: Ether) -> None:
        self.address, self.data, self.parameters = bytes(6), b"", b""
        self.advertising = self.scanning = False
        self.refuses: set[int] = set()
        self.is_dead = False
        self.addresses: list[bytes] = []
        self.commands: list[int] = []
        self._events: deque[bytes] = deque()
        self._told: set[tuple[bytes, bytes]] = set()
        ether.controllers.append(self)

    def send(self, packet: bytes) -> None:
        kind, command, length = struct.unpack_from("<BHB", packet)
        assert (kind, length) == (1, len(packet) - 4)
        self.commands.append(command)
        if self.is_dead:
            return
        status, returned = self._obey(command, packet[4:])
        answer = struct.pack("<BHB", 1, command, status) + returned
        self._events.append(bytes((4, 0x0E, len(answer))) + answer)

    def receive(self, limit_s: float) -> bytes | None:
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        self.advertising = self.scanning = False

    def report(self, address: bytes, data: bytes) -> None:
        """An advertisement has arrived; what was told before is not told again."""
        if self.scanning and (address, data) not in self._told:
            self._told.add((address, data))
            body = struct.pack("<BBBB6sB", 0x02, 1, 3, 1, address, len(data)) + data + struct.pack("<b", RSSI_DBM)
            self._events.append(bytes((4, 0x3E, len(body))) + body)

    def _obey(self, command: int, given: bytes) -> tuple[int, bytes]:
        if command in self.refuses:
            return UNKNOWN, b""
        if command == 0x2005:
            return self._take_address(given)
        if command == 0x2006:
            interval, longest, kind, own, _, _, channels, _ = struct.unpack("<HHBBB6sBB", given)
            good = 0xA0 <= interval <= longest <= 0x4000 and kind == 3 and own == 1 and channels == 7
            return (DISALLOWED if self.advertising else OK if good else INVALID), b""
        if command == 0x2007:
            return OK, struct.pack("<b", CHIP_DBM)
        if command == 0x2008:
            self.data = given[1 : 1 + given[0]]
            return (OK if len(given) == 32 and given[0] <= 31 else INVALID), b""
        if command == 0x200A:
            self.advertising = given == b"\x01"
            return OK, b""
        if command == 0x200B:
            return (DISALLOWED if self.scanning else OK if len(given) == 7 else INVALID), b""
        if command == 0x200C:
            was, self.scanning = self.scanning, given[0] == 1
            self._told = set()
            return (OK if was or self.scanning else DISALLOWED), b""
        return UNKNOWN, b""

    def _take_address(self, given: bytes) -> tuple[int, bytes]:
        if self.advertising or self.scanning:
            return DISALLOWED, b""
        self.address = given
        self.addresses.append(given)
        return (OK if len(given) == 6 and given[5] < 0x40 else INVALID), b""


def pair() -> tuple[HciRadio, HciRadio, Controller, Controller, Ether]:
    ether = Ether()
    first, second = Controller(ether), Controller(ether)
    one, other = HciRadio(SeededEntropy(1), lambda: first), HciRadio(SeededEntropy(2), lambda: second)
    return one, other, first, second, ether


@pytest.mark.req("CAM-13")
@pytest.mark.parametrize("case", radio_suite.CASES, ids=lambda case: case.__name__)
def test_it_passes_the_suite_of_radios(case: Callable[..., None]):
    def new_pair() -> tuple[Radio, Radio, Callable[[], None]]:
        one, other, _, _, ether = pair()
        return one, other, ether.repeat

    case(new_pair)


def test_a_broadcast_is_one_field_of_makers_data_under_an_address_of_its_own():
    one, _, chip, _, _ = pair()
    one.listen(True)
    one.broadcast(bytes(range(24)), 4)
    assert chip.data == bytes((27, 0xFF, 0xFF, 0xFF)) + bytes(range(24))
    assert chip.scanning, "it goes on listening, though a new address wants it to pause"
    one.broadcast(b"x", 4)
    assert len(set(chip.addresses)) == 2


def test_a_chip_says_how_loud_it_is_whatever_it_is_told():
    one, _, _, _, _ = pair()
    assert one.power_for(-6) == CHIP_DBM == one.power_for(10)


def test_what_others_advertise_is_not_ours():
    one, _, chip, _, _ = pair()
    one.listen(True)
    for data in (b"", b"\x02\x01\x06", b"\x05\xff\x4c\x00hi", b"\x09\xff\xff\xffcut", b"\x03\xff\xff\xff", b"\x00\xff"):
        chip.report(b"stranger"[:6], data)
    assert one.receive() is None
    chip.report(b"friend", b"\x02\x01\x06\x05\xff\xff\xffhi")
    heard = one.receive()
    assert heard is not None
    assert (heard.data, heard.rssi_dbm) == (b"hi", RSSI_DBM)


@pytest.mark.parametrize("length", range(5, 24))
def test_a_report_that_is_cut_off_is_left_out(length: int):
    data = b"\x05\xff\xff\xffhi"
    body = struct.pack("<BBBB6sB", 0x02, 1, 3, 1, b"friend", len(data)) + data + b"\xc0"
    event = bytes((4, 0x3E, len(body))) + body
    assert heard_in(event) != []
    assert length >= len(event) or heard_in(event[:length]) == []


def test_a_report_that_comes_between_command_and_answer_is_heard():
    one, _, chip, _, _ = pair()
    one.listen(True)
    chip.report(b"friend", b"\x05\xff\xff\xffhi")
    one.broadcast(b"me", 4)
    heard = one.receive()
    assert heard is not None
    assert heard.data == b"hi"


def test_a_controller_that_refuses_or_is_dead_is_told():
    one, _, chip, _, _ = pair()
    chip.refuses.add(radio.SET_ADVERTISING_DATA)
    with pytest.raises(PortFault, match="refuses command 0x2008, status 0x01"):
        one.broadcast(b"x", 4)
    chip.is_dead = True
    with pytest.raises(PortFault, match="does not answer command 0x200a"):
        one.be_silent()


def test_only_a_board_with_a_radio_has_one():
    boards = [board_data(find_board(model)) for model in ("pi_zero_2w_camera", "pi_dock")]
    assert [radio_or_none(board, SeededEntropy(1)) is not None for board in boards] == [True, False]


def test_a_controller_that_was_left_listening_is_listened_with_all_the_same():
    _, other, _, chip, ether = pair()
    other.listen(True)
    anew = HciRadio(SeededEntropy(3), lambda: chip)  # the program before has died
    anew.listen(True)
    ether.controllers[0].address, ether.controllers[0].data = b"friend", b"\x05\xff\xff\xffhi"
    ether.controllers[0].advertising = True
    ether.repeat()
    assert anew.receive() is not None


def test_a_controller_that_comes_back_is_told_anew_to_listen():
    one, _, chip, _, _ = pair()
    one.listen(True)
    chip.is_dead = True
    with pytest.raises(PortFault, match="does not answer"):
        one.be_silent()
    chip.is_dead = chip.scanning = False
    one.listen(True)
    assert chip.scanning


def test_a_controller_that_does_not_say_how_loud_it_is_is_told():
    class Mute(Controller):
        """Answers with a status alone."""

        def _obey(self, command: int, given: bytes) -> tuple[int, bytes]:
            return OK, b""

    mute = Mute(Ether())
    with pytest.raises(PortFault, match="how loud"):
        HciRadio(SeededEntropy(1), lambda: mute).power_for(0)


def test_a_controller_that_is_pulled_out_is_a_fault_of_the_port():
    device = HciSocket.__new__(HciSocket)
    with socket.socket() as pulled:  # one that nobody is at the other end of
        vars(device)["_socket"] = pulled
        with pytest.raises(PortFault, match="says nothing"):
            device.receive(0)


@pytest.mark.parametrize("asked", [HciRadio.receive, HciRadio.be_silent])
def test_a_controller_that_was_pulled_out_is_opened_anew(asked: Callable[[HciRadio], object]):
    class Pulled(Controller):
        """Nobody is there any more."""

        is_gone = False

        def receive(self, limit_s: float) -> bytes | None:
            if self.is_gone:
                raise PortFault("it is gone")
            return super().receive(limit_s)

    pulled, fresh = Pulled(Ether()), Controller(Ether())
    devices: list[Controller] = [pulled, fresh]
    one = HciRadio(SeededEntropy(1), lambda: devices.pop(0))
    one.listen(True)
    pulled.is_gone = True
    with pytest.raises(PortFault, match="it is gone"):
        asked(one)
    one.listen(True)
    assert fresh.scanning
