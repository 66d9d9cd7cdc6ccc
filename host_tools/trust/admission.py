"""What somebody who comes to the controller is to it: two tables, one for those who have proved who they are and one
for those who have not."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.secure import certificates
from firmware.secure.certificates import ABOUT_TO_EXPIRE, EXPIRED, IDEVID, LDEVID, NOT_YET_VALID, VALID, PeerIdentity
from firmware.secure.certificates_revocations import Revocations
from firmware.secure.channel_faults import Fault

MEMBER = "member"
SAFE_MODE = "safe_mode"
FACTORY = "factory"
REVOKED = "revoked"
UNKNOWN = "unknown"
REFUSED = "refused"

# state, what people are told
STATES = (
    (MEMBER, "a camera of this system"),
    (SAFE_MODE, "in safe mode until it is allowed back"),
    (FACTORY, "waiting to be added"),
    (REVOKED, "was taken off this system"),
    (UNKNOWN, "unknown camera: of another system, or of a maker that is not trusted here (`bwc trust maker`)"),
    (REFUSED, "refused"),
)
TEXTS = dict(STATES)
HOUR_MS = 3_600_000

# (kind of certificate, its standing) -> state. What is missing is refused.
ADMISSIONS = {
    (LDEVID, VALID): MEMBER,
    (LDEVID, ABOUT_TO_EXPIRE): MEMBER,
    (LDEVID, EXPIRED): SAFE_MODE,
    (IDEVID, VALID): FACTORY,
    (IDEVID, ABOUT_TO_EXPIRE): FACTORY,
}
# fault of the channel -> state. What is missing is refused.
FAULTS = {"unknown_issuer": UNKNOWN, "refused_there": UNKNOWN, "no_certificate": UNKNOWN}


@dataclass(frozen=True, slots=True)
class Admission:
    """``state``: a word of STATES; ``standing``: of the certificate, empty for those who showed none that counts;
    ``text``: one line for people."""

    state: str
    standing: str
    text: str


def admit(peer: PeerIdentity, revocations: Revocations, now_ms: int) -> Admission:
    """What a peer is that has proved who it is."""
    standing = certificates.standing(peer, now_ms)
    state = ADMISSIONS.get((peer.kind, standing), REFUSED)
    if state == MEMBER and revocations.disowns(peer):
        state = SAFE_MODE
    if revocations.covers(peer):
        state = REVOKED
    return Admission(state, standing, f"{peer.serial}: {TEXTS[state]}{_detail(peer, state, standing, now_ms)}")


def turn_away(serial: str, fault: Fault) -> Admission:
    """What somebody is who could not prove it. ``serial``: what it claims to be, for display only."""
    state = FAULTS.get(fault.code, REFUSED)
    why = "" if state == UNKNOWN else f" ({fault.text})"
    return Admission(state, "", f"{serial}: {TEXTS[state]}{why}")


def _detail(peer: PeerIdentity, state: str, standing: str, now_ms: int) -> str:
    if state == MEMBER and standing == ABOUT_TO_EXPIRE:
        hours = (peer.expires_ms - now_ms) // HOUR_MS
        return f" (its certificate expires in {hours // 24} d {hours % 24} h: dock it before)"
    if state == SAFE_MODE:
        return " (its certificate has expired)" if standing == EXPIRED else " (its issuing key was disowned)"
    if state == REFUSED and standing == NOT_YET_VALID:
        return " (its certificate is not valid yet: set this controller's clock)"
    return ""
