"""A system's trust at work: who is admitted, who gets which certificate, what is sealed to, what no longer counts.

Law: everything here works with the keys in daily use; nobody types a passphrase for it. What needs the passphrase is
in ``passphrase`` and ``restore``. Every change is durable before it is returned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware.formats.errors import FormatError
from firmware.link.schema import BROADCAST_KEY_BYTES
from firmware.ports.entropy import Entropy
from firmware.ports.files import Files
from firmware.secure import certificates, certificates_grants, certificates_revocations
from firmware.secure.certificates import CONTROLLER, EVIDENCE, IDEVID, LDEVID, CertificateFault, PeerIdentity
from firmware.secure.certificates_grants import ALLOW_BACK, Grant
from firmware.secure.certificates_keys import new_key, pem_of
from firmware.secure.certificates_request import Request, read_request
from firmware.secure.channel_context import HOST, Anchor, ChannelTrust, TlsKey
from firmware.secure.hpke_keys import KeyRing, RecipientKey
from firmware.secure.signing import MemoryKey
from host_tools.trust import folder, secrets, wrapping
from host_tools.trust.admission import FACTORY, MEMBER, SAFE_MODE, Admission, admit
from host_tools.trust.authority import DAY_MS, LDEVID_WEEKS_DEFAULT, Authority, check_weeks, make_issuing, make_root
from host_tools.trust.errors import TrustError
from host_tools.trust.record import MANUFACTURERS_MAX, TrustRecord, decode_seed, secrets_context
from host_tools.trust.secrets import Secrets
from host_tools.trust.wrapping import DEFAULT_COST, ArgonCost, Wrapped

BROADCAST_INFO = b"openbwc-broadcast-key-1\x00"
SYSTEM_ID_BYTES = 8  # 64 random bits: no two systems that ever meet are alike


@dataclass(frozen=True, slots=True)
class Issued:
    """A chain for a camera, and the grant that it must be shown beside it; empty where none is needed."""

    chain: tuple[bytes, ...]
    grant: bytes = b""

    @property
    def expires_unix_ms(self) -> int:
        """The last moment at which the whole chain is valid."""
        return min(certificates.validity_of(certificate).not_after_ms for certificate in self.chain)


class SystemTrust:
    """One controller's hold on its system's trust. ``weeks``: lifetime of cameras' certificates."""

    def __init__(self, files: Files, record: TrustRecord, entropy: Entropy, weeks: int = LDEVID_WEEKS_DEFAULT) -> None:
        self.record = record
        self._files = files
        self._entropy = entropy
        self._weeks = check_weeks(weeks)

    @property
    def system(self) -> str:
        """The system's id."""
        return self.record.system

    @property
    def entropy(self) -> Entropy:
        """Where keys and numbers come from."""
        return self._entropy

    def save(self, record: TrustRecord) -> None:
        """Make a changed record the one that counts."""
        folder.write(self._files, record)
        self.record = record

    # -- who comes

    def channel_trust(self) -> ChannelTrust:
        """How this controller shows itself, and whose chains it takes: its cameras' and those of trusted makers."""
        anchors = [Anchor(self.record.root, frozenset({LDEVID}))]
        anchors += [Anchor(root, frozenset({IDEVID})) for root in self.record.manufacturers]
        controller = self.record.controller
        return ChannelTrust(HOST, TlsKey(controller.chain, pem_of(controller.key)), anchors)

    def admit(self, peer: PeerIdentity, now_ms: int) -> Admission:
        """What somebody is to this system who has proved who it is."""
        return admit(peer, self.record.revocations, now_ms)

    # -- certificates

    def adopt(self, peer: PeerIdentity, request: bytes, now_ms: int) -> Issued:
        """A factory camera's first LDevID. TrustError unless it may be added and asks for itself."""
        self._require(peer, now_ms, (FACTORY,))
        asked = self._read_request(peer, request, (LDEVID,))
        return Issued(self._issue(LDEVID, peer.serial, asked, now_ms))

    def renew(self, peer: PeerIdentity, request: bytes, now_ms: int, grant: bytes = b"") -> Issued:
        """A new LDevID or evidence certificate for a camera of this system. One in safe mode needs a ``grant``, given
        or standing; its camera needs it too."""
        admission = self._require(peer, now_ms, (MEMBER, SAFE_MODE))
        shown = b""
        if admission.state == SAFE_MODE:
            shown = self._grant_for(peer, now_ms, grant)
        asked = self._read_request(peer, request, (LDEVID, EVIDENCE))
        return Issued(self._issue(asked.kind, peer.serial, asked, now_ms), shown)

    def refresh_controller(self, now_ms: int) -> bool:
        """Renew this controller's own certificate when half of its life is over; whether that was so.

        Not when it has ended: then this controller was off for long, or its clock is wrong, and a person must say
        which. Cameras take no time at which it is not valid; so a clock that is far ahead lifts nobody's floor."""
        own = certificates.identify(self.record.controller.chain, True)
        if own.expires_ms < now_ms:
            return False
        half_ms = (own.issued_ms + own.validity[0].not_after_ms) // 2
        if own.issued_ms <= now_ms < half_ms and own.chain[1] == self.record.issuing.chain[0]:
            return False
        self.save(with_controller(self.record, own.serial, now_ms, self._entropy))
        return True

    def clock_doubt(self, now_ms: int) -> str:
        """Why cameras will not take this controller's time, one line; empty if they will."""
        own = certificates.identify(self.record.controller.chain, True)
        if own.expires_ms >= now_ms:
            return ""
        days = (now_ms - own.expires_ms) // DAY_MS
        return (
            f"this controller's certificate ended {days} days ago by its clock: set the clock if that is wrong; "
            "if it is right, say so with `bwc trust confirm-clock`"
        )

    def confirm_clock(self, now_ms: int) -> None:
        """A person has compared the clock: give this controller a certificate of today."""
        own = certificates.identify(self.record.controller.chain, True)
        self.save(with_controller(self.record, own.serial, now_ms, self._entropy))

    # -- what no longer counts

    def revoke(self, serial: str, now_ms: int, kinds: tuple[str, ...] = (LDEVID,)) -> None:
        """End every certificate of a device that was made until now. With IDEVID among ``kinds`` it can never be
        adopted again, for cameras that were stolen."""
        revocations = self.record.revocations
        try:
            for kind in kinds:
                revocations = revocations.with_device(kind, serial, now_ms)
        except FormatError as error:
            raise TrustError(f"{serial} cannot be revoked: {error}") from error
        self.save(replace(self.record, revocations=revocations))

    def revocation_document(self) -> bytes:
        """The list of what no longer counts, signed."""
        issuing = self.record.issuing
        return certificates_revocations.encode(self.record.revocations, issuing.chain[0], issuing.key)

    def trust_manufacturer(self, root: bytes) -> None:
        """Let cameras be adopted whose IDevID leads to this root. TrustError if it is no manufacturer's root."""
        try:
            certificates.verify_root(root)
        except CertificateFault as error:
            raise TrustError(f"not a manufacturer's root certificate: {error}") from error
        kept = tuple(known for known in self.record.manufacturers if known != root)
        if len(kept) >= MANUFACTURERS_MAX or root == self.record.root:
            raise TrustError(f"a manufacturer too many: at most {MANUFACTURERS_MAX}, and never this system itself")
        self.save(replace(self.record, manufacturers=(*kept, root)))

    def distrust_manufacturer(self, root: bytes) -> None:
        """Adopt no more of its cameras; those that are adopted stay."""
        kept = tuple(known for known in self.record.manufacturers if known != root)
        self.save(replace(self.record, manufacturers=kept))

    # -- keys in daily use

    def recipient(self) -> RecipientKey:
        """What cameras seal new recordings to."""
        return self.record.sealing[-1].key.recipient

    def key_ring(self) -> KeyRing:
        """What opens recordings, old ones too."""
        return KeyRing(entry.key for entry in self.record.sealing)

    def broadcast_key(self) -> tuple[int, bytes]:
        """Number and key of what cameras of this system broadcast to each other: drawn from the sealing key that new
        recordings are sealed to, so that every controller of the system has it; it does not lead back."""
        newest = self.record.sealing[-1]
        derived = HKDF(hashes.SHA256(), BROADCAST_KEY_BYTES, salt=self.system.encode(), info=BROADCAST_INFO)
        return newest.number & 0xFF, derived.derive(newest.seed)

    def controller_key(self) -> MemoryKey:
        """What this controller signs with: erase authorisations, ledger heads."""
        return MemoryKey(self.record.controller.key)

    # -- inside

    def _require(self, peer: PeerIdentity, now_ms: int, states: tuple[str, ...]) -> Admission:
        admission = self.admit(peer, now_ms)
        if admission.state not in states:
            raise TrustError(f"no certificate for {admission.text}")
        return admission

    def _read_request(self, peer: PeerIdentity, request: bytes, kinds: tuple[str, ...]) -> Request:
        try:
            asked = read_request(request)
        except CertificateFault as error:
            raise TrustError(f"{peer.serial}: its request does not hold: {error}") from error
        if asked.serial != peer.serial or asked.kind not in kinds:
            raise TrustError(f"{peer.serial} asks for a certificate for {asked.serial}, {asked.kind}: not its own")
        return asked

    def _issue(self, kind: str, serial: str, asked: Request, now_ms: int) -> tuple[bytes, ...]:
        return self.record.issuing.issue(kind, serial, asked.key, now_ms, self._entropy, self._weeks)

    def _grant_for(self, peer: PeerIdentity, now_ms: int, given: bytes) -> bytes:
        """A certificate of a disowned key may be anybody's: only a person who names this very one helps it."""
        controller = certificates.identify(self.record.controller.chain, True)
        disowned = self.record.revocations.disowns(peer)
        for data in (given, self.record.standing_grant):
            grant = self.read_grant(data) if data else None
            if grant is None or not certificates_grants.allows_back(grant, peer, controller, now_ms):
                continue
            if grant.action == ALLOW_BACK or not disowned:
                return data
        raise TrustError(f"{peer.serial} is in safe mode: allow it back with the passphrase first")

    def read_grant(self, data: bytes) -> Grant:
        """A grant, believed. TrustError if the passphrase of this system has not made it."""
        try:
            return certificates_grants.decode(data, self.record.root)
        except FormatError as error:
            raise TrustError(f"{error}: ask for it again with the passphrase") from error


