"""What the ledger tells beside each word: small JSON objects, whole numbers and texts only.

Law: pure; names what is needed to follow a recording without the index: digests, counts, times, who and why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.manifest import Manifest, Moment
from host_tools.custody.ledger import Details
from host_tools.custody.states import Word


def of_acceptance(manifest: Manifest, digest: bytes, docked: Details) -> dict[Word, Details]:
    """What the camera did before we knew of it, as its manifest tells, and how it came to us."""
    return {
        "recorded": {
            "camera": manifest.camera_serial,
            **({} if manifest.private else {"wearer": manifest.wearer_id}),  # sealed: who opens it tells
            "boot": manifest.boot,
            "started": _moment(manifest.started),
            "stopped": _moment(manifest.stopped),
            "cause_start": manifest.cause_start,
            "cause_stop": manifest.cause_stop,
            "interrupted": manifest.interrupted,
            "duration_ms": manifest.duration_ms,
        },
        "sealed": {
            "manifest_sha256": digest.hex(),
            "suite": manifest.suite,
            "content_sha256": manifest.content_sha256.hex(),
            "content_bytes": manifest.content_bytes,
            "chunks": len(manifest.chunks),
        },
        "docked": {"camera": manifest.camera_serial, **docked},
    }


def of_completion(manifest: Manifest) -> dict[Word, Details]:
    """All chunks are here, each with the digest that the manifest gives."""
    return {
        "offloaded": {"chunks": len(manifest.chunks), "chunks_bytes": manifest.chunks_bytes},
        "held": {"content_sha256": manifest.content_sha256.hex()},
    }


def of_damage(chunks: Iterable[int], reason: str) -> dict[Word, Details]:
    """Which chunks are missing again, and why; long lists are told by count and first."""
    listed = list(chunks)
    return {"damaged": {"count": len(listed), "first": listed[:1], "reason": reason}}


def of_delivery(destination: str, container: str, objects: Iterable[Mapping[str, Any]]) -> dict[Word, Details]:
    """What the destination confirmed: each object with its digests, then the whole."""
    return {
        "delivered": {"destination": destination, "container": container, "objects": [dict(item) for item in objects]},
        "acknowledged": {"destination": destination, "container": container},
    }


def of_authorisation(authorisation: EraseAuthorisation) -> dict[Word, Details]:
    """Why the camera may erase."""
    return {
        "erase_authorised": {
            "camera": authorisation.camera_serial,
            "policy": authorisation.policy,
            "counter": authorisation.counter,
            "manifest_sha256": authorisation.manifest_sha256.hex(),
        }
    }


def of_erase(camera_serial: str, counter: int) -> dict[Word, Details]:
    """That the camera did."""
    return {"erased": {"camera": camera_serial, "counter": counter}}


def _moment(moment: Moment) -> dict[str, int | str]:
    return asdict(moment)
