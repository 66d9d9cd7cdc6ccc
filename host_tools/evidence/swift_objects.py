"""Objects in a plain OpenStack Swift store: streamed in, read by ranges, compared by digest at both ends.

Law: nothing counts as kept before Swift has acknowledged it with the MD5 of what came; nothing is given out that is not
the object that was acknowledged. One container of Swift, of one destination: it carries that destination's identity,
and any other is refused. Memory does not grow with an object: a piece on its way, one waiting. What is longer than a
segment lies in several, which a static large object makes one again; the first has the object's own name, so that
nothing needs to be known of a length before it has come. An empty object is nowhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from firmware.ports.errors import NoSpace
from host_tools.destinations.capabilities import plain_etag
from host_tools.destinations.headers import from_headers
from host_tools.destinations.http_status import CredentialsRefused
from host_tools.destinations.interface import DestinationError
from host_tools.destinations.swift_session import Answer, Body, CertificateRefused, SwiftSession, spoken
from host_tools.evidence.blocking import Buffer
from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.errors import StoreAway, StoreDamaged
from host_tools.evidence.holding import Hold
from host_tools.evidence.own_loop import OwnLoop

PLACE, LARGE_PLACE, EMPTY_PLACE = "swift/", "swift-large/", "empty/"
LARGE_NAME = "large"  # below an object's name: what makes one of its segments
SHARD_CHARACTERS = 2  # as on disk, for people who look into the container
READ_BYTES = 4 << 20  # of one request; the next is under way meanwhile
PATIENCE_S = 5.0  # after it did not answer, before it is asked again: others are told at once meanwhile
SEND_BYTES = 1 << 20  # at once: each change of threads costs as much
QUEUED_PIECES = 1
IDENTITY = "Openbwc-Destination"  # of the container's metadata
SEGMENTS_MAX = 1_000  # that Swift joins, unless it was told more
LISTING_ROWS = 10_000  # Swift's own limit
ONE = "format=json&limit=1"
OURS = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}(/(\d{8}|large))?")  # names that this room gives


class Listed(NamedTuple):
    """An object of the container, or a part of one."""

    name: str

    @property
    def base(self) -> str:
        """Name of the object that it belongs to; empty if it is none of ours."""
        return "/".join(self.name.split("/")[:2]) if OURS.fullmatch(self.name) else ""


@dataclass(frozen=True, slots=True)
class _Segment:
    name: str
    etag: str
    length_bytes: int


class SwiftObjects:
    """``session``: its own, closed with it; ``identity``: of the destination, never the same for two; ``may_claim``:
    whether a container that is nobody's may become its own, that is, while it has nothing in another; ``holder``: of
    this folder (``holding``), empty where only is looked."""

    def __init__(
        self,
        session: SwiftSession,
        container: str,
        segment_bytes: int,
        identity: str,
        may_claim: Callable[[], bool],
        holder: str = "",
    ) -> None:
        self.segment_bytes = segment_bytes
        self.loop = OwnLoop("swift")
        self._session = session
        self._container = container
        self._identity = identity
        self._may_claim = may_claim
        self._hold = Hold(holder, self.ask, lambda: f"container {container} at {session.location}")
        self._is_ours = False
        self._trouble = ""
        self._full = ""
        self._asked_again_s = 0.0  # by the loop's clock

    def begin(self, name: str, length_bytes: int) -> SwiftIncoming:
        """See Objects. StoreAway at once where it cannot be reached."""
        self.loop.run(self._may_write())
        return SwiftIncoming(self, f"{name[:SHARD_CHARACTERS]}/{name}")

    def read(self, row: StoredObject, start_byte: int, length_bytes: int) -> Generator[bytes, None, None]:
        """See Objects. StoreAway; StoreDamaged if it is not there, or is another."""
        end_byte = start_byte + length_bytes
        starts = range(start_byte, end_byte, READ_BYTES) if row.length_bytes else range(0)
        following = None
        try:
            for start in starts:
                asked = following or self.loop.begin(self._range(row, start, min(end_byte, start + READ_BYTES)))
                later = start + READ_BYTES
                following = (
                    self.loop.begin(self._range(row, later, min(end_byte, later + READ_BYTES)))
                    if later < end_byte
                    else None
                )
                yield asked.result()
        finally:
            if following is not None:
                following.cancel()

    def remove(self, place: str) -> None:
        """See Objects. What cannot be removed now is nobody's, and goes when it is looked for."""
        if place.startswith(EMPTY_PLACE):
            return
        try:
            self.loop.run(self._remove(place))
        except (StoreAway, NoSpace):
            return

    def trouble(self) -> str:
        """See Objects: as it was when it was last asked."""
        return self._trouble or self._hold.trouble or self._full

    @property
    def is_away(self) -> bool:
        """Whether it did not answer when it was last asked. One that is full answers, and lets go of objects."""
        return bool(self._trouble)

    def look(self) -> str:
        """Ask it now; the trouble, or nothing."""
        self._asked_again_s = 0.0
        with suppress(StoreAway, NoSpace):
            self.loop.run(self._look())
        return self.trouble()

    def hold(self) -> str:
        """Say that this server is the one that writes, unless another has said so; the trouble, or nothing."""
        with suppress(StoreAway, NoSpace):
            self.loop.run(self._take_hold())
        return self.trouble()

    def release(self) -> None:
        """Another server may follow at once."""
        with suppress(StoreAway, NoSpace):
            self.loop.run(self._hold.release())

    def knock(self) -> None:
        """Whether it lets us in. StoreAway."""
        self.loop.run(self.ask("HEAD", good=(200, 204, 404)))

    def listed(self, after: str) -> list[Listed]:
        """What lies in the container, a page at a time, by name. StoreAway."""
        return self.loop.run(self._listed(after))

    def remove_named(self, name: str) -> None:
        """One object of the container, whatever it belongs to. StoreAway."""
        self.loop.run(self._remove_named(name))

    def holds(self, row: StoredObject) -> bool:
        """Whether it has the object as it was received, by what it says of it. StoreAway."""
        return self.loop.run(self._holds(row))

    def close(self) -> None:
        """Give connections and the thread back; a second call does nothing."""
        self.loop.close(self._session.close)

    def __str__(self) -> str:
        return f"store {self._session.location}"

    def path_of(self, name: str) -> str:
        """As a manifest of segments names it."""
        return f"/{self._container}/{name}"

    # -- on the loop

    async def ready(self) -> None:
        """The container is there and ours. StoreAway, at once where it was so a moment ago."""
        self._require_patience()
        if not self._is_ours:
            await self._look()

    async def _may_write(self) -> None:
        await self.ready()
        await self._hold.require()

    async def _take_hold(self) -> None:
        await self.ready()
        await self._hold.take()

    async def ask(
        self,
        method: str,
        name: str = "",
        headers: dict[str, str] | None = None,
        body: Body | None = None,
        length_bytes: int | None = 0,
        query: str = "",
        good: tuple[int, ...] = (200, 201, 202, 204),
    ) -> Answer:
        """One request; an answer that is none of ``good`` is StoreAway or NoSpace."""
        self._require_patience()
        path = (self._container, *name.split("/")) if name else (self._container,)
        try:
            answer = await self._session.request(method, path, headers, body, length_bytes, query)
        except DestinationError as error:
            raise self._away(_plain(self._session.location, error)) from error
        if answer.status in good:
            self._trouble, self._asked_again_s = "", 0.0
            if method == "PUT" and name:  # an object: a word about the container fits where nothing else does
                self._full = ""
            return answer
        raise self._refused(answer)

    async def probe(self) -> None:
        """Renew the token if it has run out, before something is sent that cannot be sent twice."""
        await self.ask("HEAD")

    async def _look(self) -> None:
        answer = await self.ask("HEAD", good=(200, 204, 404))
        found = from_headers(answer.headers.items(), "Container").get(IDENTITY, "")
        if found != self._identity:
            self._is_ours = False  # also where it was, a moment ago
            if not found and not self._may_claim():
                raise self._away(
                    f"container {self._container} at {self._session.location} has not what this destination "
                    "keeps in its store: correct swift.toml, or restore that container"
                )
            if found or (answer.status != 404 and self._rows(await self.ask("GET", query=ONE))):
                raise self._away(
                    f"container {self._container} at {self._session.location} is another's: name one of its own"
                )
            await self.ask("PUT", headers={f"X-Container-Meta-{IDENTITY}": self._identity})
            answer = await self.ask("HEAD")
            if from_headers(answer.headers.items(), "Container").get(IDENTITY, "") != self._identity:
                raise self._away(
                    f"container {self._container} at {self._session.location} did not become this destination's: "
                    "name one of its own, which this account may write"
                )
        self._is_ours = True

    async def _range(self, row: StoredObject, start: int, end: int) -> bytes:
        await self.ready()
        wanted = f"bytes={start}-{end - 1}"
        answer = await self.ask("GET", _name(row.file), {"Range": wanted}, good=(200, 206, 404, 416))
        place = f"{row.container}/{row.name}"
        if answer.status == 404:
            raise StoreDamaged(f"object {place} is not in the store any more: restore it from a backup of the store")
        said = answer.headers.get("content-range", "")
        is_right = said == f"bytes {start}-{end - 1}/{row.length_bytes}" and len(answer.body) == end - start
        if not is_right or not _is_same(row, answer):
            raise StoreDamaged(f"object {place} is not in the store as it was received: restore it from a backup")
        return answer.body

    async def _holds(self, row: StoredObject) -> bool:
        if row.file.startswith(EMPTY_PLACE):
            return True
        answer = await self.ask("HEAD", _name(row.file), good=(200, 404))
        same_length = answer.headers.get("content-length", "") == str(row.length_bytes)
        return answer.status == 200 and same_length and _is_same(row, answer)

    async def _remove_named(self, name: str) -> None:
        await self._may_write()
        await self.ask("DELETE", name, good=(204, 404))

    async def _remove(self, place: str) -> None:
        await self._may_write()
        name = place.partition("/")[2]
        await self.ask("DELETE", _name(place), good=(204, 404))
        if place.startswith(LARGE_PLACE):
            for row in await self._listed(f"{name}/", f"{name}/"):
                await self.ask("DELETE", row.name, good=(204, 404))
            await self.ask("DELETE", name, good=(204, 404))

    async def _listed(self, after: str, prefix: str = "") -> list[Listed]:
        await self.ready()
        query = f"format=json&limit={LISTING_ROWS}&marker={quote(after, safe='')}&prefix={quote(prefix, safe='')}"
        return self._rows(await self.ask("GET", query=query, good=(200, 204)))

    def _rows(self, answer: Answer) -> list[Listed]:
        try:
            rows: Any = json.loads(answer.body or b"[]")
            return [Listed(str(row["name"])) for row in cast("list[dict[str, Any]]", rows)]
        except (ValueError, KeyError, TypeError) as error:
            text = f"store {self._session.location} lists nothing that can be read: look who answers there"
            raise self._away(text) from error

    def _require_patience(self) -> None:
        if asyncio.get_running_loop().time() < self._asked_again_s:
            raise StoreAway(self._trouble)

    def _refused(self, answer: Answer) -> Exception:
        said = " ".join(spoken(answer).split())[:100]
        where, quoted = self._session.location, f" ({said})" if said.isprintable() and said else ""
        if answer.status in (413, 507):
            self._full = f"store {where} takes no more ({answer.status}{quoted}): make room there, or raise its quota"
            return NoSpace(self._full)
        if answer.status == 401:
            return self._away(_refuses(where))
        if answer.status == 403:
            return self._away(f"store {where} does not let this account write: give it the right{quoted}")
        if answer.status == 404:
            self._is_ours = False  # the container is gone: made anew before the next
        return self._away(f"store {where} answers {answer.status}{quoted}: look into its log")

    def _away(self, text: str) -> StoreAway:
        self._trouble = text
        self._asked_again_s = asyncio.get_running_loop().time() + PATIENCE_S
        return StoreAway(text)


