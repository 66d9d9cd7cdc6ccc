"""Metadata as HTTP headers, both ways: ``X-Container-Meta-<Key>`` and ``X-Object-Meta-<Key>``.

Law: pure. On the wire a key has its first letter, and any after a hyphen, in upper case and all others in lower case;
values are percent-encoded UTF-8, and a plus is a plus. HTTP loses the case of keys, so those of the API get their
spelling back from the table here; others stay as they came.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, unquote

Resource = Literal["Container", "Object"]

# This software's own: a destination that names SHA-256 beside the token answers it with every object that it has taken.
CONFIRMS_HEADER = "X-Confirms"
CONFIRMS_SHA256 = "sha256"
SHA256_HEADER = "X-Object-Sha256"

META_PREFIXES: Mapping[Resource, str] = {"Container": "X-Container-Meta-", "Object": "X-Object-Meta-"}

# What the public API names, as it spells it.
API_KEYS = frozenset(
    {
        *("Active", "BWCModel", "BWCSerialNumber", "CategoryID", "CategoryName", "ConnectionId", "ContainerName"),
        *("ContainerType", "EndTime", "FileType", "FirmwareVersion", "Location", "Model", "Name"),
        *("RejectedContentOriginalContainer", "RejectedContentReason", "RejectedContentTime", "SCUSerialNumber"),
        *("StartLocation", "StartTime", "StartTimeISO", "Status", "StopLocation", "StopTime", "StopTimeISO"),
        *("SystemName", "Tags", "TimeZone", "TriggerOff", "TriggerOffLocation", "TriggerOffTime", "TriggerOffTimeISO"),
        *("TriggerOn", "TriggerOnLocation", "TriggerOnTime", "TriggerOnTimeISO", "UserID"),
    }
)
# What this software adds; a destination may ignore it.
OWN_KEYS = frozenset(
    {
        *("LedgerCertificate", "LedgerController", "LedgerEntries", "LedgerHash", "LedgerRecording", "LedgerSequence"),
        *("LedgerSignature", "LedgerSuite", "LedgerTime"),
    }
)

KEYS_KEPT = 256  # spellings; there are some fifty
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
_META = re.compile(r"x-(container|object)-meta-(?=.)", re.IGNORECASE)
_SPELLING = {key.lower(): key for key in (*API_KEYS, *OWN_KEYS)}


def to_headers(resource: Resource, metadata: Mapping[str, str]) -> dict[str, str]:
    """Names and values as they are sent."""
    prefix = META_PREFIXES[resource]
    return {prefix + canonical_key(key): _encoded(value) for key, value in metadata.items()}


def from_headers(headers: Iterable[tuple[str, str]], resource: Resource | None = None) -> dict[str, str]:
    """Metadata among a message's headers; None takes either prefix, as the public example server does. A value that is
    no UTF-8 keeps replacement characters: what cannot be read is not refused."""
    found: dict[str, str] = {}
    for name, value in headers:
        match = _META.match(name)
        if match is not None and resource in (None, match[1].capitalize()):
            found[spelled(name[match.end() :])] = unquote(value, errors="replace")
    return found


@lru_cache(KEYS_KEPT)
def canonical_key(key: str) -> str:
    """``BWCSerialNumber`` as it goes over the wire: ``Bwcserialnumber``."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in key.split("-"))


@lru_cache(KEYS_KEPT)
def spelled(key: str) -> str:
    """A key as the API spells it; one that the API does not have in the wire's own form."""
    return _SPELLING.get(key.lower()) or canonical_key(key)


def _encoded(value: str) -> str:
    return value if _UNRESERVED.fullmatch(value) else quote(value, safe="")
