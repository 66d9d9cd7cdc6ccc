"""``bwc trust …``: whom this system believes."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from firmware.secure.certificates import fingerprint
from host_tools.cli.asking import Asked, asks
from host_tools.cli.show import plain, plain_table
from host_tools.cli.trusting import PassphraseFile, open_trust, read_certificate, read_passphrase, wall_ms
from host_tools.controller.remote import SOCKET
from host_tools.transports.local import answers
from host_tools.trust.errors import TrustError
from host_tools.trust.report import TrustReport, report

STANDING_STYLES = {"valid": "green", "about_to_expire": "yellow", "expired": "bold red", "not_yet_valid": "red"}
FINGERPRINT_SHOWN_CHARACTERS = 16  # in a table; --full shows all 64, for comparing

app = typer.Typer(help="Certificates, sealing keys and what was revoked.", no_args_is_help=True)
console = Console()


Folder = Annotated[Path, typer.Option(help="The controller's folder.")]


@app.command()
def show(
    folder: Folder = Path("controller"),
    full: Annotated[bool, typer.Option("--full", help="Whole fingerprints, for comparing them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """The system's certificates, sealing keys and revocations. Shows no secret."""
    found = report(open_trust(folder).record, wall_ms())
    if as_json:
        console.print_json(data=plain(found))
    else:
        console.print(render(found, full))


@app.command("root")
def write_root(
    file: Annotated[Path, typer.Argument(help="A new file, PEM.")],
    folder: Folder = Path("controller"),
) -> None:
    """Write the system's root certificate, for whoever checks an exported recording. It is no secret; its fingerprint
    is to be told by another way."""
    root = open_trust(folder).record.root
    try:
        with file.open("x", encoding="ascii") as opened:
            opened.write(ssl.DER_cert_to_PEM_cert(root))
    except OSError as error:
        raise TrustError(f"{file}: cannot be written ({error.strerror}): name a new file") from error
    console.print(f"{file}: {fingerprint(root)}", highlight=False, soft_wrap=True)


@app.command()
@asks
def maker(
    controller: Asked,
    certificate: Annotated[Path, typer.Argument(help="The maker's root certificate, PEM or DER.")],
) -> None:
    """Let cameras of a maker be added. Compare the fingerprint with the one that the maker publishes."""
    root = read_certificate(certificate)
    if (folder := controller.idle_folder) is None:
        controller.call("trust_maker", root=root.hex())
    else:
        open_trust(folder).trust_manufacturer(root)
    console.print(f"trusted: {fingerprint(root)}", highlight=False)


@app.command()
@asks
def rotate(
    controller: Asked,
    sealing: Annotated[bool, typer.Option("--sealing", help="The key that recordings are sealed to.")] = False,
    issuing: Annotated[bool, typer.Option("--issuing", help="The key that certifies cameras.")] = False,
    disown: Annotated[
        bool, typer.Option("--disown", help="With --issuing: the old one was stolen; its cameras are in safe mode.")
    ] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Replace a key in daily use, with the passphrase. Old recordings stay readable. The controller must run."""
    if sealing == issuing or (disown and not issuing):
        raise typer.BadParameter("give --sealing, or --issuing, or --issuing --disown")
    phrase = read_passphrase(passphrase_file)
    if sealing:
        controller.call("rotate_sealing_key", passphrase=phrase)
    else:
        controller.call("rotate_issuing_key", passphrase=phrase, disown=disown)
    console.print("done: cameras learn of it when they are docked")


@app.command("confirm-clock")
@asks
def confirm_clock(controller: Asked) -> None:
    """Say that the controller's clock is right, when it was off for longer than its certificate. It must run."""
    controller.call("confirm_clock")
    console.print("done: cameras take its time at their next docking")


def is_running(folder: Path) -> bool:
    """Whether a controller answers in ``folder``, be it with a refusal: then it alone changes its trust."""
    return answers(folder / SOCKET)


def render(found: TrustReport, full: bool = False) -> RenderableType:
    """The report as people read it."""
    parts: list[RenderableType] = [
        Text(f"system {found.system}", style="bold"),
        _certificates_table(found, full),
        _sealing_table(found),
    ]
    if found.revoked:
        parts.append(_revoked_table(found))
    if found.disowned_issuers:
        parts.append(Text(f"disowned issuing keys: {found.disowned_issuers}"))
    how = "by themselves" if found.allows_back_always else "with the passphrase, each time"
    parts.append(Text(f"cameras leave safe mode {how}"))
    parts.extend(Text(f"! {problem}", style="red") for problem in found.problems)
    return Group(*parts)


def _certificates_table(found: TrustReport, full: bool) -> Table:
    columns = ("Certificate", "Of", "Standing", "From", "To", "SHA-256")
    table = plain_table("Certificates", columns, ("From", "To"))  # the digest folds, whole: people compare from here
    for line in found.certificates:
        standing = Text(line.standing.replace("_", " "), style=STANDING_STYLES[line.standing])
        shown = line.fingerprint if full else line.fingerprint[:FINGERPRINT_SHOWN_CHARACTERS]
        table.add_row(line.what, line.whose, standing, _day(line.not_before_ms), _day(line.not_after_ms), shown)
    return table


def _sealing_table(found: TrustReport) -> Table:
    table = plain_table("Sealing keys", ("Key", "Made", "Key id", "Use"), ("Made",))
    for line in found.sealing:
        use = "seals and opens" if line.current else "opens"
        table.add_row(str(line.number), _day(line.created_unix_ms), line.key_id, use)
    return table


def _revoked_table(found: TrustReport) -> Table:
    table = plain_table("Revoked", ("Certificates", "Of", "Made until"), ("Made until",))
    for kind, serial, until_ms in found.revoked:
        table.add_row(kind, serial, _day(until_ms))
    return table


def _day(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%d")
