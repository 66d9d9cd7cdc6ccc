"""What can go wrong with people. Every text is one line that names the thing and the remedy, and never a password."""


class AccountsError(Exception):
    """Anything that people asked for and that is not done."""


class LoginRefused(AccountsError):
    """Name or password is wrong. Which of the two is not told, nor whether the account exists."""

    def __init__(self) -> None:
        super().__init__("name or password is wrong: try again")


class LoginThrottled(AccountsError):
    """Too many wrong passwords. ``wait_ms``: until the next try counts."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__(f"too many tries: wait {-(-wait_ms // 1000)} s")
        self.wait_ms = wait_ms


class SessionRefused(AccountsError):
    """No session goes with this cookie (any more)."""

    def __init__(self) -> None:
        super().__init__("the session has ended: log in again")


class PasswordUnfit(AccountsError):
    """This password may not be chosen; the text says why."""


class PeopleTampered(AccountsError):
    """The database does not fit its seal: something else than this software has written to it."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path}: accounts or audit trail were changed from outside; nobody is let in before a backup of the "
            "folder is put back"
        )
