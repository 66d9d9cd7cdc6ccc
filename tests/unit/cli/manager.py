"""A controller that is reached both ways: by the socket in its folder, and by its manager over HTTPS on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from host_tools.cli.serve import LocalDoor
from host_tools.controller.remote import SOCKET
from host_tools.transports.local import LocalServer
from host_tools.web_kit.certificate_folder import OWN_NAME
from host_tools.web_kit.serving import serving
from tests.unit.cli.parts import Bwc, Ended
from tests.unit.web.office import Office

HOSTS = ("127.0.0.1",)  # and not localhost: a name that the certificate has not


class Reached(NamedTuple):
    """``folder``: of the controller; ``pem``: its manager's certificate."""

    office: Office
    folder: Path
    url: str
    pem: Path
    bwc: Bwc

    async def by_socket(self, *words: object) -> Ended:
        """``bwc`` with these words, on the controller's own machine."""
        return await asyncio.to_thread(self.bwc, *words, "--folder", self.folder)

    async def by_rest(self, *words: object, role: str = "root") -> Ended:
        """The same from elsewhere, as somebody of that role."""
        token = self.folder.parent / "token"
        token.write_text(self.office.cookie(role) + "\n")
        there = ("--at", self.url, "--token-file", token, "--certificate", self.pem)
        return await asyncio.to_thread(self.bwc, *words, *there)


@asynccontextmanager
async def reached(office: Office, folder: Path, bwc: Bwc) -> AsyncGenerator[Reached]:
    """Answers while the block runs."""
    front = office.https.front(HOSTS)
    server = LocalServer(folder / SOCKET, LocalDoor(office.commands).handle)
    await server.start()
    office.controller.happenings.listen(server.publish)
    try:
        async with serving(office.app, HOSTS[0], 0, front) as port:
            pem = folder / "https" / f"{OWN_NAME}.pem"
            yield Reached(office, folder, f"https://{HOSTS[0]}:{port}", pem, bwc)
    finally:
        await server.close()


def conversation(bwc: Bwc, office: Office, folder: Path, talk: Callable[[Reached], Awaitable[None]]) -> None:
    """Talk with the controller in ``folder``."""

    async def go() -> None:
        async with reached(office, folder, bwc) as there:
            await talk(there)

    asyncio.run(go())
