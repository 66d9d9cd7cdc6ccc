"""How a controller makes the secure channel of one connection, and what it hears of a board that it cannot believe.

Law: makes channels, decides nothing: whether a peer may do anything is ``SystemTrust.admit``.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware.link.control import ControlStream
from firmware.secure.channel import SecureChannel
from firmware.secure.channel_context import ChannelTrust
from firmware.secure.channel_faults import Fault
from firmware.secure.channel_greeting import GreetingReader
from firmware.secure.channel_stream import SecuredStream

MakeChannel = Callable[[ChannelTrust, int, int, str | None], SecureChannel]


class ChannelMaker:
    """A session's ``make_secure``. ``port_serial``: what the board says by its USB descriptor, empty where there is
    none; greeting and certificate must say the same."""

    def __init__(self, trust: ChannelTrust, port_serial: str = "", make_channel: MakeChannel = SecureChannel) -> None:
        self._trust = trust
        self._port_serial = port_serial
        self._make_channel = make_channel
        self._channel: SecureChannel | None = None
        self._reader = GreetingReader()

    def __call__(self, stream: ControlStream, version: int, now_ms: int) -> SecuredStream:
        """See Session."""
        self._reader = GreetingReader()
        self._channel = self._make_channel(self._trust, version, now_ms, self._port_serial or None)
        return SecuredStream(stream, self._channel, reader=self._reader)

    @property
    def serial(self) -> str:
        """What the board says it is, for display only."""
        return self._reader.serial or self._port_serial

    @property
    def fault(self) -> Fault | None:
        """Why there is no channel; None while there is one, or none was asked for."""
        return self._channel.fault if self._channel is not None else None
