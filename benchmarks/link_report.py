"""The link benchmark's tables: medians and ratios, as text for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Protocol

MB = 1_000_000
GB = 1_000_000_000


class Row(Protocol):
    contender: str
    carrier: str
    file_bytes: int
    seconds: float
    send_cpu_s: float
    receive_cpu_s: float
    identical: bool
    wire_bytes: int
    note: str


def report(runs: Iterable[Row], machine: str, rounds: int) -> str:
    """Markdown: one table a carrier."""
    groups: dict[str, dict[str, list[Row]]] = {}
    for run in runs:
        groups.setdefault(run.carrier, {}).setdefault(run.contender, []).append(run)
    lines = [f"Machine: {machine}. Medians of {rounds} interleaved rounds.", ""]
    for carrier, contenders in groups.items():
        lines += [f"### {carrier}", "", *_table(contenders), ""]
    return "\n".join(lines)


def _table(contenders: dict[str, list[Row]]) -> list[str]:
    ceiling = max(_rate(runs) for name, runs in contenders.items() if name in ("loop", "copy", "ours"))
    zmodem = _rate(contenders["zmodem"]) if "zmodem" in contenders else 0.0
    lines = [
        "| contender | MB/s (min to max) | × ZMODEM | of the best | CPU s/GB send | receive | file ÷ sent | same |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(name, runs, zmodem, ceiling) for name, runs in contenders.items()]
    return lines


def _line(name: str, runs: list[Row], zmodem: float, ceiling: float) -> str:
    size, rate = runs[0].file_bytes, _rate(runs)
    rates = [size / run.seconds / MB for run in runs if run.seconds]
    wires = [run.wire_bytes for run in runs if run.wire_bytes]
    cells = [
        name,
        f"{rate:.1f} ({min(rates):.1f} to {max(rates):.1f})" if rates else runs[0].note,
        _ratio(rate, zmodem),
        _ratio(rate, ceiling),
        f"{_median(run.send_cpu_s for run in runs) / size * GB:.2f}",
        f"{_median(run.receive_cpu_s for run in runs) / size * GB:.2f}",
        f"{size / statistics.median(wires):.3f}" if wires else "-",
        f"{sum(run.identical for run in runs)}/{len(runs)}",
    ]
    return "| " + " | ".join(cells) + " |"


def _rate(runs: list[Row]) -> float:
    """Median MB/s; a transfer that failed counts as none."""
    return _median(run.file_bytes / run.seconds / MB if run.seconds and run.identical else 0.0 for run in runs)


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _ratio(value: float, of: float) -> str:
    return f"{value / of:.2f}" if of else "-"
