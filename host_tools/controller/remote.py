"""How other processes of the same user ask a running controller: by words over a socket in its folder."""

from __future__ import annotations

from pathlib import Path

from host_tools.transports.local import LocalClient

SOCKET = "controller.sock"


def controller_client(folder: Path) -> LocalClient:
    """Whoever wants to ask the controller of ``folder``."""
    return LocalClient(folder / SOCKET, "controller")
