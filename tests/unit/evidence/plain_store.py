"""A store without logic of its own, as plain Swift is: it keeps what it is told last and knows no completion."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.headers import from_headers, to_headers
from host_tools.destinations.interface import Receipt
from host_tools.destinations.memory import StoredContainer, StoredObject
from host_tools.evidence.serving import serving


class PlainStore:
    """Containers by name; contents by container and object."""

    def __init__(self) -> None:
        self.containers: dict[str, StoredContainer] = {}
        self.contents: dict[tuple[str, str], bytes] = {}

    async def read_container(self, name: str) -> StoredContainer | None:
        return self.containers.get(name)

    async def read_object(self, container: str, name: str) -> bytes:
        return self.contents[container, name]

    async def authenticate(self, request: Request) -> Response:
        url = f"http://{request.url.netloc}/v1/AUTH_plain"
        return Response(headers={"X-Auth-Token": "t", "X-Storage-Url": url})

    async def container(self, request: Request) -> Response:
        name, metadata = request.path_params["box"], from_headers(request.headers.items(), "Container")
        known = self.containers.get(name)
        if request.method == "PUT" and known is None:
            known = self.containers[name] = StoredContainer()
            status = 201
        elif known is None:
            return Response(status_code=404)
        else:
            status = 202 if request.method == "PUT" else 204
        if request.method == "HEAD":
            return Response(status_code=204, headers=to_headers("Container", known.metadata))
        known.metadata = {key: value for key, value in {**known.metadata, **metadata}.items() if value}
        return Response(status_code=status)

    async def object(self, request: Request) -> Response:
        box, name = request.path_params["box"], request.path_params["name"]
        known = self.containers.get(box)
        if request.method == "PUT":
            try:
                content = await request.body()
            except ClientDisconnect:
                return Response(status_code=408)
            if known is None:
                return Response(status_code=404)
            receipt = Receipt(hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest(), len(content))
            known.objects[name] = StoredObject(from_headers(request.headers.items(), "Object"), receipt)
            self.contents[box, name] = content
            return Response(status_code=201, headers={"Etag": receipt.etag})
        if known is None or name not in known.objects:
            return Response(status_code=404)
        receipt = known.objects[name].receipt
        return Response(headers={"Etag": receipt.etag, "Content-Length": str(receipt.length_bytes)})


@asynccontextmanager
async def plain_store() -> AsyncGenerator[tuple[PlainStore, ConnectionFile]]:
    """One on loopback, and what leads to it."""
    store = PlainStore()
    app = Starlette(
        routes=[
            Route("/auth/v1.0", store.authenticate),
            Route("/v1/AUTH_plain/{box}", store.container, methods=["PUT", "POST", "HEAD"]),
            Route("/v1/AUTH_plain/{box}/{name}", store.object, methods=["GET", "PUT", "HEAD"]),
        ]
    )
    async with serving(app, "127.0.0.1", 0, None, None) as port:
        yield store, ConnectionFile("s", "a", "1", (f"http://127.0.0.1:{port}/auth/v1.0",), "u", "k")
