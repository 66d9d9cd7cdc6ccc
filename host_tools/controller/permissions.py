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
    ("live", "RALVD", READS, "see what is going on now"),
    ("restart_controller", "RA", ACTS, "start the controller anew"),
    # -- docks, bays, lamps
    ("check_contacts", "RAL", ACTS, "measure the contacts of a bay now"),
    ("contact_history", "RAL", READS, "see what was measured at dockings"),
    ("set_bay_power", "RAL", ACTS, "switch the supply of a bay"),
    ("power_cycle_bay", "RAL", ACTS, "take a bay's power away for a moment"),
    ("suspend_smart_charge", "RAL", ACTS, "have all cameras charged to full for a while"),
    ("camera_charges", "RALVD", READS, "see how a camera's battery did"),
    ("indicate_camera", "RAL", ACTS, "let a docked camera show itself by its lamps"),
    # -- recordings
    ("list_recordings", "RALVD", READS, "see recordings, and where each one is"),
    ("prioritise_wearer", "RAL", ACTS, "let a wearer's recordings be offloaded first, for a day"),
    ("priorities", "RALV", READS, "see whose recordings are offloaded first"),
    ("retry_delivery", "RA", ACTS, "take up recordings again that could not be delivered"),
    ("recording_description", "RALV", READS, "see a recording's category and note"),
    ("describe_recording", "RAL", ACTS, "give a recording its category and note"),
    ("bookmark_recording", "RAL", ACTS, "mark a moment of a recording"),
    ("locate_recording", "RAL", ACTS, "say where a recording was made"),
    ("rejected_recordings", "RALV", READS, "see what the destination has refused"),
    ("send_rejected_recording", "RA", ACTS, "send a refused recording to rejected storage"),
    ("archive_drives", "RA", READS, "see the drives that refused recordings can be taken away on"),
    ("archive_rejected_recording", "RA", ACTS, "take a refused recording away on a drive"),
    ("confirm_rejected_recording", "RA", ACTS, "let a refused recording go that is safe elsewhere"),
    ("connect_destination", "RA", ACTS, "give the system another connection file"),
    ("preview_departure", "RA", READS, "see what keeps the system from leaving its destination"),
    ("forget_destination", "RA", ACTS, "leave the destination for another"),
    # -- cameras
    ("add_camera", "RAL", ACTS, "add a camera to the system"),
    ("remove_camera", "RALD", ACTS, "remove a camera once it is drained"),
    ("force_remove_cameras", "RA", ACTS, "take cameras off that cannot be drained"),
    ("allow_cameras_back", "RA", ACTS, "bring cameras back from safe mode"),
    ("safe_mode", "RALV", READS, "see how cameras leave safe mode"),
    ("allow_back_always", "RA", ACTS, "let cameras leave safe mode by themselves"),
    ("ask_before_back", "RA", ACTS, "let no camera leave safe mode by itself"),
    ("rotate_sealing_key", "RA", ACTS, "have recordings sealed to a new key"),
    ("rotate_issuing_key", "RA", ACTS, "have certificates issued by a new key"),
    ("confirm_clock", "RA", ACTS, "say that the controller's clock is right"),
    ("make_restore_key", "RA", ACTS, "put a restore key away"),
    ("trust_maker", "RA", ACTS, "let cameras of a maker be added"),
    ("list_alerts", "RALVD", READS, "see what is wrong, and what was"),
    # -- wearers
    ("list_wearers", "RALV", READS, "see the wearers"),
    ("get_wearer", "RALV", READS, "see a wearer"),
    ("add_wearer", "RAL", ACTS, "add a wearer"),
    ("change_wearer", "RAL", ACTS, "change a wearer"),
    ("remove_wearer", "RAL", ACTS, "remove a wearer"),
    ("pair_tag", "RAL", ACTS, "give a wearer an RFID tag"),
    ("unpair_tag", "RAL", ACTS, "take an RFID tag from a wearer"),
    ("list_assignments", "RALV", READS, "see which camera is always whose"),
    ("tap_badge", "RAL", ACTS, "have a camera offered as if a badge had been shown"),
    ("read_badge", "RAL", READS, "have a badge read at a reader of the controller"),
    ("judge_badge", "RAL", READS, "have a badge judged that was read at one's own computer"),
    ("end_holding", "RAL", ACTS, "note that a camera somebody has taken is nobody's any more"),
    ("assign_camera", "RAL", ACTS, "make a camera always somebody's"),
    ("unassign_camera", "RAL", ACTS, "make a camera nobody's"),
    ("preview_wearer_import", "RAL", READS, "see what importing a list of wearers would do"),
    ("import_wearers", "RAL", ACTS, "import a list of wearers"),
    ("export_wearers", "RAL", ACTS, "take a list of all wearers away"),
    ("wearer_template", "RALV", READS, "see what a list of wearers looks like"),
    # -- profiles and other system data
    ("setting_catalogue", "RALVD", READS, "see what a camera profile can hold"),
    ("list_profiles", "RALV", READS, "see the camera profiles"),
    ("get_profile", "RALV", READS, "see a camera profile"),
    ("put_profile", "RA", ACTS, "make or change a camera profile"),
    ("remove_profile", "RA", ACTS, "remove a camera profile"),
    ("list_camera_entries", "RALVD", READS, "see what cameras are called"),
    ("change_camera", "RAL", ACTS, "give a camera a name or tags"),
    ("list_categories", "RALV", READS, "see what recordings can be filed under"),
    ("put_category", "RA", ACTS, "make or change a category"),
    ("remove_category", "RA", ACTS, "remove a category"),
    ("get_settings", "RALV", READS, "see the system's settings"),
    ("change_settings", "RA", ACTS, "change the system's settings"),
    # -- telling
    ("notification_state", "RAL", READS, "see whether mail and telemetry go out"),
    ("send_test_mail", "RA", ACTS, "have a test mail sent"),
    # -- the manager's own certificate
    ("list_certificates", "RA", READS, "see the manager's certificates"),
    ("make_certificate", "RA", ACTS, "make a self-signed certificate for the manager"),
    ("request_certificate", "RA", ACTS, "have a certificate of the manager signed elsewhere"),
    ("install_certificate", "RA", ACTS, "install a certificate that was signed for the manager"),
    ("activate_certificate", "RA", ACTS, "choose the certificate that browsers see"),
    ("remove_certificate", "RA", ACTS, "take a certificate of the manager out"),
    ("get_network_login", "RA", READS, "see how the machine logs in to its network"),
    ("change_network_login", "RA", ACTS, "change how the machine is to log in to its network"),
    ("report", "RAL", ACTS, "take a report away"),
    ("make_system_report", "RAL", ACTS, "make a system report"),
    ("list_system_reports", "RAL", READS, "see which system reports there are"),
    ("read_system_report", "RAL", READS, "take a system report away"),
    ("preview_reset", "RA", READS, "see what keeps the system from being reset"),
    ("reset_system", "RA", ACTS, "reset the system"),
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
    ("audit_head", "RA", READS, "see where the audit trail ends"),
    ("search_audit", "RA", READS, "look through the audit trail"),
    ("export_audit", "RA", ACTS, "take the audit trail away"),
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
