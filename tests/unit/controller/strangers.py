"""Devices that are not what a controller expects, behind real pseudo-terminals."""

from __future__ import annotations

import asyncio
from pathlib import Path

from firmware.link import codec, frames, schema
from firmware.ports.memory_entropy import SeededEntropy
from host_tools.emulator.plugs import PtyPlug

KINDS = {row[1]: row[0] for row in schema.FRAME_KINDS}
ROWS = {row[1]: row[3] for row in schema.FRAME_KINDS}
NOISE_S = 0.01  # between two bursts
NOISE_BYTES = 500


class Silent:
    """A serial port behind which nobody says anything."""

    def __init__(self, link: Path) -> None:
        self.loop = asyncio.get_running_loop()
        self.plug = PtyPlug(link, self.step)
        self.plug.put_in()

    def step(self) -> None:
        """Bytes have come, and are read as any driver does."""
        self.heard = bytearray(4_096)
        self.heard = self.heard[: self.plug.read_into(self.heard)]

    def unplug(self) -> None:
        """Hang up; a second call does nothing."""
        self.plug.pull_out()


class Noisy(Silent):
    """Some other device, or a wrong baud rate: bytes without end."""

    def __init__(self, link: Path, seed: int = 1) -> None:
        self._entropy = SeededEntropy(seed)
        self._timer: asyncio.TimerHandle | None = None
        super().__init__(link)
        self._talk()

    def unplug(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().unplug()

    def _talk(self) -> None:
        self.plug.write(self._entropy.random_bytes(NOISE_BYTES))
        self._timer = self.loop.call_later(NOISE_S, self._talk)


class OtherVersion(Silent):
    """A board that speaks versions of the link which nobody here knows yet."""

    VERSIONS = (3, 4)

    def __init__(self, link: Path) -> None:
        self._reader = frames.FrameReader(schema.PAYLOAD_BYTES_MIN, schema.PAYLOAD_BYTES_MIN)
        super().__init__(link)

    def step(self) -> None:
        super().step()
        self._reader.take(self.heard, 0)
        while (frame := self._reader.next_frame()) is not None:
            if frame.kind == KINDS["open"]:
                offered = codec.parse(ROWS["open"], frame.payload)
                low, high = self.VERSIONS
                answer = {"version_min": low, "version_max": high, "nonce_seen": offered["nonce"]}
                payload = codec.pack(ROWS["refuse"], answer)
                self.plug.write(frames.frame(KINDS["refuse"], 0, payload, frames.SALT_NONE, 1))
