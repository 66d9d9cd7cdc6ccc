"""What ``bwc trust show`` tells: everything about a system's trust that is no secret."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.secure import certificates
from firmware.secure.certificates import fingerprint
from firmware.secure.hpke_keys import shown
from host_tools.trust.authority import owner_of
from host_tools.trust.record import TrustRecord


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """``standing``: a word of ``certificates``; times in milliseconds since 1970."""

    what: str
    whose: str
    standing: str
    not_before_ms: int
    not_after_ms: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SealingLine:
    """``current``: whether new recordings are sealed to it."""

    number: int
    created_unix_ms: int
    key_id: str
    current: bool


@dataclass(frozen=True, slots=True)
class TrustReport:
    """``revoked``: kind, serial and moment, sorted; ``problems``: one line each."""

    system: str
    certificates: tuple[CertificateLine, ...]
    sealing: tuple[SealingLine, ...]
    revoked: tuple[tuple[str, str, int], ...]
    disowned_issuers: int
    allows_back_always: bool
    problems: tuple[str, ...]


def report(record: TrustRecord, now_ms: int) -> TrustReport:
    """The record as people may see it."""
    controller = certificates.identify(record.controller.chain, True)
    lines = [
        _line("root", record.system, record.root, now_ms),
        _line("issuing", record.system, record.issuing.chain[0], now_ms),
        _line("controller", controller.serial, record.controller.chain[0], now_ms),
        *(_line("manufacturer", owner_of(root), root, now_ms) for root in record.manufacturers),
    ]
    sealing = tuple(
        SealingLine(entry.number, entry.created_unix_ms, shown(entry.key.key_id), entry is record.sealing[-1])
        for entry in record.sealing
    )
    devices = record.revocations.devices.items()
    return TrustReport(
        system=record.system,
        certificates=tuple(lines),
        sealing=sealing,
        revoked=tuple(sorted((kind, serial, until_ms) for (kind, serial), until_ms in devices)),
        disowned_issuers=len(record.revocations.issuers),
        allows_back_always=bool(record.standing_grant),
        problems=tuple(_problems(lines, record)),
    )


def _line(what: str, whose: str, certificate: bytes, now_ms: int) -> CertificateLine:
    validity = certificates.validity_of(certificate)
    standing = certificates.standing_of(validity, now_ms)
    return CertificateLine(
        what, whose, standing, validity.not_before_ms, validity.not_after_ms, fingerprint(certificate)
    )


def _problems(lines: list[CertificateLine], record: TrustRecord) -> list[str]:
    remedies = {
        certificates.ABOUT_TO_EXPIRE: "renew it",
        certificates.EXPIRED: "renew it",
        certificates.NOT_YET_VALID: "set this controller's clock",
    }
    found = [
        f"the certificate of {line.what} {line.whose} is {line.standing.replace('_', ' ')}: {remedies[line.standing]}"
        for line in lines
        if line.standing in remedies
    ]
    if not record.manufacturers:
        found.append("no manufacturer is trusted: no camera can be added")
    return found
