"""What a destination says that it can do, and which categories it offers: two small JSON objects in ``System``.

Law: pure. Whatever is missing, malformed or false is not supported, never an error; only an Etag that does not fit its
body is one, because then something on the way has changed what was said.
"""

import hashlib
import json
from typing import Any, NamedTuple, cast

from host_tools.destinations.interface import DestinationUnavailable

SYSTEM = "System"
CAPABILITIES_OBJECT = "Capabilities.json"
CATEGORIES_OBJECT = "Categories.json"
DOCUMENT_BYTES_MAX = 1 << 20  # thousands of categories; more is no list that a person chooses from
GROUPS = ("Read", "Store", "StoreAndRead")

READ_CATEGORIES = "ReadCategories"
STORE_BOOKMARKS = "StoreBookmarks"
STORE_GNSS_TRACK = "StoreGNSSTrackRecording"
STORE_READ_SYSTEM_ID = "StoreReadSystemID"
STORE_REJECTED_CONTENT = "StoreRejectedContent"
STORE_SIGNED_VIDEO = "StoreSignedVideo"
STORE_USER_ID_KEY = "StoreUserIDKey"
GROUP_OF = {
    READ_CATEGORIES: "Read",
    STORE_BOOKMARKS: "Store",
    STORE_REJECTED_CONTENT: "Store",
    STORE_USER_ID_KEY: "Store",
    STORE_SIGNED_VIDEO: "Store",
    STORE_GNSS_TRACK: "Store",
    STORE_READ_SYSTEM_ID: "StoreAndRead",
}
ALL = frozenset(GROUP_OF)
# This software's own, written only where it is declared: nobody else is shown a name that is not in the API.
STORE_CUSTODY_CHAIN = "StoreCustodyChain"


class Category(NamedTuple):
    """What a person may file a recording under."""

    name: str
    id: str


def parse_capabilities(body: bytes) -> frozenset[str]:
    """Names declared true, in whichever group: destinations differ in where they put them."""
    document = _json(body)
    if not isinstance(document, dict):
        return frozenset()
    found: set[str] = set()
    for group in cast("dict[str, Any]", document).values():
        if isinstance(group, dict):
            found.update(str(name) for name, value in cast("dict[str, Any]", group).items() if value is True)
    return frozenset(found)


def write_capabilities(capabilities: frozenset[str]) -> bytes:
    """The object's body, each name in the group where the public description has it."""
    groups: dict[str, dict[str, bool]] = {group: {} for group in GROUPS}
    for name, group in GROUP_OF.items():
        groups[group][name] = name in capabilities
    if STORE_CUSTODY_CHAIN in capabilities:
        groups["Store"][STORE_CUSTODY_CHAIN] = True
    return json.dumps(groups, indent=2).encode()


def parse_categories(body: bytes) -> tuple[Category, ...]:
    """What can be read of the list, each ID once."""
    document = _json(body)
    found: dict[str, Category] = {}
    for row in cast("list[Any]", document) if isinstance(document, list) else []:
        if isinstance(row, dict):
            fields = cast("dict[str, Any]", row)
            name, key = fields.get("Name"), fields.get("Id")
            if isinstance(name, str) and isinstance(key, str | int) and not isinstance(key, bool) and name:
                found.setdefault(str(key), Category(name, str(key)))
    return tuple(found.values())


def write_categories(categories: tuple[Category, ...]) -> bytes:
    """The object's body."""
    return json.dumps([{"Name": row.name, "Id": row.id} for row in categories], indent=2, ensure_ascii=False).encode()


def check_etag(what: str, body: bytes, etag: str) -> None:
    """DestinationUnavailable unless ``etag`` is the MD5 of ``body``."""
    if plain_etag(etag) != md5_hex(body):
        raise DestinationUnavailable(
            f"{what}: object corrupt (Etag {etag!r:.80} is not its MD5): repair the destination"
        )


def plain_etag(etag: str) -> str:
    """Without the quotes that proxies like to add."""
    return etag.strip().removeprefix("W/").strip('"').lower()


def md5_hex(body: bytes) -> str:
    """As Swift answers it."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
