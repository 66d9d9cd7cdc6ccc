"""What every source of randomness must pass. ``CASES`` take ``new_entropy()``."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.entropy import Entropy

    NewEntropy = Callable[[], Entropy]


def gives_what_was_asked_for(new_entropy: "NewEntropy") -> None:
    """Exactly that many bytes, none too."""
    entropy = new_entropy()
    for count in (0, 1, 16, 31, 32, 33, 1000):
        drawn = entropy.random_bytes(count)
        assert isinstance(drawn, bytes)
        assert len(drawn) == count


def never_repeats(new_entropy: "NewEntropy") -> None:
    """Two draws of 16 bytes are alike once in 2**128."""
    entropy = new_entropy()
    drawn = set()
    for _ in range(200):
        drawn.add(entropy.random_bytes(16))
    assert len(drawn) == 200


def every_byte_value_occurs(new_entropy: "NewEntropy") -> None:
    """In 16 KiB each of the 256 is missing with a probability of e**-64."""
    assert len(set(new_entropy().random_bytes(16384))) == 256


CASES = (gives_what_was_asked_for, never_repeats, every_byte_value_occurs)
