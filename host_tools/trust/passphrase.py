"""What only somebody who knows the passphrase can do. Every function here unwraps the secrets and uses them: there is
nothing that could be edited instead. A wrong passphrase raises WrongPassphrase after the cost of a right one.

There is no function that changes the passphrase, and none can be written without the root key in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec

from firmware.formats.errors import FormatError
from firmware.secure import certificates, certificates_grants
from firmware.secure.certificates import LDEVID, PeerIdentity, fingerprint
from firmware.secure.certificates_grants import ALLOW_BACK, ALLOW_BACK_ALWAYS, FORCE_REMOVE, Grant
from firmware.secure.certificates_keys import new_key
from host_tools.trust import secrets, wrapping
from host_tools.trust.authority import DAY_MS, Authority, make_issuing
from host_tools.trust.errors import TrustError
from host_tools.trust.record import SEALING_KEYS_MAX, decode_seed, secrets_context
from host_tools.trust.secrets import Secrets
from host_tools.trust.system import SystemTrust, with_controller

ALLOW_BACK_LIFETIME_MS = 7 * DAY_MS  # to bring the cameras that were named to a dock
FORCE_REMOVE_LIFETIME_MS = DAY_MS
_WHAT = "this system's root key"


def unlock(trust: SystemTrust, passphrase: str) -> Secrets:
    """The secrets, for the length of one action. WrongPassphrase or TrustFileError."""
    record = trust.record
    opened = wrapping.unwrap(record.secrets, passphrase, secrets_context(record.root), _WHAT)
    return secrets.decode(opened, record.root)


def rotate_issuing(trust: SystemTrust, passphrase: str, now_ms: int, disown: bool = False) -> None:
    """A new issuing key. ``disown``: the old one was stolen; every camera that it certified is in safe mode until it is
    allowed back. That cameras are allowed back by themselves has to be confirmed again in any case."""
    opened = unlock(trust, passphrase)
    record = trust.record
    if now_ms < certificates.identify(record.controller.chain, True).issuing_made_ms + 1000:
        raise TrustError("a new issuing key must be younger than the last one: set this controller's clock")
    old = record.issuing.chain[0]
    serial = certificates.identify(record.controller.chain, True).serial
    issuing = make_issuing(Authority((record.root,), opened.root_key), new_key(trust.entropy), now_ms, trust.entropy)
    revocations = record.revocations.with_issuer(old) if disown else record.revocations
    changed = replace(record, issuing=issuing, revocations=revocations, standing_grant=b"")
    trust.save(with_controller(changed, serial, now_ms, trust.entropy))


def rotate_sealing(trust: SystemTrust, passphrase: str, now_ms: int) -> None:
    """A new sealing key for recordings from now on; those before stay readable."""
    opened = unlock(trust, passphrase)
    sealing = trust.record.sealing
    number = sealing[-1].number + 1
    if len(sealing) >= SEALING_KEYS_MAX:
        raise TrustError(f"{SEALING_KEYS_MAX} sealing keys are kept already: no more can be made")
    entry = decode_seed(number, now_ms, opened.sealing_seed(number))
    trust.save(replace(trust.record, sealing=(*sealing, entry)))


def allow_back(trust: SystemTrust, passphrase: str, lapsed: Iterable[PeerIdentity], now_ms: int) -> bytes:
    """The grant with which these cameras, and no others, may leave safe mode."""
    named = _lapsed(trust, lapsed)
    subjects = (peer.fingerprint for peer in named)
    return _grant(trust, passphrase, ALLOW_BACK, subjects, now_ms, now_ms + ALLOW_BACK_LIFETIME_MS)


def allow_back_each(
    trust: SystemTrust, passphrase: str, lapsed: Iterable[PeerIdentity], now_ms: int
) -> dict[str, bytes]:
    """The same, a grant for each camera by its serial: short enough for one message, and naming nobody else."""
    named = _lapsed(trust, lapsed)
    root_key = unlock(trust, passphrase).root_key
    until_ms = now_ms + ALLOW_BACK_LIFETIME_MS
    return {
        peer.serial: _signed(Grant(ALLOW_BACK, trust.system, (peer.fingerprint,), now_ms, until_ms), root_key)
        for peer in named
    }


def allow_back_always(trust: SystemTrust, passphrase: str, now_ms: int) -> None:
    """Let every camera leave safe mode by itself from now on, until the issuing key is replaced."""
    issuing = trust.record.issuing.chain[0]
    until_ms = certificates.unix_ms_of(certificates.parse(issuing).not_valid_after_utc)
    grant = _grant(trust, passphrase, ALLOW_BACK_ALWAYS, (fingerprint(issuing),), now_ms, until_ms)
    trust.save(replace(trust.record, standing_grant=grant))


def ask_each_time(trust: SystemTrust) -> None:
    """The opposite of ``allow_back_always``. It needs no passphrase: it takes a right away."""
    trust.save(replace(trust.record, standing_grant=b""))


def force_remove(
    trust: SystemTrust, passphrase: str, serials: Iterable[str], now_ms: int, check: Callable[[], None] = lambda: None
) -> bytes:
    """Take cameras off the system that cannot be drained; returns the grant, for the ledger. ``check`` may still raise
    when the passphrase has been tried, which takes a second, and nothing is changed then."""
    named = sorted(set(serials))
    grant = _grant(trust, passphrase, FORCE_REMOVE, named, now_ms, now_ms + FORCE_REMOVE_LIFETIME_MS)
    check()
    for serial in named:
        trust.revoke(serial, now_ms)
    return grant


def _grant(
    trust: SystemTrust, passphrase: str, action: str, subjects: Iterable[str], now_ms: int, until_ms: int
) -> bytes:
    opened = unlock(trust, passphrase)
    return _signed(Grant(action, trust.system, tuple(sorted(set(subjects))), now_ms, until_ms), opened.root_key)


def _signed(grant: Grant, root_key: ec.EllipticCurvePrivateKey) -> bytes:
    try:
        return certificates_grants.encode(grant, root_key)
    except FormatError as error:
        raise TrustError(f"nothing was granted: {error}") from error


def _lapsed(trust: SystemTrust, lapsed: Iterable[PeerIdentity]) -> list[PeerIdentity]:
    named = list(lapsed)
    if any(peer.kind != LDEVID or peer.owner != trust.system for peer in named):
        raise TrustError("only cameras of this system can be allowed back")
    return named
