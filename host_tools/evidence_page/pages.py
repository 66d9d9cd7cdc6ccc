"""The destination's pages: one row each. A page is a template and a module of its own name that fills it over the API.

Law: no data here, and none in a template. Which page somebody sees is by the table of roles of the API.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from host_tools.evidence.people_api import ROLES
from host_tools.web_kit.pages import Link, Pages, add_ways_in
from host_tools.web_kit.sessions import SessionDoor


class PageRow(NamedTuple):
    """``may``: the row of the API's roles that lets somebody see it; ``icon``: empty: not in the navigation."""

    name: str
    path: str
    icon: str
    may: str


PAGES: tuple[PageRow, ...] = (
    PageRow("search", "/", "search", "search"),
    PageRow("recording", "/recordings/{container}", "", "view"),
    PageRow("health", "/health", "storage", "health"),
)
LINKS = tuple(Link(row.path, f"{row.name}.title", row.icon, ROLES[row.may]) for row in PAGES if row.icon)


class About(NamedTuple):
    """What pages say of the destination itself. ``tiles``: address of map tiles; empty: a grid is drawn."""

    site: str
    time_zone: str
    tiles: str = ""
    attribution: str = ""


def page_router(pages: Pages, door: SessionDoor, about: About) -> APIRouter:
    """All pages, the login page, and their files."""
    router = APIRouter(include_in_schema=False)
    frame = {"system": about.site, "time_zone": about.time_zone}

    def add(row: PageRow) -> None:
        async def page(request: Request) -> Response:
            visitor = await door.maybe(request)
            if visitor is not None and visitor.actor.role not in ROLES[row.may]:
                return pages.render(request, "not_yours.html", visitor, 403, name=row.name, about=frame, arguments={})
            arguments = {**request.path_params, "tiles": about.tiles, "attribution": about.attribution}
            values: dict[str, Any] = {"name": row.name, "about": frame, "arguments": arguments}
            return await pages.for_members(request, door, f"{row.name}.html", **values)

        router.add_api_route(row.path, page, methods=["GET"], response_class=Response)

    for row in PAGES:
        add(row)

    add_ways_in(router, pages, door, lambda: {"about": frame})
    return router
