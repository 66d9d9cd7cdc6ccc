"""Logging in, by page and by program; what a session is good for, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from host_tools.accounts.passwords import AT_ONCE_MAX
from host_tools.accounts.sessions import COOKIE_NAME, CSRF_HEADER, LIFETIMES
from host_tools.accounts.throttle import Allowance
from tests.unit.accounts.parts import town
from tests.unit.web.office import HOST, SECRETS, WALLS, Office, opened_office, problem

T = TypeVar("T")
SESSION = "/api/v1/session"
JSON = {"content-type": "application/json"}


@pytest.mark.req("CTRL-14")
def test_a_login_gives_a_cookie_that_scripts_cannot_read(office: Office):
    answer = office.ask("POST", SESSION, json={"name": "wall", "password": WALLS})
    assert answer.status_code == 200
    said = answer.headers["set-cookie"]
    assert said.startswith(f"{COOKIE_NAME}=")
    for attribute in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert attribute in said
    assert "Domain" not in said
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["account"], answer.json()["role"]) == ("wall", "viewer")
    assert "status" in answer.json()["may"]
    assert "add_account" not in answer.json()["may"]


@pytest.mark.parametrize("body", [{"name": "wall", "password": "nope"}, {"name": "nobody", "password": "nope"}])
def test_what_was_wrong_is_not_told(office: Office, body: dict[str, str]):
    said = problem(office.ask("POST", SESSION, json=body, address="198.51.100.1"), 401, "login-refused")
    assert said["detail"] == "name or password is wrong: try again"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"name": "wall"}', b'{"name": 1, "password": []}', b"\xff\xfe", b"{}"]
)
def test_what_is_no_login_is_told_so_and_never_repeated(office: Office, content: bytes):
    problem(office.ask("POST", SESSION, content=content, headers=JSON), 422, "invalid")


@pytest.mark.parametrize("path", [SESSION, "/api/v1/token"])
def test_a_stranger_sends_no_more_than_a_login(office: Office, path: str):
    longest = {"name": "x" * 200, "password": "\U0001f600" * 1_024}  # twelve letters each, as JSON has them
    problem(office.ask("POST", path, content=json.dumps(longest), headers=JSON), 401, "login-refused")
    problem(office.ask("POST", path, content=json.dumps(longest | {"more": "x" * 5_000}), headers=JSON), 413)


def test_a_password_is_in_no_answer(office: Office):
    answer = office.ask("POST", SESSION, json={"name": 5, "password": "very secret words"})
    assert "very secret" not in answer.text


@pytest.mark.req("CTRL-14", "CTRL-08")
def test_many_who_try_to_log_in_at_once_take_no_thread_from_recordings(office: Office):
    """A try costs a tenth of a second and a turn; threads are as few as a small machine has, and offloading needs them.
    What waits for its turn waits on the loop."""
    running = peak = 0

    async def counted(function: Callable[[], T], /) -> T:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        for _ in range(50):  # all the others come to their own by then
            await asyncio.sleep(0)
        running -= 1
        return function()

    async def main() -> list[int]:
        transport = httpx.ASGITransport(office.manager_of("run4", counted).guarded)
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
            body = {"name": "nobody", "password": "nope"}
            answers = await asyncio.gather(*(client.post(SESSION, json=body) for _ in range(12)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(main()) == [401] * 12
    assert peak == AT_ONCE_MAX


@pytest.mark.req("CTRL-14")
def test_a_page_that_was_left_open_gives_nobody_the_account_for_good(office: Office):
    """An administrator gives others a password; their own changes only for somebody who knows it."""
    path = "/api/v1/accounts/{}/password"
    fresh = {"password": "three new words"}
    for name in ("ada", "ADA"):
        said = problem(office.ask("PUT", path.format(name), "administrator", json=fresh), 409, "refused")
        assert "the current one" in said["detail"]
    assert office.ask("PUT", path.format("louise"), "administrator", json=fresh).status_code == 200


@pytest.mark.req("CTRL-14")
def test_a_session_that_changes_something_needs_its_own_token(office: Office):
    cookie = office.cookie("viewer")
    assert office.ask("GET", SESSION, cookie=cookie, token=False).status_code == 200
    for wrong in ("", "x", office.ask("GET", SESSION, "administrator", token=False).json()["csrf"]):
        answer = office.ask(
            "DELETE", "/api/v1/account/sessions", cookie=cookie, token=False, headers={CSRF_HEADER: wrong}
        )
        problem(answer, 401)
    assert office.ask("GET", SESSION, cookie=cookie, token=False).status_code == 200


def test_a_programs_token_needs_no_second_one_and_is_no_cookie(office: Office):
    answer = office.ask("POST", "/api/v1/token", json={"name": "wall", "password": WALLS})
    assert "set-cookie" not in answer.headers
    assert office.ask("DELETE", SESSION, cookie=answer.json()["token"]).status_code == 204
    problem(office.ask("GET", SESSION, cookie=answer.json()["token"]), 401, "session-ended")


@pytest.mark.parametrize("cookie", ["", "x", "a.b", "é", "x" * 5_000])
def test_invented_cookies_are_nobody(office: Office, cookie: str):
    answer = office.ask("GET", SESSION, headers={"Cookie": f"{COOKIE_NAME}={cookie}".encode()})
    problem(answer, 401, "session-ended")


@pytest.mark.req("CTRL-14")
@pytest.mark.parametrize("role", ["administrator", "viewer"])
def test_a_session_ends_by_itself(office: Office, role: str):
    cookie, start_ms = office.cookie(role), office.now_ms
    life = LIFETIMES[role]  # pyright: ignore[reportArgumentType]
    try:
        office.now_ms = start_ms + life.idle_ms - 1
        assert office.ask("GET", SESSION, cookie=cookie).status_code == 200
        office.now_ms += life.idle_ms
        problem(office.ask("GET", SESSION, cookie=cookie), 401, "session-ended")
    finally:
        office.now_ms = start_ms


@pytest.mark.req("CTRL-14")
def test_too_many_tries_are_told_how_long_to_wait(tmp_path: Path):
    with opened_office(tmp_path, Allowance(account=2, address=20)) as office:
        body = {"name": "ada", "password": "nope"}
        for _ in range(2):
            problem(office.ask("POST", SESSION, json=body), 401, "login-refused")
        answer = office.ask("POST", SESSION, json={"name": "ada", "password": SECRETS["administrator"]})
        said = problem(answer, 429, "too-many-tries")
        assert int(answer.headers["retry-after"]) == said["wait_s"] >= 1
        office.now_ms += said["wait_s"] * 1_000
        assert (
            office.ask("POST", SESSION, json={"name": "ada", "password": SECRETS["administrator"]}).status_code == 200
        )


def test_a_request_from_another_site_is_turned_away(office: Office):
    answer = office.ask(
        "POST", SESSION, json={"name": "wall", "password": WALLS}, headers={"Origin": "https://evil.example"}
    )
    problem(answer, 403, "cross-site")


@pytest.mark.req("CTRL-14")
def test_the_login_page_tells_how_to_make_the_first_account_and_nothing_once_there_is_one(office: Office):
    said = "bwc account setup"
    assert said not in office.ask("GET", "/login").text
    with town() as nobody:
        settled, office.town = office.town, nobody
        try:
            empty = office.manager_of("run of nobody").guarded
        finally:
            office.town = settled

        async def ask() -> str:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(empty), base_url=f"https://{HOST}") as client:
                return (await client.get("/login")).text

        assert said in asyncio.run(ask())
