"""One address for controllers and people: the API of controllers as it is, everything else behind the guard of pages.

Law: looks at the path and nothing else. What a controller sends is as long as a clip; what people send is short, and
what is answered to them carries the headers that protect a browser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host_tools.web_kit.guard import CONTENT_POLICY, Guard

CONTROLLERS = ("/auth/", "/v1/", "/openapi.json")


def front(
    for_controllers: Callable[..., Any],
    for_people: Callable[..., Any],
    hosts: tuple[str, ...],
    policy: str = CONTENT_POLICY,
) -> Any:
    """The application that is served. ``hosts``: names that the destination is known by, beside its addresses;
    ``policy``: what its pages may load."""
    known = frozenset(hosts)
    guarded = Guard(for_people, lambda: known, policy=policy)

    async def choose(scope: Any, receive: Any, send: Any) -> None:
        is_controllers = scope["type"] == "http" and scope["path"].startswith(CONTROLLERS)
        await (for_controllers if is_controllers else guarded)(scope, receive, send)

    return choose
