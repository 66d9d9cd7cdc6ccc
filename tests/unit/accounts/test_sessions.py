"""Cookies: forged, old, fixed, stolen and put back."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.errors import SessionRefused
from host_tools.accounts.people import actor_of
from host_tools.accounts.roles import ROLES, Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.sessions import (
    COOKIE_ATTRIBUTES,
    COOKIE_CHARACTERS_MAX,
    COOKIE_NAME,
    LIFETIMES,
    SESSIONS_MAX,
)
from tests.unit.accounts.parts import ADAS, ELSEWHERE, HOME, HOUR_MS, MINUTE_MS, NOW_MS, ROOTS, town


@pytest.mark.req("CTRL-14")
def test_a_cookie_is_its_account_until_logout():
    with town() as made:
        people = made.settled().people
        cookie = people.login("Ada", ADAS, HOME, NOW_MS)
        session = people.sessions.find(cookie, NOW_MS + MINUTE_MS)
        assert actor_of(session, ELSEWHERE) == Actor("ada", "administrator", ELSEWHERE)
        people.logout(cookie, HOME, NOW_MS + 2 * MINUTE_MS)
        with pytest.raises(SessionRefused):
            people.sessions.find(cookie, NOW_MS + 2 * MINUTE_MS)


def test_the_cookie_is_for_this_host_over_https_and_out_of_reach_of_scripts():
    assert COOKIE_NAME.startswith("__Host-")
    assert COOKIE_ATTRIBUTES == {"path": "/", "secure": True, "httponly": True, "samesite": "strict"}


@given(st.text(max_size=COOKIE_CHARACTERS_MAX + 10))
def test_any_text_is_a_session_refused(cookie):
    with pytest.raises(SessionRefused):
        TOWN.people.sessions.find(cookie, NOW_MS)


@given(st.data())
def test_a_forged_cookie_is_refused(data: st.DataObject):
    """Any change of any character."""
    place = data.draw(st.integers(0, len(COOKIE) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    forged = COOKIE[:place] + other + COOKIE[place + 1 :]
    assume(forged != COOKIE)
    with pytest.raises(SessionRefused):
        TOWN.people.sessions.find(forged, NOW_MS)


def test_another_spelling_of_the_same_bytes_is_refused():
    """The last character of base64 has bits to spare."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    TOWN.people.sessions.find(COOKIE, NOW_MS)
    for other in set(letters) - {COOKIE[-1]}:
        with pytest.raises(SessionRefused):
            TOWN.people.sessions.find(COOKIE[:-1] + other, NOW_MS)


_KEPT = town()
TOWN = _KEPT.__enter__().settled()  # in memory, for the two properties above
COOKIE = TOWN.people.login("ada", ADAS, HOME, NOW_MS)


def test_a_cookie_of_another_system_and_a_payload_signed_with_another_key_are_refused():
    with town() as made, town(secret=load_secret(MemoryFiles(), SeededEntropy("another"))) as other:
        people = made.settled().people
        theirs = other.settled().people.login("root", ROOTS, HOME, NOW_MS)
        name = hashlib.sha256(b"guess").hexdigest()
        forged = URLSafeSerializer("openbwc", salt="openbwc-session-1").dumps([name, "root", NOW_MS, NOW_MS])
        unsigned = base64.urlsafe_b64encode(json.dumps([name, "root", NOW_MS, NOW_MS]).encode()).decode()
        for cookie in (theirs, forged, unsigned, unsigned + "."):
            with pytest.raises(SessionRefused):
                people.sessions.find(str(cookie), NOW_MS)


def test_a_signature_made_for_another_use_is_no_cookie():
    with town() as made:
        people = made.settled().people
        session = people.sessions.find(people.login("ada", ADAS, HOME, NOW_MS), NOW_MS)
        payload = session.id.hex()
        with pytest.raises(SessionRefused):
            people.sessions.find(f"{payload}.{people.sessions.csrf_token(session)}", NOW_MS)


