"""Reaching a controller from another machine: whom to trust, who one is, and what every way to fail says."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from host_tools.bench.programs import free_port
from host_tools.cli.asking import InFolder
from host_tools.cli.logins import Login, Logins, read_url
from host_tools.cli.over_rest import AskError, Http, OverRest, Request, Trust
from host_tools.web_kit.certificate_folder import CertificateFolder
from host_tools.web_kit.serving import TlsFront, serving
from tests.unit.cli.manager import HOSTS, Reached, conversation
from tests.unit.cli.parts import Bwc, Ended
from tests.unit.web.office import NAMES, SECRETS, Office, opened_office

pytestmark = pytest.mark.req("CTRL-14")
OTHERS_MS = 1_767_225_600_000  # when the other servers' certificates were made

Opened = tuple[Office, Path]


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is logged in anywhere, and the terminal is nobody's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    for name in ("OPENBWC_AT", "OPENBWC_TOKEN", "OPENBWC_CERTIFICATE", "OPENBWC_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Generator[Opened]:
    """One controller for all of them, and its folder."""
    folder = tmp_path_factory.mktemp("office")
    with opened_office(folder) as opened:
        yield opened, folder / "controller"


def fingerprint_of(there: Reached) -> str:
    """As the manager's page of certificates shows it."""
    (row,) = there.office.https.certificates.all()
    return str(row["sha256"])


async def log_in(there: Reached, role: str, *trust: object) -> Ended:
    """``bwc login`` as somebody of that role."""
    secret = there.folder.parent / "password"
    secret.write_text(SECRETS[role] + "\n")
    return await asyncio.to_thread(
        there.bwc, "login", there.url, "--account", NAMES[role], "--password-file", secret, *trust
    )


