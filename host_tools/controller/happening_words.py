"""What happens in a controller, as a sentence of its log.

Law: one table, by the word of the happening; a word that is not in it, or whose values are not those of its sentence,
is told as word and values. Values of boards are printable already, or made so here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from host_tools.hardware.said import printable

SENTENCES: Final[dict[str, str]] = {
    "added": "{camera} is a member now",
    "alert_cleared": "over: {details}",
    "alert_raised": "alert: {details}",
    "allowed_back": "{camera} is allowed back",
    "bay": "{dock} bay {bay} is {state}",
    "bay_mismatch": "{text}",
    "brought_back": "{camera} was brought back",
    "camera_idle": "{camera} waits; recordings on it: {recordings}",
    "camera_ready": "{camera} answers",
    "changed": "{kind} {key} was changed by {by}",
    "checked": "{camera} in {dock} bay {bay}: contacts {verdict}",
    "chunk_rejected": "recording {recording}: chunk {chunk} is damaged and comes again",
    "contact_alert": "{text}",
    "contact_alert_over": "{device}: {kind} is over",
    "contacts": "{dock} bay {bay}: contacts {verdict}",
    "contacts_unknown": "{dock} bay {bay}: contacts not measured: {text}",
    "custody_fault": "{text}",
    "damaged": "recording {recording}: {text}",
    "delivered": "recording {recording} of {camera} is delivered as {container}",
    "delivered_again": "recording {recording} is delivered again as {container}",
    "delivery_started": "recording {recording} goes to the destination as {container}",
    "derated": "{camera} may take {allowed_ua} uA: {text}",
    "destination": "the destination: {text}",
    "dock_offline": "{dock} is gone",
    "dock_online": "{dock} is there, at {url}",
    "docked": "{camera} is docked, {dock} bay {bay}",
    "erased": "recording {recording} is erased on {camera}",
    "force_removed": "{camera} was taken off",
    "held": "recording {recording} is held",
    "lamp_refused": "{dock} bay {bay} refuses a lamp: {text}",
    "left_unseen": "{text}",
    "link_lost": "{url}: {text}",
    "lost": "recording {recording}: {text}",
    "may_hold": "{text}",
    "not_derated": "{camera} was not told how much it may take: {text}",
    "not_configured": "{text}",
    "not_renewed": "{camera}: its certificate is not renewed: {text}",
    "problem": "{url}: {text}",
    "removal_asked": "{camera} is removed as soon as it is drained",
    "removal_withdrawn": "{camera} stays",
    "removed": "{camera} is removed",
    "offer_ended": "{text}",
    "offered": "{text}",
    "offload_started": "recording {recording} comes from {camera}",
    "offloaded": "recording {recording} has come from {camera}",
    "set_aside": "recording {recording} is set aside: {text}",
    "slow_link": "{text}",
    "spool_full": "{text}",
    "stays_in_safe_mode": "{camera} stays in safe mode: {text}",
    "still_docked": "{camera} is still docked, {dock} bay {bay}",
    "stranger": "{text}",
    "taken": "{text}",
    "tap": "{reader}: badge {tag}: {text}",
    "trouble": "recording {recording}: {text}",
    "undocked": "{camera} is taken out",
    "usage_not_read": "{camera}: its usage was not read: {text}",
    "usage_read": "{camera}: {lines} lines of usage are read",
    "usb_fault": "USB {location}: {text}",
    "wrong_camera": "{text}",
}


def sentence(what: str, details: Mapping[str, Any]) -> str:
    """One line."""
    words = SENTENCES.get(what)
    if words is not None:
        try:
            return printable(words.format_map({**details, "kind": str(details.get("kind", "")).replace("_", " ")}))
        except KeyError:
            pass  # one that is told with fewer values than mostly
    if what == "reader":
        return printable(
            ": ".join(filter(None, (f"reader {details.get('url', '')}", details.get("state"), details.get("text"))))
        )
    rest = " ".join(f"{key}={value}" for key, value in details.items() if value not in ("", None))
    return printable(f"{what.replace('_', ' ')} {rest}".rstrip())
