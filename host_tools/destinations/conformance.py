"""Examines any destination over HTTP and says which parts of the public API it has.

Law: plain coroutines over a session; no test framework, nothing of ours at the other end. It leaves one small
container of its own behind, and one of rejected content, since the API removes nothing; whom it made up is not in use
then. A finding is a fact with a reason, never an exception.
"""

import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from host_tools.destinations import capabilities
from host_tools.destinations.capabilities import md5_hex, plain_etag
from host_tools.destinations.checks import is_complete
from host_tools.destinations.clock_check import CLOCK_TOLERANCE_MS
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.headers import from_headers, to_headers
from host_tools.destinations.interface import DestinationError
from host_tools.destinations.names import NO_WEARER_UUID, UNKNOWN_TIME
from host_tools.destinations.rejected import rejected_name
from host_tools.destinations.sntp import NoTime
from host_tools.destinations.swift_session import Answer, SwiftSession
from host_tools.destinations.time_watch import AskTime

BODY = bytes(range(256)) * 300  # 75 KiB: several pieces of any server
ODD = "Zoë; 50 % + a/b"  # what percent-encoding is for

Verdict = Literal["yes", "no", "optional"]


class Finding(NamedTuple):
    """``verdict``: ``no`` where the API demands it and it is not so, ``optional`` where it need not be."""

    part: str
    verdict: Verdict
    remark: str


@dataclass
class Examination:
    """What an examination goes by. ``container``: a recording's name that this destination will accept; ``user`` and
    ``device``: pushed before it. ``declared``: capabilities, once they were read. ``findings`` grow as it goes.
    ``ask_time``: of an NTP server, where the connection file says that the destination is one."""

    session: SwiftSession
    connection: ConnectionFile
    container: str
    user: str
    device: str
    declared: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list[Finding])
    ask_time: AskTime | None = None

    def note(self, part: str, holds: bool, remark: str = "", is_demanded: bool = True) -> bool:
        """Write a finding down; whether it holds."""
        self.findings.append(Finding(part, "yes" if holds else "no" if is_demanded else "optional", remark))
        return holds

    @property
    def conforms(self) -> bool:
        """Whether everything that the API demands was found."""
        return all(finding.verdict != "no" for finding in self.findings)


async def examine(examination: Examination) -> list[Finding]:
    """Go through all parts. A part that cannot be asked for is a finding too."""
    for part in PARTS:
        try:
            await part(examination)
        except DestinationError as error:
            examination.note((part.__doc__ or part.__name__).rstrip("."), False, str(error))
            if part is authentication:
                break
    return examination.findings


async def authentication(examination: Examination) -> None:
    """Authentication."""
    session, connection = examination.session, examination.connection
    await session.open()
    examination.note("GET /auth/v1.0 gives a token and a storage address", True, await session.storage())
    uri = connection.auth_uris[0]
    wrong = await session.bare_request("GET", uri, {"X-Auth-User": connection.user, "X-Auth-Key": "not-the-key"})
    examination.note("a wrong key is refused", wrong.status == 401, f"{wrong.status}, 401 is meant")
    nobody = await session.bare_request("GET", f"{await session.storage()}/System/Capabilities.json", {})
    examination.note("a request without token is refused", nobody.status == 401, f"{nobody.status}, 401 is meant")


async def clock(examination: Examination) -> None:
    """The clock."""
    reading = examination.session.clock
    if examination.note("answers carry a Date", reading is not None, is_demanded=False) and reading:
        fits = abs(reading.ahead_ms) <= CLOCK_TOLERANCE_MS
        examination.note("its clock agrees with ours", fits, f"{reading.ahead_ms / 1000:+.0f} s")
    if examination.connection.is_time_server and examination.ask_time is not None:
        await _time_server(examination, examination.ask_time)


