"""``usb://VID:PID[/SERIAL][?interface=N]``: the pair of bulk endpoints of a vendor interface, through pyusb.

Law: one device and one interface, or a refusal that lists what could have been meant; no driver of the kernel is ever
sent away, no configuration set that is set already: the other functions of the device stay as they are.

A read asks for READ_BYTES at once. libusb cuts that into as many requests as the kernel wants and queues them all, so
the controller always has the next one, until a short packet ends the read. A second read at the same time would fill
the gap between two reads, but libusb's synchronous calls, all that pyusb has, do not say which of two was queued first,
and the bytes of a stream must stay in order.
"""

from __future__ import annotations

import errno
import re
from array import array
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import usb.control
import usb.core
import usb.util
from usb.backend import libusb1

from host_tools.transports.errors import PortAmbiguous, PortBusy, PortDenied, PortError, PortMissing
from host_tools.transports.pipe import Buffer, Pipe
from host_tools.transports.serial_ports import open_in_thread
from host_tools.transports.threaded import POLL_S, ThreadedPipe

SCHEME = "usb"
READ_BYTES = 1 << 18  # 6 ms of high speed at its best; a multiple of every packet size, as the last one must fit whole
TIMEOUT_MS = round(POLL_S * 1000)
VENDOR_CLASS = 0xFF
GONE = (errno.ENODEV, errno.ENOENT)
LANGUAGES_BYTES = 4  # of the shortest list of languages
WANTED = "write usb://VID:PID, usb://VID:PID/SERIAL or usb://VID:PID?interface=N, VID and PID in hexadecimal"

_URL = re.compile(
    r"usb://(?P<vid>[0-9a-f]{1,4}):(?P<pid>[0-9a-f]{1,4})(/(?P<serial>[^/?]*))?(\?interface=(?P<interface>\d{1,3}))?",
    re.IGNORECASE,
)


class Target(NamedTuple):
    """What a URL asks for. ``serial``: empty for the only one; ``interface``: None for the only vendor interface."""

    url: str
    vid: int
    pid: int
    serial: str
    interface: int | None

    def named(self, serial: str) -> str:
        """A URL of the device with that serial number."""
        return f"{SCHEME}://{self.vid:04x}:{self.pid:04x}/{quote(serial)}"


async def open_usb(url: str, backend: Any = None) -> Pipe:
    """``backend``: a usb.backend.IBackend in place of the libusb that pyusb finds. PortError and its kinds."""
    target = parse_target(url)
    port = await open_in_thread(lambda: _open(target, backend), BulkPort.close)
    return ThreadedPipe(url, port, "usb-bulk")


def parse_target(url: str) -> Target:
    """PortError if the URL has another form."""
    found = _URL.fullmatch(url)
    if found is None:
        raise PortError(f"{url}: no such form of URL; {WANTED}")
    interface = None if found["interface"] is None else int(found["interface"])
    return Target(url, int(found["vid"], 16), int(found["pid"], 16), unquote(found["serial"] or ""), interface)


class BulkPort:
    """A BlockingPort over a claimed interface.

    Both ends find the end of what was sent by a short packet. Ours never ends with a full one: the last byte then goes
    alone. That costs what a packet without bytes would, which some device sides take for the end of the stream.
    """

    def __init__(self, device: Any, way_in: Any, way_out: Any) -> None:
        self._device = device
        self._in = way_in
        self._out = way_out
        self._buffer = array("B", bytes(READ_BYTES))

    def read(self) -> Buffer:
        try:
            count: int = self._in.read(self._buffer, TIMEOUT_MS)
        except usb.core.USBTimeoutError:
            return b""
        return bytes(memoryview(self._buffer)[:count])

    def write(self, data: bytes, last: bool) -> int:
        if last and len(data) % self._out.wMaxPacketSize == 0:
            data = data[:-1]
        try:
            return self._out.write(data, TIMEOUT_MS)
        except usb.core.USBTimeoutError:
            return 0

    def wake(self) -> None:
        return  # both calls come back by themselves

    def close(self) -> None:
        usb.util.dispose_resources(self._device)


def _open(target: Target, backend: Any) -> BulkPort:
    try:
        device = _find(target, backend)
    except usb.core.NoBackendError as error:
        raise PortError(f"{target.url}: libusb is missing; install the package libusb-1.0-0") from error
    except usb.core.USBError as error:
        raise _port_error(target, error) from error
    try:
        number, way_in, way_out = _bulk_pair(target, device.get_active_configuration())
        usb.util.claim_interface(device, number)
    except usb.core.USBError as error:
        usb.util.dispose_resources(device)
        raise _port_error(target, error) from error
    except PortError:
        usb.util.dispose_resources(device)
        raise
    return BulkPort(device, way_in, way_out)


