"""Pages: templates filled in on the server, with what every page has around it.

Law: templates escape everything; a page holds no data of cameras or people, which its modules read over the API, so
that there is one door to them. A page of somebody who is not logged in is the login page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from host_tools.accounts.roles import Role
from host_tools.web_kit.assets import Assets
from host_tools.web_kit.sessions import SessionDoor, Visitor
from host_tools.web_kit.texts import ENGLISH, Texts

KIT_TEMPLATES = Path(__file__).parent / "templates"
LOGIN_PATH = "/login"


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation. ``text``: name in the catalogue; ``icon``: of the sprite; ``roles``: who sees it,
    none: everybody."""

    path: str
    text: str
    icon: str
    roles: frozenset[Role] = frozenset()


class Pages:
    """Fills templates. ``folders``: of the rooms, before the kit's own; ``links``: the navigation, in order."""

    def __init__(
        self,
        folders: Iterable[Path],
        texts: Texts,
        assets: Assets,
        links: Iterable[Link],
        product: str = "OpenBWC",
    ) -> None:
        self.texts = texts
        self.assets = assets
        self._links = tuple(links)
        self._environment = Environment(
            loader=FileSystemLoader([*folders, KIT_TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._product = product

    def language_of(self, request: Request) -> str:
        """The first language that a browser asks for and that there is."""
        for wanted in request.headers.get("accept-language", "")[:200].split(","):
            language = wanted.partition(";")[0].strip().lower().partition("-")[0]
            if language in self.texts.languages:
                return language
        return ENGLISH

    def render(
        self, request: Request, template: str, visitor: Visitor | None, status: int = 200, **values: Any
    ) -> Response:
        """A page as an answer."""
        language = self.language_of(request)
        html = self._environment.get_template(template).render(
            asset=self.assets.address,
            product=self._product,
            language=language,
            t=lambda name, **said: self.texts.say(name, language, **said),  # pyright: ignore[reportUnknownLambdaType]
            links=[link for link in self._links if visitor and (not link.roles or visitor.actor.role in link.roles)],
            here=request.url.path,
            visitor=visitor,
            **values,
        )
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    async def for_members(self, request: Request, door: SessionDoor, template: str, **values: Any) -> Response:
        """The page for somebody who is logged in, the way to the login page for others."""
        visitor = await door.maybe(request)
        if visitor is None:
            return to_login(request)
        return self.render(request, template, visitor, **values)


def to_login(request: Request) -> Response:
    """To the login page, and back here afterwards."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{LOGIN_PATH}?next={quote(target, safe='')}", 303, headers={"Cache-Control": "no-store"})


def add_ways_in(router: APIRouter, pages: Pages, door: SessionDoor, values: Callable[[], dict[str, Any]]) -> None:
    """The login page and the pages' own files. ``values``: what the login page is filled with."""

    async def login(request: Request) -> Response:
        if await door.maybe(request) is not None:
            return RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})
        filled = {**values(), "is_set_up": await door.is_set_up()}
        return pages.render(request, "login.html", None, name="login", arguments={}, **filled)

    async def icon() -> Response:
        return RedirectResponse(pages.assets.address("kit/icon.svg"), 302)

    router.add_api_route(LOGIN_PATH, login, methods=["GET"], response_class=Response)
    router.add_api_route("/favicon.ico", icon, methods=["GET"], response_class=Response)
    router.add_api_route("/assets/{version}/{name:path}", pages.assets.serve, methods=["GET"], response_class=Response)
