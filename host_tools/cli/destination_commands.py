"""``bwc destination …``: the reference destination, and the examination of anybody's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import FastAPI
from rich.console import Console
from rich.table import Table

from firmware.platform.linux.files import LinuxFiles
from host_tools.accounts.people import People
from host_tools.cli import destination_care
from host_tools.cli.asking import Asked, asks
from host_tools.cli.delivering import read_connection_file
from host_tools.cli.destination_looks import look_after
from host_tools.cli.people import opened_people
from host_tools.cli.trusting import PassphraseFile, read_passphrase
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import conformance
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.encryption import Decryptor, unwrap
from host_tools.destinations.names import container_time
from host_tools.destinations.swift_session import SwiftSession
from host_tools.evidence import certificates, retention
from host_tools.evidence import export as exporting
from host_tools.evidence import folder as folders
from host_tools.evidence.api import make_app
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.front import front
from host_tools.evidence.health import START_FREE_BYTES_MIN, Health, health, low_disk
from host_tools.evidence.logbook import LogBook
from host_tools.evidence.people_api import make_people_app
from host_tools.evidence.search import FOUND_MAX, Query, search
from host_tools.evidence.serving import serving
from host_tools.evidence.settings import PORT
from host_tools.evidence.tokens import Tokens
from host_tools.evidence_page.app import add_pages, content_policy

READ_BYTES = 1 << 20
WORKERS = (
    64  # a store that hangs holds one for each clip under way, for two minutes; people are to be answered meanwhile
)
SETTINGS_TEXT = """\
# An OpenBWC content destination. Every key and what it means: docs/destination.md.
site = {site}
mode = "{mode}"  # what one licence covers; fixed once the server has run
hosts = {hosts}  # addresses that controllers reach it by; in the certificate
port = {port}
"""

app = typer.Typer(help="The content destination: run one, look into it, examine anybody's.", no_args_is_help=True)
console = Console()

Folder = Annotated[Path, typer.Argument(help="The destination's folder.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Mode = Literal["wearer", "device"]


@app.command()
def create(
    folder: Folder = Path("destination"),
    host: Annotated[list[str] | None, typer.Option(help="Address or name that controllers reach it by.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65_535)] = PORT,
    site: Annotated[str, typer.Option(help="What people call it.")] = "OpenBWC",
    mode: Annotated[str, typer.Option(help="What one licence covers: wearer or device.")] = "wearer",
    swift: Annotated[Path | None, typer.Option(help="Keep objects in the Swift store of this file of keys.")] = None,
    database: Annotated[Path | None, typer.Option(help="Keep the catalogue in the database of this URL file.")] = None,
) -> None:
    """Make a destination in an empty folder: settings, account, self-signed certificate."""
    if mode not in get_args(Mode):
        raise EvidenceError(f"mode: {mode!r} is neither wearer nor device: choose one")
    text = SETTINGS_TEXT.format(
        site=json.dumps(site), mode=mode, hosts=json.dumps(host or ["127.0.0.1"]), port=port
    )  # fmt: skip
    if swift is not None:
        folders.try_keys(swift)  # before anything is made
    if database is not None:
        folders.try_database(database)
    folders.create(folder, text, secrets.token_urlsafe(32), _wall_ms())
    if database is not None:
        folders.keep_rows_in(folder, database)
        console.print(
            f"{folder}: its catalogue is in that database; delete {database} now", highlight=False, soft_wrap=True
        )
    if swift is not None:
        destination_care.keep(_opened, folder, swift)
    warning = low_disk(LinuxFiles(folder).free_bytes(), START_FREE_BYTES_MIN)
    if warning:
        console.print(warning, style="yellow", highlight=False)
    console.print(
        f"{folder}: made; next: bwc destination connection-file {folder} FILE", highlight=False, soft_wrap=True
    )


@app.command()
def serve(
    folder: Folder = Path("destination"),
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104 - controllers are elsewhere
    http: Annotated[bool, typer.Option("--http", help="Without encryption: for development alone.")] = False,
) -> None:
    """Run the destination until Ctrl-C."""
    asyncio.run(_serve(folder, listen, not http))


@app.command("connection-file")
def issue(
    folder: Folder,
    output: Annotated[Path, typer.Argument(help="A new file; upload it to the controller, then delete it.")],
) -> None:
    """Issue the file that lets a controller deliver here. It holds a secret in the clear."""
    with _opened(folder) as opened:
        text = folders.connection_text(opened, opened.settings.port)
    try:
        with output.open("xb") as file:
            output.chmod(0o600)
            file.write(text)
    except OSError as error:
        raise EvidenceError(f"{output}: cannot be written ({error.strerror}): name a new file") from error
    console.print(f"{output}: upload it to the controller, then delete it", highlight=False, soft_wrap=True)


@app.command()
@asks
def connect(
    controller: Asked,
    connection: Annotated[Path, typer.Argument(help="The connection file that the destination issued.")],
) -> None:
    """Give a running controller another connection file of its destination."""
    try:
        text = connection.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{connection}: cannot be read: name the file that the destination issued") from error
    taken = controller.call("connect_destination", connection_file=text)
    console.print(f"{taken['site']} at {', '.join(taken['addresses'])}; delete {connection} now", highlight=False)


@app.command()
@asks
def forget(
    controller: Asked,
    passphrase_file: PassphraseFile = None,
    name: Annotated[str | None, typer.Option(help="The system's name, as a proof that it is meant.")] = None,
) -> None:
    """Have a running controller leave its destination, so that another can be connected. Nothing is lost, or it is
    refused."""
    typed = name if name is not None else typer.prompt("Type the system's name to leave its destination")
    for line in controller.call("forget_destination", passphrase=read_passphrase(passphrase_file), name=typed):
        console.print(line, highlight=False)
    console.print("left; now: bwc destination connect CONNECTION-FILE", highlight=False)


@app.command()
def certificate(
    folder: Folder = Path("destination"),
    renew: Annotated[bool, typer.Option("--renew", help="A new key and certificate, for the hosts of now.")] = False,
) -> None:
    """Show the server's certificate, or make a new one."""
    with _opened(folder) as opened:
        if renew:
            folders.renew_certificate(folder, opened.settings.hosts, _wall_ms())
        found = certificates.validity(opened.certificate.read_bytes())
    console.print(f"for {', '.join(found.hosts)}; ends {_date(found.ends_ms)}", highlight=False)
    if renew:
        console.print("restart the server, issue a new connection file and upload it; deliveries wait until then")


