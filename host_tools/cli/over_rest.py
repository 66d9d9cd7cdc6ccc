"""A running controller over its manager's REST API: a command becomes the request that ``web.rows`` has for it.

Law: nothing is sent to a server that has not proved who it is, by a certificate that somebody vouches for or that was
pinned; there is no way round that. Answers are the command's; what is refused is the controller's own line, and
whatever keeps the request from reaching it says what to do. Redirections are not followed: the token goes to one place.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote, urlencode, urlsplit

from host_tools.web.rows import IN_THE_ADDRESS, PREFIX, ROWS, VERSION_ARGUMENT, ApiRow

CONNECT_LIMIT_S = 10.0
ANSWER_LIMIT_S = 240.0  # as over the socket: a check of contacts over a slow link takes long
SILENCE_LIMIT_S = 40.0  # of an event stream, which beats every 15 s
ANSWER_BYTES_MAX = 64 << 20  # the status of a very large system; more is a mistake
EVENT_BYTES_MAX = 1 << 20
PROBLEM_CHARACTERS_MAX = 2_000  # of what a server says in its own words
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h.
WRONG_NAME: Final = frozenset({62, 64})

_ROW_OF = {row.command: row for row in ROWS}


class AskError(Exception):
    """A controller cannot be asked from here, or refuses. One line for a person."""


@dataclass(frozen=True, slots=True)
class Trust:
    """``pem``: certificates that vouch for a server. ``pinned``: it is the server's own, and no other one will do; its
    names are not looked at, because somebody has compared its fingerprint."""

    pem: str = field(repr=False)
    pinned: bool

    def context(self) -> ssl.SSLContext:
        """AskError if there is no certificate in it."""
        try:
            context = ssl.create_default_context(cadata=self.pem)
        except (ssl.SSLError, ValueError) as error:
            raise AskError(f"the certificate to trust is none in PEM form ({error}): export it once more") from error
        if self.pinned:
            context.check_hostname = False
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # one that others have signed is an end, too
        return context

    def fits(self, shown: bytes) -> bool:
        """Whether a server that shows this certificate (DER) is the one that is meant."""
        return not self.pinned or digest_of(shown) == digest_of(ssl.PEM_cert_to_DER_cert(self.pem))


class Request(NamedTuple):
    """``path``: with its query, after the API's prefix. ``body``: to be sent as JSON; None for none."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | None


