"""One authenticated conversation with a destination over HTTPS: token, storage address, requests, its clock.

Law: knows the API's transport and none of its meaning. The storage address is used as the destination gave it; only
the certificates of the connection file are trusted, where it has any; no proxy, no redirect, no cookie. A token that
has run out is renewed once a request.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import NamedTuple, cast
from urllib.parse import quote, urlsplit

import httpx

from host_tools.destinations.clock_check import TIME_ZONE_HEADER, ClockReading, read_date
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.http_status import CredentialsRefused, fault
from host_tools.destinations.interface import DestinationUnavailable

CONNECT_S_MAX = 10.0  # of one address; a destination has up to ten
SILENCE_S_MAX = 120.0  # a store that makes 5 GB durable before it answers is silent for long
ANSWER_BYTES_MAX = 1 << 24  # a listing of thousands of objects; clips are never read back through here
TOKEN_CHARACTERS_MAX = 8_192  # the header limit of a Swift proxy
AGENT = "openbwc-controller"

Body = Callable[[], AsyncGenerator[bytes]]


class Unreachable(DestinationUnavailable):
    """No answer came: it is down, or the network is."""


class CertificateRefused(DestinationUnavailable):
    """It shows a certificate that the connection file does not have."""


class Answer(NamedTuple):
    """Of a request. ``headers``: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SwiftSession:
    """``wall_ms``: Unix time in milliseconds, for the comparison of clocks."""

    def __init__(self, connection: ConnectionFile, wall_ms: Callable[[], int]) -> None:
        self.location = _short(connection.auth_uris[0])
        self.clock: ClockReading | None = None
        self._connection = connection
        self._wall_ms = wall_ms
        self._client: httpx.AsyncClient | None = None
        self._token = ""
        self._storage = ""
        self._authenticating = asyncio.Lock()

    async def open(self) -> None:
        """Authenticate anew, at the first address that answers. DestinationUnavailable."""
        await self._authenticate(self._token)

    async def close(self) -> None:
        """Give connections back; a second call does nothing."""
        client, self._client = self._client, None
        self._token = self._storage = ""
        if client is not None:
            await client.aclose()

    async def request(
        self,
        method: str,
        path: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        length_bytes: int = 0,
        query: str = "",
    ) -> Answer:
        """Ask for ``path`` (container, or container and object) below the storage address. ``body`` begins again with
        each call. DestinationUnavailable if no answer came; any status is an answer, 401 only after a new token."""
        answer = await self._ask(method, path, headers or {}, body, length_bytes, query)
        if answer.status == 401:
            await self._authenticate(self._token)
            answer = await self._ask(method, path, headers or {}, body, length_bytes, query)
        return answer

    async def bare_request(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        """A request of one's own making, with the same trust: for whoever examines a destination."""
        return await self._send(method, url, headers, None)

    async def storage(self) -> str:
        """The storage address, authenticating if that has not been done."""
        if not self._storage:
            await self._authenticate("")
        return self._storage

    async def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        headers: Mapping[str, str],
        body: Body | None,
        length_bytes: int,
        query: str,
    ) -> Answer:
        url = "/".join((await self.storage(), *(quote(part, safe="") for part in path)))
        sent = {**headers, "X-Auth-Token": self._token}
        if method in ("PUT", "POST"):
            sent["Content-Length"] = str(length_bytes)
        return await self._send(method, url + (f"?{query}" if query else ""), sent, body)

    async def _authenticate(self, stale_token: str) -> None:
        """A new token, unless somebody else has fetched one while we waited."""
        async with self._authenticating:
            if self._token and self._token != stale_token:
                return
            self._token = self._storage = ""
            error: DestinationUnavailable | None = None
            for uri in self._connection.auth_uris:
                try:
                    await self._authenticate_at(uri)
                except CredentialsRefused:
                    raise
                except DestinationUnavailable as away:
                    error = away
                else:
                    return
            if error is not None:
                raise error

    async def _authenticate_at(self, uri: str) -> None:
        keys = {"X-Auth-User": self._connection.user, "X-Auth-Key": self._connection.key}
        answer = await self._send("GET", uri, keys, None)
        if answer.status not in (200, 204):
            raise _unavailable(fault(_short(uri), "authenticating", answer.status, spoken(answer)))
        token, storage = answer.headers.get("x-auth-token", ""), answer.headers.get("x-storage-url", "")
        if not token or len(token) > TOKEN_CHARACTERS_MAX or urlsplit(storage).scheme not in ("http", "https"):
            raise DestinationUnavailable(
                f"destination {_short(uri)} gives no token or no storage address: check the URL"
            )
        if uri.startswith("https:") and not storage.startswith("https:"):
            raise DestinationUnavailable(
                f"destination {_short(uri)} names the storage address {storage:.100}, which is not encrypted: repair it"
            )
        self._token, self._storage = token, storage.rstrip("/")
        self.location = _short(uri)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: Body | None) -> Answer:
        asked_ms = self._wall_ms()
        try:
            if body is None:
                answer = await self._exchange(method, url, headers, b"" if method in ("PUT", "POST") else None)
            else:
                async with aclosing(body()) as pieces:  # httpx leaves a body that it could not send unfinished
                    answer = await self._exchange(method, url, headers, pieces)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise _no_answer(url, error) from error
        self._note_clock(answer, asked_ms)
        return answer

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | AsyncIterator[bytes] | None
    ) -> Answer:
        async with self._opened().stream(method, url, headers=dict(headers), content=content) as response:
            text = bytearray()
            async for piece in response.aiter_raw():
                text += piece
                if len(text) > ANSWER_BYTES_MAX:
                    raise DestinationUnavailable(f"destination {_short(url)}: its answer is too long: check the URL")
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, found, bytes(text))

    def _note_clock(self, answer: Answer, asked_ms: int) -> None:
        reading = read_date(answer.headers.get("date", ""), asked_ms, self._wall_ms())
        if reading is not None:
            known = self.clock.time_zone if self.clock else ""
            self.clock = reading._replace(time_zone=answer.headers.get(TIME_ZONE_HEADER.lower(), known))

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=_trust(self._connection),
                timeout=httpx.Timeout(SILENCE_S_MAX, connect=CONNECT_S_MAX),
                headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


