"""Who may come to the page: everybody who reaches this machine's own address, or whoever has the token.

Law: without a token the page is served on a loopback address only; with one nothing is answered without it. The token
is chosen anew at each start, comes in by the printed address, and stays in a cookie that scripts cannot read.
"""

from __future__ import annotations

import hmac
import ipaddress

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from host_tools.bench_page.errors import BenchPageError
from host_tools.web_kit.problems import Problem

COOKIE_NAME = "openbwc-bench"
TOKEN_ARGUMENT = "token"  # noqa: S105 - the name of an argument, not a token
LOCAL_NAME = "localhost"


def require_private(host: str, token: str) -> None:
    """BenchPageError where others could reach the page and no token is asked for."""
    if not token and not is_loopback(host):
        raise BenchPageError(
            f"{host}: the bench page can do everything to the bench, and others reach this address: "
            "use 127.0.0.1, or add --web-token"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == LOCAL_NAME


class Door:
    """``token``: empty where none is asked for."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "Door()"

    def enter(self, request: Request) -> Response | None:
        """Somebody opens the page: with the token in the address they get it as a cookie, and the page without it."""
        given = request.query_params.get(TOKEN_ARGUMENT, "")
        if not self._token or not given:
            self.admit(request)
            return None
        self._compare(given)
        answer = RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(COOKIE_NAME, self._token, httponly=True, samesite="strict", path="/")
        return answer

    def admit(self, request: Request) -> None:
        """Problem 401 for who has no token where one is asked for."""
        if self._token:
            scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
            self._compare(bearer if scheme.lower() == "bearer" else request.cookies.get(COOKIE_NAME, ""))

    def _compare(self, given: str) -> None:
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode()):
            raise Problem(401, "the token is missing or wrong: open the address that the bench printed", "no-token")
