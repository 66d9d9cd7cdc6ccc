"""The restore key: a file that, with the passphrase, gives a new controller the trust of an old one's cameras.

Everything in it is wrapped: outside stand only its name, its schema and what Argon2id needs. Inside are the root, the
secrets, and what was trusted and revoked when it was made. It holds no issuing key and no settings. A restored
controller makes itself a fresh issuing key under the old root, so cameras follow it, and turn away the old one
as soon as they have met the new (``certificates_store.meet``).
"""

from __future__ import annotations

from dataclasses import replace

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.entropy import Entropy
from firmware.ports.files import Files
from firmware.secure import certificates, certificates_revocations
from firmware.secure.certificates import CERTIFICATE_BYTES_MAX, CertificateFault
from host_tools.trust import folder, passphrase, secrets, wrapping
from host_tools.trust.authority import Authority
from host_tools.trust.errors import TrustError, TrustFileError
from host_tools.trust.record import (
    MANUFACTURERS_MAX,
    SEALING_KEYS_MAX,
    SealingEntry,
    TrustRecord,
    decode_seed,
    secrets_context,
)
from host_tools.trust.secrets import SECRETS_BYTES_MAX, Secrets
from host_tools.trust.system import SystemTrust, first_record

RESTORE_KEY_BYTES_MAX = 8 << 20
CONTEXT = b"restore-key"
SEALING_AHEAD = 16  # sealing keys made after the restore key was: cameras may hold what was sealed to those
_WHAT = "restore-key"
_CONTENT = "restore-content"
_KEYS = frozenset({"format", "schema", "wrapped"})
_CONTENT_KEYS = frozenset(
    {"format", "schema", "root", "secrets", "manufacturers", "revocations", "sealing_number", "made_unix_ms"}
)


def make_restore_key(trust: SystemTrust, phrase: str, now_ms: int) -> bytes:
    """The file. It can be made at any time, and an old one stays good: it lacks only later revocations and makers."""
    opened = passphrase.unlock(trust, phrase)
    record = trust.record
    content = canonical.encode(
        {
            "format": "openbwc-" + _CONTENT,
            "schema": canonical.SCHEMA,
            "root": record.root.hex(),
            "secrets": secrets.encode(opened).hex(),
            "manufacturers": [root.hex() for root in record.manufacturers],
            "revocations": certificates_revocations.to_fields(record.revocations),
            "sealing_number": record.sealing[-1].number,
            "made_unix_ms": now_ms,
        }
    )
    wrapped = wrapping.wrap(content, phrase, CONTEXT, trust.entropy, record.secrets.cost)
    return canonical.encode(
        {"format": "openbwc-" + _WHAT, "schema": canonical.SCHEMA, "wrapped": wrapping.to_fields(wrapped)}
    )


def restore_system(
    files: Files, key_file: bytes, phrase: str, controller: str, now_ms: int, entropy: Entropy
) -> SystemTrust:
    """Give this controller the trust of the restore key's system. WrongPassphrase; TrustFileError for a file that is
    no restore key; TrustError if this controller has a system already."""
    folder.require_empty(files)
    try:
        document = canonical.decode(key_file, _WHAT, RESTORE_KEY_BYTES_MAX)
        canonical.require_kind(document, _WHAT)
        canonical.require_keys(document, _KEYS, _WHAT)
        wrapped = wrapping.from_fields(document["wrapped"], _WHAT)
    except FormatError as error:
        raise TrustFileError(f"not a restore key: {error}") from error
    content = wrapping.unwrap(wrapped, phrase, CONTEXT, "the restore key")
    try:
        record = _record(content, phrase, wrapped.cost, controller, now_ms, entropy)
    except (FormatError, CertificateFault) as error:
        raise TrustFileError(f"the restore key opens, but does not hold: {error}") from error
    folder.write(files, record)
    return SystemTrust(files, record, entropy)


def _record(
    content: bytes, phrase: str, cost: wrapping.ArgonCost, controller: str, now_ms: int, entropy: Entropy
) -> TrustRecord:
    document = canonical.decode(content, _CONTENT, RESTORE_KEY_BYTES_MAX)
    canonical.require_kind(document, _CONTENT)
    canonical.require_keys(document, _CONTENT_KEYS, _CONTENT)
    root = canonical.binary(document["root"], f"{_CONTENT}.root", bytes_max=CERTIFICATE_BYTES_MAX)
    certificates.verify_root(root)
    held = canonical.binary(document["secrets"], f"{_CONTENT}.secrets", bytes_max=SECRETS_BYTES_MAX)
    opened = secrets.decode(held, root)
    made_ms = canonical.integer(document["made_unix_ms"], f"{_CONTENT}.made_unix_ms")
    if now_ms < made_ms:
        raise TrustError("this restore key was made in the future: set this controller's clock first")
    wrapped = wrapping.wrap(held, phrase, secrets_context(root), entropy, cost)
    record = first_record(Authority((root,), opened.root_key), opened, wrapped, controller, now_ms, entropy)
    revocations = certificates_revocations.from_fields(document["revocations"])
    number = canonical.integer(document["sealing_number"], f"{_CONTENT}.sealing_number", SEALING_KEYS_MAX)
    return replace(
        record,
        manufacturers=_manufacturers(document["manufacturers"]),
        revocations=revocations,
        sealing=_sealing(opened, number, now_ms),
    )


def _manufacturers(value: object) -> tuple[bytes, ...]:
    rows = canonical.rows(value, f"{_CONTENT}.manufacturers", MANUFACTURERS_MAX)
    found = tuple(canonical.binary(row, f"{_CONTENT}.manufacturers", bytes_max=CERTIFICATE_BYTES_MAX) for row in rows)
    for root in found:
        certificates.verify_root(root)
    return found


def _sealing(opened: Secrets, number: int, now_ms: int) -> tuple[SealingEntry, ...]:
    last = min(number + SEALING_AHEAD, SEALING_KEYS_MAX)
    return tuple(decode_seed(each, now_ms, opened.sealing_seed(each)) for each in range(1, last + 1))
