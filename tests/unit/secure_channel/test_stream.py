"""The channel over the link's real control stream, frames and all, on a cable that loses, garbles and repeats."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest

from firmware.link import frames, schema
from firmware.link.control import ControlStream
from firmware.link.errors import LocalError
from firmware.ports.lossy_stream import LossyStream
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_stream import stream_pair
from firmware.ports.stream import Stream
from firmware.secure.channel import CLOSED, OPEN, SecureChannel
from firmware.secure.channel_stream import SecuredStream
from tests.unit.trust.parts import World

SEGMENT, ACK = 16, 17
SALT, VERSION = 0x5EED, schema.PROTOCOL_VERSION
SEGMENT_BYTES = 508  # a Pico's: the worst case for a handshake


@dataclass
class End:
    """Control stream and frames of one session, without its messages."""

    line: Stream
    channel: SecureChannel
    out: bytearray = field(default_factory=bytearray)
    got: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.stream = ControlStream(SEGMENT_BYTES)
        self.reader = frames.FrameReader(1024, 4096)
        self.reader.salt = SALT
        self.secured = SecuredStream(self.stream, self.channel)

    def move(self, now_ms: int) -> bool:
        """One turn; whether anything moved."""
        buffer = bytearray(4096)
        count = self.line.read_into(buffer)
        self.reader.take(buffer[:count], now_ms)
        self.reader.tick(now_ms)
        while (frame := self.reader.next_frame()) is not None:
            self._on_frame(frame, now_ms)
        self.stream.tick(now_ms)
        self.got += self.secured.read()
        self._gather(now_ms)
        taken = self.line.write(self.out)
        del self.out[:taken]
        return bool(count or taken)

    def _on_frame(self, frame: frames.Frame, now_ms: int) -> None:
        ack = struct.unpack_from("<I", frame.payload)[0]
        if frame.kind == SEGMENT:
            self.stream.on_ack(ack, 0, now_ms)
            self.stream.on_segment(frame.sequence, frame.payload[4:])
        elif frame.kind == ACK:
            self.stream.on_ack(ack, struct.unpack_from("<I", frame.payload, 4)[0], now_ms)

    def _gather(self, now_ms: int) -> None:
        while (segment := self.stream.next_segment(now_ms)) is not None:
            payload = struct.pack("<I", self.stream.ack()[0]) + segment[1]
            self.out += frames.frame(SEGMENT, segment[0], payload, SALT, VERSION)
        if self.stream.ack_owed:
            self.out += frames.frame(ACK, 0, struct.pack("<II", *self.stream.ack()), SALT, VERSION)


class Cable:
    """Two ends and a clock."""

    def __init__(self, seed: int, ppm: int) -> None:
        print(f"seed {seed}")
        world = World()
        first, second = stream_pair()
        faults = {"drop_ppm": ppm, "flip_ppm": ppm, "duplicate_ppm": ppm}
        host = SecureChannel(world.trust.channel_trust(), VERSION, 0, "CAM-0001")
        board = SecureChannel(world.camera().identity.channel_trust(), VERSION, 0)
        self.host = End(LossyStream(first, seed, **faults), host)
        self.board = End(LossyStream(second, seed + 1, **faults), board)
        self.now_ms = 0

    def run(self, until_ms: int = 60_000) -> None:
        """Until nothing moves and nothing waits."""
        while self.now_ms < until_ms:
            moved = [self.host.move(self.now_ms), self.board.move(self.now_ms)]
            if not any(moved):
                if self.host.stream.idle() and self.board.stream.idle():
                    return
                self.now_ms += 20
        raise AssertionError(f"still busy after {until_ms} ms of virtual time")


@pytest.mark.req("LINK-02", "LINK-04")
@pytest.mark.parametrize("ppm", [0, 100, 400])
@pytest.mark.parametrize("seed", range(3))
def test_the_channel_opens_and_carries_over_a_bad_cable(seed: int, ppm: int):
    cable = Cable(seed, ppm)
    cable.run()
    assert (cable.host.channel.state, cable.board.channel.state) == (OPEN, OPEN)
    sent = SeededEntropy(seed).random_bytes(20_000)
    for start in range(0, len(sent), 1_000):
        cable.host.secured.write(sent[start : start + 1_000])
        cable.board.secured.write(sent[start : start + 100])
        cable.run(cable.now_ms + 60_000)
    assert bytes(cable.board.got) == sent
    assert bytes(cable.host.got) == b"".join(sent[start : start + 100] for start in range(0, len(sent), 1_000))
    damaged = [end.line.dropped + end.line.flipped for end in (cable.host, cable.board)]  # type: ignore[attr-defined]
    assert sum(damaged) > 0 or ppm < 400
    cable.host.channel.close()
    cable.run(cable.now_ms + 60_000)
    assert (cable.host.channel.state, cable.board.channel.state) == (CLOSED, CLOSED)


def test_more_than_the_stream_takes_waits_its_turn():
    cable = Cable(1, 0)
    cable.run()
    sent = bytes(range(256)) * 160
    cable.host.secured.write(sent)
    with pytest.raises(LocalError, match="does not listen"):
        cable.host.secured.write(sent)
    cable.run(cable.now_ms + 60_000)
    assert bytes(cable.board.got) == sent
