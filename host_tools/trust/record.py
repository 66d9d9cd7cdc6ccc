"""The trust record: all that a controller keeps of its system's trust, as one signed document.

What needs the passphrase is wrapped in it. The keys in daily use (issuing, controller, sealing) are not: they have to
work while nobody is there, so the file that holds the record is readable by the controller's account alone, and
docs/security.md says what a thief of the disk can do with them.

``decode`` believes nothing: every certificate is verified up to the root, every private key compared with its
certificate, every grant checked against the root, and the whole against the issuing key's signature.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.secure import certificates, certificates_grants, certificates_revocations
from firmware.secure.certificates import CERTIFICATE_BYTES_MAX, CHAIN_CERTIFICATES_MAX, CONTROLLER, CertificateFault
from firmware.secure.certificates_keys import holds, sign
from firmware.secure.certificates_revocations import Revocations
from firmware.secure.hpke_keys import SEED_BYTES, SealingKey
from host_tools.trust import wrapping
from host_tools.trust.authority import Authority
from host_tools.trust.errors import TrustFileError
from host_tools.trust.wrapping import Wrapped

SIGNED_PREFIX = b"openbwc-trust-record-1\x00"
RECORD_BYTES_MAX = 4 << 20  # 16 384 revoked devices take 1 MB
SEALING_KEYS_MAX = 1024
MANUFACTURERS_MAX = 32
PRIVATE_BYTES = 32
_SIGNATURE_BYTES_MAX = 80
_WHAT = "trust"
_PARTS = ("root", "secrets", "issuing", "controller", "manufacturers", "revocations", "sealing", "standing_grant")
_KEYS = frozenset({"format", "schema", "signature", *_PARTS})


@dataclass(frozen=True, slots=True)
class SealingEntry:
    """One sealing key of the system. ``key`` opens what was sealed to it."""

    number: int
    created_unix_ms: int
    seed: bytes
    key: SealingKey = field(compare=False)

    def __repr__(self) -> str:
        return f"SealingEntry({self.number}, {self.key!r})"


@dataclass(frozen=True, slots=True)
class TrustRecord:
    """``secrets``: wrapped by the passphrase; ``issuing``, ``controller``: chain and key in daily use;
    ``manufacturers``: roots whose IDevIDs may be adopted; ``sealing``: oldest first, the last one is sealed to;
    ``standing_grant``: encoded, empty where cameras are allowed back by hand only."""

    secrets: Wrapped
    issuing: Authority
    controller: Authority
    manufacturers: tuple[bytes, ...]
    revocations: Revocations
    sealing: tuple[SealingEntry, ...]
    standing_grant: bytes = b""

    @property
    def root(self) -> bytes:
        """The system's root certificate."""
        return self.issuing.chain[-1]

    @property
    def system(self) -> str:
        """The system's id: 16 hexadecimal digits that mean nothing."""
        return self.issuing.owner


def secrets_context(root: bytes) -> bytes:
    """What a system's wrapped secrets are bound to."""
    return b"record\n" + root


def encode(record: TrustRecord) -> bytes:
    """The signed document. FormatError beyond a limit."""
    fields: dict[str, object] = {
        "format": "openbwc-" + _WHAT,
        "schema": canonical.SCHEMA,
        "root": record.root.hex(),
        "secrets": wrapping.to_fields(record.secrets),
        "issuing": authority_to_fields(record.issuing),
        "controller": authority_to_fields(record.controller),
        "manufacturers": [root.hex() for root in record.manufacturers],
        "revocations": certificates_revocations.to_fields(record.revocations),
        "sealing": [[each.number, each.created_unix_ms, each.seed.hex()] for each in record.sealing],
        "standing_grant": record.standing_grant.hex(),
    }
    fields["signature"] = sign(record.issuing.key, SIGNED_PREFIX + canonical.encode(fields)).hex()
    data = canonical.encode(fields)
    if len(data) > RECORD_BYTES_MAX:
        raise FormatError(f"{_WHAT}: {len(data)} bytes, at most {RECORD_BYTES_MAX} are allowed")
    return data


def decode(data: bytes) -> TrustRecord:
    """The record, every part of it verified. TrustFileError names what does not hold."""
    try:
        return _decode(data)
    except (FormatError, CertificateFault) as error:
        raise TrustFileError(f"the trust file was changed or is damaged: {error}; restore from the key") from error


