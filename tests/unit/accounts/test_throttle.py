"""Brute force: back-off per account and per address, which a restart does not forgive and which locks nobody out."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.accounts.errors import LoginRefused, LoginThrottled
from host_tools.accounts.people import People
from host_tools.accounts.throttle import (
    BACKOFF_MS_FIRST,
    BACKOFF_MS_MAX,
    FORGET_MS,
    KNOWN_ADDRESSES_MAX,
    ROWS_MAX,
    Allowance,
    Throttle,
    backoff_ms,
    network_of,
)
from tests.unit.accounts.parts import ADAS, ELSEWHERE, HOME, HOUR_MS, NOW_MS, ROOTS, town

USUAL = Allowance()
DAY_MS = 24 * HOUR_MS


def attack(people: People, name: str, address: str, from_ms: int, until_ms: int) -> int:
    """Guess as fast as the door lets, knocking each second; answers how many guesses were looked at."""
    looked_at, now_ms = 0, from_ms
    while now_ms < until_ms:
        try:
            people.login(name, f"guess {now_ms}", address, now_ms)
        except LoginRefused:
            looked_at += 1
            now_ms += 1_000
        except LoginThrottled as closed:
            now_ms += max(1, min(closed.wait_ms, BACKOFF_MS_MAX))
    return looked_at


@pytest.mark.req("CTRL-14")
def test_a_day_of_guessing_at_an_account_gets_about_a_hundred_tries():
    with town(allowance=USUAL) as made:
        made.settled()
        tries = attack(made.people, "ada", ELSEWHERE, NOW_MS, NOW_MS + DAY_MS)
        assert DAY_MS // BACKOFF_MS_MAX <= tries <= DAY_MS // BACKOFF_MS_MAX + 20


def test_many_addresses_share_the_account_s_door_and_many_names_the_address_s():
    with town(allowance=USUAL) as made:
        made.settled()
        looked_at = 0
        for number in range(200):
            for name, address in (("ada", f"198.51.100.{number}"), (f"name{number}", ELSEWHERE)):
                try:
                    made.people.login(name, "a wrong guess", address, NOW_MS)
                except LoginRefused:
                    looked_at += 1
                except LoginThrottled:
                    pass  # the door is closed
        assert looked_at == USUAL.account + USUAL.address


def test_an_address_in_ipv6_is_a_whole_network():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.7") == network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("local") == "local"
    assert len(network_of("x" * 10_000)) <= 64


@pytest.mark.req("CTRL-14")
def test_a_restart_forgives_nobody(tmp_path: Path):
    path = tmp_path / "people.sqlite"
    with town(path, allowance=USUAL) as made:
        made.settled()
        for _ in range(USUAL.account):
            with pytest.raises(LoginRefused):
                made.people.login("ada", "a wrong guess", ELSEWHERE, NOW_MS)
    with town(path, seed="restarted", allowance=USUAL) as again, pytest.raises(LoginThrottled, match="wait 1 s"):
        again.people.login("ada", ADAS, ELSEWHERE, NOW_MS)


@pytest.mark.req("CTRL-14")
def test_root_comes_in_where_it_is_known_however_hard_strangers_try():
    with town(allowance=USUAL) as made:
        made.settled()
        made.people.login("root", ROOTS, HOME, NOW_MS)
        attack(made.people, "root", ELSEWHERE, NOW_MS, NOW_MS + DAY_MS)
        with pytest.raises(LoginThrottled):
            made.people.login("root", ROOTS, "198.51.100.1", NOW_MS + DAY_MS)
        assert made.people.login("root", ROOTS, HOME, NOW_MS + DAY_MS)


def test_where_it_is_known_guessing_is_throttled_too():
    with town(allowance=USUAL) as made:
        made.settled()
        made.people.login("root", ROOTS, HOME, NOW_MS)
        tries = attack(made.people, "root", HOME, NOW_MS, NOW_MS + DAY_MS)
        assert tries <= DAY_MS // BACKOFF_MS_MAX + 20


def test_nobody_waits_longer_than_the_limit_and_knocking_does_not_prolong_it():
    with town(allowance=USUAL) as made:
        made.settled()
        now_ms = NOW_MS
        for _ in range(40):
            try:
                made.people.login("ada", "a wrong guess", ELSEWHERE, now_ms)
            except LoginRefused:
                pass  # counted
            except LoginThrottled as closed:
                now_ms += closed.wait_ms
        for knock_ms in range(now_ms, now_ms + BACKOFF_MS_MAX, 60_000):
            with pytest.raises((LoginThrottled, LoginRefused)):
                made.people.login("ada", "a wrong guess", ELSEWHERE, knock_ms)
        assert made.people.login("ada", ADAS, ELSEWHERE, now_ms + 2 * BACKOFF_MS_MAX)


def test_success_starts_the_account_afresh_and_not_the_address():
    with town(allowance=USUAL) as made:
        made.settled()
        for _ in range(USUAL.address):  # an attacker with an account of their own washes nothing off
            with pytest.raises(LoginRefused):
                made.people.login("root", "a wrong guess", ELSEWHERE, NOW_MS)
            made.people.unlock("root")
            if made.store.database.row("SELECT failures FROM tries WHERE key LIKE 'address%'") == (USUAL.address,):
                break
            made.people.login("ada", ADAS, ELSEWHERE, NOW_MS)
        with pytest.raises(LoginThrottled):
            made.people.login("ada", ADAS, ELSEWHERE, NOW_MS)


def test_the_owner_of_the_machine_can_unlock():
    with town(allowance=USUAL) as made:
        made.settled()
        for _ in range(USUAL.account):
            with pytest.raises(LoginRefused):
                made.people.login("ada", "a wrong guess", ELSEWHERE, NOW_MS)
        made.people.unlock("ada")
        assert made.people.login("ada", ADAS, HOME, NOW_MS)


def test_unknown_names_close_the_door_as_known_ones_do():
    with town(allowance=USUAL) as made:
        made.settled()
        for name in ("ada", "nobody"):
            told: list[str] = []
            for number in range(USUAL.account + 2):
                with pytest.raises((LoginRefused, LoginThrottled)) as refused:
                    made.people.login(name, "a wrong guess", f"198.51.100.{number}", NOW_MS)
                told.append(str(refused.value))
            assert told == ["name or password is wrong: try again"] * 5 + ["too many tries: wait 1 s"] * 2


def test_a_clock_that_was_set_back_locks_nobody_out():
    with town(allowance=USUAL) as made:
        made.settled()
        attack(made.people, "ada", ELSEWHERE, NOW_MS, NOW_MS + HOUR_MS)
        earlier_ms = NOW_MS - 365 * DAY_MS
        with pytest.raises(LoginThrottled) as closed:
            made.people.login("ada", ADAS, ELSEWHERE, earlier_ms)
        assert closed.value.wait_ms <= BACKOFF_MS_MAX
        assert made.people.login("ada", ADAS, ELSEWHERE, earlier_ms + BACKOFF_MS_MAX)


def test_back_off_doubles_up_to_its_limit():
    waits = [backoff_ms(failures, 5) for failures in range(1, 100)]
    assert waits[:7] == [0, 0, 0, 0, BACKOFF_MS_FIRST, 2 * BACKOFF_MS_FIRST, 4 * BACKOFF_MS_FIRST]
    assert waits == sorted(waits)
    assert waits[-1] == BACKOFF_MS_MAX


def test_what_is_kept_is_bounded():
    with town() as made:
        made.settled()
        throttle = Throttle(made.store.database, USUAL)
        rows = [(f"account name{number}", 1, NOW_MS - number, 0) for number in range(ROWS_MAX + 50)]
        made.store.database.run_many("INSERT INTO tries VALUES (?, ?, ?, ?)", list[tuple[object, ...]](rows))
        throttle.enter("ada", HOME, NOW_MS)
        assert made.store.database.row("SELECT count(*) FROM tries") == (ROWS_MAX,)
        for number in range(KNOWN_ADDRESSES_MAX + 5):
            throttle.succeed("ada", f"198.51.100.{number}", NOW_MS + number)
        assert made.store.database.row("SELECT count(*) FROM known_addresses") == (KNOWN_ADDRESSES_MAX,)
        throttle.enter("ada", HOME, NOW_MS + 2 * FORGET_MS)
        assert made.store.database.row("SELECT count(*) FROM tries") == (2,)
