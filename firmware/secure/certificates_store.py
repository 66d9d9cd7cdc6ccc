"""What a camera knows of itself and of its system: its chains, the root it was adopted under, the newest issuing key.

Law: every change is one document written once and moved into place, so a power cut leaves the old state or the new.
Private keys stay in the keystore; the document says which slot belongs to which chain. A renewal goes into the slot
that is free, and the key before it is destroyed only when the new chain is durable.

The document is signed with the IDevID's key, which is not on the card or is wrapped: whoever takes the card out can put
an older one back, and cannot write one of his own, with a root that the camera would believe.

What a camera insists on, whoever asks: its own serial, its own key, a chain to the root it knows, and, once its
certificate has lapsed, a grant that only the passphrase can have made.
"""

from dataclasses import dataclass, replace
from typing import Any

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.ports.keystore import Keystore
from firmware.secure import certificates
from firmware.secure.certificates import (
    CERTIFICATE_BYTES_MAX,
    CHAIN_CERTIFICATES_MAX,
    CONTROLLER,
    EVIDENCE,
    IDEVID,
    LDEVID,
    CertificateFault,
    PeerIdentity,
    verify_chain,
)
from firmware.secure.certificates_grants import Grant, allows_back
from firmware.secure.certificates_keys import holds, public_bytes
from firmware.secure.certificates_request import make_request
from firmware.secure.channel_context import BOARD, Anchor, ChannelTrust, TlsKey
from firmware.secure.signing import load_public

PATH = "identity"
DOCUMENT_BYTES_MAX = 64 << 10  # three chains of three certificates, in hexadecimal
SLOTS = {IDEVID: ("idevid",), LDEVID: ("ldevid_a", "ldevid_b"), EVIDENCE: ("evidence_a", "evidence_b")}
_WHAT = "identity"
SIGNED_PREFIX = b"openbwc-identity-1\0"
_SIGNATURE_BYTES_MAX = 80  # of ECDSA on P-256, in DER
_KEYS = frozenset({"format", "schema", "own", "root", "issuing_floor_ms", "signature"})
_NONE_YET = b""


@dataclass(frozen=True, slots=True)
class Own:
    """One of the camera's own chains, and the slot of its key."""

    slot: str
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """All of it. ``own``: by kind; ``root``: of the system that the camera was adopted by, empty before;
    ``issuing_floor_ms``: when the newest issuing certificate that a controller has shown was made."""

    own: "tuple[tuple[str, Own], ...]" = ()
    root: bytes = _NONE_YET
    issuing_floor_ms: int = 0

    def find(self, kind: str) -> "Own | None":
        """The chain of that kind."""
        return dict(self.own).get(kind)


