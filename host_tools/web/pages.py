"""The manager's pages: one row each. A page is a template and a module of its own name that fills it over the API.

Law: no data here. **Adding a page**: a row in ``PAGES``; ``templates/NAME.html``, which extends ``kit/page.html``;
``static/NAME.js``; its texts in ``texts/en.toml`` under ``[NAME]``. With ``link`` it is in the navigation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from host_tools.accounts.roles import ROLES, Role
from host_tools.web_kit.pages import Link, Pages, add_ways_in
from host_tools.web_kit.sessions import SessionDoor

EVERYBODY = frozenset(ROLES)
STAFF: frozenset[Role] = frozenset({"root", "administrator", "local_administrator", "viewer"})
LOCAL_ADMINISTRATORS: frozenset[Role] = STAFF - {"viewer"}
ADMINISTRATORS: frozenset[Role] = frozenset({"root", "administrator"})


class PageRow(NamedTuple):
    """``icon``: of the sprite; empty: not in the navigation."""

    name: str
    path: str
    icon: str
    roles: frozenset[Role] = EVERYBODY


PAGES: tuple[PageRow, ...] = (
    PageRow("dashboard", "/", "dashboard"),
    PageRow("cameras", "/cameras", "camera"),
    PageRow("camera", "/cameras/{serial}", ""),
    PageRow("wearers", "/wearers", "people", STAFF),
    PageRow("wearer", "/wearers/{id:path}", "", STAFF),
    PageRow("profiles", "/profiles", "profile", STAFF),
    PageRow("profile", "/profiles/{name:path}", "", STAFF),
    PageRow("controller", "/controller", "storage"),
    PageRow("settings", "/settings", "settings", STAFF),
    PageRow("accounts", "/settings/accounts", "", ADMINISTRATORS),
    PageRow("security", "/settings/security", "", ADMINISTRATORS),
    PageRow("reports", "/reports", "report", LOCAL_ADMINISTRATORS),
    PageRow("audit", "/audit", "trail", ADMINISTRATORS),
    PageRow("tv", "/tv", "screen"),
    PageRow("account", "/account", ""),
)
LINKS = tuple(Link(row.path, f"{row.name}.title", row.icon, row.roles) for row in PAGES if row.icon)


def page_router(pages: Pages, door: SessionDoor, about: Callable[[], dict[str, str]]) -> APIRouter:
    """All pages, the login page, and their files."""
    router = APIRouter(include_in_schema=False)

    def add(row: PageRow) -> None:
        async def page(request: Request) -> Response:
            visitor = await door.maybe(request)
            if visitor is not None and visitor.actor.role not in row.roles:
                return pages.render(request, "not_yours.html", visitor, 403, name=row.name, about=about(), arguments={})
            values = {"name": row.name, "about": about(), "arguments": dict(request.path_params)}
            return await pages.for_members(request, door, f"{row.name}.html", **values)

        router.add_api_route(row.path, page, methods=["GET"], response_class=Response)

    for row in PAGES:
        add(row)

    add_ways_in(router, pages, door, lambda: {"about": about()})
    return router