async def documents(examination: Examination) -> None:
    """Capabilities and categories."""
    for name in (capabilities.CAPABILITIES_OBJECT, capabilities.CATEGORIES_OBJECT):
        answer = await examination.session.request("GET", (capabilities.SYSTEM, name))
        if not examination.note(f"System/{name} is there", answer.status == 200, f"{answer.status}", False):
            continue
        etag = plain_etag(answer.headers.get("etag", ""))
        examination.note(f"System/{name} has its MD5 as Etag", etag == md5_hex(answer.body), etag)
        if name == capabilities.CAPABILITIES_OBJECT:
            examination.declared |= capabilities.parse_capabilities(answer.body)
            for capability in sorted(capabilities.ALL):
                examination.note(f"capability {capability}", capability in examination.declared, "", False)
    if examination.connection.has_full_support:
        examination.declared |= capabilities.ALL


async def people(examination: Examination) -> None:
    """Users and devices."""
    for container, name in (("Users", examination.user), ("Devices", examination.device)):
        made = await examination.session.request("PUT", (container,))
        examination.note(f"PUT {container}", made.status in (201, 202), f"{made.status}")
        about = to_headers("Object", {"Active": "True", "Name": ODD})
        put = await examination.session.request("PUT", (container, name), about)
        examination.note(f"PUT {container}/<id>, an empty body", put.status == 201, f"{put.status}")
        post = await examination.session.request("POST", (container, name), to_headers("Object", {"Active": "False"}))
        examination.note(f"POST {container}/<id>", post.status == 202, f"{post.status}")
        again = await examination.session.request("PUT", (container, name), about)
        examination.note(f"PUT {container}/<id> again", again.status == 201, f"{again.status}")


async def recording(examination: Examination) -> None:
    """A recording."""
    session, box = examination.session, examination.container
    user, device = examination.user, examination.device
    about = to_headers(
        "Container", {"UserID": user, "BWCSerialNumber": device, "Status": "Transferring", "TimeZone": ODD}
    )
    new = await session.request("PUT", (box,), about)
    examination.note("PUT a new container: 201", new.status == 201, f"{new.status}")
    known = await session.request("PUT", (box,), about)
    examination.note("PUT it again: 202", known.status == 202, f"{known.status}")
    clip = "20260101_000000_7CF7." + examination.connection.container_type
    stored = await _put(session, box, clip)
    examination.note("PUT an object: 201", stored.status == 201, f"{stored.status}")
    etag = plain_etag(stored.headers.get("etag", ""))
    examination.note("its answer has the MD5 as Etag", etag == md5_hex(BODY), etag or "no Etag", False)
    await _beside(examination, clip.rpartition(".")[0])
    missing = await _put(session, box[:-1] + "X", clip)
    examination.note("PUT into no container: 404", missing.status == 404, f"{missing.status}", False)
    done = await session.request("POST", (box,), to_headers("Container", {"Status": "Complete"}))
    examination.note("POST Status Complete: 204", done.status == 204, f"{done.status}")


async def rejected(examination: Examination) -> None:
    """Rejected content, where that was declared: it is never refused."""
    if capabilities.STORE_REJECTED_CONTENT not in examination.declared:
        examination.note("rejected content", False, "not declared", False)
        return
    unique = UUID(hex=md5_hex(examination.container.encode()))
    box = rejected_name(str(unique), None)
    about = {"RejectedContentOriginalContainer": examination.container, "StartTime": "1", "StopTime": "0"}
    made = await examination.session.request(
        "PUT", (box,), to_headers("Container", {**about, "UserID": NO_WEARER_UUID})
    )
    examination.note("PUT rejected content of nobody, at no time", made.status in (201, 202), f"{made.status}")
    put = await _put(
        examination.session, box, f"{UNKNOWN_TIME}_7CF7.{examination.connection.container_type}", b"", about
    )
    examination.note("PUT an object of it, without duration", put.status == 201, f"{put.status}")