class SwiftIncoming:
    """See Incoming. Short pieces go together, and the first of them wait: what is short as a whole is one request,
    which may be repeated."""

    def __init__(self, store: SwiftObjects, name: str) -> None:
        self.place = f"{PLACE}{name}"
        self._store = store
        self._name = name
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._segment_md5 = self._md5
        self._waiting = bytearray()
        self._put: _Put | None = None
        self._length_bytes = 0  # of the segment under way
        self._segments: list[_Segment] = []

    @property
    def etag(self) -> str:
        """See Incoming."""
        return self._md5.hexdigest()

    def write(self, piece: Buffer) -> None:
        """See Incoming. StoreAway, NoSpace."""
        if not len(piece):
            return
        if self._length_bytes >= self._store.segment_bytes:
            self._end_segment()
        self._md5.update(piece)
        if self._segment_md5 is not self._md5:
            self._segment_md5.update(piece)
        self._length_bytes += len(piece)
        self._waiting += piece
        if len(self._waiting) >= SEND_BYTES:
            self._send()

    def settle(self) -> None:
        """See Incoming. StoreAway, NoSpace."""
        if not self._length_bytes and not self._segments:
            self.place = f"{EMPTY_PLACE}{self._name}"
        elif not self._segments:
            self._store.loop.run(self._ended())
        else:
            self._end_segment()
            self._store.loop.run(self._joined())
            self.place = f"{LARGE_PLACE}{self._name}"

    def discard(self) -> None:
        """See Incoming."""
        if self._put is not None:
            self._store.loop.run(self._put.abandon())
            self._put = None
        if self._length_bytes or self._segments:
            self._store.remove(f"{LARGE_PLACE if self._segments else PLACE}{self._name}")

    def _send(self) -> None:
        if self._put is None:
            self._put = self._store.loop.run(_begun(self._store, self._segment_name()))
        data, self._waiting = self._waiting, bytearray()
        self._store.loop.run(self._put.offer(data))

    def _segment_name(self) -> str:
        return f"{self._name}/{len(self._segments):08}" if self._segments else self._name

    def _end_segment(self) -> None:
        """What comes next lies in another object of the store."""
        if len(self._segments) == SEGMENTS_MAX:
            raise NoSpace(f"{self._store} joins {SEGMENTS_MAX} segments of an object and no more: raise segment_mb")
        name = self._segment_name()
        self._store.loop.run(self._ended())
        self._segments.append(_Segment(name, self._segment_md5.hexdigest(), self._length_bytes))
        self._segment_md5 = hashlib.md5(usedforsecurity=False)
        self._length_bytes = 0

    async def _ended(self) -> None:
        """All of the segment under way is there."""
        put, self._put = self._put, None
        data, self._waiting = self._waiting, bytearray()
        etag = self._segment_md5.hexdigest()
        if put is None:
            answer = await self._whole(data, etag)
        else:
            try:
                answer = await put.end(data)
            except BaseException:
                await put.abandon()
                raise
        self._require(answer, etag)

    async def _whole(self, data: bytearray, etag: str) -> Answer:
        """What is short, at once; Swift compares as well."""

        async def pieces() -> AsyncGenerator[bytes]:
            yield bytes(data)

        return await self._store.ask("PUT", self._segment_name(), {"Etag": etag}, pieces, len(data), good=(201,))

    async def _joined(self) -> None:
        rows = [
            {"path": self._store.path_of(each.name), "etag": each.etag, "size_bytes": each.length_bytes}
            for each in self._segments
        ]
        body = json.dumps(rows).encode()

        async def pieces() -> AsyncGenerator[bytes]:
            yield body

        name = f"{self._name}/{LARGE_NAME}"
        answer = await self._store.ask("PUT", name, {}, pieces, len(body), "multipart-manifest=put", good=(201,))
        joined = "".join(each.etag for each in self._segments).encode()
        if plain_etag(answer.headers.get("etag", "")) != hashlib.md5(joined, usedforsecurity=False).hexdigest():
            raise StoreAway(f"{self._store} joins no segments: switch static large objects on, or raise segment_mb")

    def _require(self, answer: Answer, etag: str) -> None:
        said = plain_etag(answer.headers.get("etag", ""))
        if said != etag:
            raise StoreAway(f"{self._store} acknowledges other bytes than were sent ({said[:32]!r}): it is sent again")


