"""USB descriptors of an emulated device, as bytes: written here, and read by hosts that know nothing of us.

Law: pure; knows functions by kind, nothing of boards. An ``acm`` function is a serial port as the CDC class has it
(an interrupt endpoint and a bulk pair, two interfaces under one association); an ``ffs`` function is one vendor
interface with a bulk pair, as FunctionFS of ``firmware.platform.linux`` makes it. Sources: USB 2.0, chapter 9; CDC PSTN
1.2, 5.3; the association of interfaces is an engineering change notice to USB 2.0.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from host_tools.emulator.usb_layout import UsbIdentity

ENGLISH = 0x0409
DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT, QUALIFIER, ASSOCIATION, CLASS_INTERFACE = 1, 2, 3, 4, 5, 6, 11, 0x24
BULK, INTERRUPT = 2, 3
TO_HOST = 0x80
CDC_CONTROL, CDC_DATA, VENDOR = 0x02, 0x0A, 0xFF
ACM_SUBCLASS, AT_COMMANDS = 2, 1
ACM_CAPABILITIES = 0x02  # line coding and line state can be set
MANUFACTURER, PRODUCT, SERIAL, FIRST_FUNCTION = 1, 2, 3, 4  # numbers of strings; functions follow in order
USB_2 = 0x0200
DEVICE_VERSION = 0x0100
CONTROL_PACKET_BYTES = 64
NOTIFY_PACKET_BYTES = 10
NOTIFY_INTERVAL = 9  # at high speed 2**8 microframes, 32 ms
BUS_POWERED = 0x80
MAX_POWER_2MA = 250
PACKET_BYTES = {12: 64, 480: 512}  # of a bulk endpoint, by speed in Mbit/s


class Function(NamedTuple):
    """``kind``: acm or ffs, as in board files."""

    name: str
    kind: str


class Layout(NamedTuple):
    """Where a function is. ``interface``: the number of the one with the bulk pair; ``notify``: an address, or 0."""

    function: Function
    interface: int
    way_in: int
    way_out: int
    notify: int


def layouts(functions: tuple[Function, ...]) -> tuple[Layout, ...]:
    """Interfaces and endpoints in the order of the functions. ValueError for a kind that is not known."""
    found: list[Layout] = []
    interface, endpoint = 0, 1
    for function in functions:
        if function.kind == "acm":
            place = Layout(function, interface + 1, TO_HOST | (endpoint + 1), endpoint + 1, TO_HOST | endpoint)
            interface, endpoint = interface + 2, endpoint + 2
        elif function.kind == "ffs":
            place = Layout(function, interface, TO_HOST | endpoint, endpoint, 0)
            interface, endpoint = interface + 1, endpoint + 1
        else:
            raise ValueError(f"function {function.name}: no USB function of the kind {function.kind} is emulated")
        found.append(place)
    return tuple(found)


def device_descriptor(identity: UsbIdentity) -> bytes:
    """The device's own: its functions say what it is, each for itself."""
    strings = [MANUFACTURER if identity.manufacturer else 0, PRODUCT if identity.product else 0]
    strings.append(SERIAL if identity.serial else 0)
    head = struct.pack("<BBHBBBB", 18, DEVICE, USB_2, 0xEF, 2, 1, CONTROL_PACKET_BYTES)
    return head + struct.pack("<HHHBBBB", identity.vendor_id, identity.product_id, DEVICE_VERSION, *strings, 1)


def qualifier_descriptor() -> bytes:
    """What it would be at the other speed."""
    return struct.pack("<BBHBBBBBB", 10, QUALIFIER, USB_2, 0xEF, 2, 1, CONTROL_PACKET_BYTES, 1, 0)


def configuration_descriptor(functions: tuple[Function, ...], speed_mbps: int) -> bytes:
    """The only configuration, with everything below it."""
    packet_bytes = PACKET_BYTES[speed_mbps]
    body = b""
    places = layouts(functions)
    for number, place in enumerate(places):
        of_kind = _serial_function if place.notify else _vendor_function
        body += of_kind(place, FIRST_FUNCTION + number, packet_bytes)
    interfaces = places[-1].interface + 1 if places else 0
    head = struct.pack("<BBHBBBBB", 9, CONFIGURATION, 9 + len(body), interfaces, 1, 0, BUS_POWERED, MAX_POWER_2MA)
    return head + body


def string_descriptor(identity: UsbIdentity, functions: tuple[Function, ...], number: int) -> bytes | None:
    """None for a string that there is not."""
    if number == 0:
        return struct.pack("<BBH", 4, STRING, ENGLISH)
    texts = [identity.manufacturer, identity.product, identity.serial, *(function.name for function in functions)]
    if number > len(texts) or not texts[number - 1]:
        return None
    data = texts[number - 1].encode("utf-16-le")
    return bytes([2 + len(data), STRING]) + data


def split(configuration: bytes) -> list[bytes]:
    """One descriptor after another."""
    found: list[bytes] = []
    place = 0
    while place + 2 <= len(configuration) and configuration[place] >= 2:
        found.append(configuration[place : place + configuration[place]])
        place += configuration[place]
    return found


def _serial_function(place: Layout, name: int, packet_bytes: int) -> bytes:
    control, data = place.interface - 1, place.interface
    return b"".join(
        [
            struct.pack("<BBBBBBBB", 8, ASSOCIATION, control, 2, CDC_CONTROL, ACM_SUBCLASS, AT_COMMANDS, name),
            _interface(control, 1, CDC_CONTROL, ACM_SUBCLASS, AT_COMMANDS, name),
            struct.pack("<BBBH", 5, CLASS_INTERFACE, 0x00, 0x0110),
            struct.pack("<BBBBB", 5, CLASS_INTERFACE, 0x01, 0, data),
            struct.pack("<BBBB", 4, CLASS_INTERFACE, 0x02, ACM_CAPABILITIES),
            struct.pack("<BBBBB", 5, CLASS_INTERFACE, 0x06, control, data),
            struct.pack("<BBBBHB", 7, ENDPOINT, place.notify, INTERRUPT, NOTIFY_PACKET_BYTES, NOTIFY_INTERVAL),
            _interface(data, 2, CDC_DATA, 0, 0, 0),
            _bulk(place.way_in, packet_bytes),
            _bulk(place.way_out, packet_bytes),
        ]
    )


def _vendor_function(place: Layout, name: int, packet_bytes: int) -> bytes:
    pair = _bulk(place.way_in, packet_bytes) + _bulk(place.way_out, packet_bytes)
    return _interface(place.interface, 2, VENDOR, 0, 0, name) + pair


def _interface(number: int, endpoints: int, kind: int, subclass: int, protocol: int, name: int) -> bytes:
    return struct.pack("<BBBBBBBBB", 9, INTERFACE, number, 0, endpoints, kind, subclass, protocol, name)


def _bulk(address: int, packet_bytes: int) -> bytes:
    return struct.pack("<BBBBHB", 7, ENDPOINT, address, BULK, packet_bytes, 0)
