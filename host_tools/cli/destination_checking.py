"""``bwc destination check``: examines any destination."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from host_tools.cli.delivering import read_connection_file
from host_tools.cli.destination_folder import Json, ask_time
from host_tools.cli.people import wall_ms
from host_tools.destinations import conformance
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.names import container_time
from host_tools.destinations.swift_session import SwiftSession
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.plain_names import letters

# Who is made up for it: the same each time, and a UUID, which a destination may parse.
USER, DEVICE = "5c1b7c2e-8f0e-5d5e-9b0a-2f6c4b1d0e77", "BWCCHECK"
console = Console()


def check(
    connection: Annotated[str, typer.Argument(help="A connection file, or the URL of authentication.")],
    user: Annotated[str, typer.Option(help="With a URL: the account.")] = "",
    key: Annotated[str, typer.Option(envvar="BWC_DESTINATION_KEY", help="With a URL: its key.")] = "",
    certificate: Annotated[Path | None, typer.Option(help="With a URL: the certificate to trust, PEM.")] = None,
    recording: Annotated[str, typer.Option(help="Name of the recording that is made up for it.")] = "",
    as_json: Json = False,
) -> None:
    """Examine any destination: which parts of the API it has. Leaves a recording there, and one of rejected content."""
    known = _connection(connection, user, key, certificate)
    examination = asyncio.run(_examine(known, recording))
    if as_json:
        console.print_json(data=[finding._asdict() for finding in examination.findings])
    else:
        table = Table("Part", "", "Remark")
        styles = {"yes": "green", "no": "red", "optional": "yellow"}
        for finding in examination.findings:
            part, remark = escape(letters(finding.part)), escape(letters(finding.remark))
            table.add_row(part, f"[{styles[finding.verdict]}]{finding.verdict}[/]", remark)
        console.print(table)
    raise typer.Exit(0 if examination.conforms else 1)


async def _examine(known: ConnectionFile, recording: str) -> conformance.Examination:
    session = SwiftSession(known, wall_ms)
    container = recording or f"{USER}_{DEVICE}_{container_time(wall_ms())}"
    examination = conformance.Examination(session, known, container, USER, DEVICE, ask_time=ask_time)
    try:
        await conformance.examine(examination)
    finally:
        await session.close()
    return examination


def _connection(text: str, user: str, key: str, certificate: Path | None) -> ConnectionFile:
    if not text.startswith(("http://", "https://")):
        try:
            return read_connection_file(Path(text))
        except OSError as error:
            raise EvidenceError(
                f"{text}: cannot be read ({error.strerror}): name a connection file or a URL"
            ) from error
    if not user or not key:
        raise EvidenceError("with a URL, --user and --key are needed")
    pins = (certificate.read_bytes(),) if certificate else ()
    return ConnectionFile("check", "check", "1", (text,), user, key, pins, "mp4", has_full_support=False)
