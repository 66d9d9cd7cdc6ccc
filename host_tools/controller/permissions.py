"""Who may do what: one row a command, one column a role. Plain data, read by ``commands`` and by the documentation.

A row has the name of its command: the method of that name in a ``CommandGroup``. A command without a row cannot even be
imported; a row without a command fails ``tests/unit/controller/test_permissions.py``.

Roles are written as letters, in the order of this line: **R**oot, **A**dministrator, **L**ocal administrator,
**V**iewer, **D**emo (the evaluation account). ``READS`` leave no trace; ``ACTS`` are in the audit trail, before they
are done and with what became of them, and when they were refused.

Demo has what CTRL-02 gives it and no more: looking, backing up, restoring, removing hardware, retrieving recordings.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from host_tools.accounts.roles import Role

Kind = Literal["reads", "acts"]
READS: Final = "reads"
ACTS: Final = "acts"

LETTERS: dict[str, Role] = {
    "R": "root",
    "A": "administrator",
    "L": "local_administrator",
    "V": "viewer",
    "D": "demo",
}

_ROWS: tuple[tuple[str, str, Kind, str], ...] = (
    # command, who, kind, what it means for people
    # -- looking
    ("status", "RALVD", READS, "see docks, bays, cameras, recordings, storage and problems"),
    ("events", "RALVD", READS, "follow what happens while it happens"),
    # -- docks, bays, lamps
    ("check_contacts", "RAL", ACTS, "measure the contacts of a bay now"),
    ("set_bay_power", "RAL", ACTS, "switch the supply of a bay"),
    ("indicate_camera", "RAL", ACTS, "let a docked camera show itself by its lamps"),
    # -- recordings
    ("prioritise_wearer", "RAL", ACTS, "let a wearer's recordings be offloaded first, for a day"),
    ("retry_delivery", "RA", ACTS, "take up recordings again that could not be delivered"),
    # -- cameras
    ("add_camera", "RAL", ACTS, "add a camera to the system"),
    ("remove_camera", "RALD", ACTS, "remove a camera once it is drained"),
    ("force_remove_cameras", "RA", ACTS, "take cameras off that cannot be drained"),
    ("allow_cameras_back", "RA", ACTS, "bring cameras back from safe mode"),
    ("allow_back_always", "RA", ACTS, "let cameras leave safe mode by themselves"),
    ("ask_before_back", "RA", ACTS, "let no camera leave safe mode by itself"),
    ("rotate_sealing_key", "RA", ACTS, "have recordings sealed to a new key"),
    ("rotate_issuing_key", "RA", ACTS, "have certificates issued by a new key"),
    ("confirm_clock", "RA", ACTS, "say that the controller's clock is right"),
    ("make_restore_key", "RA", ACTS, "put a restore key away"),
    ("trust_maker", "RA", ACTS, "let cameras of a maker be added"),
    # -- people
    ("list_accounts", "RA", READS, "see who has an account, and as what"),
    ("set_up_accounts", "RA", ACTS, "make the root account of a new system"),
    ("add_account", "RA", ACTS, "give somebody an account"),
    ("remove_account", "RA", ACTS, "take an account away"),
    ("set_account_role", "RA", ACTS, "make an account something else"),
    ("set_account_password", "RA", ACTS, "give an account another password"),
    ("log_out_account", "RA", ACTS, "end all sessions of an account"),
    ("unlock_account", "RA", ACTS, "forget wrong passwords that were tried on an account"),
    ("change_own_password", "RALV", ACTS, "change one's own password"),
    ("log_out_everywhere", "RALVD", ACTS, "end all of one's own sessions"),
    ("audit", "RA", READS, "read the audit trail"),
)


class Row(NamedTuple):
    """One line of the table."""

    command: str
    roles: frozenset[Role]
    kind: Kind
    meaning: str


class NoSuchCommand(Exception):
    """The table has no row of that name."""


TABLE: dict[str, Row] = {
    command: Row(command, frozenset(LETTERS[letter] for letter in who), kind, meaning)
    for command, who, kind, meaning in _ROWS
}


def row_of(command: str) -> Row:
    """The row of a command. NoSuchCommand tells a developer what is missing."""
    row = TABLE.get(command)
    if row is None:
        raise NoSuchCommand(f"{command}: no row in host_tools/controller/permissions.py says who may do this; add one")
    return row
