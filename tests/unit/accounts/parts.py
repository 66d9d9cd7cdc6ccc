"""People on a database in memory or in a file, with hashes that cost next to nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from firmware.ports.entropy import Entropy
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.passwords import PasswordCost
from host_tools.accounts.people import People
from host_tools.accounts.secret import PeopleSecret, load_secret
from host_tools.accounts.store import Store, open_store
from host_tools.accounts.throttle import Allowance

CHEAP = PasswordCost(memory_kib=8, iterations=1, lanes=1)
NOW_MS = 1_767_225_600_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
HOME = "192.0.2.7"
ELSEWHERE = "203.0.113.9"
ROOTS = "open the pod bay doors"
ADAS = "analytical engine No. 2"
ENOUGH = Allowance(account=1_000_000, address=1_000_000)  # where it is not the throttle that is looked at


class Town:
    """A system's people with all that stands behind them."""

    def __init__(self, path: str, secret: PeopleSecret, entropy: Entropy, cost: PasswordCost, allowance: Allowance):
        self.secret = secret
        self.store: Store = open_store(path, secret)
        self.people = People(self.store, secret, entropy, cost, allowance)

    def settled(self, evaluation: bool = False) -> Town:
        """With root, Ada the administrator and a viewer."""
        self.people.set_up(ROOTS, NOW_MS, evaluation)
        self.people.add("ada", "administrator", ADAS, NOW_MS)
        self.people.add("wall", "viewer", "a screen on the wall", NOW_MS)
        return self


SECRET = load_secret(MemoryFiles(), SeededEntropy("the people's secret"))


@contextmanager
def town(
    path: Path | None = None,
    seed: str = "town",
    cost: PasswordCost = CHEAP,
    allowance: Allowance = ENOUGH,
    secret: PeopleSecret = SECRET,
) -> Generator[Town]:
    """Opened, and closed at the end."""
    made = Town(str(path) if path else ":memory:", secret, SeededEntropy(seed), cost, allowance)
    try:
        yield made
    finally:
        made.store.close()
