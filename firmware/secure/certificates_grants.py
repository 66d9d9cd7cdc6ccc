"""Grants: what only somebody who knows the passphrase can have allowed.

A grant is a small document signed with the system's root key, and the root key exists only wrapped by the passphrase.
So no database row, no file of the controller and no issuing key can stand in for one. Cameras check grants against
the root that they were adopted under.

A grant to come back names the very certificates that have lapsed: it is spent as soon as a camera has a new one.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.secure import certificates_keys as keys
from firmware.secure.certificates import CertificateFault, PeerIdentity, fingerprint, public_key_of

ALLOW_BACK = "allow_back"
ALLOW_BACK_ALWAYS = "allow_back_always"
FORCE_REMOVE = "force_remove"

# action, what its subjects are, what it allows
ACTIONS = (
    (ALLOW_BACK, "fingerprints of lapsed LDevIDs", "these cameras may leave safe mode with a new certificate"),
    (ALLOW_BACK_ALWAYS, "fingerprint of an issuing certificate", "any camera may, from a controller under that one"),
    (FORCE_REMOVE, "serials", "these cameras are taken off the system without being drained"),
)
ACTION_WORDS = frozenset(row[0] for row in ACTIONS)

SIGNED_PREFIX = b"openbwc-grant-1\x00"
SUBJECTS_MAX = 1024
SUBJECT_BYTES_MAX = 64
GRANT_BYTES_MAX = 128 << 10
SIGNATURE_BYTES_MAX = 112  # ECDSA on P-384 in DER takes 104
_WHAT = "grant"
_OUTER_KEYS = frozenset({"format", "schema", "grant", "signature"})
_INNER_KEYS = frozenset({"action", "system", "subjects", "issued_unix_ms", "expires_unix_ms"})


@dataclass(frozen=True, slots=True)
class Grant:
    """``action``: a word of ACTIONS; ``subjects``: whom it is about, sorted, as that action names them."""

    action: str
    system: str
    subjects: tuple[str, ...]
    issued_unix_ms: int
    expires_unix_ms: int

    def allows(self, action: str, subject: str, unix_ms: int) -> bool:
        """Whether it allows this, to this one, now."""
        in_time = self.issued_unix_ms <= unix_ms <= self.expires_unix_ms
        return in_time and self.action == action and subject in self.subjects


def allows_back(grant: Grant, lapsed: PeerIdentity, controller: PeerIdentity, unix_ms: int) -> bool:
    """Whether a camera with this lapsed certificate may take a new one from that controller."""
    if grant.system != lapsed.owner or grant.system != controller.owner:
        return False
    issuing = fingerprint(controller.chain[1])
    return grant.allows(ALLOW_BACK, lapsed.fingerprint, unix_ms) or grant.allows(ALLOW_BACK_ALWAYS, issuing, unix_ms)


def encode(grant: Grant, root_key: ec.EllipticCurvePrivateKey) -> bytes:
    """The signed document. FormatError beyond a limit."""
    inner = _to_fields(grant)
    _from_fields(inner)
    return canonical.encode(
        {
            "format": "openbwc-" + _WHAT,
            "schema": canonical.SCHEMA,
            "grant": inner,
            "signature": keys.sign(root_key, SIGNED_PREFIX + canonical.encode(inner)).hex(),
        }
    )


def decode(data: bytes, root: bytes) -> Grant:
    """The grant, its signature verified with the key of the certificate ``root``. FormatError otherwise."""
    document = canonical.decode(data, _WHAT, GRANT_BYTES_MAX)
    canonical.require_kind(document, _WHAT)
    canonical.require_keys(document, _OUTER_KEYS, _WHAT)
    signature = canonical.binary(document["signature"], f"{_WHAT}.signature", bytes_max=SIGNATURE_BYTES_MAX)
    inner = canonical.members(document["grant"], _WHAT)
    try:
        key = public_key_of(root)
    except CertificateFault as error:
        raise FormatError(f"{_WHAT}: {error}") from error
    if not keys.holds(key, SIGNED_PREFIX + canonical.encode(inner), signature):
        raise FormatError(f"{_WHAT}: not signed with this system's passphrase")
    return _from_fields(inner)


def _to_fields(grant: Grant) -> canonical.Document:
    return {
        "action": grant.action,
        "system": grant.system,
        "subjects": list(grant.subjects),
        "issued_unix_ms": grant.issued_unix_ms,
        "expires_unix_ms": grant.expires_unix_ms,
    }


def _from_fields(fields: canonical.Document) -> Grant:
    canonical.require_keys(fields, _INNER_KEYS, _WHAT)
    action = canonical.word(fields["action"], f"{_WHAT}.action")
    if action not in ACTION_WORDS:
        raise FormatError(f"{_WHAT}.action: {action} is none of {', '.join(sorted(ACTION_WORDS))}")
    rows = canonical.rows(fields["subjects"], f"{_WHAT}.subjects", SUBJECTS_MAX)
    subjects = tuple(canonical.text(row, f"{_WHAT}.subjects", SUBJECT_BYTES_MAX) for row in rows)
    if not subjects or list(subjects) != sorted(set(subjects)):
        raise FormatError(f"{_WHAT}.subjects: not a sorted list of different names")
    return Grant(
        action,
        canonical.text(fields["system"], f"{_WHAT}.system"),
        subjects,
        canonical.integer(fields["issued_unix_ms"], f"{_WHAT}.issued_unix_ms"),
        canonical.integer(fields["expires_unix_ms"], f"{_WHAT}.expires_unix_ms"),
    )