@app.command()
def status(folder: Folder = Path("destination"), as_json: Json = False) -> None:
    """Green, amber or red, and why."""
    with _opened(folder) as opened:
        validity = certificates.validity(opened.certificate.read_bytes())
        if opened.store.swift is not None:
            opened.store.swift.look()
        found = health(opened.intake, validity, _wall_ms())
    if as_json:
        console.print_json(data=found.as_document())
        return
    style = {"green": "green", "amber": "yellow", "red": "red"}[found.light]
    console.print(found.light, style=style)
    for problem in found.problems:
        console.print(f"  {problem}", highlight=False, soft_wrap=True)
    limit = "any number" if found.licences is None else str(found.licences)
    console.print(
        f"{found.recordings} recordings, {found.receiving} arriving; licences {found.licences_used} of {limit}; "
        f"{found.free_bytes / 1e9:.1f} GB free",
        highlight=False,
    )
    for each in found.devices:
        if each["status"] != "ok":
            console.print(f"  {each['kind']} {each['id']}: {each['status']}", highlight=False, markup=False)


@app.command("search")
def find(
    folder: Folder = Path("destination"),
    wearer: str = "",
    camera: str = "",
    cause: Annotated[str, typer.Option(help="Of activation: Button, …")] = "",
    category: Annotated[str, typer.Option(help="ID of a category.")] = "",
    after: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    before: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    near: Annotated[tuple[float, float] | None, typer.Option(help="Latitude and longitude, degrees.")] = None,
    radius: Annotated[float, typer.Option(min=1, max=1e6, help="Around --near, metres.")] = 100,
    as_json: Json = False,
) -> None:
    """Find recordings, newest first."""
    query = Query(wearer, camera, cause, category, _unix_ms(after), _unix_ms(before), near, radius)
    with _opened(folder) as opened:
        rows = search(opened.store.catalogue, query)
    if as_json:
        console.print_json(data=[{"container": row.name, **row.metadata} for row in rows])
        return
    table = Table("Recording", "Started (UTC)", "Wearer", "Camera", "Activation", "State")
    for row in rows:
        state = "quarantine" if row.quarantine else "complete" if row.is_complete else "arriving"
        started = _date(row.started_ms) if row.started_ms is not None else "unknown"
        table.add_row(row.name, started, row.wearer, row.camera, row.cause, state)
    console.print(table)
    if len(rows) == FOUND_MAX:
        console.print(f"there may be more than {FOUND_MAX}: ask more narrowly")


@app.command()
def export(
    recording: Annotated[str, typer.Argument(help="The recording's container, as search names it.")],
    output: Annotated[Path, typer.Argument(help="A new folder.")],
    folder: Annotated[Path, typer.Option(help="The destination's folder.")] = Path("destination"),
) -> None:
    """Take a recording out, with digests that sha256sum checks and what the custody ledger said."""
    with _opened(folder) as opened:
        files = exporting.export(opened.store, recording, output)
    console.print(
        f"{len(files)} files in {output}; check: cd {output} && sha256sum -c SHA256SUMS",
        highlight=False,
        soft_wrap=True,
    )


@app.command("clean-up")
def clean_up(folder: Folder = Path("destination")) -> None:
    """Remove what has been kept as long as settings say; the server does so every hour."""
    with _opened(folder) as opened:
        gone = retention.clean_up(opened.store, opened.settings, _wall_ms())
    console.print(f"{len(gone)} recordings removed")


