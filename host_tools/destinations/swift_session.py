"""One authenticated conversation with a destination over HTTPS: token, storage address, requests, its clock.

Law: knows the API's transport and none of its meaning. The storage address is used as the destination gave it; only
the certificates of the connection file are trusted, where it has any; no proxy, no redirect, no cookie. A token that
has run out is renewed once a request.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import cast
from urllib.parse import quote, urlsplit

from host_tools.custody.blocking import Buffer
from host_tools.destinations.clock_check import TIME_ZONE_HEADER, ClockReading, read_date
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.headers import CONFIRMS_HEADER, CONFIRMS_SHA256
from host_tools.destinations.http_status import CredentialsRefused, fault
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.wire import Answer, Wire, WireError

TOKEN_CHARACTERS_MAX = 8_192  # the header limit of a Swift proxy
AGENT = "openbwc-controller"

Body = Callable[[], AsyncGenerator[Buffer]]


class Unreachable(DestinationUnavailable):
    """No answer came: it is down, or the network is."""


class CertificateRefused(DestinationUnavailable):
    """It shows a certificate that the connection file does not have."""


class SwiftSession:
    """``wall_ms``: Unix time in milliseconds, for the comparison of clocks."""

    def __init__(self, connection: ConnectionFile, wall_ms: Callable[[], int]) -> None:
        self.location = _short(connection.auth_uris[0])
        self.clock: ClockReading | None = None
        self.confirms_sha256 = False  # with each object that it takes, beside the MD5 that the API has
        self._connection = connection
        self._wall_ms = wall_ms
        self._wire: Wire | None = None
        self._token = ""
        self._storage = ""
        self._authenticating = asyncio.Lock()

    async def open(self) -> None:
        """Authenticate anew, at the first address that answers. DestinationUnavailable."""
        await self._authenticate(self._token)

    async def close(self) -> None:
        """Give connections back; a second call does nothing."""
        wire, self._wire = self._wire, None
        self._token = self._storage = ""
        if wire is not None:
            await wire.close()

    async def request(
        self,
        method: str,
        path: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        length_bytes: int | None = 0,
        query: str = "",
    ) -> Answer:
        """Ask for ``path`` (container, or container and object) below the storage address. ``body`` begins again with
        each call; ``length_bytes``: None where only its end tells. DestinationUnavailable if no answer came; any status
        is an answer, 401 only after a new token."""
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
        length_bytes: int | None,
        query: str,
    ) -> Answer:
        url = "/".join((await self.storage(), *(quote(part, safe="") for part in path)))
        sent = {**headers, "X-Auth-Token": self._token}
        if length_bytes is None and body is not None:
            sent["Transfer-Encoding"] = "chunked"
            whole = body
            return await self._send(method, url + (f"?{query}" if query else ""), sent, lambda: _chunked(whole))
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
        token, storage = await self._grant(uri)
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

    async def _grant(self, uri: str) -> tuple[str, str]:
        """A token and the storage address, as the API has it. DestinationUnavailable."""
        keys = {"X-Auth-User": self._connection.user, "X-Auth-Key": self._connection.key}
        answer = await self._send("GET", uri, keys, None)
        self._let_in(uri, answer, 200, 204)
        self.confirms_sha256 = answer.headers.get(CONFIRMS_HEADER.lower(), "") == CONFIRMS_SHA256
        return answer.headers.get("x-auth-token", ""), answer.headers.get("x-storage-url", "")

    def _let_in(self, uri: str, answer: Answer, *good: int) -> None:
        if answer.status not in good:
            raise _unavailable(fault(_short(uri), "authenticating", answer.status, spoken(answer)))

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: Body | None) -> Answer:
        asked_ms = self._wall_ms()
        sent = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **headers}
        if self._wire is None:
            self._wire = Wire(lambda: _trust(self._connection))
        try:
            if body is None:
                answer = await self._wire.ask(method, url, sent)
            else:
                async with aclosing(body()) as pieces:  # one that was not read to its end gives its file back
                    answer = await self._wire.ask(method, url, sent, pieces)
        except WireError as error:
            raise _no_answer(url, error) from error
        self._note_clock(answer, asked_ms)
        return answer

    def _note_clock(self, answer: Answer, asked_ms: int) -> None:
        reading = read_date(answer.headers.get("date", ""), asked_ms, self._wall_ms())
        if reading is not None:
            known = self.clock.time_zone if self.clock else ""
            self.clock = reading._replace(time_zone=answer.headers.get(TIME_ZONE_HEADER.lower(), known))


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


async def _chunked(body: Body) -> AsyncGenerator[bytes]:
    """In HTTP's frames, the last of which says that this was all."""
    async with aclosing(body()) as pieces:
        async for piece in pieces:
            if piece:
                yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _trust(connection: ConnectionFile) -> ssl.SSLContext:
    """The pinned certificates and no others, be they leaves or authorities; the system's where none is pinned."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # in the middle of a body it would keep a piece back
    context.set_alpn_protocols(["http/1.1"])
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
