"""Sessions: who is logged in, from a cookie.

Law: a cookie says nothing but a signed, random name; who that is, and until when, is in the database. Signing is
``itsdangerous`` (HMAC-SHA-256): a forged cookie never reaches the database, and an edited session row does not fit the
account and moment that were signed. A session gets its name at login and never before, so there is none to fixate. It
ends when it is idle, when it is old, at logout, and when its account's epoch moves on (password, role, log out
everywhere). The token against cross-site requests is another signature over the same name: it needs no row, and dies
with the session.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from itsdangerous import BadData, Signer, URLSafeSerializer

from firmware.ports.entropy import Entropy
from host_tools.accounts.errors import SessionRefused
from host_tools.accounts.roles import Role
from host_tools.accounts.secret import PeopleSecret
from host_tools.accounts.store import Account, Store

ID_BYTES = 32  # 256 bits; ASVS 4.0.3, 3.2.2 asks for 64
COOKIE_CHARACTERS_MAX = 512  # ours have some 200; a longer one is not looked at
SEEN_EVERY_MS = 60_000  # a session in use is written down this often, not at each request
SESSIONS_MAX = 50  # of one account; the one that was idle longest gives way

# How the cookie is to be set. ``__Host-`` binds it to this host, to HTTPS and to the whole site (RFC 6265bis, 4.1.3.2).
COOKIE_NAME = "__Host-openbwc"
COOKIE_ATTRIBUTES = {"path": "/", "secure": True, "httponly": True, "samesite": "strict"}
CSRF_HEADER = "X-OpenBWC-CSRF"

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a session ends by itself: after so long without a request, and after so long in any case."""

    idle_ms: int
    whole_ms: int


# NIST SP 800-63B-4, 2.2.3: 1 h and 24 h at AAL2; ASVS 4.0.3, 3.3.2: 30 minutes and 12 hours at level 2. A viewer, who
# can change nothing, is a screen on a wall: AAL1's 30 days, and a day without a request means that it was taken down.
_AT_WORK = Lifetime(30 * MINUTE_MS, 12 * HOUR_MS)
LIFETIMES: dict[Role, Lifetime] = {
    "root": _AT_WORK,
    "administrator": _AT_WORK,
    "local_administrator": _AT_WORK,
    "viewer": Lifetime(DAY_MS, 30 * DAY_MS),
    "demo": _AT_WORK,
}


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds. ``id`` names it in the database; its cookie cannot be made from it."""

    id: bytes
    account: Account
    address: str
    made_unix_ms: int
    seen_unix_ms: int


class Sessions:
    """Begins, finds and ends sessions."""

    def __init__(self, store: Store, secret: PeopleSecret, entropy: Entropy) -> None:
        self._store = store
        self._database = store.database
        self._entropy = entropy
        self._cookies = URLSafeSerializer(
            secret.cookie_key,
            salt="openbwc-session-1",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        self._csrf = Signer(
            secret.cookie_key, salt="openbwc-csrf-1", key_derivation="hmac", digest_method=hashlib.sha256
        )

    def begin(self, account: Account, address: str, now_ms: int, old_cookie: str = "") -> str:
        """A new session under a new name; the one that came with the request, if any, ends. Answers the cookie."""
        name = self._entropy.random_bytes(ID_BYTES).hex()
        with self._database.transaction():
            self.end(old_cookie)
            self._database.run(
                "INSERT INTO sessions (id, account, address, made_unix_ms, seen_unix_ms) VALUES (?, ?, ?, ?, ?)",
                (_id(name), account.name, address, now_ms, now_ms),
            )
            self._tidy(account, now_ms)
        return str(self._cookies.dumps([name, account.name, account.epoch, now_ms]))

    def find(self, cookie: str, now_ms: int, touch: bool = True) -> Session:
        """The session of a cookie. SessionRefused if there is none (any more); PeopleTampered. Without ``touch`` this
        was no use of it: it grows idle all the same."""
        name, account_name, epoch, made_ms = self._read(cookie)
        with self._database.transaction():
            account = self._store.find(account_name)
            row = self._database.row(
                "SELECT address, seen_unix_ms FROM sessions WHERE id = ? AND account = ? AND made_unix_ms = ?",
                (_id(name), account_name, made_ms),
            )
            if account is None or row is None or account.epoch != epoch:
                raise SessionRefused
            seen_ms = int(row[1])
            lifetime = LIFETIMES[account.role]
            # A clock that was set back by more than a request's age makes sessions old, not young.
            if not (seen_ms - SEEN_EVERY_MS <= now_ms < min(made_ms + lifetime.whole_ms, seen_ms + lifetime.idle_ms)):
                self._remove(_id(name))
                ended = True
            else:
                ended = False
                if touch and now_ms - seen_ms >= SEEN_EVERY_MS:
                    self._database.run("UPDATE sessions SET seen_unix_ms = ? WHERE id = ?", (now_ms, _id(name)))
                    seen_ms = now_ms
        if ended:
            raise SessionRefused
        return Session(_id(name), account, str(row[0]), made_ms, seen_ms)

    def end(self, cookie: str) -> None:
        """Log out. A cookie that is none is none."""
        try:
            name, *_ = self._read(cookie)
        except SessionRefused:
            return
        self._remove(_id(name))

    def end_all(self, account: str) -> None:
        """Take away every session of an account. Its epoch must move on too; see ``people``."""
        self._database.run("DELETE FROM sessions WHERE account = ?", (account,))

    def csrf_token(self, session: Session) -> str:
        """What a page of this session sends along with whatever changes something."""
        return self._csrf.get_signature(session.id.hex()).decode()

    def check_csrf(self, session: Session, token: str) -> None:
        """SessionRefused unless it is this session's own token."""
        if len(token) > COOKIE_CHARACTERS_MAX or not self._csrf.verify_signature(session.id.hex(), _ascii(token)):
            raise SessionRefused

    def _read(self, cookie: str) -> tuple[str, str, int, int]:
        if not cookie or len(cookie) > COOKIE_CHARACTERS_MAX:
            raise SessionRefused
        try:
            values = self._cookies.loads(_ascii(cookie))
            name, account, epoch, made_ms = values
        except (BadData, ValueError, TypeError):
            raise SessionRefused from None
        if self._cookies.dumps(values) != cookie:  # base64 has spare bits: of many spellings only ours counts
            raise SessionRefused
        return str(name), str(account), int(epoch), int(made_ms)

    def _remove(self, session_id: bytes) -> None:
        self._database.run("DELETE FROM sessions WHERE id = ?", (session_id,))

    def _tidy(self, account: Account, now_ms: int) -> None:
        """Rows whose time is over, and those beyond what one account may have."""
        longest_ms = max(lifetime.whole_ms for lifetime in LIFETIMES.values())
        self._database.run("DELETE FROM sessions WHERE made_unix_ms < ?", (now_ms - longest_ms,))
        self._database.run(
            "DELETE FROM sessions WHERE account = ?1 AND id NOT IN (SELECT id FROM sessions WHERE account = ?1 "
            f"ORDER BY seen_unix_ms DESC, made_unix_ms DESC, rowid DESC LIMIT {SESSIONS_MAX})",
            (account.name,),
        )


def _id(name: str) -> bytes:
    """What the database knows of a session's name: who reads the database has no cookie."""
    return hashlib.sha256(name.encode()).digest()


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")
