"""The custody chain that travels with a recording: what the ledger tells of it, and the manifest its camera signed.

Law: pure; one JSON document beside the clips, for destinations that say that they keep it (``StoreCustodyChain``, this
software's own capability, which others leave unread). Whoever gets it needs none of our software: SHA-256 joins the
entries, ECDSA over P-256 signs head and manifest, and ``evidence.verification`` is one file that checks all of it.

What nobody signs by itself (bookmarks, the track, what is told of the recording) is in an entry of its own,
``enclosed``, which the head covers. It has digests alone, and nobody who has the ledger without the recording can guess
what they are of: they are keyed with the manifest, of which the ledger has another digest.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from firmware.formats import canonical
from host_tools.destinations.extras import Extra
from host_tools.destinations.interface import STATUS
from host_tools.destinations.names import NOBODIES

FORMAT = "openbwc-custody"
SCHEMA = 1
NAME_PREFIX = "custody_"
DOCUMENT_BYTES_MAX = 96 << 20  # a manifest of a day, in base64
ENCLOSED_PREFIX = b"openbwc-enclosed-1\x00"
# Told of a recording and not enclosed: what changes until it is complete, and what may be another at each attempt.
LEFT_OPEN = frozenset({STATUS, "TimeZone"})


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


def enclosed(manifest: bytes, clip: str, about: Mapping[str, str], extras: Iterable[Extra]) -> dict[str, Any]:
    """For the ledger, what goes beside a clip. ``manifest``: as in ``write``; ``clip``: its name, whatever it is put
    into on its way; ``about``: what is told of the recording, as the destination has it in the end."""
    key = hashlib.sha256(ENCLOSED_PREFIX + manifest).digest()
    told = {name: "" if value in NOBODIES else value for name, value in about.items() if name not in LEFT_OPEN}
    told = {name: value for name, value in told.items() if value}
    objects = {
        each.name: {"metadata": each.metadata, "name": each.name, "sha256": hashlib.sha256(each.body).hexdigest()}
        for each in extras
    }
    return {
        "clip": clip,
        "container": {"keys": sorted(told), "digest": _digest(key, {"metadata": told})},
        "objects": {name: _digest(key, each) for name, each in objects.items()},
    }


def _digest(key: bytes, told: Mapping[str, object]) -> str:
    return hashlib.sha256(key + canonical.encode(told)).hexdigest()
