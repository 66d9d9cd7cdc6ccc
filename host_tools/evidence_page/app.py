"""Puts the pages onto the destination's application for people.

Law: constructor arguments alone; it opens nothing and starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import FastAPI

from host_tools.accounts.people import People
from host_tools.evidence.blocking import RunBlocking
from host_tools.evidence.health import Health
from host_tools.evidence.intake import Intake
from host_tools.evidence.settings import ServerSettings
from host_tools.evidence_page.api import page_api
from host_tools.evidence_page.pages import LINKS, About, page_router
from host_tools.web_kit.assets import Assets
from host_tools.web_kit.guard import CONTENT_POLICY
from host_tools.web_kit.pages import Pages
from host_tools.web_kit.sessions import SessionDoor
from host_tools.web_kit.texts import Texts

HERE = Path(__file__).parent
KIT = HERE.parent / "web_kit"
UTC = "UTC"
PICTURES = "img-src 'self' data:"


def add_pages(
    app: FastAPI,
    intake: Intake,
    people: People,
    health_now: Callable[[], Health],
    wall_ms: Callable[[], int],
    run_blocking: RunBlocking,
) -> None:
    """Pages at ``/``, ``/recordings/{container}`` and ``/health``, and what they ask beside ``app``'s own API."""
    settings = intake.settings
    door = SessionDoor(people, wall_ms, run_blocking)
    texts = Texts([KIT / "texts", HERE / "texts"])
    pages = Pages([HERE / "templates"], texts, Assets({"evidence": HERE / "static"}, texts), LINKS)
    about = About(settings.site, _known_zone(settings.time_zone), settings.map_tiles, settings.map_attribution)
    app.include_router(page_api(intake, people, door, health_now, wall_ms, run_blocking))
    app.include_router(page_router(pages, door, about))


def content_policy(settings: ServerSettings) -> str:
    """What these pages may load: themselves, and pictures of the map's server if there is one."""
    policy = f"{CONTENT_POLICY}; media-src 'self'"
    if not settings.map_tiles:
        return policy
    address = urlsplit(settings.map_tiles)
    return policy.replace(PICTURES, f"{PICTURES} {address.scheme}://{address.netloc}")


def _known_zone(name: str) -> str:
    """The destination's time zone, if it is one: a browser shows no time at all in a zone that there is not."""
    try:
        return ZoneInfo(name or UTC).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
