"""Whom this camera belongs to and whom it answers: its identity, the session's level, and the messages of adoption.

Law: the order in which a controller is believed is here and nowhere else (decision 0030). It proves itself in TLS; its
issuing key must be the newest this camera has met and not revoked; then its time is taken, if the floor allows; then
this camera's own certificate is judged at that time. Nothing else is answered before all of that has passed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.camera import access
from firmware.camera.revoked import KnownRevocations
from firmware.camera.trust import CameraTrust, evidence_signer
from firmware.drivers.cable import Refusal
from firmware.formats.errors import FormatError
from firmware.link import events
from firmware.link.control import ControlStream
from firmware.link.session import Session
from firmware.ports.clock import WALL_CONTROLLER, Clock
from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from firmware.ports.keystore import Keystore
from firmware.secure import certificates, certificates_grants, channel_greeting
from firmware.secure.certificates import EVIDENCE, LDEVID, CertificateFault, PeerIdentity
from firmware.secure.certificates_store import CameraIdentity
from firmware.secure.channel import SecureChannel
from firmware.secure.channel_context import ChannelTrust
from firmware.secure.channel_stream import FailedStream, SecuredStream
from firmware.secure.time_floor import TimeFloor, TimeRefused
from firmware.secure.token import PullToken

Fields = dict[str, Any]
Answer = tuple[str, Fields] | None
Handler = Callable[[Fields], Answer]
MakeChannel = Callable[[ChannelTrust, int, int], SecureChannel]

NO_IDENTITY = "this camera's identity cannot be read: provision it anew"
# Why a controller of the camera's own system gets no answer: whoever restored it must not look for other reasons.
REPLACED = "it has met a newer issuing key: rotate this controller's"
TAKEN_OFF = "this controller was taken off its system"


class Membership:
    """One camera's. ``load`` before anything else, and again after a fault. ``holds``: why the camera must not be
    released now, empty if it may; ``let_go``: forgets what the application keeps for its system."""

    def __init__(
        self,
        files: Files,
        keystore: Keystore,
        serial: str,
        clock: Clock,
        trust: CameraTrust,
        holds: Callable[[], str],
        let_go: Callable[[], None],
        make_channel: MakeChannel = SecureChannel,
    ) -> None:
        self.level = access.SHUT
        self.lapsed = False
        self._files = files
        self._keystore = keystore
        self._serial = serial
        self._clock = clock
        self._trust = trust
        self._holds = holds
        self._let_go = let_go
        self._make_channel = make_channel
        self._revoked = KnownRevocations(files)
        self._greeting = channel_greeting.encode(serial)
        self._identity: CameraIdentity | None = None
        self._floor: TimeFloor | None = None
        self._peer: PeerIdentity | None = None
        self._session: Session | None = None
        self._turned_away = ""  # why, where it is a controller of the camera's own system
        self._stated: tuple[int, int] | None = None  # unix ms, and our clock at that moment; of a stranger
        self._recipients: list[bytes] = []

    def load(self) -> None:
        """Read identity, time floor and recipients, once. PortFault; FormatError for a damaged identity."""
        if self._identity is not None:
            return
        self._identity = CameraIdentity(self._files, self._keystore, self._serial)
        try:
            self._know_system()
        except PortFault:
            self._identity = None  # tried again as a whole
            raise

    def is_known(self) -> bool:
        """Whether the identity could be read."""
        return self._identity is not None

    def is_adopted(self) -> bool:
        """Whether the camera belongs to a system."""
        return self._identity is not None and self._identity.is_adopted()

    def system(self) -> str:
        """The id of that system; empty while there is none."""
        own = self._own()
        return own.owner if own is not None else ""

    # -- the session

    def make_secure(self, stream: ControlStream, version: int, now_ms: int) -> SecuredStream | FailedStream:
        """What a session lays over its stream. The session is shut until its peer is believed."""
        self._shut()
        try:
            if self._identity is None:
                return FailedStream(NO_IDENTITY)
            channel = self._make_channel(self._identity.channel_trust(), version, now_ms)
        except (CertificateFault, PortFault) as error:
            return FailedStream(str(error))
        return SecuredStream(stream, channel, self._greeting)

    def follow(self, change: events.Event, session: Session) -> None:
        """A session has begun, its peer has proved who it is, or it is over."""
        if isinstance(change, events.Opened):
            self._session = session
            if not session.secured:
                self._shut()
        elif isinstance(change, events.Closed):
            self._shut()
        elif isinstance(change, events.Secured) and isinstance(change.peer, PeerIdentity):
            self._meet(change.peer)

    def guarded(self, handlers: dict[str, Handler]) -> dict[str, Handler]:
        """The handlers, and those of this room, behind the table of levels."""
        whole = {**handlers, **self._handlers()}
        return {name: self._behind_level(name, handler) for name, handler in whole.items()}

    def check_bulk(self) -> None:
        """Refusal unless recordings may be read in this session."""
        if self.level != access.FULL:
            raise Refusal("refused", access.REASONS[self.level])

    # -- inside

    def _handlers(self) -> dict[str, Handler]:
        return {
            "set_time": self._set_time,
            "get_credentials": self._get_credentials,
            "request_certificate": self._request_certificate,
            "install_certificate": self._install_certificate,
            "seal_to": self._seal_to,
            "revocations": self._take_revocations,
            "bulk_token": self._bulk_token,
            "factory_reset": self._factory_reset,
        }

    def _behind_level(self, name: str, handler: Handler) -> Handler:
        def guarded(fields: Fields) -> Answer:
            if not access.answers(self.level, name):
                raise Refusal("refused", self._turned_away or access.REASONS[self.level])
            try:
                return handler(fields)
            except CertificateFault as error:
                raise Refusal("refused", str(error)) from error
            except FormatError as error:
                raise Refusal("malformed", str(error)) from error
            except PortFault as error:
                raise Refusal("storage", str(error)) from error

        return guarded

    def _happen(self, happened: str) -> None:
        was_full = self.level == access.FULL
        self.level = access.next_level(self.level, happened)
        if self.level == access.FULL and self._peer is not None:
            self._trust.meet(self._peer)
        elif was_full:
            self._close_bulk()

    def _shut(self) -> None:
        self.level = access.SHUT
        self._turned_away = ""
        self._peer = self._stated = None
        self._recipients.clear()
        self._close_bulk()

    def _close_bulk(self) -> None:
        self._trust.part()
        if self._session is not None:
            self._session.pull_macs = None

    def _meet(self, peer: PeerIdentity) -> None:
        identity = self._known()
        if not identity.is_adopted():
            self._peer = peer
            self._happen(access.STRANGER)
            return
        try:
            identity.meet(peer)
        except CertificateFault:  # an older issuing key than this camera has met: shut it stays
            self._turned_away = REPLACED
            return
        except PortFault:
            return  # the card does not work
        if self._revoked.is_revoked(peer):
            self._turned_away = TAKEN_OFF
        elif peer.anchored:
            self._peer = peer
            self._happen(access.OWN)

    def _set_time(self, fields: Fields) -> Answer:
        unix_ms: int = fields["unix_ms"]
        if self.level == access.PROVISIONAL:  # believed for as long as it takes to be adopted, and kept nowhere
            self._stated = unix_ms, self._clock.now_ms()
            return None
        try:
            self._the_floor().accept(self._met(), self.system(), unix_ms)
        except TimeRefused as refused:
            raise Refusal("refused", str(refused)) from refused
        self._clock.set_wall(unix_ms, WALL_CONTROLLER, fields["uncertainty_ms"])
        self._judge_self()
        return None

    def _judge_self(self) -> None:
        """The level and safe mode follow from this camera's own certificate, now."""
        own = self._own()
        self.lapsed = own is not None and certificates.standing(own, self._now_unix_ms()) == certificates.EXPIRED
        self._happen(access.LAPSED_NOW if self.lapsed else access.VALID_NOW)

    def _get_credentials(self, fields: Fields) -> Answer:
        identity = self._known()
        own, evidence = identity.identity(LDEVID), identity.identity(EVIDENCE)
        return "credentials", {
            "expires_unix_ms": own.expires_ms if own is not None else 0,
            "evidence_expires_unix_ms": evidence.expires_ms if evidence is not None else 0,
            "protection": self._keystore.protection,
            "revocations": self._revoked.number,
            "recipients": self._trust.recipients_sha256,
        }

    def _request_certificate(self, fields: Fields) -> Answer:
        kind = fields["kind"]
        if kind not in (LDEVID, EVIDENCE) or (kind != LDEVID and self.level != access.FULL):
            raise Refusal("refused", f"this camera asks for no certificate for {kind} now")
        return "certificate_request", {"request": self._known().request(kind)}

    def _install_certificate(self, fields: Fields) -> Answer:
        identity, controller = self._known(), self._met()
        chain = (fields["certificate"], fields["issuing"], controller.root)
        if self.level == access.PROVISIONAL:
            if self._stated is None:
                raise Refusal("refused", access.REASONS[access.MET])
            identity.adopt(controller, chain, self._stated[0] + self._clock.now_ms() - self._stated[1])
            self._know_system()
            self._happen(access.CHANGED)
            return None
        grant = certificates_grants.decode(fields["grant"], identity.root()) if fields["grant"] else None
        identity.renew(controller, chain, self._now_unix_ms(), grant)
        self._know_evidence()
        self._judge_self()
        return None

    def _seal_to(self, fields: Fields) -> Answer:
        if fields["place"] == 0:
            self._recipients.clear()
        if fields["place"] != len(self._recipients) or fields["place"] >= fields["count"]:
            raise Refusal("malformed", "a recipient that does not follow the one before it")
        self._recipients.append(fields["key"])
        if len(self._recipients) == fields["count"]:
            named, self._recipients = self._recipients, []
            self._trust.seal_to(named)
        return None

    def _take_revocations(self, fields: Fields) -> Answer:
        self._revoked.take(fields["offset"], fields["total"], fields["data"], self._known().root())
        if self._revoked.is_revoked(self._met()):
            self._shut()
        return None

    def _bulk_token(self, fields: Fields) -> Answer:
        if self._session is not None:
            self._session.pull_macs = PullToken(fields["token"], self._session.salt)
        return None

    def _factory_reset(self, fields: Fields) -> Answer:
        held = self._holds()
        if held:
            raise Refusal("not_now", held)
        identity = self._known()
        self._let_go()
        self._trust.forget()
        self._revoked.forget()
        identity.forget_system()  # last: until here the camera is its system's, and can be asked again
        self._know_system()
        self._happen(access.CHANGED)
        return None

    def _know_system(self) -> None:
        """What follows from the identity as it is now."""
        own = self._own()
        self._floor = TimeFloor(self._files, own.issued_ms if own is not None else 0)
        self.lapsed = own is not None and certificates.standing(own, self._floor.unix_ms) == certificates.EXPIRED
        self._revoked.load(self._known().root())
        self._trust.load()
        self._know_evidence()

    def _know_evidence(self) -> None:
        identity = self._known()
        evidence = identity.identity(EVIDENCE)
        slot = identity.slot(EVIDENCE)
        self._trust.sign_with(evidence_signer(self._keystore, slot, evidence.chain) if evidence is not None else None)

    def _own(self) -> PeerIdentity | None:
        return self._identity.identity(LDEVID) if self._identity is not None else None

    def _known(self) -> CameraIdentity:
        if self._identity is None:
            raise Refusal("storage", NO_IDENTITY)
        return self._identity

    def _met(self) -> PeerIdentity:
        if self._peer is None:
            raise Refusal("refused", access.REASONS[access.SHUT])
        return self._peer

    def _the_floor(self) -> TimeFloor:
        if self._floor is None:
            raise Refusal("storage", NO_IDENTITY)
        return self._floor

    def _now_unix_ms(self) -> int:
        return self._the_floor().now_ms(self._clock.wall().unix_ms)