@pytest.mark.parametrize("role", ROLES)
def test_a_session_ends_when_it_is_idle_and_when_it_is_old(role):
    lifetime = LIFETIMES[role]
    with town() as made:
        people = made.settled(evaluation=True).people
        people.add("local", "local_administrator", "locally administered", NOW_MS)
        name, password = {
            "root": ("root", ROOTS),
            "administrator": ("ada", ADAS),
            "local_administrator": ("local", "locally administered"),
            "viewer": ("wall", "a screen on the wall"),
            "demo": ("demo", "demo"),
        }[role]
        idle = people.login(name, password, HOME, NOW_MS)
        people.sessions.find(idle, NOW_MS + lifetime.idle_ms - 1)
        people.sessions.find(idle, NOW_MS + 2 * lifetime.idle_ms - 2)  # a request keeps it
        with pytest.raises(SessionRefused):
            people.sessions.find(idle, NOW_MS + 3 * lifetime.idle_ms)
        with pytest.raises(SessionRefused):  # and it does not come back
            people.sessions.find(idle, NOW_MS + 2 * lifetime.idle_ms)
        busy = people.login(name, password, HOME, NOW_MS)
        for now_ms in range(NOW_MS, NOW_MS + lifetime.whole_ms, lifetime.idle_ms // 2):
            people.sessions.find(busy, now_ms)
        with pytest.raises(SessionRefused):
            people.sessions.find(busy, NOW_MS + lifetime.whole_ms)


def test_asvs_level_two_is_kept_for_whoever_can_change_something():
    for role, lifetime in LIFETIMES.items():
        if role != "viewer":
            assert (lifetime.idle_ms, lifetime.whole_ms) <= (30 * MINUTE_MS, 12 * HOUR_MS)


def test_turning_the_clock_back_does_not_make_a_session_young():
    with town() as made:
        people = made.settled().people
        cookie = people.login("ada", ADAS, HOME, NOW_MS)
        with pytest.raises(SessionRefused):
            people.sessions.find(cookie, NOW_MS - 10 * MINUTE_MS)


def test_login_gives_a_new_name_and_ends_the_one_that_came_with_it():
    """Session fixation: what an attacker planted in the browser is not what the person then uses."""
    with town() as made:
        people = made.settled().people
        planted = people.login("wall", "a screen on the wall", ELSEWHERE, NOW_MS)
        hers = people.login("ada", ADAS, HOME, NOW_MS, old_cookie=planted)
        assert hers != planted
        assert people.sessions.find(hers, NOW_MS).account.name == "ada"
        with pytest.raises(SessionRefused):
            people.sessions.find(planted, NOW_MS)
        people.login("ada", ADAS, HOME, NOW_MS, old_cookie="an invented one")
        assert people.sessions.find(hers, NOW_MS).account.name == "ada"


@pytest.mark.parametrize("change", ["log_out_everywhere", "set_role", "set_password", "change_password", "remove"])
def test_whatever_ends_trust_in_an_account_ends_its_sessions(change):
    with town() as made:
        people = made.settled().people
        cookies = [people.login("ada", ADAS, HOME, NOW_MS + number) for number in range(3)]
        others = people.login("root", ROOTS, HOME, NOW_MS)
        match change:
            case "log_out_everywhere":
                people.log_out_everywhere("ada", NOW_MS)
            case "set_role":
                people.set_role("ada", "viewer", NOW_MS)
            case "set_password":
                people.set_password("ada", "difference engine No. 1", NOW_MS)
            case "change_password":
                people.change_password("ada", ADAS, "difference engine No. 1", HOME, NOW_MS)
            case _:
                people.remove("ada")
        for cookie in cookies:
            with pytest.raises(SessionRefused):
                people.sessions.find(cookie, NOW_MS + 10)
        assert people.sessions.find(others, NOW_MS + 10).account.name == "root"


def test_an_ended_session_that_was_copied_back_into_the_database_stays_ended():
    """Logged out everywhere, then the old row was put back by hand."""
    with town() as made:
        people = made.settled().people
        cookie = people.login("ada", ADAS, HOME, NOW_MS)
        rows = made.store.database.rows("SELECT * FROM sessions")
        people.log_out_everywhere("ada", NOW_MS)
        made.store.database.run_many("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", rows)
        with pytest.raises(SessionRefused):
            people.sessions.find(cookie, NOW_MS)


def test_a_removed_account_that_is_made_again_has_none_of_the_old_sessions():
    with town() as made:
        people = made.settled().people
        cookie = people.login("wall", "a screen on the wall", HOME, NOW_MS)
        rows = made.store.database.rows("SELECT * FROM sessions")
        people.remove("wall")
        people.add("wall", "administrator", "another person's words", NOW_MS + 5)
        made.store.database.run_many("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", rows)
        with pytest.raises(SessionRefused):
            people.sessions.find(cookie, NOW_MS + 10)


def test_a_session_row_edited_to_another_account_is_refused():
    """A viewer with a hand in the database, and a cookie of their own."""
    with town() as made:
        people = made.settled().people
        cookie = people.login("wall", "a screen on the wall", HOME, NOW_MS)
        made.store.database.run("UPDATE sessions SET account = 'root'")
        with pytest.raises(SessionRefused):
            people.sessions.find(cookie, NOW_MS)
        made.store.database.run("UPDATE sessions SET account = 'wall', made_unix_ms = made_unix_ms + 1000000")
        with pytest.raises(SessionRefused):
            people.sessions.find(cookie, NOW_MS)


def test_who_reads_the_database_has_no_cookie(tmp_path: Path):
    path = tmp_path / "people.sqlite"
    with town(path) as made:
        cookie = made.settled().people.login("ada", ADAS, HOME, NOW_MS)
        name = made.people.sessions._cookies.loads(cookie)[0]
        assert len(name) == 64
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"ada" in content
    for secret in (cookie, name, ADAS, ROOTS):
        assert secret.encode() not in content
    assert bytes.fromhex(name) not in content


def test_sessions_outlive_a_restart(tmp_path: Path):
    path = tmp_path / "people.sqlite"
    with town(path) as made:
        cookie = made.settled().people.login("ada", ADAS, HOME, NOW_MS)
    with town(path, seed="restarted") as again:
        assert again.people.sessions.find(cookie, NOW_MS).account.name == "ada"


def test_an_account_has_so_many_sessions_and_the_idlest_gives_way():
    with town() as made:
        people = made.settled().people
        cookies = [people.login("ada", ADAS, HOME, NOW_MS + number) for number in range(SESSIONS_MAX + 1)]
        with pytest.raises(SessionRefused):
            people.sessions.find(cookies[0], NOW_MS + SESSIONS_MAX)
        for cookie in cookies[1:]:
            people.sessions.find(cookie, NOW_MS + SESSIONS_MAX)


def test_cross_site_requests_lack_the_token_of_the_session():
    with town() as made:
        people = made.settled().people
        sessions = people.sessions
        hers = sessions.find(people.login("ada", ADAS, HOME, NOW_MS), NOW_MS)
        theirs = sessions.find(people.login("wall", "a screen on the wall", ELSEWHERE, NOW_MS), NOW_MS)
        sessions.check_csrf(hers, sessions.csrf_token(hers))
        for token in ("", sessions.csrf_token(theirs), sessions.csrf_token(hers)[:-2], "ünïcödé", "x" * 9_999):
            with pytest.raises(SessionRefused):
                sessions.check_csrf(hers, token)
