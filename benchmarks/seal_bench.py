"""Sealing beside its bare primitives: ``python -m benchmarks.seal_bench``.

Side by side in one run, interleaved in rounds, medians, on the same buffers: what the camera does with a chunk (seal
it, digest the sealed chunk) against AES-256-GCM and SHA-256 alone, and what the controller does (check the digest,
open the chunk) against the same two. Then what is done once a recording. Seconds are the thread's own CPU time, which
on a quiet machine is the wall's and on a busy one leaves out what others took; rounds are short and many, and a ratio
is the median of each round's own. Prints tables, writes ``build/seal_bench.json`` and its part of
``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.link_bench import machine
from benchmarks.marked_docs import write_between
from firmware.formats.header import Header, RecordingInfo
from firmware.formats.moment import Moment
from firmware.ports.entropy import Entropy
from firmware.secure import signing
from firmware.secure.hpke_keys import KeyRing, SealingKey
from firmware.secure.sealing import GcmOpener, GcmSealer
from firmware.secure.signing import MemoryKey
from firmware.secure.suite import SealedSuite, opener_for

MB = 1_000_000
SIZES_BYTES = (16_000, 64 << 10, 500_000, 1 << 20)  # a second of sound alone, ..., of 4 Mbit/s; the longest chunk
GROWN_BYTES = 24 << 20  # once had and given back: from then on glibc keeps freed buffers of our sizes for the next one
ROUND_BYTES = 8 << 20  # of each contender and size in a round: milliseconds
ROUNDS_OF_ONCE = 50
RECORDING = bytes(range(16))
TARGET = 0.8  # of the bare primitives


class SystemEntropy(Entropy):
    """The kernel's."""

    def random_bytes(self, count: int) -> bytes:
        """See Entropy."""
        return os.urandom(count)


@dataclass(frozen=True)
class Run:
    """One contender on one size in one round."""

    contender: str
    size_bytes: int
    mb_per_s: float


