"""Commands about the manager's own certificate: who it says it is to browsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.network_login import Identity, NetworkLogin, NetworkLoginFile
from host_tools.custody.blocking import RunBlocking
from host_tools.web_kit.certificate_folder import CertificateFolder, Pair
from host_tools.web_kit.certificates import PEM_BYTES_MAX
from host_tools.web_kit.errors import WebError

HOSTS_MAX = 20  # names and addresses of one machine
CertificateName = Annotated[str, Field(min_length=1, max_length=40)]
Host = Annotated[str, Field(min_length=1, max_length=253)]
Hosts = Annotated[list[Host], Field(min_length=1, max_length=HOSTS_MAX)]


class HttpsCommands(CommandGroup):
    """A facade of one folder of certificates, and of how the machine shows one to its network. ``activated``: told of
    the pair that is in use from now on."""

    def __init__(
        self,
        gate: Gate,
        folder: CertificateFolder,
        network: NetworkLoginFile,
        activated: Callable[[Pair], None],
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
    ) -> None:
        super().__init__(gate)
        self._folder = folder
        self._network = network
        self._activated = activated
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking

    @command
    async def list_certificates(self, actor: Actor) -> list[dict[str, Any]]:
        """Each with its name, state (active, installed, requested), hosts, dates and digest."""
        return await self._do(self._folder.all)

    @command
    async def make_certificate(self, actor: Actor, name: CertificateName, hosts: Hosts) -> None:
        """A self-signed one under a new name; it is not in use before it is activated."""
        now_ms = self._wall_ms()
        await self._do(lambda: self._folder.make_self_signed(name, tuple(hosts), now_ms))

    @command
    async def request_certificate(
        self, actor: Actor, name: CertificateName, hosts: Hosts, organisation: Annotated[str, Field(max_length=64)] = ""
    ) -> dict[str, Any]:
        """A key that stays here, and a request (PKCS #10, PEM) to have it signed."""
        text = await self._do(lambda: self._folder.request(name, tuple(hosts), organisation))
        return {"name": name, "request": text}

    @command
    async def install_certificate(
        self,
        actor: Actor,
        name: CertificateName,
        certificate: Annotated[str, Field(max_length=PEM_BYTES_MAX)],
    ) -> None:
        """What was signed for the request of this name, with its chain, in PEM."""
        now_ms = self._wall_ms()
        await self._do(lambda: self._folder.install(name, certificate.encode(), now_ms))

    @command
    async def activate_certificate(self, actor: Actor, name: CertificateName) -> None:
        """Answer browsers with this one from now on. What is open stays open; nothing is interrupted."""
        now_ms = self._wall_ms()

        def activate() -> None:
            self._activated(self._folder.activate(name, now_ms))

        await self._do(activate)

    @command
    async def remove_certificate(self, actor: Actor, name: CertificateName) -> None:
        """Take one out that is not in use, with its key."""

        def remove() -> None:
            if name == self._network.uses():
                raise WebError(f"certificate {name}: is shown to the network (802.1X): choose another one there first")
            self._folder.remove(name)

        await self._do(remove)

    @command
    async def get_network_login(self, actor: Actor) -> dict[str, Any]:
        """How this machine logs in to its network (IEEE 802.1X), whether that is applied, and what would apply it."""
        return await self._run_blocking(lambda: self._network.row(self._network.read()))

    @command
    async def change_network_login(
        self,
        actor: Actor,
        version: int,
        enabled: bool,
        identity: Identity = "",
        certificate: Annotated[str, Field(max_length=40)] = "",
        authority: Annotated[str, Field(max_length=PEM_BYTES_MAX)] = "",
    ) -> dict[str, Any]:
        """Keep other settings; they are not applied by this software."""
        wanted = NetworkLogin(
            enabled=enabled,
            identity=identity,
            certificate=certificate,
            authority=authority,
            changed_by=actor.account,
            changed_unix_ms=self._wall_ms(),
        )
        return await self._run_blocking(lambda: self._network.row(self._network.write(wanted, version)))

    async def _do(self, function: Callable[[], Any]) -> Any:
        try:
            return await self._run_blocking(function)
        except WebError as error:
            raise CommandError(str(error)) from error
