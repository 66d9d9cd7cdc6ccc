"""What a controller and a camera say to each other about who belongs to whom: certificates, keys, release.

Law: one function an exchange, over a connection whose peer has been proved. Who may be given what is ``SystemTrust``'s
to say; what a camera takes is the camera's. A refusal of either is an error of one line.
"""

from __future__ import annotations

from typing import Any

from firmware.link.schema import REVOCATIONS_PIECE_BYTES
from firmware.secure import hpke_keys
from firmware.secure.certificates import EVIDENCE, LDEVID, PeerIdentity
from firmware.secure.token import PullToken, new_token
from host_tools.protocol.connection import Connection
from host_tools.transports.errors import LinkLost
from host_tools.trust.authority import EVIDENCE_LIFETIME_MS
from host_tools.trust.system import Issued, SystemTrust

TIME_UNCERTAINTY_MS = 50  # of our clock as the camera gets it: half a round trip and the operating system's drift

Credentials = dict[str, Any]


async def set_time(connection: Connection, unix_ms: int) -> None:
    """The first thing in every session. RequestRefused: the camera does not take this time from us."""
    await connection.ask("set_time", {"unix_ms": unix_ms, "uncertainty_ms": TIME_UNCERTAINTY_MS})


async def adopt(connection: Connection, trust: SystemTrust, peer: PeerIdentity, now_ms: int) -> int:
    """Make a factory camera this system's; returns when its certificate ends. It goes on in a new session. TrustError,
    RequestRefused, LinkLost."""
    await set_time(connection, now_ms)
    request = await _request(connection, LDEVID)
    return await _install(connection, trust.adopt(peer, request, now_ms))


async def renew(
    connection: Connection, trust: SystemTrust, peer: PeerIdentity, now_ms: int, kind: str = LDEVID, grant: bytes = b""
) -> int:
    """Give a camera of this system a new certificate; returns when it ends. ``grant``: what brings it back from safe
    mode. TrustError, RequestRefused, LinkLost."""
    request = await _request(connection, kind)
    return await _install(connection, trust.renew(peer, request, now_ms, grant))


async def hand_over(connection: Connection, trust: SystemTrust, peer: PeerIdentity, now_ms: int) -> Credentials:
    """What a member needs beside its certificate, as far as it has not got it: a certificate to sign with, whom to seal
    to, what was revoked. TrustError, RequestRefused, LinkLost."""
    credentials: Credentials = await _ask(connection, "get_credentials", {}, "recipients")
    if credentials["evidence_expires_unix_ms"] - now_ms < EVIDENCE_LIFETIME_MS // 2:
        await renew(connection, trust, peer, now_ms, EVIDENCE)
    recipient = trust.recipient()
    if credentials["recipients"] != hpke_keys.digest_of([recipient]):
        await connection.ask("seal_to", {"place": 0, "count": 1, "key": recipient.raw})
    if credentials["revocations"] < trust.record.revocations.number:
        await _tell_revocations(connection, trust.revocation_document())
    return credentials


async def open_bulk(connection: Connection, trust: SystemTrust) -> None:
    """Agree on the token without which no range is answered. RequestRefused, LinkLost."""
    token = new_token(trust.entropy)
    await connection.ask("bulk_token", {"token": token})
    connection.session.pull_macs = PullToken(token, connection.session.salt)


async def release(connection: Connection) -> None:
    """Have a drained camera forget this system, and destroy the keys that this system knows. RequestRefused: it holds
    recordings, or is not idle; LinkLost."""
    await connection.ask("factory_reset")


async def _request(connection: Connection, kind: str) -> bytes:
    request: bytes = (await _ask(connection, "request_certificate", {"kind": kind}, "request"))["request"]
    return request


async def _install(connection: Connection, issued: Issued) -> int:
    leaf, issuing = issued.chain[:2]
    await connection.ask("install_certificate", {"certificate": leaf, "issuing": issuing, "grant": issued.grant})
    return issued.expires_unix_ms


async def _ask(connection: Connection, question: str, fields: dict[str, Any], answer_has: str) -> dict[str, Any]:
    answer: dict[str, Any] = await connection.ask(question, fields)
    if answer_has not in answer:
        raise LinkLost(f"{connection.url}: the camera answers {question} with something else; update its firmware")
    return answer


async def _tell_revocations(connection: Connection, document: bytes) -> None:
    for offset in range(0, len(document), REVOCATIONS_PIECE_BYTES):
        piece = document[offset : offset + REVOCATIONS_PIECE_BYTES]
        await connection.ask("revocations", {"offset": offset, "total": len(document), "data": piece})
