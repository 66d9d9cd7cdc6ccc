"""The radio port on Linux: Bluetooth LE's legacy advertisements, by HCI commands on a raw socket of the kernel.

Source: Bluetooth Core Specification 5.3, Vol. 4 Part E, 7.8 (LE controller commands) and Vol. 3 Part C, 11 (advertising
data). A broadcast is a non-connectable advertisement with one field, the maker's data, under an address that is drawn
anew for each: nobody can follow a camera by it, and no controller takes one broadcast for a repetition of another. How
loud it is, is the chip's own matter; it can be asked. bluetoothd must not run beside it: two masters of one controller
undo each other's settings.
"""

import errno
import fcntl
import select
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from firmware.ports.entropy import Entropy
from firmware.ports.errors import PortFault
from firmware.ports.radio import POWER_DBM_MAX, POWER_DBM_MIN, REPEAT_MS, Heard, Radio, check_message

COMMAND_PACKET, EVENT_PACKET = 0x01, 0x04
COMMAND_COMPLETE, COMMAND_STATUS, LE_META = 0x0E, 0x0F, 0x3E
ADVERTISING_REPORT = 0x02

SET_RANDOM_ADDRESS = 0x2005
SET_ADVERTISING_PARAMETERS = 0x2006
READ_ADVERTISING_POWER = 0x2007
SET_ADVERTISING_DATA = 0x2008
ENABLE_ADVERTISING = 0x200A
SET_SCAN_PARAMETERS = 0x200B
ENABLE_SCAN = 0x200C

COMMAND_DISALLOWED = 0x0C  # what a controller says that is asked to end what it does not do
NOT_CONNECTABLE = 3
RANDOM_ADDRESS = 1
ALL_CHANNELS = 7
ADVERTISING_BYTES = 31
MAKERS_DATA = 0xFF
COMPANY = 0xFFFF  # of tests, by the assigned numbers; a maker has its own
ANSWER_S = 1.0  # a controller answers within milliseconds
EVENTS_MAX = 64  # reports that wait while a command is answered
EVENT_BYTES_MAX = 260

_SLOTS = REPEAT_MS * 1000 // 625  # of 0.625 ms
_FIELD = struct.Struct("<BBH")
_SOL_HCI, _HCI_FILTER = 0, 2
_HCI_DEVICE_UP = 0x400448C9


class Device(Protocol):
    """A controller: packets to it and from it."""

    def send(self, packet: bytes) -> None: ...

    def receive(self, limit_s: float) -> "bytes | None": ...

    def close(self) -> None: ...


class HciSocket:
    """Controller number ``device`` of the kernel, switched on. PortFault."""

    def __init__(self, device: int = 0) -> None:
        if not hasattr(socket, "AF_BLUETOOTH"):
            raise PortFault("this Python was built without Bluetooth; take the system's own")
        try:
            self._socket = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, socket.BTPROTO_HCI)
            _switch_on(self._socket, device)
            self._socket.setsockopt(_SOL_HCI, _HCI_FILTER, _filter())
            self._socket.bind((device,))
        except OSError as error:
            raise PortFault(_remedy(device, error)) from None

    def send(self, packet: bytes) -> None:
        """One command. PortFault."""
        try:
            self._socket.send(packet)
        except OSError as error:
            raise PortFault(f"the Bluetooth controller takes no command ({error.strerror})") from None

    def receive(self, limit_s: float) -> "bytes | None":
        """The next event; None if none comes within that time. PortFault."""
        try:
            ready, _, _ = select.select([self._socket], [], [], limit_s)
            return self._socket.recv(EVENT_BYTES_MAX) if ready else None
        except OSError as error:
            raise PortFault(f"the Bluetooth controller says nothing ({error.strerror})") from None

    def close(self) -> None:
        """Give it back."""
        self._socket.close()


