"""Which server of a destination writes into its Swift container: one at a time, though its folder may have been copied.

Law: knows one container's metadata and nothing of objects. A copy of the folder has the same identity and another
place, so it is told apart. Whoever holds the container is heard of each minute, by Swift's own clock; one that has not
been heard of for three may be succeeded. Swift has no compare-and-set: two that begin within one request see each other
a minute later, long before anything is removed as nobody's. Reading needs no hold.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

from host_tools.destinations.headers import from_headers
from host_tools.destinations.swift_session import Answer
from host_tools.evidence.errors import StoreAway

HOLDER = "Openbwc-Holder"  # of the container's metadata
BEAT_S = 60  # between two words of whoever holds it
HELD_S = 3 * BEAT_S  # after the last of them: one that was lost, and one that is late
AGAIN_S = 5.0  # after it was another's, before it is asked again
MACHINE_FILE = Path("/etc/machine-id")
WORD_CHARACTERS = 16


class Hold:
    """``word``: of this server's folder, empty where nothing is to be written; ``ask``: one request about the
    container; ``where``: what people call it."""

    def __init__(self, word: str, ask: Callable[..., Awaitable[Answer]], where: Callable[[], str]) -> None:
        self.trouble = ""  # who else has it, as people are told
        self._word = word
        self._ask = ask
        self._where = where
        self._again_s = 0.0  # by the loop's clock; 0: never taken

    async def require(self) -> None:
        """Before anything is written or removed. StoreAway."""
        if self._word and asyncio.get_running_loop().time() >= self._again_s:
            await self.take()
        if self.trouble:
            raise StoreAway(self.trouble)

    async def take(self) -> None:
        """Take it, or say that it is still had. StoreAway if it is another's."""
        answer = await self._ask("HEAD")
        now_s = _date_s(answer.headers.get("date", ""))
        if not self._word or now_s is None:
            return
        ago_s = heard_s_ago(from_headers(answer.headers.items(), "Container").get(HOLDER, ""), self._word, now_s)
        if ago_s is not None:
            self._again_s = asyncio.get_running_loop().time() + AGAIN_S
            self.trouble = (
                f"{self._where()} is written by another server with a copy of this folder, heard of {ago_s} s ago: "
                f"end one of the two, and wait {HELD_S // 60} minutes"
            )
            raise StoreAway(self.trouble)
        await self._say(f"{self._word} {now_s}")
        self.trouble, self._again_s = "", asyncio.get_running_loop().time() + BEAT_S

    async def release(self) -> None:
        """Another may follow at once."""
        if self._again_s and not self.trouble:
            self._again_s = 0.0
            await self._say("")

    async def _say(self, text: str) -> None:
        await self._ask("PUT", headers={f"X-Container-Meta-{HOLDER}": text})


def holder_word(identity: str, folder: Path) -> str:
    """The same for every program on this folder, also after a crash; another for a copy of it."""
    try:
        machine = MACHINE_FILE.read_text()
    except OSError:
        machine = ""
    place = folder.resolve()
    said = "\n".join((identity, machine.strip(), str(place), str(place.stat().st_ino)))
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:WORD_CHARACTERS]


def heard_s_ago(text: str, word: str, now_s: int) -> int | None:
    """When whoever else holds it was last heard of; None if nobody does. ``text``: as it stands in the metadata."""
    other, _, then = text.partition(" ")
    if not other or other == word or not then.isdecimal():
        return None
    ago_s = max(0, now_s - int(then))
    return ago_s if ago_s < HELD_S else None


def _date_s(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError):
        return None
