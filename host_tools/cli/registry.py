"""The transports that this program knows."""

from __future__ import annotations

from pathlib import Path

from host_tools.cli.capturing import CapturingRegistry
from host_tools.emulator import rendezvous
from host_tools.transports.registry import Registry


def make_registry(capture: Path | None = None) -> Registry:
    """All transports that this program knows, the emulator's among them; ``capture``: where what passes is recorded."""
    registry = Registry() if capture is None else CapturingRegistry(capture)
    registry.add(rendezvous.SCHEME, rendezvous.open_emulated)
    return registry
