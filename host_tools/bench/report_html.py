"""The report of a run as one page: no file beside it, no script, nothing fetched; it can be mailed and kept.

Law: values in, text out. Whatever a board, a log or a test says is escaped. A scenario that failed opens by itself and
carries its message, its seed, the logs and the decoded wire; the others are a line each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final

from firmware.version import VERSION
from host_tools.bench.measurements import Limits, Measurement
from host_tools.bench.records import Run, Unit, outcome_of

TEXT_CHARACTERS_MAX: Final = 400_000  # of one log: a page that is larger opens in no browser
WIRE: Final = "wire"  # the title of a trace among the logs
WIRE_LINES_SHOWN: Final = 60
BAR_WIDTH_PX: Final = 160
BAR_MARGIN: Final = 0.25  # of the limits' span, shown beyond each of them
WORST_FIRST: Final = ("error", "failed", "skipped", "passed")

STYLE: Final = """
:root { color-scheme: light dark; --ink: #16202a; --soft: #5a6773; --line: #d5dce2; --back: #fff; --panel: #f4f6f8;
  --pass: #1a7f4b; --marginal: #9a6700; --fail: #b3261e; --skip: #5a6773; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --soft: #9aa7b3; --line: #34404b; --back: #11171d;
  --panel: #1a222a; --pass: #4cc38a; --marginal: #e2b340; --fail: #ff7b72; --skip: #9aa7b3; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 0 auto;
  padding: 1.5rem; max-width: 76rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.facts, .soft { color: var(--soft); } p.facts { margin: 0 0 1rem; }
.tally { display: flex; gap: .75rem; flex-wrap: wrap; margin: 1rem 0; }
.tally div { background: var(--panel); border-left: 4px solid var(--line); padding: .5rem .9rem; min-width: 6rem; }
.tally b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); font-size: .85rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.badge { display: inline-block; min-width: 4.5rem; font-weight: 600; }
.passed, .pass { color: var(--pass); } .failed, .fail, .error, .unset { color: var(--fail); }
.skipped { color: var(--skip); } .marginal { color: var(--marginal); }
details { border: 1px solid var(--line); border-radius: 4px; margin: .5rem 0; }
details > details { margin: .5rem .75rem; }
summary { cursor: pointer; padding: .5rem .75rem; background: var(--panel); overflow-wrap: anywhere; }
details > :not(summary):not(details) { margin: .5rem .75rem; }
.wide { overflow-x: auto; } .wide table { min-width: 46rem; } td.unit { white-space: nowrap; }
pre { overflow: auto; max-height: 32rem; font: 12.5px/1.4 ui-monospace, monospace; background: var(--panel);
  padding: .6rem; white-space: pre; } pre.message { max-height: 24rem; border-left: 4px solid var(--fail); }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
