"""How the destination is: one colour, and a line for each thing that is not as it should be.

Law: looks and tells; changes nothing. A red light often concerns one recording or one device while others arrive.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from host_tools.evidence import quarantine
from host_tools.evidence.catalogue import ARRIVING, COMPLETE, INCOMPLETE, REJECTED
from host_tools.evidence.certificates import Validity
from host_tools.evidence.devices import devices
from host_tools.evidence.intake import Intake

START_FREE_BYTES_MIN = 10 * 10**9  # when it is set up
RUN_FREE_BYTES_MIN = 5 * 10**9  # while it runs
CERTIFICATE_WARNING_MS = 30 * 86_400_000
STALLED_MS = 24 * 3_600_000  # a recording that began to come a day ago and is not complete
ROWS_MAX = 1_000


class Health(NamedTuple):
    """``light``: green, amber (soon), red (something does not arrive). ``rejected``: recordings that controllers sent
    as rejected content. ``devices``: one word each, see ``devices``."""

    light: Literal["green", "amber", "red"]
    problems: tuple[str, ...]
    licences_used: int
    licences: int | None
    free_bytes: int
    recordings: int
    receiving: int
    rejected: int
    devices: list[dict[str, Any]]

    def as_document(self) -> dict[str, Any]:
        """For programs."""
        return self._asdict()


def low_disk(free_bytes: int, free_bytes_min: int) -> str:
    """What is told of a disk that is nearly full; empty if it is not."""
    if free_bytes >= free_bytes_min:
        return ""
    tenths = free_bytes // 10**8  # rounded down: just below the limit must not read as the limit
    return f"storage: {tenths / 10} GB are free, {free_bytes_min // 10**9} GB should be: make room"


def health(intake: Intake, certificate: Validity | None, now_ms: int) -> Health:
    """As it stands. Blocks."""
    catalogue = intake.store.catalogue
    free_bytes = intake.store.files.free_bytes()
    red = [low_disk(free_bytes, RUN_FREE_BYTES_MIN), intake.store.objects.trouble(), *intake.store.missing]
    red += [intake.store.emptied(), quarantine.trouble(intake.store.files, catalogue)]
    amber: list[str] = []
    for name, reason in catalogue.rows(
        f"SELECT name, quarantine FROM containers WHERE quarantine <> '' ORDER BY name LIMIT {ROWS_MAX}"
    ):
        red.append(f"recording {name} is in quarantine: {reason}")
    for (name,) in catalogue.rows(
        f"SELECT name FROM containers WHERE camera <> '' AND {ARRIVING} "
        f"AND changed_ms < ? ORDER BY name LIMIT {ROWS_MAX}",
        (now_ms - STALLED_MS,),
    ):
        amber.append(f"recording {name} is not complete and nothing has come for a day: look at its controller")
    if certificate is not None and certificate.ends_ms <= now_ms:
        red.append("the certificate has ended, and nobody delivers: renew it, and issue a new connection file")
    elif certificate is not None and certificate.ends_ms - now_ms < CERTIFICATE_WARNING_MS:
        amber.append("the certificate ends within 30 days: renew it, and issue a new connection file")
    if certificate is not None and certificate.is_replaced:
        amber.append("the certificate was renewed, and the one before is shown: restart the server")
    used, limit = intake.licences_used(), intake.settings.licences
    if limit is not None and used >= limit:
        amber.append(f"licences: {used} of {limit} are in use: the next wearer or device needs another")
    ((recordings,),) = catalogue.rows(f"SELECT count(*) FROM containers WHERE camera <> '' AND {COMPLETE}")
    ((receiving,),) = catalogue.rows(f"SELECT count(*) FROM containers WHERE camera <> '' AND {INCOMPLETE}")
    ((rejected,),) = catalogue.rows(f"SELECT count(*) FROM containers WHERE {REJECTED}")
    problems = tuple(text for text in (*red, *amber) if text)
    light = "red" if any(red) else "amber" if amber else "green"
    return Health(light, problems, used, limit, free_bytes, recordings, receiving, rejected, devices(intake, now_ms))
