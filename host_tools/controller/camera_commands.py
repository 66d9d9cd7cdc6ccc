"""Commands about whose a camera is: adding, removing, safe mode, makers that are trusted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from firmware.secure import certificates
from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.membership import Membership, MembershipError
from host_tools.protocol.connection import RequestRefused
from host_tools.transports.errors import LinkLost
from host_tools.trust.errors import TrustError

SERIALS_MAX = 256  # at once: as many as a person selects from a list
CERTIFICATE_DIGITS_MAX = 2 * certificates.CERTIFICATE_BYTES_MAX

Serial = Annotated[str, Field(min_length=1, max_length=certificates.SERIAL_CHARACTERS_MAX)]
Serials = Annotated[list[Serial], Field(min_length=1, max_length=SERIALS_MAX)]


class CameraCommands(CommandGroup):
    """A facade of one controller's membership."""

    def __init__(self, gate: Gate, membership: Membership) -> None:
        super().__init__(gate)
        self._membership = membership

    @command
    async def add_camera(self, actor: Actor, serial: Serial) -> None:
        """Adopt a camera that waits for it."""
        try:
            await self._membership.add(serial)
        except (MembershipError, TrustError, RequestRefused, LinkLost) as error:
            raise CommandError(str(error)) from error

    @command
    async def remove_camera(self, actor: Actor, serial: Serial, keep: bool = False) -> None:
        """Remove a camera as soon as it is drained; with ``keep``, do not after all."""
        try:
            await self._membership.remove(serial, not keep)
        except MembershipError as error:
            raise CommandError(str(error)) from error

    @command
    async def force_remove_cameras(
        self, actor: Actor, serials: Serials, passphrase: SecretStr, stolen: bool = False
    ) -> None:
        """Take cameras off that are away and cannot be drained. What they hold is given up."""
        try:
            await self._membership.force_remove(serials, passphrase.get_secret_value(), stolen)
        except (MembershipError, TrustError) as error:
            raise CommandError(str(error)) from error

    @command
    async def allow_cameras_back(self, actor: Actor, serials: Serials, passphrase: SecretStr) -> None:
        """Bring docked cameras back from safe mode."""
        try:
            await self._membership.allow_back(serials, passphrase.get_secret_value())
        except (MembershipError, TrustError, RequestRefused, LinkLost) as error:
            raise CommandError(str(error)) from error

    @command
    async def allow_back_always(self, actor: Actor, passphrase: SecretStr) -> None:
        """Let cameras leave safe mode by themselves from now on."""
        try:
            await self._membership.allow_back_always(passphrase.get_secret_value())
        except TrustError as error:
            raise CommandError(str(error)) from error

    @command
    async def safe_mode(self, actor: Actor) -> dict[str, bool]:
        """``automatic``: cameras leave safe mode by themselves; else each is allowed back with the passphrase."""
        return {"automatic": bool(self._membership.trust.record.standing_grant)}

    @command
    async def ask_before_back(self, actor: Actor) -> None:
        """The opposite: each camera needs the passphrase."""
        await self._membership.ask_each_time()

    @command
    async def rotate_sealing_key(self, actor: Actor, passphrase: SecretStr) -> None:
        """A new key for recordings from now on; those before stay readable."""
        try:
            await self._membership.rotate_sealing(passphrase.get_secret_value())
        except TrustError as error:
            raise CommandError(str(error)) from error

    @command
    async def rotate_issuing_key(self, actor: Actor, passphrase: SecretStr, disown: bool = False) -> None:
        """A new key for certificates; with ``disown``, whatever the old one certified is in safe mode."""
        try:
            await self._membership.rotate_issuing(passphrase.get_secret_value(), disown)
        except TrustError as error:
            raise CommandError(str(error)) from error

    @command
    async def confirm_clock(self, actor: Actor) -> None:
        """The controller's clock is right, after a time off that outlasted its certificate."""
        await self._membership.confirm_clock()

    @command
    async def make_restore_key(self, actor: Actor, passphrase: SecretStr) -> str:
        """The restore key, to be kept away from this controller. It opens with the passphrase alone."""
        try:
            return (await self._membership.restore_key(passphrase.get_secret_value())).decode()
        except TrustError as error:
            raise CommandError(str(error)) from error

    @command
    async def trust_maker(
        self, actor: Actor, root: Annotated[str, Field(max_length=CERTIFICATE_DIGITS_MAX, pattern="^[0-9a-f]+$")]
    ) -> None:
        """Let cameras of a maker be added, by the root certificate that it publishes, in hexadecimal."""
        try:
            await self._membership.trust_maker(bytes.fromhex(root))
        except (TrustError, ValueError) as error:
            raise CommandError(f"this maker cannot be trusted: {error}") from error