def create_system(
    files: Files, passphrase: str, controller: str, now_ms: int, entropy: Entropy, cost: ArgonCost = DEFAULT_COST
) -> SystemTrust:
    """Set up a new system's trust. The passphrase can never be changed. TrustError if one is here already."""
    folder.require_empty(files)
    wrapping.check_passphrase(passphrase)
    opened = secrets.new_secrets(entropy)
    root = make_root(entropy.random_bytes(SYSTEM_ID_BYTES).hex(), opened.root_key, now_ms, entropy)
    context = secrets_context(root.chain[0])
    wrapped = wrapping.wrap(secrets.encode(opened), passphrase, context, entropy, cost)
    record = first_record(root, opened, wrapped, controller, now_ms, entropy)
    folder.write(files, record)
    return SystemTrust(files, record, entropy)


def open_system(files: Files, entropy: Entropy, weeks: int = LDEVID_WEEKS_DEFAULT) -> SystemTrust:
    """The system's trust that is here. TrustFileError if it is not, or does not hold."""
    return SystemTrust(files, folder.read(files), entropy, weeks)


def first_record(
    root: Authority, opened: Secrets, wrapped: Wrapped, controller: str, now_ms: int, entropy: Entropy
) -> TrustRecord:
    """A controller's record on its first day: fresh keys in daily use under a root."""
    issuing = make_issuing(root, new_key(entropy), now_ms, entropy)
    record = TrustRecord(
        secrets=wrapped,
        issuing=issuing,
        controller=issuing,
        manufacturers=(),
        revocations=certificates_revocations.none_yet(root.owner),
        sealing=(decode_seed(1, now_ms, opened.sealing_seed(1)),),
    )
    return with_controller(record, controller, now_ms, entropy)


def with_controller(record: TrustRecord, serial: str, now_ms: int, entropy: Entropy) -> TrustRecord:
    """The record with a fresh certificate and key for its controller."""
    key = new_key(entropy)
    chain = record.issuing.issue(CONTROLLER, serial, key.public_key(), now_ms, entropy)
    return replace(record, controller=Authority(chain, key))