class HciRadio(Radio):
    """``open_device``: what opens the controller, when it is first needed."""

    def __init__(self, entropy: Entropy, open_device: "Callable[[], Device]" = HciSocket) -> None:
        self._entropy = entropy
        self._open_device = open_device
        self._device: Device | None = None
        self._listening = False
        self._reports: deque[bytes] = deque(maxlen=EVENTS_MAX)
        self._heard: deque[Heard] = deque(maxlen=EVENTS_MAX)

    def power_for(self, wanted_dbm: int) -> int:
        """See Radio. The chip has one power."""
        told = self._ask(READ_ADVERTISING_POWER)
        if not told:
            raise PortFault("the Bluetooth controller does not say how loud it is")
        (power_dbm,) = struct.unpack("<b", told[:1])
        return max(POWER_DBM_MIN, min(POWER_DBM_MAX, power_dbm))

    def broadcast(self, data: "bytes | bytearray | memoryview", power_dbm: int) -> None:
        """See Radio."""
        message = check_message(data, power_dbm)
        field = _FIELD.pack(_FIELD.size - 1 + len(message), MAKERS_DATA, COMPANY) + message
        self.be_silent()
        if self._listening:  # a controller that listens takes no new address
            self._scan(False)
        self._ask(SET_RANDOM_ADDRESS, self._address())
        if self._listening:
            self._scan(True)
        peer, own = bytes(6), RANDOM_ADDRESS
        parameters = struct.pack("<HHBBB6sBB", _SLOTS, _SLOTS, NOT_CONNECTABLE, own, 0, peer, ALL_CHANNELS, 0)
        self._ask(SET_ADVERTISING_PARAMETERS, parameters)
        self._ask(SET_ADVERTISING_DATA, bytes((len(field),)) + field.ljust(ADVERTISING_BYTES, b"\0"))
        self._ask(ENABLE_ADVERTISING, b"\x01")

    def be_silent(self) -> None:
        """See Radio."""
        self._ask(ENABLE_ADVERTISING, b"\x00", (COMMAND_DISALLOWED,))

    def listen(self, on: bool) -> None:
        """See Radio."""
        if on == self._listening:
            return
        if on:
            self._scan(False)  # a chip goes on as it was told by a program that has died
            self._ask(SET_SCAN_PARAMETERS, struct.pack("<BHHBB", 0, _SLOTS, _SLOTS, 0, 0))
        self._scan(on)
        self._listening = on
        self._reports.clear()
        self._heard.clear()

    def receive(self) -> "Heard | None":
        """See Radio. A controller tells each broadcast once."""
        if not self._listening:
            return None
        try:
            while (event := self._opened().receive(0)) is not None:
                self._keep(event)
        except PortFault:
            self.close()  # opened anew when it is wanted again: it may have been pulled out
            raise
        while self._reports and not self._heard:
            self._heard.extend(heard_in(self._reports.popleft()))
        return self._heard.popleft() if self._heard else None

    def close(self) -> None:
        """The board goes off."""
        if self._device is not None:
            self._device.close()
            self._device = None
        self._listening = False  # whoever is opened next knows nothing of it

    def _scan(self, on: bool) -> None:
        self._ask(ENABLE_SCAN, bytes((on, 1)), (COMMAND_DISALLOWED,))

    def _address(self) -> bytes:
        """One that nobody can resolve: its two highest bits are zero."""
        drawn = bytearray(self._entropy.random_bytes(6))
        drawn[5] &= 0x3F
        return bytes(drawn)

    def _opened(self) -> Device:
        if self._device is None:
            self._device = self._open_device()
        return self._device

    def _ask(self, command: int, parameters: bytes = b"", also_good: "tuple[int, ...]" = ()) -> bytes:
        """What the controller returns beside its status. PortFault."""
        try:
            return self._answer(self._opened(), command, parameters, also_good)
        except PortFault:
            self.close()
            raise

    def _answer(self, device: Device, command: int, parameters: bytes, also_good: "tuple[int, ...]") -> bytes:
        device.send(struct.pack("<BHB", COMMAND_PACKET, command, len(parameters)) + parameters)
        while (event := device.receive(ANSWER_S)) is not None:
            found = answer_in(event, command)
            if found is None:
                self._keep(event)
            elif found[0] and found[0] not in also_good:
                raise PortFault(f"the Bluetooth controller refuses command 0x{command:04x}, status 0x{found[0]:02x}")
            else:
                return found[1:]
        raise PortFault(f"the Bluetooth controller does not answer command 0x{command:04x}")

    def _keep(self, event: bytes) -> None:
        if len(event) > 4 and event[:2] == bytes((EVENT_PACKET, LE_META)) and event[3] == ADVERTISING_REPORT:
            self._reports.append(event)


def radio_or_none(board: "dict[str, Any]", entropy: Entropy) -> "Radio | None":
    """That of a board which has one."""
    return HciRadio(entropy) if any(chip["kind"] == "radio" for chip in board["chips"].values()) else None


def answer_in(event: bytes, command: int) -> "bytes | None":
    """Status and what follows it, if that event ends that command."""
    if len(event) >= 7 and event[:2] == bytes((EVENT_PACKET, COMMAND_COMPLETE)):
        return event[6:] if int.from_bytes(event[4:6], "little") == command else None
    if len(event) >= 7 and event[:2] == bytes((EVENT_PACKET, COMMAND_STATUS)):
        return event[3:4] if int.from_bytes(event[5:7], "little") == command else None
    return None


def heard_in(event: bytes) -> "list[Heard]":
    """Broadcasts of ours in a report; what is cut off or somebody else's is left out."""
    found: list[Heard] = []
    at, count = 5, event[4]
    while count and at + 9 <= len(event):
        length = event[at + 8]
        data, strength = event[at + 9 : at + 9 + length], event[at + 9 + length : at + 10 + length]
        if len(strength) == 1:
            rssi_dbm = struct.unpack("<b", strength)[0]
            found += [Heard(message, rssi_dbm) for message in _messages(data)]
        at += 10 + length
        count -= 1
    return found


def _messages(data: bytes) -> "list[bytes]":
    """The maker's data in an advertisement, where the maker is us."""
    found: list[bytes] = []
    at = 0
    while at < len(data) and data[at]:
        field = data[at + 1 : at + 1 + data[at]]
        if len(field) == data[at] > 3 and field[:3] == _FIELD.pack(0, MAKERS_DATA, COMPANY)[1:]:
            found.append(bytes(field[3:]))
        at += 1 + data[at]
    return found


def _switch_on(opened: socket.socket, device: int) -> None:
    try:
        fcntl.ioctl(opened.fileno(), _HCI_DEVICE_UP, device)
    except OSError as error:
        if error.errno != errno.EALREADY:
            raise


def _filter() -> bytes:
    """Events alone, and of those the ends of commands and LE's."""
    low = 1 << COMMAND_COMPLETE | 1 << COMMAND_STATUS
    return struct.pack("<IIIH2x", 1 << EVENT_PACKET, low, 1 << (LE_META - 32), 0)


def _remedy(device: int, error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES):
        return f"Bluetooth controller hci{device}: not allowed; give this program CAP_NET_ADMIN and CAP_NET_RAW"
    if error.errno in (errno.ENODEV, errno.EAFNOSUPPORT):
        return f"there is no Bluetooth controller hci{device}; take dtoverlay=disable-bt out of config.txt"
    return f"Bluetooth controller hci{device}: {error.strerror}; see `rfkill list`"
