"""The people of a system: who there is, what they are, and how they come in.

Law: the rules about accounts, whoever may use them (that is the table's). There is one root, which cannot be removed or
made something else, and whose password changes for nobody who does not know it. The demo account comes with evaluation
mode, at the setting-up, and cannot be changed or removed at all. Whatever ends trust in an account ends its sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from firmware.ports.entropy import Entropy
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.errors import AccountsError, LoginRefused
from host_tools.accounts.names import DEMO, ROOT, account_name
from host_tools.accounts.passwords import DEFAULT_COST, PasswordCost, Passwords, check_password
from host_tools.accounts.roles import GIVEN, Actor, Role, Stranger
from host_tools.accounts.secret import PeopleSecret
from host_tools.accounts.sessions import Session, Sessions
from host_tools.accounts.store import Account, Store
from host_tools.accounts.throttle import Allowance, Throttle

ACCOUNTS_MAX = 1_000  # the seal is over all of them, and checked at each request: 20 ms at this size
DEMO_PASSWORD = "demo"  # noqa: S105 - CTRL-02: known to everybody, which evaluation mode says on every page


@dataclass(frozen=True, slots=True)
class Person:
    """An account as others may see it."""

    name: str
    role: Role
    made_unix_ms: int
    changed_unix_ms: int


class People:
    """One system's accounts. ``cost`` and ``allowance`` differ from their defaults in tests alone."""

    def __init__(
        self,
        store: Store,
        secret: PeopleSecret,
        entropy: Entropy,
        cost: PasswordCost = DEFAULT_COST,
        allowance: Allowance | None = None,
    ) -> None:
        self.audit = AuditTrail(store)
        self.sessions = Sessions(store, secret, entropy)
        self._store = store
        self._passwords = Passwords(secret, entropy, cost)
        self._throttle = Throttle(store.database, allowance)

    # -- who there is

    def list(self) -> list[Person]:
        """Everybody, by name. PeopleTampered."""
        return [_person(account) for account in self._store.accounts()]

    def is_set_up(self) -> bool:
        """Whether there is a root account."""
        return self._store.find(ROOT) is not None

    def is_evaluation(self) -> bool:
        """Whether this system was set up for evaluation, which it then is for ever."""
        return self._store.find(DEMO) is not None

    # -- changes; who may make them is the table's

    def set_up(self, password: str, now_ms: int, evaluation: bool = False) -> None:
        """Make root, and for an evaluation the demo account. Once."""
        check_password(password, ROOT)
        made = [self._new(ROOT, "root", password, now_ms)]
        if evaluation:
            made.append(self._new(DEMO, "demo", DEMO_PASSWORD, now_ms))
        with self._store.change():
            if self._store.accounts():
                raise AccountsError("this system has its root account already: log in with it")
            for account in made:
                self._store.put(account)

    def add(self, name: str, role: Role, password: str, now_ms: int) -> Person:
        """A new account."""
        name = account_name(name)
        _require_given(role)
        check_password(password, name)
        account = self._new(name, role, password, now_ms)
        with self._store.change():
            accounts = {each.name for each in self._store.accounts()}
            if not accounts:
                raise AccountsError("there is no root account yet: set the system up first")
            if name in accounts or name in (ROOT, DEMO):
                raise AccountsError(f"account {name} exists already or is kept for the system: choose another name")
            if len(accounts) >= ACCOUNTS_MAX:
                raise AccountsError(f"{ACCOUNTS_MAX} accounts exist: remove one that is not used")
            self._store.put(account)
        return _person(account)

    def remove(self, name: str) -> None:
        """Take an account away, with its sessions."""
        with self._store.change():
            account = self._changeable(name, "removed")
            self._store.remove(account.name)

    def set_role(self, name: str, role: Role, now_ms: int) -> None:
        """Make somebody something else; they have to log in again."""
        _require_given(role)
        with self._store.change():
            account = self._changeable(name, "made something else")
            self._renew(replace(account, role=role), now_ms)

    def set_password(self, name: str, password: str, now_ms: int) -> None:
        """Give somebody else a new password. Root's changes by ``change_password`` alone."""
        if account_name(name) == ROOT:
            raise AccountsError("root's password changes only for somebody who knows it: give the current one too")
        check_password(password, account_name(name))
        phc = self._passwords.hash(password)
        with self._store.change():
            account = self._changeable(name, "given another password")
            self._renew(replace(account, password=phc), now_ms)
            self._throttle.clear(account.name)

    def change_password(self, name: str, current: str, password: str, address: str, now_ms: int) -> None:
        """A new password for somebody who knows the current one; throttled as a login is. Ends all their sessions."""
        name = account_name(name)
        if name == DEMO:
            raise AccountsError("the demo account cannot be given another password: it comes with evaluation mode")
        check_password(password, name)
        account = self._check("change_password", name, current, address, now_ms)
        if current == password:
            raise AccountsError("that is the current password: choose another")
        phc = self._passwords.hash(password)
        with self._store.change():
            self._require_same(account)
            self._renew(replace(account, password=phc), now_ms)
            self._throttle.succeed(name, address, now_ms)

    def log_out_everywhere(self, name: str, now_ms: int) -> None:
        """End all sessions of an account."""
        with self._store.change():
            self._renew(self._known(name), now_ms)

    def unlock(self, name: str) -> None:
        """Forget wrong tries against an account."""
        self._throttle.clear(self._known(name).name)

    # -- coming in

    def login(self, name: str, password: str, address: str, now_ms: int, old_cookie: str = "") -> str:
        """Answers the cookie of a new session. LoginRefused, LoginThrottled, PeopleTampered.

        ``old_cookie``: what came with the request; that session ends. An unknown name costs what a known one does.
        """
        account = self._check("login", name, password, address, now_ms)
        fresh = self._passwords.hash(password) if self._passwords.is_outdated(account.password) else account.password
        with self._store.change():
            self._require_same(account)
            account = replace(account, password=fresh)
            self._store.put(account)
            self._throttle.succeed(account.name, address, now_ms)
            cookie = self.sessions.begin(account, address, now_ms, old_cookie)
            self.audit.append("login", Actor(account.name, account.role, address), "done", now_ms)
        return cookie

    def logout(self, cookie: str, address: str, now_ms: int) -> None:
        """End the session of a cookie."""
        session = self.sessions.find(cookie, now_ms)
        self.sessions.end(cookie)
        self.audit.append("logout", actor_of(session, address), "done", now_ms)

    def _check(self, action: str, name: str, password: str, address: str, now_ms: int) -> Account:
        """The account whose password this is. Counted by the throttle before it is looked at."""
        try:
            known_as = account_name(name)
        except AccountsError:
            known_as = "(no name)"
        self._throttle.enter(known_as, address, now_ms)
        account = self._store.find(known_as)
        if not self._passwords.matches(password, account.password if account else None) or account is None:
            # A name that nobody has is not written down: it may be a password in the wrong field.
            stranger = Stranger(account.name if account else "(unknown)", address)
            self.audit.append(action, stranger, "refused", now_ms)
            raise LoginRefused
        return account

    # -- helpers

    def _new(self, name: str, role: Role, password: str, now_ms: int) -> Account:
        return Account(name, role, self._passwords.hash(password), now_ms, now_ms, now_ms)

    def _known(self, name: str) -> Account:
        account = self._store.find(account_name(name))
        if account is None:
            raise AccountsError(f"there is no account {account_name(name)}: see the list of accounts")
        return account

    def _changeable(self, name: str, what: str) -> Account:
        account = self._known(name)
        if account.role in ("root", "demo"):
            raise AccountsError(f"the {account.name} account cannot be {what}: it comes with the system")
        return account

    def _renew(self, account: Account, now_ms: int) -> None:
        self._store.put(replace(account, epoch=account.epoch + 1, changed_unix_ms=now_ms))
        self.sessions.end_all(account.name)

    def _require_same(self, account: Account) -> None:
        """What was true while the password was being checked, which takes a while, still is."""
        if self._store.find(account.name) != account:
            raise LoginRefused


def actor_of(session: Session, address: str) -> Actor:
    """Who acts in a session, from where they act now."""
    return Actor(session.account.name, session.account.role, address)


def _person(account: Account) -> Person:
    return Person(account.name, account.role, account.made_unix_ms, account.changed_unix_ms)


def _require_given(role: Role) -> None:
    if role not in GIVEN:
        raise AccountsError(f"nobody can be made {role[:40]}: choose one of {', '.join(GIVEN)}")