class _Put:
    """One request whose body comes piece by piece, under way on the loop."""

    def __init__(self, store: SwiftObjects, name: str) -> None:
        self._queue: asyncio.Queue[bytearray | None] = asyncio.Queue(QUEUED_PIECES)
        self._is_begun = False
        self._store = store
        self._task = asyncio.ensure_future(store.ask("PUT", name, {}, self._pieces, None, good=(201,)))

    async def offer(self, piece: bytearray | None) -> None:
        """Wait until there is room for it; what has ended the request meanwhile is raised."""
        putting = asyncio.ensure_future(self._queue.put(piece))
        await asyncio.wait({putting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not putting.done():
            putting.cancel()
            self._task.result()
            raise StoreAway("the store answered before it had everything: it is sent again")

    async def end(self, last: bytearray) -> Answer:
        """The last piece, which may be empty; the answer to all."""
        if last:
            await self.offer(last)
        await self.offer(None)
        return await self._task

    async def abandon(self) -> None:
        """Break the request off: Swift keeps nothing of it."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()

    async def _pieces(self) -> AsyncGenerator[bytes]:
        if self._is_begun:
            raise StoreAway("the store's token ran out on the way: it is sent again")
        self._is_begun = True
        while (piece := await self._queue.get()) is not None:
            yield bytes(piece)


async def _begun(store: SwiftObjects, name: str) -> _Put:
    await store.probe()
    return _Put(store, name)


def _name(place: str) -> str:
    """Of the object of Swift that is asked for its bytes."""
    kind, _, name = place.partition("/")
    return f"{name}/{LARGE_NAME}" if f"{kind}/" == LARGE_PLACE else name


def _is_same(row: StoredObject, answer: Answer) -> bool:
    """By the MD5 that was acknowledged; of segments Swift has compared each when it joined them."""
    return row.file.startswith(LARGE_PLACE) or plain_etag(answer.headers.get("etag", "")) == row.etag


def _refuses(where: str) -> str:
    return f"store {where} refuses the credentials: give it others with bwc destination keep-in"


def _plain(where: str, error: DestinationError) -> str:
    """The session's words, which are about destinations, as people know the store."""
    if isinstance(error, CredentialsRefused):
        return _refuses(where)
    if isinstance(error, CertificateRefused):
        return f"store {where} shows a certificate that is not its own by swift.toml: correct it, or look who answers"
    return str(error).replace("destination ", "store ", 1)