def spoken(answer: Answer) -> str:
    """What an answer says to people; pages of HTML say nothing in one line, and JSON says it as ``detail``."""
    kind = answer.headers.get("content-type", "").split(";")[0]
    text = answer.body[:1_000].decode(errors="replace")
    if kind == "application/json":
        try:
            document: object = json.loads(text)
        except ValueError:
            return ""
        return str(cast("dict[str, object]", document).get("detail", "")) if isinstance(document, dict) else ""
    return "" if "<" in text else text


def _trust(connection: ConnectionFile) -> ssl.SSLContext:
    """The pinned certificates and no others, be they leaves or authorities; the system's where none is pinned."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not connection.certificates:
        context.load_default_certs()
        return context
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=b"\n".join(connection.certificates).decode("ascii", errors="replace"))
    except (ssl.SSLError, ValueError) as error:
        raise ConnectionFileError("HTTPSCertificate: cannot be used: issue another connection file") from error
    return context


def _no_answer(url: str, error: Exception) -> DestinationUnavailable:
    verification = _verification_error(error)
    if verification is not None:
        return CertificateRefused(
            f"destination {_short(url)} shows a certificate that the connection file does not have "
            f"({verification.verify_message}): issue a new connection file there, and upload it"
        )
    text = " ".join(str(error).split()) or type(error).__name__
    return Unreachable(
        f"destination {_short(url)} cannot be reached ({text[:160]}): check that it runs, the network and its ports"
    )


def _verification_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _unavailable(error: Exception) -> DestinationUnavailable:
    """Not to be let in refuses no recording, whatever the status."""
    return error if isinstance(error, DestinationUnavailable) else DestinationUnavailable(str(error))


def _short(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"[:120]
