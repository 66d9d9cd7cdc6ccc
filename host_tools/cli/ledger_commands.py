"""``bwc ledger …``: what happened to every recording, and whether the book that says so still holds.

Works without the controller: on its folder, on a copy of the folder, on an exported file.
"""

from __future__ import annotations

import json
import ssl
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from firmware.platform.linux.files import LinuxFiles
from host_tools.cli.show import SHOWN_DIGITS, plain_table, print_whole
from host_tools.cli.trusting import TRUST_NAME
from host_tools.custody import offline
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.heads import SignedHead
from host_tools.custody.ledger import Entry, Link, read_entry
from host_tools.destinations.metadata import read_head
from host_tools.trust import folder as trust_folder

ENTRIES_SHOWN = 50  # a screen or two; --all shows the rest
DETAIL_CHARACTERS_MAX = 100  # of an entry's details in the table; --json shows all
SIDECARS = "*/container.meta.json"  # of a directory destination: where each recording's head was written

app = typer.Typer(help="The custody ledger: show it, verify it, export it. Works offline.", no_args_is_help=True)
console = Console()

Place = Annotated[Path, typer.Argument(help="A controller's folder, a copy of it, or an exported ledger.")]


@app.command()
def show(
    place: Place = Path("controller"),
    recording: Annotated[str, typer.Option(help="Only of this recording; its first characters do.")] = "",
    every: Annotated[bool, typer.Option("--all", help=f"Not only the last {ENTRIES_SHOWN}.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The entries as they are kept, a line each.")] = False,
) -> None:
    """What happened, oldest first."""
    if as_json:
        found = 0
        for link in _links(place):
            if _is_of(link, recording):
                found += 1
                print(link.line)
        _require_found(found, recording, place)
        return
    table = plain_table("", ("Entry", "When (UTC)", "Recording", "Event", "Details"), ("Entry", "Recording", "Event"))
    found = 0
    last: deque[Link] = deque(maxlen=None if every else ENTRIES_SHOWN)
    for link in _links(place):
        if _is_of(link, recording):
            found += 1
            last.append(link)
    _require_found(found, recording, place)
    for link in last:
        table.add_row(*_cells(read_entry(link)))
    print_whole(console, table)
    if found > len(last):
        console.print(f"{found - len(last)} earlier entries: --all shows them", style="dim")


@app.command()
def verify(
    place: Place = Path("controller"),
    destination: Annotated[
        list[Path] | None,
        typer.Option(help="A destination's folder: the heads delivered there must be in the chain."),
    ] = None,
    trust: Annotated[Path | None, typer.Option(help="The trust folder, for the root; default PLACE/trust.")] = None,
    root: Annotated[Path | None, typer.Option(help="The system's root certificate, PEM or DER.")] = None,
) -> None:
    """Whether every entry follows from the one before, the signed heads hold, and recordings tell the same story."""
    kept = list(_kept_heads(destination or []))
    certificate = _read_root(root) if root is not None else _root_of(trust or place / TRUST_NAME)
    if offline.is_export(place):
        judgement = offline.judge_links(offline.read_export(place), kept, certificate)
    else:
        with offline.open_copy(place) as index:
            judgement = offline.judge_index(index, kept, certificate)
    console.print(str(judgement.verdict), style="green" if judgement.holds else "red", highlight=False, soft_wrap=True)
    for trouble in judgement.troubles:
        console.print(f"! {trouble}", style="red", highlight=False, soft_wrap=True)
    if destination and not judgement.kept:
        raise CustodyRefused(
            f"{', '.join(map(str, destination))}: no recording's head lies there: "
            "name a folder that a controller delivers to, or one of exports"
        )
    signer = ", ".join(judgement.controllers) or "nobody"
    anchor = "checked up to the root" if certificate else "the root is not known here: name it with --root or --trust"
    console.print(
        f"heads in the chain: {judgement.signed} signed by {signer} ({anchor}), {judgement.unsigned} not signed; "
        f"heads from destinations: {judgement.kept} compared",
        highlight=False,
        soft_wrap=True,
    )
    raise typer.Exit(0 if judgement.holds else 1)


@app.command()
def export(
    place: Place = Path("controller"),
    output: Annotated[Path | None, typer.Option(help="A file; else to the terminal.")] = None,
) -> None:
    """Write the whole chain as text: one entry a line, its hash first."""
    lines = offline.export_lines(_links(place))
    if output is None:
        sys.stdout.writelines(lines)
        return
    try:
        with output.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    except OSError as error:
        raise CustodyRefused(f"{output}: cannot be written ({error.strerror}): name a new file") from error
    console.print(f"written to {output}; check it with: bwc ledger verify {output}", highlight=False, soft_wrap=True)


def _require_found(found: int, recording: str, place: Path) -> None:
    if recording and not found:
        raise CustodyRefused(f"{place}: no recording begins with {recording[:60]}: bwc ledger show names them")


def _links(place: Path) -> Iterator[Link]:
    if offline.is_export(place):
        yield from offline.read_export(place)
        return
    with offline.open_copy(place) as index, index.snapshot():
        yield from index.ledger_links()


def _is_of(link: Link, recording: str) -> bool:
    return not recording or (link.recording is not None and link.recording.hex().startswith(recording.lower()))


def _cells(entry: Entry) -> tuple[str, ...]:
    when = datetime.fromtimestamp(entry.at_unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    details = _brief(entry.details)
    if len(details) > DETAIL_CHARACTERS_MAX:
        details = details[:DETAIL_CHARACTERS_MAX] + "…"
    name = entry.recording.hex()[:SHOWN_DIGITS] if entry.recording else ""
    return str(entry.sequence), when, name, entry.word, details


def _brief(details: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)}"
        for key, value in details.items()
    )


def _kept_heads(folders: list[Path]) -> Iterator[SignedHead]:
    for folder in folders:
        if not folder.is_dir():
            why = "is a file" if folder.exists() else "no such folder"
            raise CustodyRefused(f"{folder}: {why}: name the destination's")
        for sidecar in sorted(folder.glob(SIDECARS)):
            try:
                head = read_head(json.loads(sidecar.read_text(encoding="utf-8"))["metadata"])
            except (ValueError, KeyError, TypeError) as error:
                raise CustodyRefused(
                    f"{sidecar}: its ledger head cannot be read ({error}): restore the file"
                ) from error
            if head is not None:
                yield head


def _read_root(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return ssl.PEM_cert_to_DER_cert(data.decode("ascii")) if data.startswith(b"-----BEGIN") else data
    except (OSError, ValueError) as error:
        raise CustodyRefused(f"{path}: no certificate can be read from it ({error}): name another file") from error


def _root_of(folder: Path) -> bytes:
    """The root certificate of a trust folder; empty if there is none."""
    if not folder.is_dir():
        return b""
    files = LinuxFiles(folder)
    return trust_folder.read(files).root if trust_folder.exists(files) else b""
