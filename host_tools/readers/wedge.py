"""Readers that act as keyboards: ``wedge:///dev/input/by-path/...-event-kbd[?radix=10]``, through ``evdev``.

Law: the device is grabbed, so that nothing a badge types reaches a console; keys are read by their codes, not by a
layout. Such a reader can show nothing. Some type a number again and again while a badge is there, some once.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

from host_tools.readers.errors import ReaderLost, UnsupportedReader
from host_tools.readers.interface import ReaderIdentity
from host_tools.readers.keyed import KeyedNumbers
from host_tools.readers.presence import Event, Presence

PRESSED = 1
GONE_MS = 500
ENTER_KEYS = ("KEY_ENTER", "KEY_KPENTER")
_NAMES = {f"KEY_{each}": each for each in "0123456789ABCDEF"} | {f"KEY_KP{each}": each for each in "0123456789"}


class WedgeReader:
    """An open reader; see ``open_wedge``. ``now_ms``: any clock that only goes forward."""

    def __init__(self, url: str, device: Any, codes: dict[int, str], radix: int, now_ms: Callable[[], int]) -> None:
        self._url = url
        self._device = device
        self._codes = codes
        self._numbers = KeyedNumbers(radix)
        self._now_ms = now_ms
        self._presence = Presence(GONE_MS)
        self._waiting: list[Event] = []

    @property
    def identity(self) -> ReaderIdentity:
        """See Reader."""
        info = self._device.info
        return ReaderIdentity(self._url, f"{self._device.name} ({info.vendor:04x}:{info.product:04x})", "", "")

    async def next_event(self) -> Event:
        """See Reader."""
        while not self._waiting:
            try:
                for event in await self._device.async_read():
                    self._on_key(event)
            except OSError as error:
                raise ReaderLost(f"{self._url} is gone ({error.strerror}); plug the reader in again") from error
        return self._waiting.pop(0)

    async def signal(self, word: str) -> None:
        """See Reader."""
        del word  # it has neither lamp nor voice that a host could use

    def close(self) -> None:
        """See Reader."""
        self._device.close()

    def _on_key(self, event: Any) -> None:
        name = self._codes.get(event.code) if event.value == PRESSED else None
        if name is None:
            return
        at_ms = event.sec * 1000 + event.usec // 1000
        if name in ENTER_KEYS:
            tag = self._numbers.enter(at_ms)
            if tag is not None:
                now_ms = self._now_ms()  # a key's own time is the wall's, which may be set
                self._waiting += self._presence.feed(None, now_ms) + self._presence.feed(tag, now_ms)
        else:
            self._numbers.key(_NAMES[name], at_ms)


async def open_wedge(url: str, path: str, radix: int, now_ms: Callable[[], int]) -> WedgeReader:
    """A grabbed device. UnsupportedReader says what is missing or what it is instead."""
    try:
        evdev: Any = importlib.import_module("evdev")
    except ImportError as error:
        raise UnsupportedReader(f"{url}: keyboard readers need the package evdev; install openbwc[readers]") from error
    device = await asyncio.get_running_loop().run_in_executor(None, lambda: _open(evdev, url, path))
    codes = {evdev.ecodes.ecodes[name]: name for name in (*_NAMES, *ENTER_KEYS)}
    return WedgeReader(url, device, codes, radix, now_ms)


def _open(evdev: Any, url: str, path: str) -> Any:
    try:
        device = evdev.InputDevice(path)
        device.grab()
    except OSError as error:
        remedy = "plug the reader in, add yourself to the group input, and stop what else uses it"
        raise UnsupportedReader(f"{url}: cannot be opened ({error.strerror or error}); {remedy}") from error
    if evdev.ecodes.EV_KEY not in device.capabilities():
        device.close()
        raise UnsupportedReader(f"{url}: {device.name} has no keys; name the reader's own device")
    return device
