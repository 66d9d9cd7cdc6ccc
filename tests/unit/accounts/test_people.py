"""Accounts: what there is, what cannot be changed, and how somebody comes in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tools.accounts import passwords
from host_tools.accounts.errors import AccountsError, LoginRefused, LoginThrottled, PasswordUnfit
from host_tools.accounts.names import account_name
from host_tools.accounts.passwords import PasswordCost, cost_of
from host_tools.accounts.people import ACCOUNTS_MAX, People
from host_tools.accounts.roles import GIVEN, MEANING, ROLES
from host_tools.accounts.throttle import Allowance
from tests.unit.accounts.parts import ADAS, CHEAP, ELSEWHERE, HOME, NOW_MS, ROOTS, town

NEW = "difference engine No. 1"


@pytest.mark.req("CTRL-14")
def test_the_four_roles():
    assert ROLES[:4] == ("root", "administrator", "local_administrator", "viewer")
    assert set(MEANING) == set(ROLES)
    with town() as made:
        people = made.settled().people
        people.add("lea", "local_administrator", "locally administered", NOW_MS)
        assert [(person.name, person.role) for person in people.list()] == [
            ("ada", "administrator"),
            ("lea", "local_administrator"),
            ("root", "root"),
            ("wall", "viewer"),
        ]


@pytest.mark.req("CTRL-14")
def test_root_s_password_changes_only_with_the_current_one():
    with town() as made:
        people = made.settled().people
        with pytest.raises(AccountsError, match="give the current one"):
            people.set_password("root", NEW, NOW_MS)
        with pytest.raises(LoginRefused):
            people.change_password("root", "not the current one", NEW, HOME, NOW_MS)
        assert people.login("root", ROOTS, HOME, NOW_MS)
        people.change_password("root", ROOTS, NEW, HOME, NOW_MS)
        with pytest.raises(LoginRefused):
            people.login("root", ROOTS, HOME, NOW_MS)
        assert people.login("root", NEW, HOME, NOW_MS)


def test_whom_wrong_tries_have_locked_out_comes_in_with_the_password_that_an_administrator_gives():
    with town(allowance=Allowance(account=3)) as made:
        people = made.settled().people
        for number in range(3):
            with pytest.raises(LoginRefused):
                people.login("wall", f"a wrong guess {number}", HOME, NOW_MS)
        with pytest.raises(LoginThrottled):
            people.login("wall", "a screen on the wall", HOME, NOW_MS)
        people.set_password("wall", NEW, NOW_MS)
        assert people.login("wall", NEW, HOME, NOW_MS)


def test_the_current_password_cannot_be_guessed_that_way_either():
    with town(allowance=Allowance()) as made:
        people = made.settled().people
        for number in range(Allowance().account):
            with pytest.raises(LoginRefused):
                people.change_password("root", f"a wrong guess {number}", NEW, ELSEWHERE, NOW_MS)
        with pytest.raises(LoginThrottled):
            people.change_password("root", ROOTS, NEW, ELSEWHERE, NOW_MS)


@pytest.mark.parametrize("name", ["root", "demo"])
@pytest.mark.req("CTRL-02")
def test_root_and_demo_stay_what_they_are(name):
    with town() as made:
        people = made.settled(evaluation=True).people
        before = people.list()
        attempts: list[Callable[[], object]] = [
            lambda: people.remove(name),
            lambda: people.remove(name.upper()),
            lambda: people.set_role(name, "viewer", NOW_MS),
            lambda: people.set_password(name, NEW, NOW_MS),
            lambda: people.add(name, "administrator", NEW, NOW_MS),
            lambda: people.set_up(NEW, NOW_MS, evaluation=True),
        ]
        for attempt in attempts:
            with pytest.raises(AccountsError):
                attempt()
        assert people.list() == before


@pytest.mark.req("CTRL-02")
def test_the_demo_account_comes_with_evaluation_mode_and_in_no_other_way():
    with town() as made:
        people = made.settled(evaluation=True).people
        assert people.is_evaluation()
        session = people.sessions.find(people.login("demo", "demo", HOME, NOW_MS), NOW_MS)
        assert session.account.role == "demo"
        with pytest.raises(AccountsError, match="demo account cannot"):
            people.change_password("demo", "demo", NEW, HOME, NOW_MS)
    with town() as made:
        people = made.settled().people
        assert not people.is_evaluation()
        for role in ("demo", "viewer"):
            with pytest.raises(AccountsError):
                people.add("demo", role, NEW, NOW_MS)
        with pytest.raises(LoginRefused):
            people.login("demo", "demo", HOME, NOW_MS)


@pytest.mark.parametrize("role", ["root", "demo", "admin", ""])
def test_only_three_roles_can_be_given(role):
    assert role not in GIVEN
    with town() as made:
        people = made.settled().people
        with pytest.raises(AccountsError, match="nobody can be made"):
            people.add("eve", role, NEW, NOW_MS)
        with pytest.raises(AccountsError, match="nobody can be made"):
            people.set_role("wall", role, NOW_MS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../root",
        "..\\root",
        "/etc/passwd",
        "a/b",
        "a..b",
        "-rf",
        "ada ",
        "ada\n",
        "ada\x00",
        "local:pi",
        "=cmd()",
        "@ada",
        "\u0430da",  # a Cyrillic a
        "\u0131",  # a dotless i
        "\u212a",  # KELVIN SIGN, which folds to k
        "x" * 41,
        "a%2e%2e",
        "{name}",
    ],
)
def test_a_name_is_never_a_path_or_anything_else(name):
    with pytest.raises(AccountsError, match="an account's name is"):
        account_name(name)
    with town(allowance=Allowance(10, 10)) as made:
        people = made.settled().people
        with pytest.raises(AccountsError, match="an account's name is"):
            people.add(name, "viewer", NEW, NOW_MS)
        with pytest.raises(LoginRefused):
            people.login(name, NEW, HOME, NOW_MS)


@pytest.mark.parametrize("name", ["ada", "ADA", "a", "0", "ada.lovelace@example.org", "unit-7_b"])
def test_names_that_are_fine(name):
    assert account_name(name) == name.lower()


def test_accounts_that_exist_or_do_not_are_named():
    with town() as made:
        people = made.settled().people
        with pytest.raises(AccountsError, match="ada exists already"):
            people.add("Ada", "viewer", NEW, NOW_MS)
        for attempt in (
            lambda: people.remove("eve"),
            lambda: people.set_role("eve", "viewer", NOW_MS),
            lambda: people.set_password("eve", NEW, NOW_MS),
            lambda: people.log_out_everywhere("eve", NOW_MS),
            lambda: people.unlock("eve"),
        ):
            with pytest.raises(AccountsError, match="there is no account eve"):
                attempt()


def test_nobody_before_root():
    with town() as made:
        assert not made.people.is_set_up()
        with pytest.raises(AccountsError, match="no root account yet"):
            made.people.add("ada", "administrator", ADAS, NOW_MS)
        made.people.set_up(ROOTS, NOW_MS)
        assert made.people.is_set_up()


def test_weak_passwords_are_refused_everywhere():
    with town() as made:
        with pytest.raises(PasswordUnfit):
            made.people.set_up("password1234", NOW_MS)
        people = made.settled().people
        for attempt in (
            lambda: people.add("eve.harrington", "viewer", "Eve.Harrington1", NOW_MS),
            lambda: people.set_password("ada", "short", NOW_MS),
            lambda: people.change_password("ada", ADAS, "qwertyuiop12", HOME, NOW_MS),
        ):
            with pytest.raises(PasswordUnfit):
                attempt()
        with pytest.raises(AccountsError, match="that is the current password"):
            people.change_password("ada", ADAS, ADAS, HOME, NOW_MS)


def test_there_is_an_end_to_how_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("host_tools.accounts.people.ACCOUNTS_MAX", 5)
    assert ACCOUNTS_MAX == 1_000
    with town() as made:
        people = made.settled().people
        people.add("one", "viewer", NEW, NOW_MS)
        people.add("two", "viewer", NEW, NOW_MS)
        with pytest.raises(AccountsError, match="5 accounts exist"):
            people.add("three", "viewer", NEW, NOW_MS)


@pytest.mark.req("CTRL-14")
def test_when_the_cost_rises_a_hash_is_made_anew_at_the_next_login(tmp_path):
    path, dearer = tmp_path / "people.sqlite", PasswordCost(memory_kib=32, iterations=2, lanes=1)

    def costs(people_store) -> dict[str, PasswordCost | None]:
        return {account.name: cost_of(account.password) for account in people_store.accounts()}

    with town(path) as made:
        made.settled()
        assert set(costs(made.store).values()) == {CHEAP}
    with town(path, cost=dearer) as made:
        with pytest.raises(LoginRefused):
            made.people.login("ada", "a wrong guess", HOME, NOW_MS)
        assert costs(made.store)["ada"] == CHEAP
        cookie = made.people.login("ada", ADAS, HOME, NOW_MS)
        assert costs(made.store) == {"ada": dearer, "root": CHEAP, "wall": CHEAP}
        assert made.people.sessions.find(cookie, NOW_MS).account.name == "ada"
        assert made.people.login("ada", ADAS, HOME, NOW_MS)
    with town(path) as made:  # and it does not sink again
        made.people.login("ada", ADAS, HOME, NOW_MS)
        assert costs(made.store)["ada"] == dearer


class CountingArgon2id:
    """The real one, counting what is asked of it."""

    checked: list[str]
    real = passwords.Argon2id

    @classmethod
    def verify_phc_encoded(cls, key_material, phc_encoded, secret=None):
        cls.checked.append(phc_encoded.rsplit("$", 2)[0])
        return cls.real.verify_phc_encoded(key_material, phc_encoded, secret)


@pytest.mark.parametrize("name", ["root", "ada", "nobody", "../etc/passwd", "", "x" * 10_000])
def test_an_unknown_account_costs_what_a_known_one_does(monkeypatch: pytest.MonkeyPatch, name):
    """The same work: one Argon2id of the same cost, and one line in the trail, whoever is asked for. (The clock is not
    asked: on a busy machine it would tell nothing.)"""
    with town() as made:
        people = made.settled().people
        CountingArgon2id.checked = []
        monkeypatch.setattr(passwords, "Argon2id", CountingArgon2id)
        before = people.audit.head().sequence
        with pytest.raises(LoginRefused) as refused:
            people.login(name, "a wrong guess", HOME, NOW_MS)
        assert CountingArgon2id.checked == ["$argon2id$v=19$m=8,t=1,p=1"]
        assert people.audit.head().sequence == before + 1
        assert str(refused.value) == "name or password is wrong: try again"


def test_what_is_typed_into_the_wrong_field_is_not_written_down():
    with town() as made:
        people: People = made.settled().people
        before = people.audit.head().sequence
        with pytest.raises(LoginRefused):
            people.login("analytical-engine", "ada", HOME, NOW_MS)
        (entry,) = people.audit.entries(before)
        assert (entry.action, entry.account, entry.role, entry.outcome) == ("login", "(unknown)", "nobody", "refused")
        assert "analytical" not in str(made.store.database.rows("SELECT line FROM audit"))


def test_a_password_changed_while_another_was_being_checked_does_not_let_the_other_in(monkeypatch: pytest.MonkeyPatch):
    with town() as made:
        people = made.settled().people
        real = people._passwords.matches

        def slow(password: str, phc: str | None) -> bool:
            answer = real(password, phc)
            people.set_password("ada", NEW, NOW_MS)
            return answer

        monkeypatch.setattr(people._passwords, "matches", slow)
        with pytest.raises(LoginRefused):
            people.login("ada", ADAS, HOME, NOW_MS)
        assert made.store.database.row("SELECT count(*) FROM sessions") == (0,)
