"""A line between two ptys that damages what passes: seeded bit errors, lost blocks, one disconnect.

``python -m benchmarks.relay LEFT RIGHT --seed N [--ber 1e-6] [--loss 0.01] [--cut-after BYTES]``: makes two pseudo-
terminals behind the links LEFT and RIGHT and copies between them until its standard input is closed; then prints one
line of JSON with what passed. After ``--cut-after`` bytes in all both ends are hung up, and appear anew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import sys
import tty
from pathlib import Path

BLOCK_BYTES = 4096  # what is lost at once, as a USB packet buffer or a tty buffer would be
HELD_BYTES_MAX = 64 * 1024  # in the relay, each way; then it stops reading


class Faults:
    """What happens to blocks, the same for the same seed and the same blocks."""

    def __init__(self, seed: int, bit_error_rate: float, loss: float) -> None:
        self._random = random.Random(seed)
        self._bit_error_rate = bit_error_rate
        self._loss = loss
        self._bits_to_error = self._gap()

    def pass_on(self, block: bytes) -> bytes:
        """The block as it comes out, empty if it is lost."""
        if self._loss and self._random.random() < self._loss:
            return b""
        bits = len(block) * 8
        if self._bits_to_error >= bits:
            self._bits_to_error -= bits
            return block
        spoilt = bytearray(block)
        position = self._bits_to_error
        while position < bits:
            spoilt[position >> 3] ^= 1 << (position & 7)
            position += 1 + self._gap()
        self._bits_to_error = position - bits
        return bytes(spoilt)

    def _gap(self) -> int:
        if not self._bit_error_rate:
            return 1 << 62
        return int(self._random.expovariate(self._bit_error_rate))


class End:
    """One pseudo-terminal behind a link."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.held = b""
        self.passed = 0
        self.open()

    def open(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        new = self.link.with_suffix(".new")
        new.symlink_to(os.ttyname(self.slave))
        new.rename(self.link)

    def close(self) -> None:
        self.link.unlink(missing_ok=True)
        os.close(self.slave)
        os.close(self.master)
        self.held = b""


def relay(left: End, right: End, faults: Faults, cut_after: int) -> int:
    """Copy until standard input is closed; returns how often the line was cut."""
    cuts = 0
    while True:
        ends = {left.master: (left, right), right.master: (right, left)}
        poller = select.poll()
        poller.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
        for source, (own, other) in ends.items():
            wanted = select.POLLIN if len(other.held) < HELD_BYTES_MAX else 0
            poller.register(source, wanted | (select.POLLOUT if own.held else 0))
        for fd, happened in poller.poll():
            if fd == sys.stdin.fileno():
                return cuts
            own, other = ends[fd]
            if happened & select.POLLIN:
                own.passed += take(own, other, faults)
            if happened & select.POLLOUT and own.held:
                own.held = own.held[os.write(own.master, own.held[:HELD_BYTES_MAX]) :]
        if cut_after and not cuts and left.passed + right.passed >= cut_after:
            cuts = 1
            for end in (left, right):
                end.close()
            for end in (left, right):
                end.open()


def take(own: End, other: End, faults: Faults) -> int:
    """Read one block and hand what is left of it to the other end."""
    try:
        block = os.read(own.master, BLOCK_BYTES)
    except BlockingIOError:
        return 0
    other.held += faults.pass_on(block)
    return len(block)


def main() -> None:
    """Run a relay as a process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("left", type=Path)
    parser.add_argument("right", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ber", type=float, default=0.0)
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--cut-after", type=int, default=0)
    asked = parser.parse_args()
    left, right = End(asked.left), End(asked.right)
    print("ready", flush=True)
    cuts = relay(left, right, Faults(asked.seed, asked.ber, asked.loss), asked.cut_after)
    print(json.dumps({"from_left": left.passed, "from_right": right.passed, "cuts": cuts}), flush=True)


if __name__ == "__main__":
    main()
