"""The same conversation where Keystone gives the tokens (identity API 3), as most OpenStack clouds have it.

Law: authentication alone; everything after it is ``SwiftSession``'s. The public API's own form, which TempAuth and
Keystone's older one answer too, needs none of this.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, cast

from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.swift_session import SwiftSession

VERSION_PATH = "/v3"  # the end of an address that answers it
SERVICE = "object-store"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which project's store is meant. ``region``: empty: the first."""

    project: str
    user_domain: str = "Default"
    project_domain: str = "Default"
    region: str = ""
    interface: str = "public"


class KeystoneSession(SwiftSession):
    """``connection``: its addresses end with ``/v3``."""

    def __init__(self, connection: ConnectionFile, wall_ms: Callable[[], int], scope: Scope) -> None:
        super().__init__(connection, wall_ms)
        self._scope = scope

    async def _grant(self, uri: str) -> tuple[str, str]:
        body = json.dumps({"auth": self._asked()}).encode()

        async def pieces() -> AsyncGenerator[bytes]:
            yield body

        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        answer = await self._send("POST", f"{uri.rstrip('/')}/auth/tokens", headers, pieces)
        self._let_in(uri, answer, 200, 201)
        try:
            storage = self._storage_of(json.loads(answer.body))
        except (ValueError, KeyError, TypeError) as error:
            raise DestinationUnavailable(
                f"destination {uri:.120} answers no catalog of services: check the URL"
            ) from error
        if not storage:
            raise DestinationUnavailable(
                f"destination {uri:.120} has no {SERVICE} for project {self._scope.project} "
                f"in region {self._scope.region or 'any'}: check project and region"
            )
        return answer.headers.get("x-subject-token", ""), storage

    def _asked(self) -> dict[str, Any]:
        scope, keys = self._scope, self._connection
        user = {"name": keys.user, "domain": {"name": scope.user_domain}, "password": keys.key}
        return {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": scope.project, "domain": {"name": scope.project_domain}}},
        }

    def _storage_of(self, document: object) -> str:
        catalog = cast("dict[str, Any]", document)["token"]["catalog"]
        for service in catalog:
            for endpoint in service["endpoints"] if service["type"] == SERVICE else ():
                is_there = not self._scope.region or endpoint.get("region") == self._scope.region
                if endpoint["interface"] == self._scope.interface and is_there:
                    return str(endpoint["url"])
        return ""
