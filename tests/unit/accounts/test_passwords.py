"""Which passwords may be chosen, and how they are kept."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.errors import AccountsError, PasswordUnfit
from host_tools.accounts.passwords import (
    CHARACTERS_MAX,
    DEFAULT_COST,
    TRIED_CHARACTERS_MAX,
    PasswordCost,
    Passwords,
    check_password,
    cost_of,
)
from host_tools.accounts.secret import PATH, load_secret
from tests.unit.accounts.parts import CHEAP, SECRET

PASSWORDS = Passwords(SECRET, SeededEntropy("salts"), CHEAP)


@pytest.mark.parametrize(
    "good",
    [
        "correct horse battery",
        "Tr0ub4dor&3 or so",
        "три слова и точка.",
        "ünïcödé ïs fïne",
        "b d f h j l n p r t",
        "x" * 5 + "any7Y!q-",
    ],
)
def test_length_and_words_are_all_that_is_asked(good):
    check_password(good, "ada", "north station")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("short", "12 characters"),
        ("eleven char", "12 characters"),
        ("x1" * 65, "at most 128"),
        ("with a\x00 zero byte", "printable"),
        ("two\nlines of it", "printable"),
        ("aaaaaaaaaaaaaaaa", "pattern"),
        ("abcabcabcabcabc", "pattern"),
        ("ab12ab12ab12ab12", "pattern"),
        ("q7!xz q7!xz q7!xz", "pattern"),
        ("abaababbabaa", "pattern"),
        ("1234567890123", "row of keys"),
        ("a b c d e f g h i", "row of keys"),
        ("qwertyuiopas", "row of keys"),
        ("lkjhgfdsapoiuytrewq", "row of keys"),
        ("Password12345", "tried first"),
        ("!!Administrator!!", "tried first"),
        ("welcome 2026!", "tried first"),
        ("Body Worn Camera", "tried first"),
        ("12-24-36-48-60", "tried first"),
        ("Ada.Lovelace.1815", "tried first"),
        ("North Station 1", "tried first"),
    ],
)
def test_what_is_tried_first_is_refused(bad, why):
    with pytest.raises(PasswordUnfit, match=why) as refused:
        check_password(bad, "ada.lovelace", "North Station")
    assert bad not in str(refused.value)


def test_the_longest_is_taken_whole():
    longest = ("long enough words " * 9)[:CHARACTERS_MAX]
    other = longest[:-1] + "?"
    phc = PASSWORDS.hash(longest)
    assert PASSWORDS.matches(longest, phc)
    assert not PASSWORDS.matches(other, phc)
    assert not PASSWORDS.matches("x" * (TRIED_CHARACTERS_MAX + 1), PASSWORDS.hash("x" * TRIED_CHARACTERS_MAX))


@pytest.mark.req("CTRL-14")
def test_it_is_kept_as_argon2id_with_the_cost_that_is_written_down():
    phc = Passwords(SECRET, SeededEntropy(1)).hash("correct horse battery")
    assert re.fullmatch(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$\S{22}\$\S{43}", phc)
    assert cost_of(phc) == DEFAULT_COST
    # OWASP password storage cheat sheet: at least 19 MiB, two iterations, one lane.
    assert (DEFAULT_COST.memory_kib, DEFAULT_COST.iterations) >= (19 * 1024, 2)


def test_equal_passwords_have_different_hashes():
    assert PASSWORDS.hash("correct horse battery") != PASSWORDS.hash("correct horse battery")


def test_a_hash_is_worth_nothing_without_the_secret():
    """A database that was stolen without ``people.key`` cannot be guessed at."""
    phc = PASSWORDS.hash("correct horse battery")
    thief = Passwords(load_secret(MemoryFiles(), SeededEntropy("another")), SeededEntropy(1), CHEAP)
    assert not thief.matches("correct horse battery", phc)
    assert PASSWORDS.matches("correct horse battery", phc)


@given(st.text(max_size=40))
def test_only_the_very_password_matches(other):
    assert PASSWORDS.matches(other, PHC) == (other == "correct horse battery")


PHC = PASSWORDS.hash("correct horse battery")


def test_one_text_is_one_password_on_any_keyboard():
    assert PASSWORDS.matches("cafe\u0301 au lait gratuit", PASSWORDS.hash("caf\u00e9 au lait gratuit"))


@pytest.mark.parametrize(
    "edited",
    [
        "",
        "plain text",
        "$argon2i$v=19$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$v=19$m=9999999,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=99,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$v=19$m=8,t=1,p=0$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$v=19$m=8,t=1,p=9$" + "A" * 22 + "$" + "A" * 43,
    ],
)
def test_a_hash_that_is_none_of_ours_matches_nothing_and_costs_nothing_more(edited):
    assert cost_of(edited) is None
    assert not PASSWORDS.matches("", edited)
    assert not PASSWORDS.matches("nobody has this password", edited)
    assert PASSWORDS.is_outdated(edited)


def test_no_account_is_never_let_in_even_with_the_password_that_nobody_has():
    assert not PASSWORDS.matches("nobody has this password", None)


def test_the_hash_of_nobody_is_drawn_and_costs_a_try_what_all_do():
    first, second = (Passwords(SECRET, SeededEntropy(seed)) for seed in (1, 2))
    assert cost_of(first._nobodys) == DEFAULT_COST
    assert first._nobodys != second._nobodys


def test_a_hash_made_for_less_is_outdated():
    dearer = Passwords(SECRET, SeededEntropy(2), PasswordCost(memory_kib=16, iterations=1, lanes=1))
    assert dearer.is_outdated(PASSWORDS.hash("correct horse battery"))
    assert not PASSWORDS.is_outdated(dearer.hash("correct horse battery"))


def test_the_secret_is_made_once_and_whole():
    files = MemoryFiles()
    made = load_secret(files, SeededEntropy(1))
    again = load_secret(files, SeededEntropy(2))
    assert (made.seal_key, made.cookie_key, made.password_key) == (again.seal_key, again.cookie_key, again.password_key)
    assert len({made.seal_key, made.cookie_key, made.password_key}) == 3
    assert made.seal_key.hex() not in repr(made)


def test_a_secret_that_was_used_outlasts_a_power_cut():
    files = MemoryFiles()
    made = load_secret(files, SeededEntropy(1))
    assert load_secret(files.crash(), SeededEntropy(2)).seal_key == made.seal_key


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_secret_of_another_length_is_named(size):
    files = MemoryFiles()
    file = files.create(PATH)
    file.write_at(0, bytes(size))
    file.close()
    with pytest.raises(AccountsError, match=r"people\.key: "):
        load_secret(files, SeededEntropy(1))


def test_a_secret_that_was_half_written_is_made_anew():
    files = MemoryFiles()
    file = files.create(PATH + ".new")
    file.write_at(0, b"half")
    file.close()
    assert load_secret(files, SeededEntropy(1)).seal_key == load_secret(files, SeededEntropy(2)).seal_key