class Buffers:
    """As many chunks of one size as make a round, and what becomes of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.key = os.urandom(32)
        self.header = os.urandom(32)
        plaintext = os.urandom(size)
        self.count = ROUND_BYTES // size
        self.plaintext = plaintext
        sealer = GcmSealer(RECORDING, self.key)
        self.sealed = [sealer.seal(index, plaintext, True) for index in range(self.count)]
        self.digests = [sha256(one).digest() for one in self.sealed]
        cipher = AESGCM(self.key)
        nonces = [index.to_bytes(12, "little") for index in range(self.count)]
        self.bare = [cipher.encrypt(nonce, plaintext, self.header) for nonce in nonces]
        self.bare_digests = [sha256(one).digest() for one in self.bare]

    def seal_ours(self) -> None:
        sealer = GcmSealer(RECORDING, self.key)
        for index in range(self.count):
            sealed = sealer.seal(index, self.plaintext, True)
            sha256(sealed).digest()

    def seal_bare(self) -> None:
        cipher = AESGCM(self.key)
        for index in range(self.count):
            sealed = cipher.encrypt(index.to_bytes(12, "little"), self.plaintext, self.header)
            sha256(sealed).digest()

    def open_ours(self) -> None:
        opener = GcmOpener(RECORDING, self.key)
        for index, (sealed, digest) in enumerate(zip(self.sealed, self.digests, strict=True)):
            plaintext = opener.open(index, sealed)
            if sha256(sealed).digest() != digest or len(plaintext) != self.size:
                raise ValueError(f"chunk {index} does not open")

    def open_bare(self) -> None:
        cipher = AESGCM(self.key)
        for index, (sealed, digest) in enumerate(zip(self.bare, self.bare_digests, strict=True)):
            plaintext = cipher.decrypt(index.to_bytes(12, "little"), sealed, self.header)
            if sha256(sealed).digest() != digest or len(plaintext) != self.size:
                raise ValueError(f"chunk {index} does not open")


CONTENDERS: dict[str, Callable[[Buffers], None]] = {
    "seal": Buffers.seal_ours,
    "seal, bare": Buffers.seal_bare,
    "open": Buffers.open_ours,
    "open, bare": Buffers.open_bare,
}


def run_all(rounds: int) -> list[Run]:
    """Every contender on every size, interleaved; the first round only warms up."""
    runs: list[Run] = []
    _ = bytearray(GROWN_BYTES)
    del _
    for size in SIZES_BYTES:
        buffers = Buffers(size)
        for number in range(rounds + 1):
            for name, work in CONTENDERS.items():
                started = time.thread_time()
                work(buffers)
                seconds = time.thread_time() - started
                if number:
                    runs.append(Run(name, size, size * buffers.count / seconds / MB))
    return runs


def once_a_recording() -> dict[str, float]:
    """Median milliseconds of what is done once: begin and open for one recipient and for sixteen; sign and verify."""
    keys = [SealingKey(os.urandom(32)) for _ in range(16)]
    evidence = MemoryKey(ec.generate_private_key(ec.SECP256R1()))
    public = signing.load_public(evidence.public_der)
    signature = signing.sign(evidence, RECORDING)
    found: dict[str, float] = {}
    for count in (1, 16):
        suite = SealedSuite([key.recipient for key in keys[:count]])
        header = Header(RECORDING, suite.name, suite.begin(RECORDING, SystemEntropy()).wrapped_keys, _info())
        last = KeyRing([keys[count - 1]])
        whom = f"{count} recipient{'s' * (count > 1)}"
        found[f"begin a recording for {whom}"] = _median_ms(lambda s=suite: s.begin(RECORDING, SystemEntropy()))
        found[f"find its key as the last of {whom}"] = _median_ms(lambda h=header, r=last: opener_for(h, r))
    found["sign"] = _median_ms(lambda: signing.sign(evidence, RECORDING))
    found["verify"] = _median_ms(lambda: signing.holds(public, RECORDING, signature))
    return found


def report(runs: list[Run], once: dict[str, float], rounds: int) -> str:
    """Markdown: both tables."""
    lines = [
        f"Machine: {machine()}. Medians of {rounds} interleaved rounds; MB per second of CPU. "
        f"Target: at least {TARGET} of the bare primitives.",
        "",
        "| chunk | seal + digest, MB/s | bare AES-256-GCM + SHA-256 | ratio | digest + open, MB/s | bare | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in SIZES_BYTES:
        seal, bare_seal, opened, bare_open = (_rate(runs, name, size) for name in CONTENDERS)
        lines.append(
            f"| {size} B | {seal:.0f} | {bare_seal:.0f} | {_ratio(runs, 'seal', size):.2f} "
            f"| {opened:.0f} | {bare_open:.0f} | {_ratio(runs, 'open', size):.2f} |"
        )
    lines += ["", "| once a recording | ms |", "|---|---|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in once.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run it, print it, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, nothing written to docs")
    parser.add_argument("--docs", type=Path, default=Path("docs/benchmarks.md"))
    asked = parser.parse_args()
    rounds = min(asked.rounds, 15) if asked.quick else asked.rounds
    runs = run_all(rounds)
    once = once_a_recording()
    text = report(runs, once, rounds)
    print(text)
    build = Path("build")
    build.mkdir(exist_ok=True)
    told = {"chunks": [asdict(run) for run in runs], "once_ms": once, "target": TARGET}
    (build / "seal_bench.json").write_text(json.dumps(told, indent=1))
    if not asked.quick:
        write_between(asked.docs, "seal benchmark", "Sealing", text)


def _rate(runs: list[Run], contender: str, size: int) -> float:
    return statistics.median(run.mb_per_s for run in runs if (run.contender, run.size_bytes) == (contender, size))


def _ratio(runs: list[Run], contender: str, size: int) -> float:
    """Ours to bare, round by round."""
    ours, bare = (
        [run.mb_per_s for run in runs if (run.contender, run.size_bytes) == (name, size)]
        for name in (contender, f"{contender}, bare")
    )
    return statistics.median(one / other for one, other in zip(ours, bare, strict=True))


def _median_ms(work: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS_OF_ONCE):
        started = time.thread_time()
        work()
        taken.append((time.thread_time() - started) * 1000)
    return statistics.median(taken)


def _info() -> RecordingInfo:
    return RecordingInfo("OB-1", "zero2w", "0.1.0", "", "", "", "", "0" * 16, "button", Moment(0, 0, "none", 0))


if __name__ == "__main__":
    main()
