"""Who may speak to the API: the controllers' account, and the tokens it was given.

Law: tokens live in memory, for a quarter of an hour; a restart ends them all, and a controller then authenticates
again. Only their digests are kept. Time and randomness are arguments.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable

TOKEN_LIFE_MS = 15 * 60_000  # as the public example has it
TOKENS_MAX = 10_000  # a controller that authenticates for each request does not fill memory


class Tokens:
    """``new_token``: random text that nobody can guess; ``now_ms``: of a clock that only goes forward."""

    def __init__(self, account: str, key: str, now_ms: Callable[[], int], new_token: Callable[[], str]) -> None:
        self._account = account.encode()
        self._key = key.encode()
        self._now_ms = now_ms
        self._new_token = new_token
        self._ends_ms: OrderedDict[bytes, int] = OrderedDict()

    def issue(self, account: str, key: str) -> str | None:
        """A token; None if these are not the account's."""
        knows_account = hmac.compare_digest(account.encode(errors="replace"), self._account)
        knows_key = hmac.compare_digest(key.encode(errors="replace"), self._key)
        if not (knows_account and knows_key):
            return None
        token = self._new_token()
        self._ends_ms[_digest(token)] = self._now_ms() + TOKEN_LIFE_MS
        while len(self._ends_ms) > TOKENS_MAX:
            self._ends_ms.popitem(last=False)
        return token

    def holds(self, token: str) -> bool:
        """Whether a token was given and has not run out."""
        digest = _digest(token)
        ends_ms = self._ends_ms.get(digest)
        if ends_ms is not None and ends_ms <= self._now_ms():
            del self._ends_ms[digest]
            return False
        return ends_ms is not None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
