"""What each known error is over HTTP: one row a class, the nearest class in its ancestry counts.

Law: the text is the error's own line; here are only the status and a word for programs.
"""

from __future__ import annotations

from typing import Final

from host_tools.accounts.errors import (
    AccountsError,
    LoginRefused,
    LoginThrottled,
    PasswordUnfit,
    PeopleTampered,
    SessionRefused,
)
from host_tools.controller.commands import CommandError, CommandRefused
from host_tools.controller.membership import MembershipError
from host_tools.custody.errors import CustodyError, CustodyRefused
from host_tools.protocol.connection import RequestRefused
from host_tools.system.errors import DomainError, StaleWrite, SystemRefused
from host_tools.transports.errors import LinkLost
from host_tools.trust.errors import TrustError, WrongPassphrase
from host_tools.web_kit.errors import WebError
from host_tools.web_kit.problems import Problem

CAUSES: Final[dict[type[Exception], tuple[int, str]]] = {
    AccountsError: (409, "accounts"),
    CommandError: (409, "refused"),
    CommandRefused: (403, "not-allowed"),
    CustodyError: (503, "custody"),
    CustodyRefused: (409, "custody"),
    DomainError: (503, "system-data"),
    LinkLost: (409, "link-lost"),
    LoginRefused: (403, "wrong-password"),
    LoginThrottled: (429, "too-many-tries"),
    MembershipError: (409, "membership"),
    PasswordUnfit: (422, "password-unfit"),
    PeopleTampered: (503, "people-tampered"),
    RequestRefused: (409, "board-refused"),
    SessionRefused: (401, "session-ended"),
    StaleWrite: (412, "changed-meanwhile"),
    SystemRefused: (409, "refused"),
    TrustError: (409, "trust"),
    WebError: (409, "web"),
    WrongPassphrase: (403, "wrong-passphrase"),
}
EXPECTED: Final = tuple(CAUSES)


def problem_of(error: Exception) -> Problem:
    """A known error as the answer to a request."""
    if isinstance(error.__cause__, StaleWrite):  # a command has put it in its own words
        return _stale(str(error), error.__cause__)
    if isinstance(error, StaleWrite):
        return _stale(str(error), error)
    status, word = next(CAUSES[kind] for kind in type(error).__mro__ if kind in CAUSES)
    if isinstance(error, LoginThrottled):
        wait_s = -(-error.wait_ms // 1000)
        return Problem(status, str(error), word, {"wait_s": wait_s}, {"Retry-After": str(wait_s)})
    return Problem(status, str(error), word)


def _stale(text: str, error: StaleWrite) -> Problem:
    status, word = CAUSES[StaleWrite]
    return Problem(status, text, word, {"changed_by": error.changed_by, "changed_unix_ms": error.changed_unix_ms})
