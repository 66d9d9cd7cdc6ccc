"""``bwc destination …``: the reference destination, and the examination of anybody's."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast, get_args

import typer
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from rich.console import Console
from rich.markup import escape

from firmware.platform.linux.files import LinuxFiles
from host_tools.cli import destination_care
from host_tools.cli.asking import Asked, asks
from host_tools.cli.destination_folder import (
    Folder,
    Json,
    ask_time,
    opened_alone,
    opened_destination,
    private,
    require_own,
)
from host_tools.cli.lazy import LazyGroup, Place
from host_tools.cli.people import opened_people, user_of_machine, wall_ms
from host_tools.cli.show import plain_table, print_whole
from host_tools.cli.trusting import PassphraseFile, read_passphrase
from host_tools.destinations import connection_file
from host_tools.destinations.encryption import Decryptor, unwrap
from host_tools.evidence import certificates, places, retention, time_service
from host_tools.evidence import export as exporting
from host_tools.evidence import folder as folders
from host_tools.evidence.catalogue import Catalogue
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.export import Taker
from host_tools.evidence.health import START_FREE_BYTES_MIN, health, low_disk
from host_tools.evidence.plain_names import letters, written
from host_tools.evidence.search import FOUND_MAX, Query, State, search
from host_tools.evidence.settings import PORT
from host_tools.evidence.viewing import known_people, state_of

READ_BYTES = 1 << 20
ALIKE_SHOWN_MAX = 5  # recordings that begin with the same letters
DIGITS_MIN = 4  # of an identity by which a recording is looked for
SETTINGS_TEXT = """\
# An OpenBWC content destination. Every key and what it means: docs/destination.md.
site = {site}
mode = "{mode}"  # what one licence covers; fixed once the server has run
hosts = {hosts}  # addresses that controllers reach it by; in the certificate
port = {port}
"""


class Commands(LazyGroup):
    """Who looks into a destination waits neither for its server nor for what examines others."""

    places: ClassVar[dict[str, Place]] = {
        "serve": Place("destination_serving", "serve"),
        "check": Place("destination_checking", "check"),
    }

    def list_commands(self, ctx: Any) -> list[str]:
        """It is made, run and examined; then the others as they are written here."""
        first = ["create", *self.places]
        return first + [name for name in super().list_commands(ctx) if name not in first]


app = typer.Typer(
    help="The content destination: run one, look into it, examine anybody's.", cls=Commands, no_args_is_help=True
)
console = Console()

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
    require_own(folder)
    text = SETTINGS_TEXT.format(
        site=json.dumps(site), mode=mode, hosts=json.dumps(host or ["127.0.0.1"]), port=port
    )  # fmt: skip
    if swift is not None:
        folders.try_keys(swift)  # before anything is made
    if database is not None:
        folders.try_database(database)
    folders.create(folder, text, secrets.token_urlsafe(32), wall_ms())
    if database is not None:
        folders.keep_rows_in(folder, database)
        console.print(
            f"{folder}: its catalogue is in that database; delete {database} now", highlight=False, soft_wrap=True
        )
    if swift is not None:
        destination_care.keep(opened_destination, folder, swift)
    warning = low_disk(LinuxFiles(folder).free_bytes(), START_FREE_BYTES_MIN)
    if warning:
        console.print(warning, style="yellow", highlight=False)
    console.print(
        f"{folder}: made; next: bwc destination connection-file {folder} FILE", highlight=False, soft_wrap=True
    )


@app.command("connection-file")
def issue(
    folder: Folder,
    output: Annotated[Path, typer.Argument(help="A new file; upload it to the controller, then delete it.")],
    time_server: Annotated[
        bool, typer.Option("--time-server", help="Say that this is controllers' time server: NTP must answer here.")
    ] = False,
) -> None:
    """Issue the file that lets a controller deliver here. It holds a secret in the clear."""
    with opened_destination(folder) as opened:
        connection = folders.connection(opened, opened.settings.port)
        if time_server:
            asyncio.run(time_service.require(opened.settings.hosts, ask_time, wall_ms()))
    text = connection_file.write(replace(connection, is_time_server=time_server))
    try:
        with open(output, "xb", opener=private) as file:
            file.write(text)
    except OSError as error:
        raise EvidenceError(f"{output}: cannot be written ({error.strerror}): name a new file") from error
    console.print(f"{output}: upload it to the controller, then delete it", highlight=False, soft_wrap=True)


@app.command()
@asks
def connect(
    controller: Asked,
    connection: Annotated[Path, typer.Argument(help="The connection file that the destination issued.")],
    by_uuid: Annotated[
        bool, typer.Option("--wearers-by-uuid", help="Name wearers by UUID from now on: where it refuses their IDs.")
    ] = False,
) -> None:
    """Give a running controller another connection file of its destination."""
    try:
        text = connection.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{connection}: cannot be read: name the file that the destination issued") from error
    more = {"wearers_by_uuid": True} if by_uuid else {}
    taken = controller.call("connect_destination", connection_file=text, **more)
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
    with opened_destination(folder) as opened:
        if renew:
            folders.renew_certificate(folder, opened.settings.hosts, wall_ms())
        found = certificates.validity(opened.certificate.read_bytes())
    console.print(f"for {', '.join(found.hosts)}; ends {_date(found.ends_ms)}", highlight=False)
    if renew:
        console.print("restart the server, issue a new connection file and upload it; deliveries wait until then")


@app.command()
def status(folder: Folder = Path("destination"), as_json: Json = False) -> None:
    """Green, amber or red, and why."""
    with opened_destination(folder) as opened:
        validity = certificates.validity(opened.certificate.read_bytes())
        if opened.store.swift is not None:
            opened.store.swift.look()
        found = health(opened.intake, validity, wall_ms())
    if as_json:
        console.print_json(data=found.as_document())
        return
    style = {"green": "green", "amber": "yellow", "red": "red"}[found.light]
    console.print(found.light, style=style)
    for problem in found.problems:
        console.print(f"  {problem}", highlight=False, soft_wrap=True, markup=False)
    limit = "any number" if found.licences is None else str(found.licences)
    console.print(
        f"{found.recordings} recordings, {found.receiving} arriving, {found.rejected} rejected; "
        f"licences {found.licences_used} of {limit}; {found.free_bytes / 1e9:.1f} GB free",
        highlight=False,
    )
    for each in found.devices:
        if each["status"] != "ok":
            who = each["key"] or each["id"]
            console.print(letters(f"  {each['kind']} {who}: {each['status']}"), highlight=False, markup=False)


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
    state: Annotated[str, typer.Option(help=f"One of {', '.join(get_args(State))}.")] = "",
    as_json: Json = False,
) -> None:
    """Find recordings, newest first."""
    if state and state not in get_args(State):
        raise EvidenceError(f"state: {state!r} is none of {', '.join(get_args(State))}: choose one")
    chosen = cast("State | None", state or None)
    query = Query(wearer, camera, cause, category, _unix_ms(after), _unix_ms(before), near, radius, chosen)
    with opened_destination(folder) as opened:
        rows = search(opened.store.catalogue, query, tracks=lambda name: places.of(opened.store, name))
        keys = known_people(opened.store).keys
    if as_json:
        console.print_json(data=[{"container": row.name, **row.metadata} for row in rows])
        return
    table = plain_table("", ("Recording", "Started (UTC)", "Wearer", "Camera", "Activation", "State"), ("Recording",))
    for row in rows:
        started = _date(row.started_ms) if row.started_ms is not None else "unknown"
        wearer = keys.get(row.wearer) or row.wearer
        cells = (row.name, started, wearer, row.camera, row.cause, state_of(row))
        table.add_row(*(escape(letters(each)) for each in cells))
    print_whole(console, table)
    if len(rows) == FOUND_MAX:
        console.print(f"there may be more than {FOUND_MAX}: ask more narrowly")


@app.command()
def export(
    recording: Annotated[str, typer.Argument(help="As search names it; first letters, or an identity, do.")],
    output: Annotated[Path, typer.Argument(help="A new folder.")],
    folder: Annotated[Path, typer.Option(help="The destination's folder.")] = Path("destination"),
) -> None:
    """Take a recording out, with its custody chain and a program that checks it anywhere. The audit trail has who."""
    with opened_destination(folder) as opened, opened_people(folder) as people:
        container = named(opened.store.catalogue, recording)
        taker = Taker(people.audit, user_of_machine(os.getuid()), wall_ms(), written(output.absolute()))
        files = exporting.export(opened.store, container, output, taker)
    place = letters(str(output))
    console.print(
        f"{len(files)} files in {place}; check: python3 -I {place}/verify.py --root ROOT.pem (from: bwc trust root)",
        highlight=False,
        soft_wrap=True,
    )


@app.command("clean-up")
def clean_up(folder: Folder = Path("destination")) -> None:
    """Remove what has been kept as long as settings say; the server does so every hour, and does not run meanwhile."""
    with opened_alone(folder) as opened:
        gone = retention.clean_up(opened.store, opened.settings, wall_ms())
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
    decryptor = _decryptor(key, private_key)
    try:
        with clip.open("rb") as sealed, open(output, "xb", opener=private) as plain:
            while piece := sealed.read(READ_BYTES):
                plain.write(decryptor.feed(piece))
            plain.write(decryptor.end())
    except ValueError as error:
        output.unlink(missing_ok=True)
        raise EvidenceError(
            f"{clip}: cannot be opened with {key}: name its own key object, or fetch it again whole"
        ) from error
    console.print(f"{output}: written", highlight=False, soft_wrap=True)


def named(catalogue: Catalogue, text: str) -> str:
    """The one container whose name begins so, or whose clip has an identity that does. EvidenceError if there is none,
    or several."""
    if catalogue.container(text) is not None:
        return text
    where, values = "substr(name, 1, ?) = ?", (len(text), text)
    found = catalogue.recordings(where, values, ALIKE_SHOWN_MAX + 1)
    if not found and len(text) >= DIGITS_MIN and not text.lower().strip("0123456789abcdef"):
        where = "name IN (SELECT container FROM objects WHERE name LIKE ?)"
        found = catalogue.recordings(where, (f"%_{text}%",), ALIKE_SHOWN_MAX + 1)
    if len(found) > 1:
        alike = ", ".join(row.name for row in found[:ALIKE_SHOWN_MAX])
        raise EvidenceError(f"several recordings begin with {text}: {alike}: name one of them")
    return found[0].name if found else text


def _decryptor(key: Path, private_key: Path) -> Decryptor:
    """What the key object holds, opened. EvidenceError names the file that is none, or does not fit."""
    try:
        private = load_pem_private_key(private_key.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise EvidenceError(f"{private_key}: is no private key in PEM without a password: name one") from error
    if not isinstance(private, RSAPrivateKey):
        raise EvidenceError(f"{private_key}: is no RSA key: name the one whose public half the destination had")
    wrapped = key.read_bytes()
    try:
        return Decryptor(unwrap(wrapped, private))
    except (ValueError, TypeError) as error:
        raise EvidenceError(f"{key}: is no key object for {private_key}: name the clip's own .key object") from error


def _date(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


destination_care.register(app, opened_destination, opened_alone)


def _unix_ms(when: datetime | None) -> int | None:
    return None if when is None else int(when.replace(tzinfo=UTC).timestamp() * 1000)
