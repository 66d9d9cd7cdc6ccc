"""Somebody who takes recordings out, with an audit trail of his own."""

from __future__ import annotations

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.evidence.export import Taker


def taker(to: str = "a folder") -> Taker:
    """Zoë, at the machine itself."""
    trail = AuditTrail(open_store(":memory:", load_secret(MemoryFiles(), SeededEntropy("taker"))))
    return Taker(trail, Actor("local:zoe", "administrator", "local"), 5_000, to)
