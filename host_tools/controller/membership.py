"""Who of those that come to this controller belongs to its system, and what is done about those who do not.

Law: the one place of a controller that holds ``SystemTrust``. A peer that has proved who it is is admitted by its
certificate; one that is not a member is *held*: its connection stays open, people see it, and nothing is asked of it
but what they decide. What changes the trust is done one thing after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from firmware.ports.errors import PortFault
from firmware.secure import certificates
from firmware.secure.certificates import ABOUT_TO_EXPIRE, EXPIRED, IDEVID, LDEVID, PeerIdentity
from firmware.secure.channel_context import ChannelTrust
from host_tools.controller import adoption
from host_tools.controller.happenings import Happenings
from host_tools.controller.members import Member, Members
from host_tools.controller.passphrase_door import PassphraseDoor
from host_tools.custody.blocking import RunBlocking
from host_tools.protocol.connection import Connection, RequestRefused
from host_tools.trust import passphrase
from host_tools.trust.admission import FACTORY, HOUR_MS, SAFE_MODE, Admission
from host_tools.trust.errors import TrustError, WrongPassphrase
from host_tools.trust.record import TrustRecord
from host_tools.trust.restore import make_restore_key
from host_tools.trust.system import SystemTrust

T = TypeVar("T")

# Certificates count whole seconds. The one of this last second is not revoked with the others: its key has just been
# destroyed by the camera itself, and a camera that is added again at once gets one of the same second.
ADDED_AGAIN_MS = 1_000


class MembershipError(Exception):
    """It cannot be done with that camera now. One line."""


@dataclass
class Held:
    """A camera that is here and is no member: ``done`` when it may come again as one."""

    connection: Connection
    peer: PeerIdentity
    admission: Admission
    model: str
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Membership:
    """One controller's. ``is_online``: whether a member has a session now; ``note_in_ledger``: takes the details of
    cameras that were taken off with what they held."""

    def __init__(
        self,
        trust: SystemTrust,
        members: Members,
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
        happenings: Happenings,
        is_online: Callable[[str], bool],
        note_in_ledger: Callable[[dict[str, Any]], object],
    ) -> None:
        self.trust = trust
        self.members = members
        self.held: dict[str, Held] = {}
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._happenings = happenings
        self._is_online = is_online
        self._note_in_ledger = note_in_ledger
        self._not_renewed: dict[str, str] = {}
        self._changing = asyncio.Lock()
        self._noting = asyncio.Lock()
        self._door = PassphraseDoor()
        self._channel: tuple[TrustRecord, ChannelTrust] | None = None

    # -- sessions

    def channel_trust(self) -> ChannelTrust:
        """How this controller shows itself now, its own certificate renewed when that is due."""
        if not self._changing.locked():
            with suppress(PortFault):  # a disk that takes no new one now: the certificate that there is serves on
                self.trust.refresh_controller(self._wall_ms())
        record = self.trust.record
        if self._channel is None or self._channel[0] is not record:
            self._channel = record, self.trust.channel_trust()
        return self._channel[1]

    def admit(self, peer: PeerIdentity) -> Admission:
        """What a peer is that has proved who it is."""
        return self.trust.admit(peer, self._wall_ms())

    async def hold(self, held: Held) -> None:
        """Until somebody decides, or the link is lost. A camera in safe mode comes back by itself where that is
        allowed."""
        serial = held.peer.serial
        self.held[serial] = held
        try:
            if held.admission.state == SAFE_MODE:
                await self._try_to_bring_back(held)
            await held.done.wait()
        finally:
            if self.held.get(serial) is held:
                del self.held[serial]

    async def welcome(self, connection: Connection, peer: PeerIdentity, model: str) -> None:
        """What a member gets at every dock: a new certificate, and what it lacks of keys and lists. What could not be
        done is an alert; recordings are taken from it all the same. RequestRefused, LinkLost."""
        now_ms, expires_ms = self._wall_ms(), peer.expires_ms
        self._not_renewed.pop(peer.serial, None)
        try:
            expires_ms = await adoption.renew(connection, self.trust, peer, now_ms)
            await adoption.hand_over(connection, self.trust, peer, now_ms)
        except (RequestRefused, TrustError) as error:
            trouble = f"{peer.serial}: its certificate could not be renewed ({error}); dock it again"
            self._not_renewed[peer.serial] = trouble
            self._happenings.tell("not_renewed", camera=peer.serial, text=trouble)
        try:
            await self._note(Member(peer.serial, model, expires_ms, now_ms))
        except PortFault as fault:
            trouble = f"{peer.serial}: not noted among the cameras ({fault}): check the controller's disk"
            self._not_renewed.setdefault(peer.serial, trouble)
        await adoption.open_bulk(connection, self.trust)

    async def drained(self, connection: Connection, serial: str) -> bool:
        """Nothing is left on a member: whether it was to be removed, and is now."""
        member = self.members.find(serial)
        if member is None or not member.removing:
            return False
        await adoption.release(connection)
        await self._change(lambda: self.trust.revoke(serial, self._wall_ms() - ADDED_AGAIN_MS))
        await self._forget(serial)
        self._happenings.tell("removed", camera=serial)
        return True

    def alerts(self) -> dict[str, str]:
        """What people should know of members' certificates, by a name for the problem."""
        found = {f"renewal of {serial}": text for serial, text in self._not_renewed.items()}
        now_ms = self._wall_ms()
        if doubt := self.trust.clock_doubt(now_ms):
            found["clock"] = doubt
        for member in self.members.all():
            standing = certificates.standing_of(certificates.Validity(0, member.expires_unix_ms), now_ms)
            if standing == ABOUT_TO_EXPIRE:
                hours = (member.expires_unix_ms - now_ms) // HOUR_MS
                left = f"{hours // 24} d {hours % 24} h"
                found[f"certificate of {member.serial}"] = (
                    f"{member.serial}: its certificate expires in {left}; dock it before, or it will be in safe mode"
                )
            elif standing == EXPIRED and member.serial not in self.held:
                found[f"certificate of {member.serial}"] = (
                    f"{member.serial}: its certificate has expired; dock it, then allow it back with the passphrase"
                )
        return found

    # -- decisions

    async def add(self, serial: str) -> None:
        """Make a waiting camera a member. MembershipError, TrustError, RequestRefused, LinkLost."""
        known = self.members.find(serial) is not None
        no = "is a member already" if known else "no camera of that serial waits to be added; dock it and look again"
        held = self._held(serial, FACTORY, no)
        expires_ms = await adoption.adopt(held.connection, self.trust, held.peer, self._wall_ms())
        await self._forget(serial)  # what was wished for it in an earlier life is over
        await self._note(Member(serial, held.model, expires_ms, self._wall_ms()))
        self._happenings.tell("added", camera=serial)
        held.done.set()

    async def remove(self, serial: str, wanted: bool = True) -> None:
        """Remove a member as soon as it is drained; or not, after all. MembershipError: there is none."""
        async with self._noting:
            known = await self._run_blocking(lambda: self.members.remove_when_drained(serial, wanted))
        if not known:
            raise MembershipError(f"{serial}: no camera of this system has that serial; see the list of cameras")
        self._happenings.tell("removal_asked" if wanted else "removal_withdrawn", camera=serial)

    async def force_remove(self, serials: list[str], phrase: str, stolen: bool = False) -> None:
        """Take cameras off that are not here and cannot be drained; what they hold is given up. ``stolen``: they can
        never be added again. MembershipError, WrongPassphrase."""
        self._require_away(serials)
        for serial in serials:
            if self.members.find(serial) is None:
                raise MembershipError(f"{serial}: no camera of this system has that serial; see the list of cameras")
        grant = await self._with_passphrase(
            lambda: passphrase.force_remove(
                self.trust, phrase, serials, self._wall_ms(), lambda: self._require_away(serials)
            )
        )
        await self._run_blocking(lambda: self._note_in_ledger({"cameras": sorted(serials), "grant": grant.hex()}))
        for serial in serials:
            if stolen:
                await self._change(lambda: self.trust.revoke(serial, self._wall_ms(), (LDEVID, IDEVID)))  # noqa: B023
            await self._forget(serial)
            self._happenings.tell("force_removed", camera=serial)

    async def allow_back(self, serials: Iterable[str], phrase: str) -> None:
        """Bring selected cameras back from safe mode. MembershipError, WrongPassphrase, RequestRefused, LinkLost."""
        missing = "no camera of that serial is here in safe mode; dock it first"
        lapsed = [self._held(serial, SAFE_MODE, missing) for serial in serials]
        peers = [held.peer for held in lapsed]
        grants = await self._with_passphrase(
            lambda: passphrase.allow_back_each(self.trust, phrase, peers, self._wall_ms())
        )
        for held in lapsed:
            await self._bring_back(held, grants[held.peer.serial])

    async def allow_back_always(self, phrase: str) -> None:
        """Let cameras leave safe mode by themselves from now on. WrongPassphrase."""
        await self._with_passphrase(lambda: passphrase.allow_back_always(self.trust, phrase, self._wall_ms()))
        for held in list(self.held.values()):
            if held.admission.state == SAFE_MODE:
                await self._try_to_bring_back(held)

    async def ask_each_time(self) -> None:
        """The opposite."""
        await self._change(lambda: passphrase.ask_each_time(self.trust))

    async def rotate_sealing(self, phrase: str) -> None:
        """Seal to a new key from the next docking of each camera on. WrongPassphrase, TrustError."""
        await self._with_passphrase(lambda: passphrase.rotate_sealing(self.trust, phrase, self._wall_ms()))

    async def rotate_issuing(self, phrase: str, disown: bool) -> None:
        """Certify with a new key. ``disown``: the old one was stolen. WrongPassphrase, TrustError."""
        await self._with_passphrase(lambda: passphrase.rotate_issuing(self.trust, phrase, self._wall_ms(), disown))

    async def confirm_clock(self) -> None:
        """This controller's clock is right, says a person who has looked: cameras are told its time again."""
        await self._change(lambda: self.trust.confirm_clock(self._wall_ms()))

    async def restore_key(self, phrase: str) -> bytes:
        """The file that gives a new controller this one's trust. WrongPassphrase."""
        return await self._with_passphrase(lambda: make_restore_key(self.trust, phrase, self._wall_ms()))

    async def trust_maker(self, root: bytes) -> None:
        """Let cameras of a maker wait to be added, by its root certificate in DER. TrustError."""
        await self._change(lambda: self.trust.trust_manufacturer(root))

    # -- inside

    def _require_away(self, serials: list[str]) -> None:
        for serial in serials:
            if self._is_online(serial) or serial in self.held:
                raise MembershipError(f"{serial} is docked: remove it in order, or undock it first")

    def _held(self, serial: str, state: str, otherwise: str) -> Held:
        held = self.held.get(serial)
        if held is None or held.admission.state != state:
            raise MembershipError(f"{serial}: {otherwise}")
        return held

    async def _try_to_bring_back(self, held: Held) -> None:
        try:
            await adoption.set_time(held.connection, self._wall_ms())  # so that it knows, and shows it
            if self.trust.record.standing_grant:
                await self._bring_back(held, b"")
        except (TrustError, RequestRefused) as error:
            self._happenings.tell("stays_in_safe_mode", camera=held.peer.serial, text=str(error))

    async def _bring_back(self, held: Held, grant: bytes) -> None:
        now_ms = self._wall_ms()
        await adoption.set_time(held.connection, now_ms)
        expires_ms = await adoption.renew(held.connection, self.trust, held.peer, now_ms, LDEVID, grant)
        await self._note(Member(held.peer.serial, held.model, expires_ms, now_ms))
        self._happenings.tell("allowed_back", camera=held.peer.serial)
        held.done.set()

    async def _note(self, member: Member) -> None:
        async with self._noting:
            await self._run_blocking(lambda: self.members.note(member))

    async def _forget(self, serial: str) -> None:
        self._not_renewed.pop(serial, None)
        async with self._noting:
            await self._run_blocking(lambda: self.members.forget(serial))

    async def require_passphrase(self, phrase: str) -> None:
        """For what needs nothing of the secrets but somebody who knows them. TrustError."""
        await self._with_passphrase(lambda: passphrase.unlock(self.trust, phrase))

    async def _with_passphrase(self, change: Callable[[], T]) -> T:
        """``change`` tries a passphrase; one at a time, so that many at once do not slip through. TrustError."""
        clock_s = asyncio.get_running_loop().time
        async with self._changing:
            self._door.enter(clock_s())
            try:
                done = await self._run_blocking(change)
            except WrongPassphrase:
                self._door.tried_in_vain(clock_s())
                raise
            self._door.opened()
            return done

    async def _change(self, change: Callable[[], T]) -> T:
        async with self._changing:
            return await self._run_blocking(change)
