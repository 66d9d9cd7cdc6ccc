"""Puts the bench page beside an emulated bench: its address, its token, its server."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from host_tools.bench_page.app import BenchPage, Parts
from host_tools.bench_page.door import TOKEN_ARGUMENT, is_loopback, require_private
from host_tools.bench_page.errors import BenchPageError
from host_tools.cli.people import wall_ms
from host_tools.cli.web import Address, listening, read_address, shown
from host_tools.emulator.bench import EmulatedBench

DEFAULT = "127.0.0.1:8441"  # beside the manager's
TOKEN_BYTES = 16


class PagePlan(NamedTuple):
    """Where the bench page is to be. ``guarded``: it asks for a token; ``may_move``: nobody has chosen the port, so
    any free one serves."""

    address: Address
    guarded: bool
    may_move: bool


def plan_page(wanted: bool, address: str | None, with_token: bool) -> PagePlan | None:
    """Of the command line; None: no page. SettingsError, BenchPageError."""
    if not wanted:
        if address is not None or with_token:
            raise BenchPageError(f"{address or '--web-token'} is about the bench page: add --web")
        return None
    plan = PagePlan(read_address(address or DEFAULT, "web"), with_token, address is None)
    require_private(plan.address.host, "asked for" if with_token else "")
    return plan


@asynccontextmanager
async def serving_page(bench: EmulatedBench, plan: PagePlan | None) -> AsyncGenerator[str]:
    """Serve the page while the block runs; answers its address for people, nothing where there is none. WebError."""
    if plan is None:
        yield ""
        return
    token = secrets.token_hex(TOKEN_BYTES) if plan.guarded else ""
    names = frozenset[str]() if is_loopback(plan.address.host) else frozenset({socket.gethostname().lower()})
    page = BenchPage(Parts(bench, secrets.token_hex(4), token, names, wall_ms, time.monotonic))
    async with listening(page.guarded, plan.address, None, plan.may_move) as port:
        running = asyncio.create_task(page.run())
        try:
            yield f"http://{shown(plan.address.host)}:{port}/" + (f"?{TOKEN_ARGUMENT}={token}" if token else "")
        finally:
            running.cancel()
            await asyncio.wait({running})
