"""``bwc destination serve``: the reference destination as a program."""

from __future__ import annotations

import asyncio
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from fastapi import FastAPI
from rich.console import Console

from host_tools.accounts.people import People
from host_tools.cli.destination_folder import Folder, opened_alone, teller
from host_tools.cli.destination_looks import look_after
from host_tools.cli.ending import on_signals
from host_tools.cli.people import opened_people, wall_ms
from host_tools.custody.blocking import run_in_thread
from host_tools.evidence import folder as folders
from host_tools.evidence import retention
from host_tools.evidence.api import make_app
from host_tools.evidence.front import front
from host_tools.evidence.health import Health, health
from host_tools.evidence.logbook import LogBook
from host_tools.evidence.people_api import make_people_app
from host_tools.evidence.serving import serving
from host_tools.evidence.tokens import Tokens
from host_tools.evidence_page.app import add_pages, content_policy

WORKERS = (
    64  # a store that hangs holds one for each clip under way, for two minutes; people are to be answered meanwhile
)

console = Console()


def serve(
    folder: Folder = Path("destination"),
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104 - controllers are elsewhere
    http: Annotated[bool, typer.Option("--http", help="Without encryption: for development alone.")] = False,
) -> None:
    """Run the destination until Ctrl-C."""
    asyncio.run(_serve(folder, listen, not http))


async def _serve(folder: Path, listen: str, is_encrypted: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WORKERS, "worker"))
    on_signals(stop.set)
    with opened_alone(folder) as opened, opened_people(folder) as people:
        opened.store.sweep(wall_ms())
        tokens = Tokens(opened.settings.account, opened.secret, _monotonic_ms, lambda: secrets.token_urlsafe(32))
        app = front(
            make_app(opened.intake, tokens, run_in_thread),
            _for_people(opened, people),
            opened.settings.hosts,
            content_policy(opened.settings),
        )
        pair = (opened.certificate, opened.certificate_key) if is_encrypted else (None, None)
        async with serving(app, listen, opened.settings.port, *pair) as port:
            tell = teller(LogBook(folder))
            tell(retention.shortest_warning(opened.settings))
            tell(_of_nobodys(opened.store.waiting))
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
        return health(opened.intake, opened.validity(), wall_ms())

    log = LogBook(opened.folder).text
    made = make_people_app(opened.intake, people, health_now, log, wall_ms, run_in_thread)
    add_pages(made, opened.intake, people, health_now, wall_ms, run_in_thread)
    return made


def _of_nobodys(files: int) -> str:
    """After a crash there are a few; after an older catalogue was put back, what came since."""
    if not files:
        return ""
    return (
        f"{files} files in objects/ are of no recording that the catalogue knows, and go when that was so for a week: "
        "if it is older than they are, restore a newer one"
    )


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
