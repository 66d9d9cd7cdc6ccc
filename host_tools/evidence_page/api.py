"""What the pages ask beside the API of ``evidence``: the health page's figures, and who has looked at a recording.

Law: as there: transport alone, nothing without an account and a role that may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import JSONResponse

from host_tools.accounts.people import People
from host_tools.custody.errors import CustodyError
from host_tools.evidence.blocking import RunBlocking
from host_tools.evidence.health import Health
from host_tools.evidence.intake import Intake
from host_tools.evidence.overview import overview
from host_tools.evidence.people_api import NO_STORE, PREFIX, ROLES
from host_tools.web_kit.problems import Problem, documented
from host_tools.web_kit.sessions import SCHEMES, SessionDoor

SEEN_MAX = 200  # newest of a recording's entries; the trail itself is in the destination's folder


def page_api(
    intake: Intake,
    people: People,
    door: SessionDoor,
    health_now: Callable[[], Health],
    wall_ms: Callable[[], int],
    run_blocking: RunBlocking,
) -> APIRouter:
    """Routes under ``/api/v1``."""
    router = APIRouter(prefix=PREFIX, tags=["page"])

    async def admit(request: Request, what: str) -> None:
        visitor = await door.visitor(request)
        if visitor.actor.role not in ROLES[what]:
            raise Problem(403, f"{visitor.actor.account} is {visitor.actor.role} and may not: ask an administrator")

    async def how_it_is(request: Request) -> Response:
        """Light, problems, storage, quarantine, each wearer and camera."""
        await admit(request, "health")
        found = await run_blocking(lambda: overview(intake, health_now(), wall_ms()))
        return JSONResponse(found, headers=NO_STORE)

    async def seen(request: Request, container: str) -> Response:
        """Who has looked at a recording, played it, taken it out; newest first."""
        await admit(request, "log")
        try:
            rows = await run_blocking(lambda: looked_at(people, container))
        except CustodyError as error:
            raise Problem(503, f"the audit trail cannot be read ({error}): look at people.sqlite", "audit") from error
        return JSONResponse({"rows": rows}, headers=NO_STORE)

    security = [Security(scheme) for scheme in SCHEMES]
    for path, endpoint in (("/overview", how_it_is), ("/recordings/{container}/seen", seen)):
        router.add_api_route(
            path, endpoint, methods=["GET"], response_class=Response, responses=documented(401, 403, 503),
            dependencies=security,
        )  # fmt: skip
    return router


def looked_at(people: People, container: str) -> list[dict[str, Any]]:
    """From the audit trail, newest first. Blocks; CustodyError if the trail cannot be read."""
    found = [
        {
            "action": each.action,
            "account": each.account,
            "origin": each.origin,
            "at_unix_ms": each.at_unix_ms,
            "to": str(each.more.get("to", "")),
        }
        for each in people.audit.entries()
        if each.more.get("container") == container
    ]
    return found[: -SEEN_MAX - 1 : -1]
