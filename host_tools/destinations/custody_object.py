"""The custody chain that travels with a recording: what the ledger tells of it, and the manifest its camera signed.

Law: pure; one JSON document beside the clips, for destinations that say that they keep it (``StoreCustodyChain``, this
software's own capability, which others leave unread). Whoever gets it needs none of our software: SHA-256 joins the
entries, ECDSA over P-256 signs head and manifest, and ``evidence.verification`` is one file that checks all of it.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

FORMAT = "openbwc-custody"
SCHEMA = 1
NAME_PREFIX = "custody_"
DOCUMENT_BYTES_MAX = 96 << 20  # a manifest of a day, in base64


class Told(NamedTuple):
    """An entry of the ledger. ``previous`` and ``hash``: SHA-256, in hexadecimal; the hash is over the previous one's
    bytes and the line."""

    sequence: int
    previous: str
    hash: str
    line: str


def object_name(recording: bytes) -> str:
    """``custody_<first eight digits>.json``."""
    return f"{NAME_PREFIX}{recording.hex()[:8]}.json"


def write(
    recording: bytes,
    entries: Iterable[Told],
    head: Mapping[str, str],
    chain: Sequence[bytes],
    manifest: bytes,
    system_id: str = "",
) -> bytes:
    """``head``: as metadata tell it; ``chain``: of the head's signer, DER, signer first, root last, empty if nobody
    signs; ``manifest``: the whole document that the camera gave; ``system_id``: the namespace of ``names.WearerNames``,
    which shows that the wearer in the manifest is the one whom metadata name; empty where they name him alike."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "schema": SCHEMA,
        "recording": recording.hex(),
        "entries": [each._asdict() for each in entries],
        "head": dict(head),
        "signer": [each.hex() for each in chain],
        "manifest": base64.b64encode(manifest).decode(),
    }
    if system_id:
        document["system"] = system_id
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"
