"""The server's certificate: self-signed with every address it is known by, made and rotated here.

Law: time is an argument. Controllers trust exactly what the connection file names, so a new certificate means a
new connection file; until that has been uploaded, they do not deliver.
"""

from __future__ import annotations

from typing import NamedTuple

from host_tools.evidence.errors import EvidenceError
from host_tools.web_kit import certificates as kit
from host_tools.web_kit.certificates import Issued
from host_tools.web_kit.errors import WebError

NAME = "OpenBWC content destination"


class Validity(NamedTuple):
    """Of a certificate in use. ``is_replaced``: another lies in its place, which nobody is shown before a restart."""

    hosts: tuple[str, ...]
    ends_ms: int
    is_replaced: bool = False


def self_signed(hosts: tuple[str, ...], now_ms: int) -> Issued:
    """A P-256 key and a certificate for it with ``hosts`` as subject alternative names. EvidenceError."""
    try:
        return kit.self_signed(hosts, now_ms, NAME)
    except WebError as error:
        raise EvidenceError(str(error)) from error


def validity(pem: bytes) -> Validity:
    """What a certificate says. EvidenceError if it has no alternative names: no controller would accept it."""
    try:
        said = kit.describe(pem)
    except WebError as error:
        raise EvidenceError(str(error)) from error
    if not said.hosts:
        raise EvidenceError("certificate: names no address (SAN): make one that does")
    return Validity(said.hosts, said.ends_unix_ms)
