"""Nothing of the machine gets into a world: no clock, no randomness, no thread, no socket, no file."""

import asyncio
import builtins
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from host_tools.simulation.plan import make_plan
from host_tools.simulation.world import Simulation

FORBIDDEN: tuple[tuple[Any, str], ...] = (
    (time, "time"),
    (time, "time_ns"),
    (time, "monotonic"),
    (time, "sleep"),
    (os, "urandom"),
    (os, "getrandom"),
    (random, "random"),
    (random, "randbytes"),
    (random, "getrandbits"),
    (socket, "socket"),
    (threading.Thread, "start"),
    (asyncio, "to_thread"),
)


def forbidden(name: str, used: list[str]) -> Callable[..., Any]:
    def use(*_args: object, **_kwargs: object) -> Any:
        used.append(name)
        raise AssertionError(f"{name} was used")

    return use


def test_a_world_uses_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(make_plan(31, 1, 0.25, "heavy"))  # board files have been read now
    used: list[str] = []
    opened = builtins.open

    def only_reading(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if set(mode) & set("wax+"):
            used.append(f"open {path}")
        return opened(path, mode, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "open", only_reading)
        for owner, name in FORBIDDEN:
            patched.setattr(owner, name, forbidden(name, used))
        outcome = simulation.run()
    assert used == []
    assert outcome.violation is None, str(outcome.violation)