def decode_seed(number: int, created_unix_ms: int, seed: bytes) -> SealingEntry:
    """The sealing key of a seed."""
    return SealingEntry(number, created_unix_ms, seed, SealingKey(seed))


def authority_to_fields(authority: Authority) -> canonical.Document:
    """A chain with its private key on P-256, as a part of a document."""
    number = authority.key.private_numbers().private_value
    return {
        "chain": [certificate.hex() for certificate in authority.chain],
        "key": number.to_bytes(PRIVATE_BYTES, "big").hex(),
    }


def authority_from_fields(value: object, what: str) -> Authority:
    """The chain and its private key that a part of a document holds. FormatError or CertificateFault if they do not
    fit each other; whether the chain holds is not looked at."""
    fields = canonical.members(value, what)
    canonical.require_keys(fields, frozenset({"chain", "key"}), what)
    chain = _certificates(fields["chain"], f"{what}.chain", CHAIN_CERTIFICATES_MAX)
    number = canonical.binary(fields["key"], f"{what}.key", PRIVATE_BYTES)
    try:
        key = ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1())
    except ValueError as error:
        raise FormatError(f"{what}.key: not a private key") from error
    if not chain or key.public_key() != certificates.public_key_of(chain[0]):
        raise FormatError(f"{what}: the key does not fit the certificate")
    return Authority(chain, key)


def _decode(data: bytes) -> TrustRecord:
    document = canonical.decode(data, _WHAT, RECORD_BYTES_MAX)
    canonical.require_kind(document, _WHAT)
    canonical.require_keys(document, _KEYS, _WHAT)
    root = canonical.binary(document["root"], f"{_WHAT}.root", bytes_max=CERTIFICATE_BYTES_MAX)
    issuing = authority_from_fields(document["issuing"], f"{_WHAT}.issuing")
    if len(issuing.chain) != 2 or issuing.chain[1] != root:
        raise FormatError(f"{_WHAT}.issuing: not under this system's root")
    certificates.verify_authority(issuing.chain[0], root)
    _require_signature(document, issuing)
    controller = authority_from_fields(document["controller"], f"{_WHAT}.controller")
    if certificates.verify_chain(controller.chain, root).kind != CONTROLLER:
        raise FormatError(f"{_WHAT}.controller: not a controller's certificate")
    record = TrustRecord(
        secrets=wrapping.from_fields(document["secrets"], f"{_WHAT}.secrets"),
        issuing=issuing,
        controller=controller,
        manufacturers=_certificates(document["manufacturers"], f"{_WHAT}.manufacturers", MANUFACTURERS_MAX),
        revocations=certificates_revocations.from_fields(document["revocations"]),
        sealing=_sealing(document["sealing"]),
        standing_grant=_grant(document["standing_grant"], root),
    )
    if record.revocations.system != record.system:
        raise FormatError(f"{_WHAT}.revocations: another system's")
    return record


def _require_signature(document: dict[str, object], issuing: Authority) -> None:
    signed = {name: value for name, value in document.items() if name != "signature"}
    signature = canonical.binary(document["signature"], f"{_WHAT}.signature", bytes_max=_SIGNATURE_BYTES_MAX)
    if not holds(issuing.key.public_key(), SIGNED_PREFIX + canonical.encode(signed), signature):
        raise FormatError(f"{_WHAT}: the signature does not hold")


def _certificates(value: object, what: str, count_max: int) -> tuple[bytes, ...]:
    found = tuple(
        canonical.binary(row, what, bytes_max=CERTIFICATE_BYTES_MAX) for row in canonical.rows(value, what, count_max)
    )
    for certificate in found:
        certificates.parse(certificate)
    return found


def _sealing(value: object) -> tuple[SealingEntry, ...]:
    what = f"{_WHAT}.sealing"
    entries = tuple(
        decode_seed(
            canonical.integer(number, what), canonical.integer(created, what), canonical.binary(seed, what, SEED_BYTES)
        )
        for number, created, seed in canonical.rows(value, what, SEALING_KEYS_MAX, 3)
    )
    numbers = [entry.number for entry in entries]
    if not entries or numbers != sorted(set(numbers)):
        raise FormatError(f"{what}: not a rising list of keys")
    return entries


def _grant(value: object, root: bytes) -> bytes:
    data = canonical.binary(value, f"{_WHAT}.standing_grant", bytes_max=certificates_grants.GRANT_BYTES_MAX)
    if data:
        certificates_grants.decode(data, root)
    return data
