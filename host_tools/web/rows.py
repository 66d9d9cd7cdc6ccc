"""Which command is which request: one row each. Plain data, read by ``api`` and by the documentation.

Law: a row adds nothing: arguments, answers and rights are the command's. Names in braces are arguments of the command;
the others are in the query (GET, DELETE) or in a JSON body. A command without a row is published as ``POST
/commands/NAME`` all the same, so that none is forgotten. Of two rows that fit one address the first counts.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

PREFIX: Final = "/api/v1"
VERSION_ARGUMENT: Final = "version"  # is in If-Match, or If-None-Match, of whatever is not only read
IN_THE_ADDRESS: Final = ("GET", "DELETE")  # their further arguments are in the query
NOT_PUBLISHED: Final = frozenset({"events"})  # asked by the event stream itself


class ApiRow(NamedTuple):
    """One request. ``tag``: the chapter of the documentation."""

    method: Method
    path: str
    command: str
    tag: str

    @property
    def in_path(self) -> list[str]:
        """Arguments that are parts of the path."""
        return _ARGUMENT.findall(self.path)


_ARGUMENT = re.compile(r"\{(\w+)(?::path)?\}")

ROWS: tuple[ApiRow, ...] = (
    ApiRow("GET", "/status", "status", "looking"),
    ApiRow("GET", "/live", "live", "looking"),
    ApiRow("POST", "/controller/restarts", "restart_controller", "settings"),
    ApiRow("POST", "/docks/{dock}/bays/{bay}/contact-checks", "check_contacts", "docks"),
    ApiRow("GET", "/contact-history", "contact_history", "docks"),
    ApiRow("POST", "/docks/{dock}/bays/{bay}/power-cycles", "power_cycle_bay", "docks"),
    ApiRow("PUT", "/docks/{dock}/bays/{bay}/power", "set_bay_power", "docks"),
    ApiRow("POST", "/cameras/{serial}/indications", "indicate_camera", "cameras"),
    ApiRow("POST", "/cameras/{serial}/membership", "add_camera", "cameras"),
    ApiRow("DELETE", "/cameras/{serial}/membership", "remove_camera", "cameras"),
    ApiRow("POST", "/cameras/force-removals", "force_remove_cameras", "cameras"),
    ApiRow("POST", "/cameras/returns", "allow_cameras_back", "cameras"),
    ApiRow("GET", "/safe-mode", "safe_mode", "safe mode"),
    ApiRow("PUT", "/safe-mode/automatic-return", "allow_back_always", "safe mode"),
    ApiRow("DELETE", "/safe-mode/automatic-return", "ask_before_back", "safe mode"),
    ApiRow("GET", "/alerts", "list_alerts", "looking"),
    ApiRow("GET", "/cameras/{serial}/charges", "camera_charges", "cameras"),
    ApiRow("GET", "/camera-entries", "list_camera_entries", "cameras"),
    ApiRow("PATCH", "/camera-entries/{serial}", "change_camera", "cameras"),
    ApiRow("GET", "/wearers", "list_wearers", "wearers"),
    ApiRow("POST", "/wearers", "add_wearer", "wearers"),
    ApiRow("GET", "/priorities", "priorities", "wearers"),
    ApiRow("PUT", "/wearers/{wearer:path}/priority", "prioritise_wearer", "wearers"),
    ApiRow("PUT", "/wearers/{wearer:path}/tags/{tag}", "pair_tag", "wearers"),
    ApiRow("DELETE", "/wearers/{wearer:path}/tags/{tag}", "unpair_tag", "wearers"),
    ApiRow("POST", "/wearers/imports/previews", "preview_wearer_import", "wearers"),
    ApiRow("POST", "/wearers/imports", "import_wearers", "wearers"),
    ApiRow("POST", "/badge-readings", "read_badge", "wearers"),
    ApiRow("POST", "/badge-judgements", "judge_badge", "wearers"),
    ApiRow("GET", "/wearers/{id:path}", "get_wearer", "wearers"),
    ApiRow("PATCH", "/wearers/{id:path}", "change_wearer", "wearers"),
    ApiRow("DELETE", "/wearers/{id:path}", "remove_wearer", "wearers"),
    ApiRow("GET", "/wearer-exports", "export_wearers", "wearers"),
    ApiRow("GET", "/wearer-template", "wearer_template", "wearers"),
    ApiRow("GET", "/assignments", "list_assignments", "wearers"),
    ApiRow("PUT", "/assignments/{camera}", "assign_camera", "wearers"),
    ApiRow("DELETE", "/assignments/{camera}", "unassign_camera", "wearers"),
    ApiRow("GET", "/setting-catalogue", "setting_catalogue", "profiles"),
    ApiRow("GET", "/profiles", "list_profiles", "profiles"),
    ApiRow("GET", "/profiles/{name:path}", "get_profile", "profiles"),
    ApiRow("PUT", "/profiles/{name:path}", "put_profile", "profiles"),
    ApiRow("DELETE", "/profiles/{name:path}", "remove_profile", "profiles"),
    ApiRow("GET", "/categories", "list_categories", "recordings"),
    ApiRow("PUT", "/categories/{name:path}", "put_category", "recordings"),
    ApiRow("DELETE", "/categories/{name:path}", "remove_category", "recordings"),
    ApiRow("GET", "/settings", "get_settings", "settings"),
    ApiRow("PATCH", "/settings", "change_settings", "settings"),
    ApiRow("GET", "/notifications", "notification_state", "settings"),
    ApiRow("POST", "/notifications/test-mails", "send_test_mail", "settings"),
    ApiRow("GET", "/reports/{name}", "report", "reports"),
    ApiRow("GET", "/system-reports", "list_system_reports", "reports"),
    ApiRow("POST", "/system-reports", "make_system_report", "reports"),
    ApiRow("GET", "/system-reports/{name}", "read_system_report", "reports"),
    ApiRow("GET", "/system-reset", "preview_reset", "settings"),
    ApiRow("POST", "/system-reset", "reset_system", "settings"),
    ApiRow("POST", "/deliveries/retries", "retry_delivery", "recordings"),
    ApiRow("GET", "/recordings", "list_recordings", "recordings"),
    ApiRow("GET", "/recordings/{recording}/description", "recording_description", "recordings"),
    ApiRow("PUT", "/recordings/{recording}/description", "describe_recording", "recordings"),
    ApiRow("PUT", "/recordings/{recording}/bookmarks/{id}", "bookmark_recording", "recordings"),
    ApiRow("PUT", "/recordings/{recording}/location", "locate_recording", "recordings"),
    ApiRow("GET", "/rejected-recordings", "rejected_recordings", "recordings"),
    ApiRow("POST", "/rejected-recordings/{recording}/deliveries", "send_rejected_recording", "recordings"),
    ApiRow("GET", "/archive-drives", "archive_drives", "recordings"),
    ApiRow("POST", "/rejected-recordings/{recording}/archives", "archive_rejected_recording", "recordings"),
    ApiRow("POST", "/rejected-recordings/{recording}/confirmations", "confirm_rejected_recording", "recordings"),
    ApiRow("PUT", "/destination/connection-file", "connect_destination", "settings"),
    ApiRow("GET", "/destination/departure", "preview_departure", "settings"),
    ApiRow("POST", "/destination/departures", "forget_destination", "settings"),
    ApiRow("GET", "/certificates", "list_certificates", "certificates"),
    ApiRow("POST", "/certificates", "make_certificate", "certificates"),
    ApiRow("POST", "/certificates/requests", "request_certificate", "certificates"),
    ApiRow("PUT", "/certificates/{name}/certificate", "install_certificate", "certificates"),
    ApiRow("POST", "/certificates/{name}/activations", "activate_certificate", "certificates"),
    ApiRow("DELETE", "/certificates/{name}", "remove_certificate", "certificates"),
    ApiRow("GET", "/network-login", "get_network_login", "certificates"),
    ApiRow("PUT", "/network-login", "change_network_login", "certificates"),
    ApiRow("POST", "/trust/sealing-keys", "rotate_sealing_key", "trust"),
    ApiRow("POST", "/trust/issuing-keys", "rotate_issuing_key", "trust"),
    ApiRow("POST", "/trust/clock-confirmations", "confirm_clock", "trust"),
    ApiRow("POST", "/trust/restore-keys", "make_restore_key", "trust"),
    ApiRow("POST", "/trust/makers", "trust_maker", "trust"),
    ApiRow("GET", "/accounts", "list_accounts", "accounts"),
    ApiRow("POST", "/accounts", "add_account", "accounts"),
    ApiRow("POST", "/accounts/set-up", "set_up_accounts", "accounts"),
    ApiRow("DELETE", "/accounts/{name}", "remove_account", "accounts"),
    ApiRow("PUT", "/accounts/{name}/role", "set_account_role", "accounts"),
    ApiRow("PUT", "/accounts/{name}/password", "set_account_password", "accounts"),
    ApiRow("DELETE", "/accounts/{name}/sessions", "log_out_account", "accounts"),
    ApiRow("DELETE", "/accounts/{name}/tries", "unlock_account", "accounts"),
    ApiRow("PUT", "/account/password", "change_own_password", "accounts"),
    ApiRow("DELETE", "/account/sessions", "log_out_everywhere", "accounts"),
    ApiRow("GET", "/audit", "audit", "accounts"),
    ApiRow("GET", "/audit-head", "audit_head", "accounts"),
    ApiRow("GET", "/audit-acts", "search_audit", "accounts"),
    ApiRow("POST", "/audit-exports", "export_audit", "accounts"),
)