svg.bar { vertical-align: middle; }
@media print { details { break-inside: avoid; } pre { max-height: none; white-space: pre-wrap; } }
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario on its boards."""

    name: str
    outcome: str
    duration_s: float
    boards: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    measurements: tuple[tuple[str, Measurement], ...] = ()
    message: str = ""
    logs: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    details: str = ""  # the message in a line


@dataclass(frozen=True, slots=True)
class Page:
    """All of a run. ``left_out``: reasons with the scenarios they concern; ``command``: what repeats it."""

    run: Run
    ended_ms: int
    scenarios: tuple[Scenario, ...]
    left_out: Mapping[str, Sequence[str]]
    units: tuple[Unit, ...]
    command: str = ""


def page(content: Page) -> str:
    """The whole document."""
    run = content.run
    title = f"Bench {run.station_id}: {verdict(content)}"
    worst_first = sorted(content.scenarios, key=lambda each: WORST_FIRST.index(each.outcome))
    took_s = (content.ended_ms - run.started_ms) / 1000
    facts = [
        f"{_time(run.started_ms)}, {took_s:.0f} s",
        f"lane {run.lane}",
        f"seed <b>{run.seed}</b>",
        f"host {escape(run.host or '?')}, OpenBWC {escape(VERSION)}",
    ]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f'<h1>{escape(title)}</h1><p class="facts">{" · ".join(facts)}',
        f"<br>again: <code>{escape(content.command)}</code></p>",
        _tally(content),
        "<h2>Scenarios</h2>",
        *(_scenario(each) for each in worst_first),
        *_measurements(content.scenarios),
        *_left_out(content.left_out),
        *_units(content.units),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def verdict(content: Page) -> str:
    """In two or three words."""
    bad = sum(each.outcome in ("failed", "error") for each in content.scenarios)
    if bad:
        return f"{bad} failed"
    return "all passed" if any(each.outcome == "passed" for each in content.scenarios) else "nothing ran"


def bar(value: float, limits: Limits) -> str:
    """A drawing of where a value lies between its limits; empty where that makes no picture."""
    low, high = limits.minimum, limits.maximum
    if high is None or limits.expected is not None or limits.pattern:
        return ""
    low = min(0.0, value, high) if low is None else low
    span = (high - low) or 1.0
    left, right = low - BAR_MARGIN * span, high + BAR_MARGIN * span

    def at(point: float) -> float:
        return round(BAR_WIDTH_PX * (min(max(point, left), right) - left) / (right - left), 1)

    inner = at(limits.marginal_minimum if limits.marginal_minimum is not None else low)
    outer = at(limits.marginal_maximum if limits.marginal_maximum is not None else high)
    return (
        f'<svg class="bar" width="{BAR_WIDTH_PX}" height="14" role="img" aria-label="{value:g}; {escape(str(limits))}">'
        f'<rect x="0" y="5" width="{BAR_WIDTH_PX}" height="4" fill="var(--fail)" opacity=".45"/>'
        f'<rect x="{at(low)}" y="5" width="{at(high) - at(low)}" height="4" fill="var(--marginal)"/>'
        f'<rect x="{inner}" y="5" width="{max(0.0, outer - inner)}" height="4" fill="var(--pass)"/>'
        f'<rect x="{max(0.0, at(value) - 1.5)}" y="0" width="3" height="14" fill="var(--ink)"/></svg>'
    )


def _tally(content: Page) -> str:
    counts = {outcome: sum(each.outcome == outcome for each in content.scenarios) for outcome in WORST_FIRST[::-1]}
    measured = [measured.outcome for each in content.scenarios for _, measured in each.measurements]
    boxes = [f'<div><b class="{name}">{count}</b>{name}</div>' for name, count in counts.items() if count]
    left_out = len({name for names in content.left_out.values() for name in names})
    boxes += [f'<div><b class="skipped">{left_out}</b>left out</div>'] if left_out else []
    boxes += [f"<div><b>{len(measured)}</b>measurements</div>"] if measured else []
    marginal = measured.count("marginal")
    boxes += [f'<div><b class="marginal">{marginal}</b>marginal</div>'] if marginal else []
    return f'<div class="tally">{"".join(boxes)}</div>'


def _scenario(each: Scenario) -> str:
    bad = each.outcome in ("failed", "error")
    about = " · ".join([*each.boards, *each.requirements])
    head = (
        f'<summary><span class="badge {each.outcome}">{each.outcome}</span> {escape(each.name)} '
        f'<span class="soft">{each.duration_s:.1f} s{" · " if about else ""}{escape(about)}</span></summary>'
    )
    body: list[str] = []
    if each.details:
        body.append(f"<p><b>{escape(each.details)}</b></p>")
    if each.message and each.message != each.details:
        body.append(f'<pre class="{"message" if bad else ""}">{escape(_cut(each.message))}</pre>')
    if bad:
        body.append(f"<p>Seed <b>{each.seed}</b>.</p>")
    if each.measurements:
        body.append(_measurement_table([(each.name, *pair) for pair in each.measurements], with_scenario=False))
    for title, text in sorted(each.logs, key=lambda log: log[0] != WIRE):
        body += _wire(text, opened=bad) if title == WIRE else [_log(title[:1].upper() + title[1:], text, False)]
    told = "".join(body) or '<p class="soft">Nothing to add.</p>'
    return f"<details{' open' if bad else ''}>{head}{told}</details>"


def _wire(text: str, opened: bool) -> list[str]:
    """The end is what tells why, so it comes first; the rest is behind it."""
    lines = text.splitlines()
    end = lines[-WIRE_LINES_SHOWN:]
    title = "Wire, decoded" if len(end) == len(lines) else "Wire, decoded: the end"
    whole = [_log("Wire, decoded: all of it", text, False)] if len(end) < len(lines) else []
    return [_log(title, "\n".join(end), opened), *whole]


def _log(title: str, text: str, opened: bool) -> str:
    count = len(text.splitlines())
    return (
        f"<details{' open' if opened else ''}><summary>{escape(title)} "
        f'<span class="soft">{count} line{"" if count == 1 else "s"}</span></summary>'
        f"<pre>{escape(_cut(text)) or '(nothing)'}</pre></details>"
    )


def _measurements(scenarios: Sequence[Scenario]) -> list[str]:
    rows = [(each.name, serial, measured) for each in scenarios for serial, measured in each.measurements]
    return ["<h2>Measurements</h2>", _measurement_table(rows, with_scenario=True)] if rows else []


def _measurement_table(rows: Sequence[tuple[str, str, Measurement]], with_scenario: bool) -> str:
    titles = ["Unit", "Measurement", "Value", "", "Limits", "Outcome", *(["Scenario"] if with_scenario else [])]
    lines = ["".join(f"<th>{title}</th>" for title in titles)]
    for scenario, serial, measured in rows:
        value = measured.measured_value
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        shown = str(value) if number is None else f"{number:.6g}"
        drawn = bar(number, measured.limits) if number is not None and measured.limits else ""
        doc = f'<br><span class="soft">{escape(measured.doc)}</span>' if measured.doc else ""
        cells = [
            f'<td class="unit">{escape(serial)}</td><td>{escape(measured.name)}{doc}</td>',
            f'<td class="number">{escape(shown)} {escape(measured.units)}</td><td>{drawn}</td>',
            f"<td>{escape(str(measured.limits or ''))}</td>",
            f'<td class="{measured.outcome}">{measured.outcome}</td>',
            f'<td class="soft">{escape(scenario.rpartition("::")[2])}</td>' if with_scenario else "",
        ]
        lines.append("".join(cells))
    return _table(lines)


def _left_out(left_out: Mapping[str, Sequence[str]]) -> list[str]:
    if not left_out:
        return []
    rows = [
        f"<td>{escape(reason)}</td><td>{'<br>'.join(escape(name) for name in names)}</td>"
        for reason, names in sorted(left_out.items())
    ]
    return ["<h2>Left out on this bench</h2>", _table(["<th>Why</th><th>What</th>", *rows])]


def _units(units: Sequence[Unit]) -> list[str]:
    if not units:
        return []
    head = "".join(f"<th>{title}</th>" for title in ("Unit", "Board", "Model", "Firmware", "Scenarios", "Outcome"))
    rows = [
        "".join(f"<td>{escape(text)}</td>" for text in (unit.serial, unit.board, unit.model, unit.firmware))
        + f'<td class="number">{len(unit.phases)}</td>'
        + f'<td class="{outcome_of(unit).lower()}">{outcome_of(unit)}</td>'
        for unit in units
    ]
    return ["<h2>Units</h2>", _table([head, *rows])]


def _table(rows: Sequence[str]) -> str:
    return '<div class="wide"><table>' + "".join(f"<tr>{row}</tr>" for row in rows) + "</table></div>"


def _cut(text: str) -> str:
    if len(text) <= TEXT_CHARACTERS_MAX:
        return text
    return f"({len(text) - TEXT_CHARACTERS_MAX} characters left out)\n{text[-TEXT_CHARACTERS_MAX:]}"


def _time(unix_ms: int) -> str:
    return f"{datetime.fromtimestamp(unix_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
