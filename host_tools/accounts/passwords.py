"""Passwords: which may be chosen, and how they are kept.

Law: the only file that hashes one. Rules are those of NIST SP 800-63B-4 section 3.1.1 and OWASP ASVS 4.0.3 section 2.1
(5.0: 6.2): length, a list of what is tried first, nothing about kinds of characters, no expiry. Kept as Argon2id (RFC
9106) in PHC form, keyed by a secret that is not in the database.
"""

from __future__ import annotations

import base64
import re
import threading
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from firmware.ports.entropy import Entropy
from host_tools.accounts.common_passwords import WORDS
from host_tools.accounts.errors import PasswordUnfit
from host_tools.accounts.secret import PeopleSecret

CHARACTERS_MIN = 12  # ASVS 4.0.3, 2.1.1; CTRL-01 asks for eight, NIST recommends fifteen
CHARACTERS_MAX = 128  # ASVS 4.0.3, 2.1.2: room for 64, and an end
TRIED_CHARACTERS_MAX = 1024  # of a password at login: normalising megabytes is work, too
DIFFERENT_MIN = 5  # characters: fewer are a key held down, or a pattern of two or three
SALT_BYTES = 16  # RFC 9106, 3.1
HASH_BYTES = 32
AT_ONCE_MAX = (
    2  # hashes being made: 2 x 64 MiB is what logging in may take from the controller, whoever tries how often
)

_MEMORY_KIB_MAX = 1 << 20  # 1 GiB; an edited row cannot make us ask for more
_ITERATIONS_MAX = 64
_LANES_MAX = 16
_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "01234567890123456789012345")


@dataclass(frozen=True, slots=True)
class PasswordCost:
    """What one try costs whoever tries."""

    memory_kib: int
    iterations: int
    lanes: int


# The second choice of RFC 9106, section 4, as for the passphrase; above the OWASP cheat sheet's least (19 MiB, 2, 1).
# About 0.1 to 0.2 s and 64 MiB a try. When it rises, each hash is made anew at its owner's next login.
DEFAULT_COST = PasswordCost(memory_kib=65_536, iterations=3, lanes=4)


def check_password(password: str, *about: str) -> None:
    """PasswordUnfit unless it may be chosen. ``about``: words that it must not be made of (account, system)."""
    text = _normal(password)
    if len(text) < CHARACTERS_MIN:
        raise PasswordUnfit(f"a password has {CHARACTERS_MIN} characters or more: three or four words make a good one")
    if len(text) > CHARACTERS_MAX or not text.isprintable():
        raise PasswordUnfit(f"a password is printable text of at most {CHARACTERS_MAX} characters")
    if len(set(text)) < DIFFERENT_MIN or _is_a_row(text):
        raise PasswordUnfit("this password is one pattern repeated, or a row of keys: choose words instead")
    bare = _bare(text)
    if not bare or bare in WORDS or any(bare == _bare(word) for word in about if word):
        raise PasswordUnfit("this password is one of those that are tried first: choose another")


class Passwords:
    """Makes and checks hashes. ``cost`` is lower in tests alone."""

    def __init__(self, secret: PeopleSecret, entropy: Entropy, cost: PasswordCost = DEFAULT_COST) -> None:
        self._key = secret.password_key
        self._entropy = entropy
        self._cost = cost
        self._turns = threading.BoundedSemaphore(AT_ONCE_MAX)
        self._nobodys = self._phc_of_nobody()

    def hash(self, password: str) -> str:
        """The hash of a password, in PHC form, with a fresh salt."""
        cost = self._cost
        derivation = Argon2id(
            salt=self._entropy.random_bytes(SALT_BYTES),
            length=HASH_BYTES,
            iterations=cost.iterations,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
            secret=self._key,
        )
        with self._turns:
            return derivation.derive_phc_encoded(_encoded(password))

    def matches(self, password: str, phc: str | None) -> bool:
        """Whether it is the password of that hash. None (no such account) costs the same and is never so."""
        known = phc is not None and cost_of(phc) is not None and len(password) <= TRIED_CHARACTERS_MAX
        checked = phc if phc is not None and known else self._nobodys
        with self._turns:
            try:
                Argon2id.verify_phc_encoded(_encoded(password[:TRIED_CHARACTERS_MAX]), checked, secret=self._key)
            except InvalidKey:
                return False
        return known

    def is_outdated(self, phc: str) -> bool:
        """Whether it was made for less than a try costs today."""
        cost = cost_of(phc)
        return cost is None or any(
            have < want
            for have, want in (
                (cost.memory_kib, self._cost.memory_kib),
                (cost.iterations, self._cost.iterations),
            )
        )

    def _phc_of_nobody(self) -> str:
        """A hash that was drawn and not computed: to try a password against it costs what a try costs, and to have it
        costs a controller nothing when it starts."""
        cost = self._cost
        salt, drawn = (_unpadded(self._entropy.random_bytes(size)) for size in (SALT_BYTES, HASH_BYTES))
        return f"$argon2id$v=19$m={cost.memory_kib},t={cost.iterations},p={cost.lanes}${salt}${drawn}"


def cost_of(phc: str) -> PasswordCost | None:
    """What a hash costs; None if it is none of ours, or costs more than anything we ever made."""
    found = _PHC.fullmatch(phc)
    if found is None:
        return None
    cost = PasswordCost(*(int(number) for number in found.groups()))
    within = cost.memory_kib <= _MEMORY_KIB_MAX and 1 <= cost.iterations <= _ITERATIONS_MAX
    return cost if within and 1 <= cost.lanes <= _LANES_MAX and cost.memory_kib >= 8 * cost.lanes else None


def _unpadded(data: bytes) -> str:
    """Base64 as PHC writes it."""
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _bare(text: str) -> str:
    """Lower case, without what is put around a word to please a rule."""
    return _AROUND.sub("", text.casefold()).replace(" ", "")


def _is_a_row(text: str) -> bool:
    """A short piece again and again, or a run along the alphabet, the keyboard or the digits."""
    plain = text.casefold().replace(" ", "")
    repeats = any(plain == (plain[:size] * len(plain))[: len(plain)] for size in range(1, len(plain) // 2 + 1))
    return repeats or any(plain in row or plain in row[::-1] for row in _ROWS)


def _normal(password: str) -> str:
    """One form for one text, whatever keyboard it was typed on (RFC 8265, 4.2.2)."""
    return unicodedata.normalize("NFC", password)


def _encoded(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")