async def reading_back(examination: Examination) -> None:
    """HEAD and GET, for full support."""
    session, box = examination.session, examination.container
    is_demanded = examination.connection.has_full_support
    head = await session.request("HEAD", (box,))
    found = from_headers(head.headers.items(), "Container")
    is_there = examination.note("HEAD a container", head.status in (200, 204), f"{head.status}", is_demanded)
    if is_there:
        examination.note("metadata survive percent-encoding", found.get("TimeZone") == ODD, found.get("TimeZone", ""))
        examination.note("metadata are merged by POST", found.get("UserID") == examination.user)
        examination.note("the container is complete", is_complete(found))
    clip = "20260101_000000_7CF7." + examination.connection.container_type
    head = await session.request("HEAD", (box, clip))
    examination.note("HEAD an object", head.status in (200, 204), f"{head.status}", is_demanded)
    get = await session.request("GET", (box, clip))
    examination.note("GET an object gives its bytes", get.body == BODY, f"{get.status}", is_demanded)
    part = await session.request("GET", (box, clip), {"Range": "bytes=256-511"})
    examination.note("GET a range of it: 206", part.status == 206 and part.body == BODY[:256], f"{part.status}", False)
    none = await session.request("HEAD", (box, "nothing.mp4"))
    examination.note("HEAD nothing: 404", none.status == 404, f"{none.status}", is_demanded)


async def leaving(examination: Examination) -> None:
    """What was made up is not in use any more: it keeps no licence."""
    for container, name in (("Users", examination.user), ("Devices", examination.device)):
        off = await examination.session.request("POST", (container, name), to_headers("Object", {"Active": "False"}))
        examination.note(f"POST {container}/<id>, not in use", off.status == 202, f"{off.status}")


async def _time_server(examination: Examination, ask: AskTime) -> None:
    part = "it gives the time by NTP, as its connection file says"
    try:
        found = await ask(urlsplit(examination.session.location).hostname or "")
    except NoTime as none:
        examination.note(part, False, str(none))
    else:
        examination.note(part, True, f"{found.ahead_ms / 1000:+.3f} s from ours, stratum {found.stratum}")


async def _put(
    session: SwiftSession, container: str, name: str, body: bytes = BODY, about: Mapping[str, str] | None = None
) -> Answer:
    async def pieces() -> AsyncGenerator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    headers = to_headers("Object", about or {"ContainerType": name.rpartition(".")[2]})
    return await session.request("PUT", (container, name), headers, pieces, len(body))


async def _beside(examination: Examination, stem: str) -> None:
    """What goes with a clip, as far as it was declared."""
    start = "2026-01-01T00:00:00Z"
    entry = {"LocationWKT": "POINT(18.06 59.33)", "SecondsFromStart": 0.5, "Timestamp": start}
    mark = {"CategoryID": "1", "CategoryName": ODD, "Tags": "TriggerOn:Button;A:b", "StartTime": start}
    bookmarks, trail = capabilities.STORE_BOOKMARKS, capabilities.STORE_GNSS_TRACK
    trail_name = f"{stem}_{examination.device}_gpstrail.json"
    for capability, what, name, body, about in (
        (trail, "a trail", trail_name, json.dumps({"CoordinateEntries": [entry]}).encode(), {"FileType": "json"}),
        (bookmarks, "a bookmark", "bookmark_20260101T000000Z_1", ODD.encode(), mark),
        (bookmarks, "a bookmark without text", "bookmark_20260101T000001Z_2", b"", {"StartTime": start}),
    ):
        if capability in examination.declared:
            put = await _put(examination.session, examination.container, name, body, about)
            examination.note(f"PUT {what}: 201", put.status == 201, f"{put.status}")


Part = Callable[[Examination], Coroutine[None, None, None]]

PARTS: tuple[Part, ...] = (
    authentication,
    clock,
    documents,
    people,
    recording,
    reading_back,
    rejected,
    leaving,
)
