"""A controller's people from another machine: its manager over HTTPS, as ``bwc badge`` asks it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from host_tools.controller.commands import CommandError
from host_tools.controller.remote import controller_client

ANSWER_S = 20.0
PAGE_ROWS = 500
PAGES_MAX = 100  # of wearers: ten times as many as a system has
PREFIX = "/api/v1"


PageAfter = Callable[[str], Any]  # the page of wearers after that id


class Wearers(Protocol):
    """Who has which badge, and giving somebody one."""

    def tags(self) -> dict[str, str]:
        """Badge numbers, and whose they are."""
        ...

    def pair(self, wearer: str, tag: str, technology: str) -> dict[str, Any]:
        """Give a wearer a badge that a reader has just read; answers the wearer."""
        ...

    def unpair(self, wearer: str, tag: str) -> dict[str, Any]:
        """Take it away again."""
        ...


class LocalWearers:
    """Of the controller in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._client = controller_client(folder)

    def tags(self) -> dict[str, str]:
        """See Wearers."""
        return _all_tags(lambda after: self._client.call("list_wearers", after=after))

    def pair(self, wearer: str, tag: str, technology: str) -> dict[str, Any]:
        """See Wearers."""
        row: dict[str, Any] = self._client.call("pair_tag", wearer=wearer, tag=tag, technology=technology)
        return row

    def unpair(self, wearer: str, tag: str) -> dict[str, Any]:
        """See Wearers."""
        row: dict[str, Any] = self._client.call("unpair_tag", wearer=wearer, tag=tag)
        return row


class ManagerWearers:
    """Of a controller's manager, asked with an account's own rights."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def tags(self) -> dict[str, str]:
        """See Wearers."""
        return _all_tags(lambda after: self._ask("GET", "/wearers", params={"after": after}))

    def pair(self, wearer: str, tag: str, technology: str) -> dict[str, Any]:
        """See Wearers."""
        path = f"/wearers/{quote(wearer, safe='')}/tags/{tag}"
        return self._ask("PUT", path, json={"technology": technology})

    def unpair(self, wearer: str, tag: str) -> dict[str, Any]:
        """See Wearers."""
        return self._ask("DELETE", f"/wearers/{quote(wearer, safe='')}/tags/{tag}")

    def log_in(self, name: str, password: str) -> None:
        """CommandError if that is not a name and its password."""
        token = self._ask("POST", "/token", json={"name": name, "password": password})["token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def log_out(self) -> None:
        """End the session; a manager that is gone has none."""
        try:
            self._client.delete(f"{PREFIX}/session")
        except httpx.HTTPError:
            return

    def _ask(self, method: str, path: str, **rest: Any) -> Any:
        try:
            answer = self._client.request(method, PREFIX + path, **rest)
        except httpx.HTTPError as error:
            remedy = "check the address, and give the manager's certificate with --certificate if it is its own"
            raise CommandError(f"{self._client.base_url}: no answer ({error}); {remedy}") from error
        if answer.is_success:
            return answer.json()
        raise CommandError(_problem(answer))


@contextmanager
def opened_manager(url: str, certificate: Path | None, name: str, password: str) -> Generator[ManagerWearers]:
    """Logged in until the block ends. ``certificate``: of the manager (PEM), where nobody else vouches for it."""
    trust: ssl.SSLContext | bool = True
    if certificate is not None:
        try:
            trust = ssl.create_default_context(cafile=str(certificate))
        except (OSError, ssl.SSLError) as error:
            raise CommandError(f"{certificate}: no certificate in PEM form ({error}); export it once more") from error
    with httpx.Client(base_url=url.rstrip("/"), verify=trust, timeout=ANSWER_S) as client:
        manager = ManagerWearers(client)
        manager.log_in(name, password)
        try:
            yield manager
        finally:
            manager.log_out()


def _all_tags(page_after: PageAfter) -> dict[str, str]:
    found: dict[str, str] = {}
    after = ""
    for _ in range(PAGES_MAX):
        page = page_after(after)
        found |= {tag: f"{row['name']} ({row['id']})" for row in page["rows"] for tag in row["tags"]}
        after = page["next"]
        if not after:
            break
    return found


def _problem(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        said = {}
    text = said.get("detail") or said.get("title") if isinstance(said, dict) else ""
    return str(text or f"the manager answers {answer.status_code} {answer.reason_phrase}")
