"""What answers plain HTTP: the way to HTTPS, and nothing else. No page, no cookie, no word about the system."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import RedirectResponse

from host_tools.web_kit.guard import Receive, Scope, Send, is_own_host
from host_tools.web_kit.problems import Problem


class Redirect:
    """An ASGI application. ``port``: of the manager; ``https_only``: whether not even the way is told."""

    def __init__(self, port: int, https_only: Callable[[], bool]) -> None:
        self._port = port
        self._https_only = https_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if self._https_only():
            response = Problem(403, "plain HTTP is switched off: come by HTTPS", "https-only").response()
        elif not name or not is_own_host(host, frozenset({name.lower()})) or not all(map(_is_plain, name)):
            response = Problem(421, "host: missing or none: use this server's address").response()
        else:
            # For now: a browser that kept it for ever would look for a manager where it was once.
            response = RedirectResponse(f"https://{name}:{self._port}/", 307, {"Cache-Control": "no-store"})
        await response(scope, receive, send)


def _is_plain(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "-._[]:")