class CameraIdentity:
    """One camera's identity, on its card and in its keystore. FormatError if the document on the card is damaged."""

    def __init__(self, files: Files, keystore: Keystore, serial: str) -> None:
        self._files = files
        self._keystore = keystore
        self._serial = certificates.check_serial(serial)
        self._known = self._read()
        self._identities: dict[str, PeerIdentity] = {}
        self._destroy_unused_keys()

    def identity(self, kind: str) -> "PeerIdentity | None":
        """Who this camera is by that kind of certificate, as its peers will see it."""
        own = self._known.find(kind)
        if own is None:
            return None
        known = self._identities.get(kind)
        if known is None or known.chain != own.chain:  # read once: it is asked for at every step of the firmware
            known = self._identities[kind] = certificates.identify(own.chain, True)
        return known

    def slot(self, kind: str) -> str:
        """The slot of that certificate's key; empty while there is no such certificate."""
        own = self._known.find(kind)
        return own.slot if own else ""

    def is_adopted(self) -> bool:
        """Whether the camera belongs to a system."""
        return self._known.root != _NONE_YET

    def channel_trust(self) -> ChannelTrust:
        """How this camera shows itself and whom it believes: its system's controllers, or, new from the factory, any
        one provisionally. CertificateFault before it was provisioned."""
        own = self._known.find(LDEVID if self.is_adopted() else IDEVID)
        if own is None:
            raise CertificateFault("no_certificate", f"{self._serial} has no certificate: provision it")
        key = TlsKey(own.chain, self._keystore.tls_key(own.slot))
        if not self.is_adopted():
            return ChannelTrust(BOARD, key, (), provisional=True)
        return ChannelTrust(BOARD, key, (Anchor(self._known.root, frozenset({CONTROLLER})),))

    def meet(self, controller: PeerIdentity) -> None:
        """A controller has proved itself. CertificateFault if its issuing key has been replaced by a newer one."""
        if controller.issuing_made_ms < self._known.issuing_floor_ms:
            raise CertificateFault("bad_certificate", f"{controller.serial}: its issuing key has been replaced")
        if controller.issuing_made_ms > self._known.issuing_floor_ms and self.is_adopted():
            self._write(replace(self._known, issuing_floor_ms=controller.issuing_made_ms))

    def request(self, kind: str) -> bytes:
        """A request for a certificate of that kind, over a new key in the slot that is free."""
        slot = self._free_slot(kind)
        self._keystore.make_key(slot)
        return make_request(self._keystore, slot, kind, self._serial)

    def provision(self, chain: "tuple[bytes, ...]") -> None:
        """Take the IDevID that answers the request. Once in a camera's life, at its maker's."""
        if self._known.find(IDEVID) is not None:
            raise CertificateFault("bad_certificate", f"{self._serial} is provisioned already")
        identity = verify_chain(chain, chain[-1])
        self._install(identity, IDEVID, self._known)

    def adopt(self, controller: PeerIdentity, chain: "tuple[bytes, ...]", unix_ms: int) -> None:
        """Take the first LDevID, and with it the system of the controller that gives it. ``unix_ms``: the time that
        this controller states; at it, both certificates must be valid."""
        if self.is_adopted():
            raise CertificateFault("bad_certificate", f"{self._serial} belongs to a system: remove it there first")
        identity = self._judge(controller, chain, LDEVID, controller.root, unix_ms)
        adopted = replace(self._known, root=controller.root, issuing_floor_ms=controller.issuing_made_ms)
        self._install(identity, LDEVID, adopted)

    def renew(
        self, controller: PeerIdentity, chain: "tuple[bytes, ...]", unix_ms: int, grant: "Grant | None" = None
    ) -> None:
        """Take an LDevID or evidence certificate in place of the one before, or beside it. With a lapsed LDevID that
        needs a ``grant`` (decoded against this camera's root)."""
        if not self.is_adopted():
            raise CertificateFault("bad_certificate", f"{self._serial} belongs to no system: adopt it first")
        identity = self._judge(controller, chain, None, self._known.root, unix_ms)
        if not self._may_renew(controller, unix_ms, grant):
            raise CertificateFault("bad_certificate", f"{self._serial} is in safe mode: allow it back first")
        self._install(identity, identity.kind, self._known)

    def root(self) -> bytes:
        """The root certificate of the camera's system; empty before adoption."""
        return self._known.root

    def forget_system(self) -> None:
        """Back to the factory's state: the keys that the system knows are destroyed, the IDevID stays."""
        kept = tuple((kind, own) for kind, own in self._known.own if kind == IDEVID)
        self._write(Known(own=kept))
        self._destroy_unused_keys()

    def _judge(
        self, controller: PeerIdentity, chain: "tuple[bytes, ...]", kind: "str | None", root: bytes, unix_ms: int
    ) -> PeerIdentity:
        """Whether a chain from this controller may be ours. ``kind``: None for any that a system gives."""
        if controller.kind != CONTROLLER or controller.root != root:
            raise CertificateFault("unknown_issuer", f"{controller.serial} is no controller of this camera's system")
        identity = verify_chain(chain, root)
        if identity.kind not in ((LDEVID, EVIDENCE) if kind is None else (kind,)):
            raise CertificateFault("wrong_purpose", f"{self._serial} asked for no certificate for {identity.kind}")
        for whose in (controller, identity):
            if certificates.standing(whose, unix_ms) not in (certificates.VALID, certificates.ABOUT_TO_EXPIRE):
                raise CertificateFault("bad_certificate", f"{whose.serial}: a certificate that is not valid now")
        return identity

    def _may_renew(self, controller: PeerIdentity, unix_ms: int, grant: "Grant | None") -> bool:
        now = self.identity(LDEVID)
        if now is None:
            return False
        if certificates.standing(now, unix_ms) != certificates.EXPIRED:
            return True
        return grant is not None and allows_back(grant, now, controller, unix_ms)

    def _install(self, identity: PeerIdentity, kind: str, into: Known) -> None:
        if identity.kind != kind or identity.serial != self._serial:
            raise CertificateFault("wrong_serial", f"{identity.serial}, {identity.kind} instead of {self._serial}")
        slot = self._free_slot(kind)
        key = public_bytes(certificates.public_key_of(identity.chain[0]))
        if not self._keystore.has_key(slot) or key != self._keystore.public_key(slot):
            raise CertificateFault("bad_certificate", f"{self._serial}: a certificate for a key that is not here")
        others = tuple(entry for entry in into.own if entry[0] != kind)
        self._write(replace(into, own=(*others, (kind, Own(slot, identity.chain)))))
        self._destroy_unused_keys()

    def _destroy_unused_keys(self) -> None:
        """Also what a power cut has left: keys without a chain, asked for in vain or about to be destroyed."""
        used = {own.slot for _, own in self._known.own}
        for slots in SLOTS.values():
            for slot in slots:
                if slot not in used:
                    self._keystore.destroy(slot)

    def _free_slot(self, kind: str) -> str:
        if kind not in SLOTS:
            raise CertificateFault("wrong_purpose", f"{self._serial}: a camera has no certificate for {kind}")
        own = self._known.find(kind)
        if own is not None and len(SLOTS[kind]) == 1:
            raise CertificateFault("bad_certificate", f"{self._serial} has its {kind} for life")
        return next(slot for slot in SLOTS[kind] if own is None or slot != own.slot)

    def _read(self) -> Known:
        document = _read(self._files)
        if document is None:
            return Known()
        signature = canonical.binary(document["signature"], f"{_WHAT}.signature", bytes_max=_SIGNATURE_BYTES_MAX)
        stated = canonical.encode({key: value for key, value in document.items() if key != "signature"})
        slot = SLOTS[IDEVID][0]
        key = load_public(self._keystore.public_key(slot)) if self._keystore.has_key(slot) else None
        if key is None or not holds(key, SIGNED_PREFIX + stated, signature):
            raise FormatError(f"{_WHAT}: was not written by this camera")
        return read_fields(document)

    def _write(self, known: Known) -> None:
        fields = _fields_of(known)
        slot = SLOTS[IDEVID][0]
        fields["signature"] = self._keystore.sign(slot, SIGNED_PREFIX + canonical.encode(fields)).hex()
        data = canonical.encode_line(fields)
        new = PATH + ".new"
        if self._files.exists(new):
            self._files.remove(new)
        file = self._files.create(new)
        try:
            file.write_at(0, data)
            file.sync()
        finally:
            file.close()
        self._files.rename(new, PATH)
        self._files.sync_folder("")
        self._known = known


