"""What a reader's faults make of a badge and of what it says, byte by byte."""

from __future__ import annotations

from host_tools.emulator.reader_faults import KINDS, NOISE_BYTES, ONE_IN, SLOW_S, ReaderFaults

SAID = b"\x020C000621A58E\x03"
NUMBER = bytes.fromhex("04A1B2C3D4E5F6")
MANY = 400


def with_fault(kind: str, seed: int = 7) -> ReaderFaults:
    print(f"seed {seed}")
    faults = ReaderFaults(str(seed))
    faults.on.add(kind)
    return faults


def bits(first: bytes, second: bytes) -> int:
    """In which they differ."""
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def test_a_good_reader_says_what_it_feels():
    good = ReaderFaults("7")
    assert (good.feels(NUMBER), good.spoils(SAID), good.delay_s()) == (NUMBER, SAID, 0.0)
    assert good.spoils(b"") == b"", "silence stays silence"


def test_each_kind_does_its_own_and_nothing_else():
    for kind in KINDS:
        faults = with_fault(kind)
        felt = {faults.feels(NUMBER) for _ in range(MANY)}
        said = {faults.spoils(SAID) for _ in range(MANY)}
        assert (felt != {NUMBER}) == (kind in ("wrong", "intermittent")), kind
        assert (said != {SAID}) == (kind in ("off", "garbage", "bitflip", "duplicated")), kind
        assert faults.delay_s() == (SLOW_S if kind == "slow" else 0.0), kind
        assert faults.spoils(b"") == b"", kind
    assert with_fault("off").spoils(SAID) == b""
    assert with_fault("wrong").feels(NUMBER) == bytes(reversed(NUMBER))
    assert with_fault("duplicated").spoils(SAID) == SAID + SAID


def test_a_weak_field_feels_one_badge_in_four():
    faults = with_fault("intermittent")
    felt = [faults.feels(NUMBER) for _ in range(MANY)]
    assert set(felt) == {None, NUMBER}
    assert abs(felt.count(NUMBER) - MANY / ONE_IN) < MANY / 10


def test_one_answer_in_four_has_one_wrong_bit():
    faults = with_fault("bitflip")
    wrong = [bits(SAID, faults.spoils(SAID)) for _ in range(MANY)]
    assert set(wrong) == {0, 1}
    assert abs(wrong.count(1) - MANY / ONE_IN) < MANY / 10


def test_noise_has_a_length_and_the_same_seed_makes_the_same():
    first, second = with_fault("garbage"), with_fault("garbage")
    heard = [first.spoils(SAID) for _ in range(MANY)]
    assert heard == [second.spoils(SAID) for _ in range(MANY)]
    assert {len(each) for each in heard} == set(range(NOISE_BYTES[0], NOISE_BYTES[1] + 1))
