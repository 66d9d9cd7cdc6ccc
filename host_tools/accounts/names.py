"""Names of accounts: lower case, letters, digits and single separators. So a name is never a path, an option, a formula
in a spreadsheet, or one of two that look alike.
"""

from __future__ import annotations

import re

from host_tools.accounts.errors import AccountsError

NAME_CHARACTERS_MAX = 40  # an e-mail address as long as most fit
ROOT = "root"
DEMO = "demo"

_NAME = re.compile(r"[a-z0-9]+(?:[._@-][a-z0-9]+)*")


def account_name(text: str) -> str:
    """The name as it is kept. AccountsError unless it may be one."""
    name = text.lower() if text.isascii() else text
    if len(name) > NAME_CHARACTERS_MAX or not _NAME.fullmatch(name):
        raise AccountsError(
            f"an account's name is 1 to {NAME_CHARACTERS_MAX} of a-z and 0-9, single . _ @ - between: choose another"
        )
    return name