def _read(files: Files) -> "dict[str, Any] | None":
    try:
        file = files.open(PATH)
    except NotFound:
        return None
    try:
        data = bytearray(min(file.size_bytes(), DOCUMENT_BYTES_MAX + 1))
        file.read_at(0, data)
    finally:
        file.close()
    document: dict[str, Any] = canonical.decode_line(bytes(data), _WHAT, DOCUMENT_BYTES_MAX)
    canonical.require_kind(document, _WHAT)
    canonical.require_keys(document, _KEYS, _WHAT)
    return document


def _fields_of(known: Known) -> "dict[str, Any]":
    own = [[kind, each.slot, [certificate.hex() for certificate in each.chain]] for kind, each in known.own]
    return {
        "format": "openbwc-" + _WHAT,
        "schema": canonical.SCHEMA,
        "own": own,
        "root": known.root.hex(),
        "issuing_floor_ms": known.issuing_floor_ms,
    }


def read_fields(document: "dict[str, Any]") -> Known:
    """What a document states, whoever wrote it. FormatError."""
    own: list[tuple[str, Own]] = []
    for kind, slot, chain in canonical.rows(document["own"], f"{_WHAT}.own", len(SLOTS), 3):
        if slot not in SLOTS.get(canonical.text(kind, f"{_WHAT}.own"), ()):
            raise FormatError(f"{_WHAT}.own: a chain without a slot of its kind")
        own.append((kind, Own(slot, _chain(chain))))
    return Known(
        tuple(own),
        canonical.binary(document["root"], f"{_WHAT}.root", bytes_max=CERTIFICATE_BYTES_MAX),
        canonical.integer(document["issuing_floor_ms"], f"{_WHAT}.issuing_floor_ms"),
    )


def _chain(value: object) -> "tuple[bytes, ...]":
    rows = canonical.rows(value, f"{_WHAT}.own", CHAIN_CERTIFICATES_MAX)
    return tuple(canonical.binary(row, f"{_WHAT}.own", bytes_max=CERTIFICATE_BYTES_MAX) for row in rows)
