"""Wrapping that repeats itself: the form of the real one, bound to the same things."""

import pytest

from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import hpke_wrapping
from firmware.secure.hpke_keys import SealingKey, new_seed
from firmware.secure.suite import SUITE_SEALED
from host_tools.simulation import sealing

KEY = bytes(range(32))
OURS = SealingKey(new_seed(SeededEntropy("ours")))
OTHER = SealingKey(new_seed(SeededEntropy("other")))
RECORDING, ANOTHER = bytes(16), bytes(15) + b"1"


def test_it_has_the_form_of_the_real_one_and_repeats_itself() -> None:
    real = hpke_wrapping.wrap(KEY, OURS.recipient, SUITE_SEALED, RECORDING)
    ours = sealing.wrap(KEY, OURS.recipient, SUITE_SEALED, RECORDING)
    assert len(ours) == len(real)
    assert ours[: sealing.HEAD_BYTES] == real[: sealing.HEAD_BYTES]
    assert hpke_wrapping.decode(ours).key_id == OURS.key_id
    assert ours == sealing.wrap(KEY, OURS.recipient, SUITE_SEALED, RECORDING)
    assert real != hpke_wrapping.wrap(KEY, OURS.recipient, SUITE_SEALED, RECORDING)


def test_it_opens_for_the_same_recording_recipient_and_suite_alone() -> None:
    wrapped = hpke_wrapping.decode(sealing.wrap(KEY, OURS.recipient, SUITE_SEALED, RECORDING))
    assert sealing.unwrap(wrapped, SUITE_SEALED, RECORDING) == KEY
    for wrong, suite, recording in (
        (wrapped, SUITE_SEALED, ANOTHER),
        (wrapped, "another", RECORDING),
        (wrapped._replace(key_id=OTHER.key_id), SUITE_SEALED, RECORDING),
        (wrapped._replace(sealed=wrapped.sealed[:-1] + bytes([wrapped.sealed[-1] ^ 1])), SUITE_SEALED, RECORDING),
    ):
        with pytest.raises(FormatError, match="damaged or of another"):
            sealing.unwrap(wrong, suite, recording)