@app.command()
def decrypt(
    clip: Annotated[Path, typer.Argument(help="An encrypted clip or track.")],
    key: Annotated[Path, typer.Argument(help="Its .key object.")],
    private_key: Annotated[Path, typer.Argument(help="The private key, PEM.")],
    output: Annotated[Path, typer.Argument(help="A new file.")],
) -> None:
    """Open an object of a destination that wants content encryption."""
    if output.exists():
        raise EvidenceError(f"{output}: exists: name a new file")
    try:
        private = load_pem_private_key(private_key.read_bytes(), None)
        if not isinstance(private, RSAPrivateKey):
            raise EvidenceError(f"{private_key}: is no RSA key: name the one whose public half the destination had")
        decryptor = Decryptor(unwrap(key.read_bytes(), private))
        with clip.open("rb") as sealed, output.open("xb") as plain:
            while piece := sealed.read(READ_BYTES):
                plain.write(decryptor.feed(piece))
            plain.write(decryptor.end())
    except (OSError, ValueError, TypeError) as error:
        output.unlink(missing_ok=True)
        raise EvidenceError(
            f"{clip}: cannot be opened ({error}): check that clip, key and private key belong"
        ) from error
    console.print(f"{output}: written", highlight=False, soft_wrap=True)


@app.command()
def check(
    connection: Annotated[str, typer.Argument(help="A connection file, or the URL of authentication.")],
    user: Annotated[str, typer.Option(help="With a URL: the account.")] = "",
    key: Annotated[str, typer.Option(envvar="BWC_DESTINATION_KEY", help="With a URL: its key.")] = "",
    certificate: Annotated[Path | None, typer.Option(help="With a URL: the certificate to trust, PEM.")] = None,
    recording: Annotated[str, typer.Option(help="Name of the recording that is made up for it.")] = "",
    as_json: Json = False,
) -> None:
    """Examine any destination: which parts of the API it has. Leaves one small recording behind there."""
    known = _connection(connection, user, key, certificate)
    examination = asyncio.run(_examine(known, recording))
    if as_json:
        console.print_json(data=[finding._asdict() for finding in examination.findings])
    else:
        table = Table("Part", "", "Remark")
        styles = {"yes": "green", "no": "red", "optional": "yellow"}
        for finding in examination.findings:
            table.add_row(finding.part, f"[{styles[finding.verdict]}]{finding.verdict}[/]", finding.remark)
        console.print(table)
    raise typer.Exit(0 if examination.conforms else 1)


async def _serve(folder: Path, listen: str, is_encrypted: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WORKERS, "worker"))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _opened(folder) as opened, opened_people(folder) as people:
        opened.store.sweep(_wall_ms())
        tokens = Tokens(opened.settings.account, opened.secret, _monotonic_ms, lambda: secrets.token_urlsafe(32))
        app = front(
            make_app(opened.intake, tokens, run_in_thread),
            _for_people(opened, people),
            opened.settings.hosts,
            content_policy(opened.settings),
        )
        pair = (opened.certificate, opened.certificate_key) if is_encrypted else (None, None)
        async with serving(app, listen, opened.settings.port, *pair) as port:
            tell = _teller(LogBook(folder))
            tell(retention.shortest_warning(opened.settings))
            tell(f"serving on {listen}:{port}")
            console.print(f"destination {folder} on {listen}:{port}; end: Ctrl-C", highlight=False, soft_wrap=True)
            looking = asyncio.create_task(look_after(opened, tell))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (looking, stopping):
                task.cancel()
            done, _ = await asyncio.wait({looking, stopping})
            for task in done:
                if not task.cancelled():
                    task.result()


def _for_people(opened: folders.Destination, people: People) -> FastAPI:
    """Search, playing, export, and the pages for them: behind accounts."""

    def health_now() -> Health:
        return health(opened.intake, certificates.validity(opened.certificate.read_bytes()), _wall_ms())

    log = LogBook(opened.folder).text
    made = make_people_app(opened.intake, people, health_now, log, _wall_ms, run_in_thread)
    add_pages(made, opened.intake, people, health_now, _wall_ms, run_in_thread)
    return made


async def _examine(known: ConnectionFile, recording: str) -> conformance.Examination:
    session = SwiftSession(known, _wall_ms)
    user, device = "bwc-check-user", "BWCCHECK"
    container = recording or f"{user}_{device}_{container_time(_wall_ms())}"
    examination = conformance.Examination(session, known, container, user, device)
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


@contextlib.contextmanager
def _opened(folder: Path) -> Generator[folders.Destination]:
    files = LinuxFiles(folder)
    tell = _teller(LogBook(folder))
    with folders.opened(folder, files, _wall_ms, lambda: secrets.token_hex(16), tell, LinuxFiles) as opened:
        yield opened


def _teller(log: LogBook) -> Callable[[str], None]:
    """To whoever watches the server, and into its log."""

    def tell(text: str) -> None:
        if text:
            print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)
            log.tell(text, _wall_ms())

    return tell


def _date(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


destination_care.register(app, _opened)


def _unix_ms(when: datetime | None) -> int | None:
    return None if when is None else int(when.replace(tzinfo=UTC).timestamp() * 1000)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
