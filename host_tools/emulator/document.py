"""The generated part of docs/emulator.md."""

from __future__ import annotations

from host_tools.emulator.faults import TABLE


def faults() -> str:
    """The table of faults for people."""
    lines = ["| component | type | boards | `-i` | what it does |", "|---|---|---|---|---|"]
    for row in TABLE:
        kinds = ", ".join(row.kinds)
        lines.append(f"| {row.component} | {row.type} | {kinds} | {row.counted} | {row.text} |")
    return "\n".join(lines) + "\n"
