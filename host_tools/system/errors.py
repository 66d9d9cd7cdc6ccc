"""What can go wrong with system data. Every text is one line that names the thing and the remedy."""


class DomainError(Exception):
    """Anything that is asked of the domain and not done."""


class SystemRefused(DomainError):
    """It does not fit what is there, or is not allowed."""


class StaleWrite(SystemRefused):
    """Somebody else has changed it meanwhile. ``changed_by``, ``changed_unix_ms``: who, and when."""

    def __init__(self, text: str, changed_by: str, changed_unix_ms: int) -> None:
        super().__init__(text)
        self.changed_by = changed_by
        self.changed_unix_ms = changed_unix_ms


class SystemFault(DomainError):
    """The database cannot be read or written."""


class SystemTampered(DomainError):
    """The database does not fit its seal: something else than this software has written to it."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place}: wearers, assignments or settings were changed from outside: put a backup of the folder back, or "
            "look through them and have them believed with bwc system believe"
        )