def test_somebody_logs_in_asks_and_logs_out(bwc: Bwc, office: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def talk(there: Reached) -> None:
        said = await log_in(there, "administrator", "--fingerprint", fingerprint_of(there).upper())
        assert said.out.startswith(f"ada (administrator) at {there.url}"), said
        (kept,) = (tmp_path / "settings" / "openbwc" / "logins").iterdir()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert SECRETS["administrator"] not in kept.read_text()
        monkeypatch.setenv("OPENBWC_AT", there.url)
        listed = await asyncio.to_thread(bwc, "account", "list")
        assert "louise" in listed.out, listed
        found = Logins().find(there.url)
        assert found is not None
        assert (await asyncio.to_thread(bwc, "logout", there.url)).out.startswith("ada is logged out")
        assert not kept.exists()
        (await asyncio.to_thread(bwc, "status")).must_be_one_line("nobody is logged in there: bwc login")
        with pytest.raises(AskError, match="the login has ended"):  # at the manager, too
            await asyncio.to_thread(OverRest(there.url, found.token, found.trust).call, "status")
        (await asyncio.to_thread(bwc, "logout", there.url)).must_be_one_line("nobody is logged in there")

    conversation(bwc, *office, talk)


def test_a_login_that_is_refused_keeps_nothing(
    bwc: Bwc, office: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def talk(there: Reached) -> None:
        digest = fingerprint_of(there)
        (await log_in(there, "root")).must_be_one_line("nobody vouches for its certificate", digest, "--fingerprint")
        wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
        (await log_in(there, "root", "--fingerprint", wrong)).must_be_one_line("shows another certificate", digest)
        both = ("--fingerprint", digest, "--certificate", there.pem)
        (await log_in(there, "root", *both)).must_be_one_line("leave the other out")
        monkeypatch.setitem(SECRETS, "root", "not the password")
        (await log_in(there, "root", "--certificate", there.pem)).must_be_one_line("name or password")
        (await log_in(there, "root", "--certificate", tmp_path)).must_be_one_line(f"{tmp_path}: cannot be read")
        assert Logins().find(there.url) is None

    conversation(bwc, *office, talk)


def test_whoever_may_not_is_told_so(bwc: Bwc, office: Opened, tmp_path: Path):
    async def talk(there: Reached) -> None:
        ended = await there.by_rest("wearer", "add", "W-1", "Ada", role="viewer")
        ended.must_be_one_line("wall is viewer and may not add a wearer: ask an administrator")
        token = there.folder.parent / "other-token"
        token.write_text("made up\n")
        there_too = ("--at", there.url, "--certificate", there.pem)
        made_up = await asyncio.to_thread(bwc, "status", *there_too, "--token-file", token)
        made_up.must_be_one_line(f"the login has ended, or the token is not its own: bwc login {there.url}")
        token.write_text("")
        (await asyncio.to_thread(bwc, "status", *there_too, "--token-file", token)).must_be_one_line("no token is in")

    conversation(bwc, *office, talk)


def test_one_controller_is_asked_and_no_other(bwc: Bwc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "c"
    bwc("status", "--folder", folder, "--at", "https://127.0.0.1:9").must_be_one_line("leave one of them out")
    bwc("status", "--token-file", folder).must_be_one_line("go with --at")
    for text in ("http://127.0.0.1", "127.0.0.1:8440", "https://", "https://ada:pw@x", "https://x/y", "https://x:port"):
        bwc("status", "--at", text).must_be_one_line("write it as https://station:8440")
    assert read_url(" https://[::1]:8440/ ") == "https://[::1]:8440"
    monkeypatch.setenv("OPENBWC_AT", "https://127.0.0.1:9")
    bwc("status", "--folder", folder).must_be_one_line(f"no controller answers in {folder}")
    bwc("status").must_be_one_line("https://127.0.0.1:9: nobody is logged in")


def test_two_people_who_change_one_thing(bwc: Bwc, office: Opened, tmp_path: Path):
    async def talk(there: Reached) -> None:
        asked = OverRest(there.url, there.office.cookie("administrator"), Trust(there.pem.read_text(), False))

        def change() -> None:
            seen = asked.call("get_settings")["version"]
            asked.call("change_settings", version=seen, changes={"shift_minutes": 500})
            with pytest.raises(AskError, match="ada"):  # who was first
                asked.call("change_settings", version=seen, changes={"shift_minutes": 400})

        await asyncio.to_thread(change)
        assert there.office.system.settings.shift_minutes == 500

    conversation(bwc, *office, talk)


def test_what_happens_is_heard_both_ways(bwc: Bwc, office: Opened, tmp_path: Path):
    async def talk(there: Reached) -> None:
        token, trust = there.office.cookie("viewer"), Trust(there.pem.read_text(), False)
        tell = there.office.controller.happenings.tell
        told: list[list[dict[str, Any]]] = []
        for asked in (InFolder(there.folder), OverRest(there.url, token, trust)):
            heard = asked.happenings()
            assert await asyncio.to_thread(next, heard) == {}
            tell("looked", at=3)
            tell("heard", what_else="CAM-é")
            told.append([await asyncio.to_thread(next, heard) for _ in range(2)])
            heard.close()
        assert [each["what"] for each in told[0]] == ["looked", "heard"]
        assert [{**each, "at_unix_ms": 0} for each in told[1]] == [{**each, "at_unix_ms": 0} for each in told[0]]
        with pytest.raises(AskError, match="the login has ended"):
            await asyncio.to_thread(next, OverRest(there.url, "none", trust).happenings())
        ring = there.office.manager.ring
        while ring.streams:  # until the manager has seen that nobody reads
            ring.publish("beat", {})
            await asyncio.sleep(0.01)
        following = asyncio.create_task(there.by_rest("follow"))
        while not ring.streams:
            assert not following.done(), following.result()
            await asyncio.sleep(0.01)
        tell("progress", camera="CAM-0001")
        tell("docked", camera="CAM-0001", dock="DOCK-0001", bay=2)
        tell("looked", at="the rain\x1b[2J\nand\x9bsun")
        ring.publish("ended", {})
        ended = await following
        assert ended.err.splitlines()[1:] == [f"bwc: {there.url}: the login has ended: bwc login {there.url}"]
        docked, looked = ended.out.splitlines()
        assert docked.endswith(" CAM-0001 is docked, DOCK-0001 bay 2"), "as the log says it"
        assert looked.endswith(" looked at=the rain?[2J?and?sun"), "nothing that a terminal obeys"

    conversation(bwc, *office, talk)


class Recording:
    """A server that writes down what it is asked and answers the same always."""

    def __init__(self, status: int, kind: bytes, body: bytes) -> None:
        self.asked: list[str] = []
        self._answer = status, kind, body

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        status, kind, body = self._answer
        self.asked.append(scope["path"])
        headers = [(b"content-type", kind), (b"location", b"/elsewhere")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def other_server(
    folder: Path, app: Recording, hosts: tuple[str, ...] = HOSTS
) -> AsyncGenerator[tuple[str, Trust]]:
    """Something over HTTPS that is no manager; its address, and a trust that pins it."""
    pair = CertificateFolder(folder, "something else").ensure(hosts, OTHERS_MS)
    async with serving(app, "127.0.0.1", 0, TlsFront(*pair)) as port:
        yield f"https://127.0.0.1:{port}", Trust(pair.certificate.read_text(), True)


@contextmanager
def refused(*words: str) -> Generator[None]:
    """AskError in one line that holds these words."""
    with pytest.raises(AskError) as caught:
        yield
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_nothing_is_sent_to_a_server_that_is_not_the_one(tmp_path: Path):
    app = Recording(200, b"application/json", b"{}")

    async def go() -> None:
        async with (
            other_server(tmp_path / "a", app) as (url, trust),
            other_server(tmp_path / "b", app) as (_, other),
            other_server(tmp_path / "c", app, ("station.example",)) as (elsewhere, third),
        ):

            def ask(at: str, whom: Trust | None) -> Any:
                return OverRest(at, "a secret token", whom).call("status")

            def all_of_them() -> None:
                with refused("nobody vouches for its certificate", f"bwc login {url}"):
                    ask(url, None)
                with refused("its certificate is not the pinned one", f"bwc login {url}"):
                    ask(url, other)
                with refused("nobody vouches for its certificate"):
                    ask(url, Trust(other.pem, False))
                with refused("its certificate has other names"):
                    ask(elsewhere, Trust(third.pem, False))
                with refused("none in PEM form"):
                    ask(url, Trust("no certificate", False))
                assert app.asked == []
                assert ask(elsewhere, third) == {}  # pinned: somebody has compared it, whatever its names are
                assert ask(url, Trust(trust.pem, False)) == {}
                assert app.asked == ["/api/v1/status"] * 2

            await asyncio.to_thread(all_of_them)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("status", "kind", "body", "why"),
    [
        (200, b"text/html", b"<html>", "does not answer as an OpenBWC manager does"),
        (404, b"application/json", b'{"detail": "Not Found"}', "no OpenBWC manager that knows this (404 Not Found)"),
        (302, b"text/html", b"", "no OpenBWC manager that knows this (302 Found)"),
        (502, b"text/html", b"<html>\n", "no OpenBWC manager that knows this (502 Bad Gateway)"),
        (401, b"application/json", b"[]", "no OpenBWC manager that knows this (401 Unauthorized)"),
        (409, b"application/problem+json", b'{"detail": "a\\u001b[2Jb\\nc"}', "a [2Jb c"),
    ],
)
def test_what_is_no_manager_is_told_apart(tmp_path: Path, status: int, kind: bytes, body: bytes, why: str):
    async def go() -> None:
        app = Recording(status, kind, body)
        async with other_server(tmp_path, app) as (url, trust):

            def ask() -> None:
                with refused(why):
                    OverRest(url, "token", trust).call("status")

            await asyncio.to_thread(ask)
            assert app.asked == ["/api/v1/status"]

    asyncio.run(go())


def test_nobody_there_and_no_https(tmp_path: Path):
    url = f"https://127.0.0.1:{free_port()}"
    with refused(f"{url}: does not answer (Connection refused)", "--web"):
        Http(url, None).ask(Request("GET", "/status", {}, None))
    with refused("no machine is known by that name"):
        Http("https://no-such-machine.invalid:8440", None).ask(Request("GET", "/status", {}, None))

    async def plain() -> None:
        app = Recording(200, b"text/plain", b"")
        async with serving(app, "127.0.0.1", 0, None) as port:

            def ask() -> None:
                with refused("does not speak HTTPS"):
                    Http(f"https://127.0.0.1:{port}", None).ask(Request("GET", "/status", {}, None))

            await asyncio.to_thread(ask)
            assert app.asked == []

    asyncio.run(plain())


def test_a_login_that_was_damaged_is_told(tmp_path: Path):
    logins = Logins(tmp_path / "logins")
    login = Login("https://[::1]:8440", "ada", "token", Trust("PEM", True))
    logins.keep(login)
    assert logins.find(login.url) == login
    assert "token" not in repr(login)
    (path,) = (tmp_path / "logins").iterdir()
    for text in ("", "[]", '{"account": "ada"}', "\x00"):
        path.write_text(text)
        with refused(str(path), "remove it, then bwc login"):
            logins.find(login.url)
    logins.forget(login.url)
    logins.forget(login.url)
    assert logins.find(login.url) is None


@pytest.mark.parametrize("token", ["one\ntwo", "two \r words", "tokén"])
def test_a_token_that_no_header_holds_is_not_shown(bwc: Bwc, monkeypatch: pytest.MonkeyPatch, token: str):
    monkeypatch.setenv("OPENBWC_TOKEN", token)
    ended = bwc("status", "--at", "https://127.0.0.1:9")
    ended.must_be_one_line("OPENBWC_TOKEN: holds no token")
    assert token.split()[0] not in ended.err