def _find(target: Target, backend: Any) -> Any:
    try:
        return _choose(target, _devices(target, backend))
    except PortMissing:
        if backend is not None:
            raise
        return _choose(target, _devices(target, _fresh_backend()))


def _devices(target: Target, backend: Any) -> list[Any]:
    found: Any = usb.core.find(True, backend, idVendor=target.vid, idProduct=target.pid)
    return list(found)


def _fresh_backend() -> Any:
    """libusb begun anew. It hears of new devices from udev alone: where that does not run (a container, an early
    boot), a context knows for ever what was plugged in when it began, and pyusb has one for the whole program."""
    library: Any = libusb1
    library._lib_object = None  # what pyusb keeps it in; devices that are open keep theirs
    return library.get_backend()


def _choose(target: Target, devices: list[Any]) -> Any:
    """The one device that is meant. All others are given back."""
    if not devices:
        raise PortMissing(f"{target.url}: no such device; plug it in, and see `bwc ports` for what is there")
    if len(devices) == 1 and not target.serial:
        return devices[0]
    devices, serials = _still_there(devices)
    meant = [device for device, serial in zip(devices, serials, strict=True) if serial == (target.serial or None)]
    for device in devices:
        if len(meant) != 1 or device is not meant[0]:
            usb.util.dispose_resources(device)
    if len(meant) == 1 and target.serial:
        return meant[0]
    if target.serial and not meant and None in serials:
        raise _denied(target)
    there = ", ".join(target.named(serial) if serial else "one that does not tell its serial" for serial in serials)
    if target.serial and not meant:
        raise PortMissing(f"{target.url}: no such device; plug it in. There is {there or 'none of its kind'}")
    raise PortAmbiguous(f"{target.url}: {len(devices)} such devices are there; name one of {there}")


def _still_there(devices: list[Any]) -> tuple[list[Any], list[str | None]]:
    """Devices that have not gone since they were listed, and their serial numbers: None for one that cannot be read
    (not permitted, or the device has none)."""
    there: list[Any] = []
    serials: list[str | None] = []
    for device in devices:
        try:
            serials.append(_serial_of(device))
        except usb.core.USBError as error:
            if error.errno in GONE:
                usb.util.dispose_resources(device)
                continue
            serials.append(None)
        there.append(device)
    return there, serials


def _serial_of(device: Any) -> str | None:
    try:
        return device.serial_number
    except ValueError:  # pyusb's word for strings it may not read; it keeps the reason to itself
        usb.control.get_descriptor(device, LANGUAGES_BYTES, usb.util.DESC_TYPE_STRING, 0)
        return None


def _bulk_pair(target: Target, configuration: Any) -> tuple[int, Any, Any]:
    """Number of the interface, endpoint in, endpoint out."""
    pairs: dict[int, tuple[Any, Any]] = {}
    for interface in configuration:
        way_in, way_out = _bulk(interface, usb.util.ENDPOINT_IN), _bulk(interface, usb.util.ENDPOINT_OUT)
        asked = target.interface in (None, interface.bInterfaceNumber)
        ours = interface.bInterfaceClass == VENDOR_CLASS or target.interface is not None
        if asked and ours and interface.bAlternateSetting == 0 and way_in is not None and way_out is not None:
            pairs[interface.bInterfaceNumber] = (way_in, way_out)
    if not pairs:
        which = "vendor interface" if target.interface is None else f"interface {target.interface}"
        raise PortError(f"{target.url}: the device has no {which} with a bulk pair; check its functions, or {WANTED}")
    if len(pairs) > 1:
        numbers = ", ".join(f"?interface={number}" for number in pairs)
        raise PortAmbiguous(f"{target.url}: several interfaces could be meant; add one of {numbers}")
    number, (way_in, way_out) = pairs.popitem()
    return number, way_in, way_out


def _bulk(interface: Any, direction: int) -> Any:
    def fits(endpoint: Any) -> bool:
        bulk = usb.util.endpoint_type(endpoint.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK
        return bulk and usb.util.endpoint_direction(endpoint.bEndpointAddress) == direction

    return usb.util.find_descriptor(interface, custom_match=fits)


def _port_error(target: Target, error: usb.core.USBError) -> PortError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return _denied(target)
    if error.errno == errno.EBUSY:
        return PortBusy(f"{target.url}: another program or a driver of the kernel holds the interface; close it first")
    if error.errno in GONE:
        return PortMissing(f"{target.url}: the device has just gone; plug it in again")
    return PortError(f"{target.url}: cannot be opened ({error.strerror}); plug it in again")


def _denied(target: Target) -> PortDenied:
    rule = (
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{target.vid:04x}", ATTR{{idProduct}}=="{target.pid:04x}", '
        'MODE="0660", GROUP="plugdev", TAG+="uaccess"'
    )
    return PortDenied(
        f"{target.url}: permission denied; put {rule} into /etc/udev/rules.d/70-openbwc.rules and plug it in again"
    )
