"""How often somebody may try to log in: back-off by account and by address, in the database, so that a restart forgives
nobody.

Law: a try is counted before the password is looked at, so many at once do not slip through, and taken back when it was
right. After some free tries each further one closes the door for twice as long, up to a limit; a closed door is not
counted at, so nobody can keep it closed beyond that limit by knocking.

Whom it must not lock out (after OWASP's *device cookies*): an account is also reached from addresses from which it has
logged in before, and these have a count of their own. Strangers who try root's password close the door to strangers.
The person at the machine itself needs no password (``docs/security.md``) and can clear any count.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from host_tools.accounts.errors import LoginThrottled
from host_tools.custody.database import Database

BACKOFF_MS_FIRST = 1_000
BACKOFF_MS_MAX = 15 * 60_000  # 96 guesses a day against an account; ASVS 4.0.3, 2.2.1 allows 100 an hour
FORGET_MS = 24 * 3_600_000  # without any try, a count is forgotten
ROWS_MAX = 10_000  # about 1 MB; beyond, the oldest are forgotten, which costs an attacker as many addresses
KNOWN_ADDRESSES_MAX = 20  # of one account: office, home, telephone, and then some
IPV6_PREFIX = 64  # one customer's network; a single address there is drawn at will


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many tries are free before the door closes at all."""

    account: int = 5
    address: int = 20  # an office behind one address mistypes more


class Throttle:
    """Counts tries in the people's database. Times are wall time, milliseconds since 1970."""

    def __init__(self, database: Database, allowance: Allowance | None = None) -> None:
        self._database = database
        self._allowance = allowance or Allowance()

    def enter(self, account: str, address: str, now_ms: int) -> None:
        """Count one try. LoginThrottled while a door is closed; that is not counted."""
        with self._database.transaction():
            doors = self._doors(account, address)
            wait_ms = max(self._wait_ms(key, now_ms) for key, _ in doors)
            for key, free in doors if wait_ms <= 0 else ():
                self._count(key, free, now_ms)
            self._forget(now_ms)
        if wait_ms > 0:
            raise LoginThrottled(wait_ms)

    def succeed(self, account: str, address: str, now_ms: int) -> None:
        """The password was right: the account starts afresh from here, and the address is known to it from now on."""
        near = network_of(address)
        with self._database.transaction():
            (account_key, _), (address_key, _) = self._doors(account, address)
            self._database.run("DELETE FROM tries WHERE key = ?", (account_key,))
            self._database.run(
                "UPDATE tries SET failures = max(0, failures - 1), closed_until_ms = 0 WHERE key = ?", (address_key,)
            )
            self._database.run(
                "INSERT OR REPLACE INTO known_addresses (account, address, last_unix_ms) VALUES (?, ?, ?)",
                (account, near, now_ms),
            )
            self._database.run(
                "DELETE FROM known_addresses WHERE account = ?1 AND address NOT IN (SELECT address FROM "
                f"known_addresses WHERE account = ?1 ORDER BY last_unix_ms DESC LIMIT {KNOWN_ADDRESSES_MAX})",
                (account,),
            )

    def clear(self, account: str) -> None:
        """Forget every count against an account."""
        keys = [_account_key(account), *(_known_key(account, near) for near in self._known(account))]
        self._database.run_many("DELETE FROM tries WHERE key = ?", [(key,) for key in keys])

    def _doors(self, account: str, address: str) -> list[tuple[str, int]]:
        near = network_of(address)
        own = _known_key(account, near) if near in self._known(account) else _account_key(account)
        return [(own, self._allowance.account), (f"address {near}", self._allowance.address)]

    def _known(self, account: str) -> list[str]:
        rows = self._database.rows("SELECT address FROM known_addresses WHERE account = ?", (account,))
        return [row[0] for row in rows]

    def _wait_ms(self, key: str, now_ms: int) -> int:
        row = self._database.row("SELECT closed_until_ms FROM tries WHERE key = ?", (key,))
        if row is None:
            return 0
        if row[0] > now_ms + BACKOFF_MS_MAX:  # our clock was set back: nobody waits for longer than the limit
            self._database.run(
                "UPDATE tries SET closed_until_ms = ?, last_unix_ms = ? WHERE key = ?",
                (now_ms + BACKOFF_MS_MAX, now_ms, key),
            )
            return BACKOFF_MS_MAX
        return int(row[0]) - now_ms

    def _count(self, key: str, free: int, now_ms: int) -> None:
        row = self._database.row("SELECT failures FROM tries WHERE key = ?", (key,))
        failures = (int(row[0]) if row else 0) + 1
        self._database.run(
            "INSERT OR REPLACE INTO tries (key, failures, last_unix_ms, closed_until_ms) VALUES (?, ?, ?, ?)",
            (key, failures, now_ms, now_ms + backoff_ms(failures, free)),
        )

    def _forget(self, now_ms: int) -> None:
        self._database.run("DELETE FROM tries WHERE last_unix_ms < ?", (now_ms - FORGET_MS,))
        self._database.run(
            "DELETE FROM tries WHERE key IN "
            f"(SELECT key FROM tries ORDER BY last_unix_ms DESC LIMIT -1 OFFSET {ROWS_MAX})"
        )


def backoff_ms(failures: int, free: int) -> int:
    """For how long the door closes after that many tries."""
    beyond = failures - free
    return 0 if beyond < 0 else min(BACKOFF_MS_FIRST << min(beyond, 30), BACKOFF_MS_MAX)


def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, an IPv6 /64, or the words of an edge that has no addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), IPV6_PREFIX), strict=False))
    return str(found)


def _account_key(account: str) -> str:
    return f"account {account}"


def _known_key(account: str, near: str) -> str:
    return f"account {account} from {near}"