class Http:
    """One manager, asked request by request, each over a connection of its own. ``trust`` None: whom this machine
    trusts."""

    def __init__(self, url: str, trust: Trust | None) -> None:
        self.url = url
        place = urlsplit(url)
        self._host, self._port = place.hostname or "", place.port or 443
        self._trust = trust

    def ask(self, request: Request, token: str = "") -> Any:
        """What is answered, as JSON has it; None for nothing. AskError."""
        with self._sent(request, token, "application/json", ANSWER_LIMIT_S) as answer:
            data = answer.read(ANSWER_BYTES_MAX + 1)
            if len(data) > ANSWER_BYTES_MAX:
                raise AskError(f"{self.url}: answers more than {ANSWER_BYTES_MAX >> 20} MiB: ask for less at once")
            if not 200 <= answer.status < 300:
                raise AskError(self._refusal(answer, data))
            return self._json(data) if data else None

    def lines(self, request: Request, token: str) -> Generator[bytes]:
        """A stream's lines, until it ends. AskError."""
        with self._sent(request, token, "text/event-stream", SILENCE_LIMIT_S) as answer:
            if answer.status != 200:
                raise AskError(self._refusal(answer, answer.read(ANSWER_BYTES_MAX)))
            while line := answer.readline(EVENT_BYTES_MAX):
                yield line.rstrip(b"\r\n")

    def meet(self) -> None:
        """Connect, so that the server proves who it is, and go. AskError."""
        with self._connected():
            pass

    @contextmanager
    def _sent(self, request: Request, token: str, accepted: str, limit_s: float) -> Generator[http.client.HTTPResponse]:
        headers = {"Accept": accepted, "User-Agent": "bwc", **request.headers}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(request.body).encode()
        with self._connected() as connection:
            cast("ssl.SSLSocket", connection.sock).settimeout(limit_s)
            connection.request(request.method, PREFIX + request.path, body, headers)
            with connection.getresponse() as answer:  # it holds the socket of its own
                yield answer

    @contextmanager
    def _connected(self) -> Generator[http.client.HTTPSConnection]:
        context = self._trust.context() if self._trust is not None else ssl.create_default_context()
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=CONNECT_LIMIT_S, context=context)
        try:
            connection.connect()
            shown = cast("ssl.SSLSocket", connection.sock).getpeercert(binary_form=True)
            if self._trust is not None and not self._trust.fits(shown or b""):
                raise AskError(self._other_certificate("another one"))
            yield connection
        except ssl.SSLCertVerificationError as error:
            raise AskError(self._distrusted(error)) from error
        except ssl.SSLError as error:
            raise AskError(f"{self.url}: does not speak HTTPS ({error.reason}): check address and port") from error
        except (OSError, http.client.HTTPException) as error:
            raise AskError(self._unreachable(error)) from error
        finally:
            connection.close()

    def _other_certificate(self, why: str) -> str:
        return f"{self.url}: its certificate is not the pinned one ({why}): compare it there, then bwc login {self.url}"

    def _distrusted(self, error: ssl.SSLCertVerificationError) -> str:
        why = error.verify_message
        if self._trust is not None and self._trust.pinned:
            return self._other_certificate(why)
        if error.verify_code in WRONG_NAME:
            return f"{self.url}: its certificate has other names: use one of them, or bwc login {self.url} to pin it"
        return f"{self.url}: nobody vouches for its certificate ({why}): bwc login {self.url}, or --certificate"

    def _unreachable(self, error: Exception) -> str:
        if isinstance(error, socket.gaierror):
            return f"{self.url}: no machine is known by that name: check the address"
        why = getattr(error, "strerror", None) or str(error) or "no answer in time"
        return f"{self.url}: does not answer ({why}): is its controller running, with --web at that address?"

    def _refusal(self, answer: http.client.HTTPResponse, data: bytes) -> str:
        said = self._problem(data)
        if answer.status == 401 and said.get("type") == "urn:openbwc:problem:session-ended":
            return f"{self.url}: the login has ended, or the token is not its own: bwc login {self.url}"
        if answer.status in (404, 405) or "detail" not in said:
            kind = f"{answer.status} {answer.reason}"
            return f"{self.url}: no OpenBWC manager that knows this ({kind}): check the address and its version"
        return _one_line(str(said["detail"]))

    def _problem(self, data: bytes) -> dict[str, Any]:
        try:
            said = json.loads(data)
        except ValueError:
            return {}
        return cast("dict[str, Any]", said) if isinstance(said, dict) else {}

    def _json(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError:
            raise AskError(f"{self.url}: does not answer as an OpenBWC manager does: check the address") from None


class OverRest:
    """A controller, asked with the rights of whoever the token is of. See ``asking.Asked``."""

    def __init__(self, url: str, token: str, trust: Trust | None) -> None:
        self._http = Http(url, trust)
        self._token = token

    @property
    def idle_folder(self) -> Path | None:
        """None: nothing of a controller can be changed from elsewhere but by asking it."""
        return None

    def call(self, command: str, /, **arguments: Any) -> Any:
        """See Asked."""
        return self._http.ask(request_of(command, arguments), self._token)

    def happenings(self) -> Generator[dict[str, Any]]:
        """See Asked."""
        with closing(self._http.lines(Request("GET", "/events", {}, None), self._token)) as lines:
            next(lines, b"")  # the stream's first line: from here on nothing is missed
            yield {}
            for event, data in _events(lines):
                if event == b"happening":
                    yield json.loads(data)
                elif event == b"ended":
                    raise AskError(f"{self._http.url}: the login has ended: bwc login {self._http.url}")


def request_of(command: str, arguments: Mapping[str, Any]) -> Request:
    """The request that a command is. AskError if an argument that is part of the address is empty."""
    row = _ROW_OF.get(command) or ApiRow("POST", f"/commands/{command}", command, "")
    left = dict(arguments)
    path = row.path
    for name in row.in_path:
        value = str(left.pop(name, ""))
        if not value:
            raise AskError(f"{name} is empty: name it")
        path = path.replace(f"{{{name}:path}}", _segment(value)).replace(f"{{{name}}}", _segment(value))
    headers: dict[str, str] = {}
    if row.method != "GET":
        version = left.pop(VERSION_ARGUMENT, None)
        headers = {"If-None-Match": "*"} if version == 0 else {"If-Match": "*" if version is None else f'"{version}"'}
    if row.method not in IN_THE_ADDRESS:
        return Request(row.method, path, headers, left)
    query = urlencode([(name, _text(value)) for name, value in left.items() if value is not None])
    return Request(row.method, f"{path}?{query}" if query else path, headers, None)


def digest_of(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER, as the manager's page of certificates shows it."""
    return hashlib.sha256(certificate).hexdigest()


def _events(lines: Iterable[bytes]) -> Generator[tuple[bytes, bytes]]:
    """Kind and data of each event of a stream; ours have one line of data."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b": ")
        if name:
            found[name] = value
        else:
            yield found.get(b"event", b""), found.get(b"data", b"")
            found = {}


def _segment(value: str) -> str:
    """A part of an address that nobody takes for a step in it."""
    return value.replace(".", "%2E") if value in (".", "..") else quote(value, safe="")


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text[:PROBLEM_CHARACTERS_MAX])
