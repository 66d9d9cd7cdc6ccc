"""A recording that the destination would never store goes into its rejected storage, where it has one.

Law: only on a person's word; nothing is sent there by itself. Everything the normal container had goes along except its
Status, and why and when it was rejected. A container of rejected content holds one recording at most.
"""

from collections.abc import Iterable
from typing import NamedTuple

from host_tools.destinations.capabilities import STORE_REJECTED_CONTENT
from host_tools.destinations.checks import fitted
from host_tools.destinations.interface import STATUS, Destination, DestinationRefused, Metadata, Receipt, Source
from host_tools.destinations.names import UNKNOWN_TIME, container_time

PREFIX = "RejectedContent"
LEFT_OUT = frozenset({STATUS.lower(), "containername"})


class RejectedObject(NamedTuple):
    """What is to be sent of it."""

    name: str
    source: Source
    length_bytes: int
    metadata: Metadata


def rejected_name(unique: str, at_unix_ms: int | None) -> str:
    """``unique``: a UUID that is this rejection's for good; ``at_unix_ms``: None if nobody knows the time."""
    return f"{PREFIX}_{UNKNOWN_TIME if at_unix_ms is None else container_time(at_unix_ms)}_{unique}"


def rejected_metadata(
    name: str, original: str, metadata: Metadata, reason: str, at_unix_ms: int | None
) -> dict[str, str]:
    """Of the container of rejected content; ``metadata``: those of the normal one, ``original`` its name."""
    return {
        **{key: value for key, value in metadata.items() if key.lower() not in LEFT_OUT},
        "ContainerName": name,
        "RejectedContentOriginalContainer": original,
        "RejectedContentTime": UNKNOWN_TIME if at_unix_ms is None else container_time(at_unix_ms),
        "RejectedContentReason": fitted(reason),
    }


async def send_rejected(
    destination: Destination,
    unique: str,
    original: str,
    metadata: Metadata,
    reason: str,
    at_unix_ms: int | None,
    objects: Iterable[RejectedObject],
) -> list[Receipt]:
    """Send a recording there; may be repeated with the same ``unique``. DestinationRefused where there is no such
    storage: the recording can then only be downloaded."""
    described = destination.describe()
    if STORE_REJECTED_CONTENT not in described.capabilities:
        raise DestinationRefused(f"{described} has no storage for rejected content: download the recording instead")
    name = rejected_name(unique, at_unix_ms)
    await destination.ensure_container(name, rejected_metadata(name, original, metadata, reason, at_unix_ms))
    receipts: list[Receipt] = []
    for item in objects:
        about = {**item.metadata, "RejectedContentOriginalContainer": original}
        receipts.append(await destination.put_object(name, item.name, item.source, item.length_bytes, about))
    return receipts
