"""From a URL to an open reader.

``twn4://PATH[?form=ascii|ascii-crc|binary|binary-crc]``, ``ascii125k://PATH[?baud=9600]``, ``pcsc:///[NAME]``,
``wedge://PATH[?radix=10]``; PATH is a serial port, or any other URL of a byte pipe in percent-encoding.
``bytes=reversed`` in any of them turns numbers round that a reader turns round.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

from host_tools.readers.ascii125k import open_ascii125k
from host_tools.readers.errors import ReaderError, UnsupportedReader
from host_tools.readers.interface import Reader, ReaderIdentity
from host_tools.readers.pcsc import open_pcsc
from host_tools.readers.presence import Event, Gone, Restarted, Seen
from host_tools.readers.twn4 import FORM_WORDS, open_twn4
from host_tools.readers.wedge import open_wedge
from host_tools.transports.errors import PortError
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import Registry

BAUD_RATE = 9_600  # of readers with a UART; USB ones do not care
# scheme -> options
OPTIONS = {
    "twn4": ("form", "baud", "bytes"),
    "ascii125k": ("baud", "bytes"),
    "pcsc": ("bytes",),
    "wedge": ("radix", "bytes"),
}
BYTE_ORDERS = ("as-read", "reversed")

# USB identities of readers that are known and cannot be used as they are -> what to do.
KNOWN_UNSUPPORTED = {
    (0x09D8, 0x0410): "a TWN4 with keyboard firmware; put a PRS image onto it, or use wedge://",
    (0x09D8, 0x0426): "a TWN4 with report firmware; put a PRS image onto it",
    (0x09D8, 0x0425): "a TWN4 with CCID and HID firmware; use pcsc://",
    (0x09D8, 0x0428): "a TWN4 with CCID firmware; use pcsc://",
}


# USB identities of readers that can be used as they are -> the URL of one with that serial port or none.
KNOWN_SUPPORTED = {
    (0x09D8, 0x0420): "twn4://{port}",
    (0x072F, 0x2200): "pcsc:///ACR122U",
}


async def open_reader(url: str, ports: Registry, now_ms: Callable[[], int]) -> Reader:
    """A reader that is ready. ReaderError says in one line why not."""
    scheme, place, options = parse_reader_url(url)
    try:
        reader = await _open(url, scheme, place, options, ports, now_ms)
    except PortError as error:
        raise ReaderError(f"{url}: {error}") from error
    return TurnedRound(reader) if options.get("bytes") == "reversed" else reader


def parse_reader_url(url: str) -> tuple[str, str, dict[str, str]]:
    """Scheme, place and options. ReaderError names what does not fit."""
    parts = urlsplit(url)
    if parts.scheme not in OPTIONS:
        known = ", ".join(f"{scheme}://" for scheme in OPTIONS)
        raise ReaderError(f"{url}: no kind of reader; write one of {known}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in options.items():
        if name not in OPTIONS[parts.scheme]:
            raise ReaderError(
                f"{url}: {parts.scheme}:// has no option {name}; it has {', '.join(OPTIONS[parts.scheme])}"
            )
        _check_option(url, name, value)
    place = unquote(parts.netloc + parts.path)
    if parts.scheme != "pcsc" and not place.strip("/"):
        raise ReaderError(f"{url}: names no port; write for example {parts.scheme}:///dev/ttyACM0")
    return parts.scheme, place, options


def unsupported_reader(vid: int, pid: int) -> str:
    """What is wrong with a reader of that USB identity, for people; empty if nothing is known against it."""
    known = KNOWN_UNSUPPORTED.get((vid, pid))
    return f"reader {vid:04x}:{pid:04x} is {known}" if known else ""


def reader_of_usb(vid: int, pid: int, port: str) -> str:
    """The URL of a reader of that USB identity behind a serial port; empty for no reader, or one without a port."""
    form = KNOWN_SUPPORTED.get((vid, pid), "")
    return "" if "{port}" in form and not port else form.format(port=port)


class TurnedRound:
    """A reader whose numbers are turned round: its own settings give the last byte first."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def identity(self) -> ReaderIdentity:
        """See Reader."""
        return self._reader.identity

    async def next_event(self) -> Event:
        """See Reader."""
        event = await self._reader.next_event()
        if isinstance(event, Restarted):
            return event
        tag = event.tag._replace(uid=bytes(reversed(event.tag.uid)))
        return Seen(tag) if isinstance(event, Seen) else Gone(tag)

    async def signal(self, word: str) -> None:
        """See Reader."""
        await self._reader.signal(word)

    def close(self) -> None:
        """See Reader."""
        self._reader.close()


async def _open(
    url: str, scheme: str, place: str, options: dict[str, str], ports: Registry, now_ms: Callable[[], int]
) -> Reader:
    if scheme == "pcsc":
        return await open_pcsc(url, place.strip("/"), now_ms)
    if scheme == "wedge":
        return await open_wedge(url, place, int(options.get("radix", "16")), now_ms)
    pipe = await _open_port(place, options.get("baud", str(BAUD_RATE)), ports)
    if scheme == "twn4":
        return await open_twn4(pipe, options.get("form", ""), now_ms)
    return await open_ascii125k(pipe, now_ms)


async def _open_port(place: str, baud: str, ports: Registry) -> Pipe:
    return await ports.open(place if "://" in place else f"serial://{place}?baud={baud}")


def _check_option(url: str, name: str, value: str) -> None:
    allowed = {"form": tuple(FORM_WORDS), "radix": ("10", "16"), "bytes": BYTE_ORDERS}.get(name)
    if allowed is not None and value not in allowed:
        raise UnsupportedReader(f"{url}: {name}={value} is not known; write {' or '.join(allowed)}")
    if name == "baud" and not value.isdecimal():
        raise ReaderError(f"{url}: baud={value} is no baud rate; write for example baud={BAUD_RATE}")
