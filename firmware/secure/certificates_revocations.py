"""The list of what no longer counts: devices up to a moment, and issuing keys altogether.

A camera that is docked every day has dozens of certificates that have not lapsed. So an entry names kind and serial
and a moment, and ends every certificate made until then; one that is made later, for a device that was adopted again,
counts. The document is canonical JSON, signed by an issuing key of the system, and its number only rises.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.secure import certificates_keys as keys
from firmware.secure.certificates import (
    PURPOSES,
    CertificateFault,
    PeerIdentity,
    check_serial,
    fingerprint,
    public_key_of,
    verify_authority,
)

SIGNED_PREFIX = b"openbwc-revocations-1\x00"
DEVICES_MAX = 16_384  # entries; a system of that many lost cameras has another problem
ISSUERS_MAX = 64
REVOCATIONS_BYTES_MAX = 2 << 20
SIGNATURE_BYTES_MAX = 80
_FINGERPRINT_CHARACTERS = 64
_WHAT = "revocations"
_OUTER_KEYS = frozenset({"format", "schema", "revocations", "issuing", "signature"})
_INNER_KEYS = frozenset({"system", "number", "devices", "issuers"})


@dataclass(frozen=True, slots=True)
class Revocations:
    """``devices``: by (kind, serial), the last moment at which a certificate that does not count was made;
    ``issuers``: fingerprints of issuing certificates that are disowned, because their key was stolen."""

    system: str
    number: int
    devices: Mapping[tuple[str, str], int]
    issuers: frozenset[str]

    def covers(self, identity: PeerIdentity) -> bool:
        """Whether this device was revoked after its certificate was made."""
        until_ms = self.devices.get((identity.kind, identity.serial))
        return until_ms is not None and identity.issued_ms <= until_ms

    def disowns(self, identity: PeerIdentity) -> bool:
        """Whether the chain leads through an issuing key that somebody else may have."""
        return any(fingerprint(authority) in self.issuers for authority in identity.chain[1:])

    def with_device(self, kind: str, serial: str, unix_ms: int) -> "Revocations":
        """The list on which certificates of that device made until then do not count. FormatError when it is full."""
        until_ms = max(unix_ms, self.devices.get((kind, serial), 0))
        return _checked(
            Revocations(self.system, self.number + 1, {**self.devices, (kind, serial): until_ms}, self.issuers)
        )

    def with_issuer(self, issuing: bytes) -> "Revocations":
        """The list on which this issuing certificate is disowned. FormatError when it is full."""
        return _checked(Revocations(self.system, self.number + 1, self.devices, self.issuers | {fingerprint(issuing)}))


def none_yet(system: str) -> Revocations:
    """The first list of a system."""
    return Revocations(system, 0, {}, frozenset())


def encode(revocations: Revocations, issuing: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The signed document. ``issuing``: the certificate of ``key``."""
    inner = to_fields(revocations)
    return canonical.encode(
        {
            "format": "openbwc-" + _WHAT,
            "schema": canonical.SCHEMA,
            "revocations": inner,
            "issuing": issuing.hex(),
            "signature": keys.sign(key, SIGNED_PREFIX + canonical.encode(inner)).hex(),
        }
    )


def decode(data: bytes, root: bytes) -> Revocations:
    """The list, believed: signed by an issuing key under that root. FormatError otherwise. Whether it is newer than
    the one that is known is for the caller to see: ``number``."""
    document = canonical.decode(data, _WHAT, REVOCATIONS_BYTES_MAX)
    canonical.require_kind(document, _WHAT)
    canonical.require_keys(document, _OUTER_KEYS, _WHAT)
    issuing = canonical.binary(document["issuing"], f"{_WHAT}.issuing")
    signature = canonical.binary(document["signature"], f"{_WHAT}.signature", bytes_max=SIGNATURE_BYTES_MAX)
    inner = canonical.members(document["revocations"], _WHAT)
    try:
        verify_authority(issuing, root)
        key = public_key_of(issuing)
    except CertificateFault as error:
        raise FormatError(f"{_WHAT}: {error}") from error
    if not keys.holds(key, SIGNED_PREFIX + canonical.encode(inner), signature):
        raise FormatError(f"{_WHAT}: the signature does not hold")
    return from_fields(inner)


def to_fields(revocations: Revocations) -> canonical.Document:
    """The list as a part of a document."""
    devices = sorted((*device, until_ms) for device, until_ms in revocations.devices.items())
    return {
        "system": revocations.system,
        "number": revocations.number,
        "devices": [list(row) for row in devices],
        "issuers": sorted(revocations.issuers),
    }


def from_fields(value: object) -> Revocations:
    """The list that a part of a document holds."""
    fields = canonical.members(value, _WHAT)
    canonical.require_keys(fields, _INNER_KEYS, _WHAT)
    devices: dict[tuple[str, str], int] = {}
    for kind, serial, until_ms in canonical.rows(fields["devices"], f"{_WHAT}.devices", DEVICES_MAX, 3):
        if kind not in PURPOSES:
            raise FormatError(f"{_WHAT}.devices: an entry of an unknown kind")
        devices[kind, _serial(serial)] = canonical.integer(until_ms, f"{_WHAT}.devices")
    issuers = canonical.rows(fields["issuers"], f"{_WHAT}.issuers", ISSUERS_MAX)
    return Revocations(
        canonical.text(fields["system"], f"{_WHAT}.system"),
        canonical.integer(fields["number"], f"{_WHAT}.number"),
        devices,
        frozenset(canonical.binary(each, f"{_WHAT}.issuers", _FINGERPRINT_CHARACTERS // 2).hex() for each in issuers),
    )


def _serial(value: object) -> str:
    try:
        return check_serial(canonical.text(value, f"{_WHAT}.devices"))
    except CertificateFault as error:
        raise FormatError(f"{_WHAT}.devices: {error}") from error


def _checked(revocations: Revocations) -> Revocations:
    return from_fields(to_fields(revocations))
