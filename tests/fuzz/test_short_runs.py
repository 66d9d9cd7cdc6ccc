"""Every fuzz target holds for its seeds and a fixed run of mutations; and the fuzzer finds what is there to find."""

from __future__ import annotations

import itertools

import pytest

from tests.fuzz import engine
from tests.fuzz.table import TARGETS, Target

SEED = 20_261


def run_many(target: Target) -> None:
    seeds = target.seeds()
    assert len(seeds) > 0
    for data in itertools.islice(engine.inputs(seeds, SEED), len(seeds) + target.runs):
        engine.run(target.run, data)


@pytest.mark.req("LINK-02", "LINK-03")
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_invariant_holds(target: Target):
    print(f"seed {SEED}; longer: make fuzz TARGET={target.name}")
    run_many(target)


def test_every_target_states_its_invariant():
    assert all(target.run.__doc__ for target in TARGETS.values())


def test_the_same_seed_gives_the_same_inputs():
    first, second = (list(itertools.islice(engine.inputs((b"abc", b"0123456789"), 5), 200)) for _ in range(2))
    assert first == second
    assert len(set(first)) > 150


def test_a_planted_defect_is_found_and_its_input_told():
    def defective(data: bytes) -> None:
        if len(data) > 6 and data[4] > 0x7F and data[:2] == b"ab":
            raise IndexError("beyond the end")

    with pytest.raises(engine.Broken, match="IndexError: beyond the end; the input, in hexadecimal: 6162"):
        run_many(Target("defective", defective, lambda: (b"abcdefgh",)))
