"""From a connection file to a destination that delivers: the one place that puts client and wrappers together."""

from collections.abc import Callable

from host_tools.custody.blocking import RunBlocking
from host_tools.destinations.attached import Connected
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.encryption import Encrypting, Entropy
from host_tools.destinations.interface import Destination
from host_tools.destinations.names import WearerNames
from host_tools.destinations.people import Announcing, Device, Wearer
from host_tools.destinations.remux import Remuxing
from host_tools.destinations.swift import SwiftDestination, SwiftOptions


def connect(
    connection: ConnectionFile,
    wall_ms: Callable[[], int],
    run_blocking: RunBlocking,
    entropy: Entropy,
    wearer_of: Callable[[str], Wearer | None],
    device_of: Callable[[str], Device | None],
    options: SwiftOptions | None = None,
) -> Destination:
    """A destination as the controller delivers to it; nothing has been opened yet."""
    return connected(connection, wall_ms, run_blocking, entropy, wearer_of, device_of, options).outer


def connected(
    connection: ConnectionFile,
    wall_ms: Callable[[], int],
    run_blocking: RunBlocking,
    entropy: Entropy,
    wearer_of: Callable[[str], Wearer | None],
    device_of: Callable[[str], Device | None],
    options: SwiftOptions | None = None,
    names: Callable[[], WearerNames] = WearerNames,
) -> Connected:
    """The same, and the store itself, for what is said to it beside recordings. ``names``: of wearers, asked each
    time."""
    store = SwiftDestination(connection, wall_ms, run_blocking, options)
    destination: Destination = store
    if connection.wants_encryption:
        destination = Encrypting(destination, connection.public_key, connection.public_key_id, entropy, run_blocking)
    if connection.container_type == "mkv":
        destination = Remuxing(destination, run_blocking)
    return Connected(store, Announcing(destination, wearer_of, device_of, names))
