"""Names that every file system takes, Windows' among them, for names that controllers chose; and what a terminal shows.

Law: pure. A name that is plain stays as it is; any other gets a digest of itself, before its ending, and a name that
looks as if it had one gets one too, so that no two names become one, also where case makes no difference.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection

NAME_CHARACTERS_MAX = 100  # with the digest well below what any file system takes
DIGEST_CHARACTERS = 16
_OTHERS = re.compile(r"[^A-Za-z0-9._-]")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows' own, whatever their ending
_MARKED = re.compile(rf".*-[0-9a-f]{{{DIGEST_CHARACTERS}}}(\.[A-Za-z0-9]{{1,8}})?")
_ENDING = re.compile(r"(.*)(\.[A-Za-z0-9]{1,8})")  # of a file: players go by it


def plain(name: str) -> str:
    """``name``, as every file system takes it."""
    return name if _kept(name) == name and not _MARKED.fullmatch(name) else _marked(name)


def plain_names(names: Collection[str], taken: Collection[str] = ()) -> dict[str, str]:
    """The same for all of a folder, another for each. ``taken``: plain names that are somebody else's there."""
    made = {name: plain(name) for name in names}
    count = Counter(each.casefold() for each in (*made.values(), *taken))
    return {name: each if count[each.casefold()] == 1 else _marked(name) for name, each in made.items()}


def letters(text: str) -> str:
    """One line of letters for a terminal or a log, which would take the rest for commands."""
    return "".join(each if each.isprintable() else "?" for each in text)


def written(path: object) -> str:
    """A path as text that can be written down: bytes that are no letters by their numbers."""
    return str(path).encode(errors="backslashreplace").decode()


def _kept(name: str) -> str:
    kept = _OTHERS.sub("_", name)[:NAME_CHARACTERS_MAX].strip(".")
    return f"_{kept}" if _DEVICE.fullmatch(kept) else kept


def _marked(name: str) -> str:
    found = _ENDING.fullmatch(_kept(name))
    stem, ending = found.groups() if found else (_kept(name), "")
    return f"{stem}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:DIGEST_CHARACTERS]}{ending}"
