"""The converter model against the numbers it states."""

from __future__ import annotations

import statistics

import pytest

from firmware.ports.adc import Adc
from firmware.ports.adc_suite import CASES
from firmware.ports.errors import PortFault
from host_tools.emulator.models.adc import IDEAL, RP2040, AdcModel


class OneInput(Adc):
    """The port over one model, with a divider that takes 5 V."""

    def __init__(self, name: str, node_uv: int) -> None:
        self._name = name
        self._node_uv = node_uv
        self._model = AdcModel(seed=1, gain=0.5)

    def read_uv(self, name: str) -> int:
        if name != self._name:
            raise PortFault(f"no analogue input is called {name}")
        return self._model.read_uv(self._node_uv)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_ports_suite(case):
    case(OneInput)


def test_an_ideal_converter_only_quantises():
    model = AdcModel(seed=1, traits=IDEAL)
    for node_uv in range(0, 3_300_000, 12_345):
        assert abs(model.read_uv(node_uv) - node_uv) <= model.step_uv() / 2 + 1
    assert model.read_uv(9_000_000) == round(4095 * model.step_uv())
    assert model.read_uv(-1_000_000) == 0


def test_an_rp2040_is_as_bad_as_measured_ones():
    model = AdcModel(seed=2, traits=RP2040)
    worst_steps = 0.0
    for node_uv in range(100_000, 3_200_000, 3_000):
        mean_uv = statistics.fmean(model.read_uv(node_uv) for _ in range(16))
        gain_free_uv = mean_uv - node_uv
        worst_steps = max(worst_steps, abs(gain_free_uv) / model.step_uv())
    assert 5 < worst_steps < 150  # integral error of 8 steps, reference error of up to 3 % at the top


def test_noise_is_as_stated_and_averaging_helps():
    model = AdcModel(seed=3)
    samples = [model.read_uv(1_000_000) / model.step_uv() for _ in range(2000)]
    assert statistics.stdev(samples) == pytest.approx(RP2040.noise_steps, rel=0.15)
    means = [statistics.fmean(samples[start : start + 16]) for start in range(0, 2000, 16)]
    assert statistics.stdev(means) < RP2040.noise_steps / 3


def test_channels_of_one_chip_share_its_reference():
    plain = AdcModel(seed=4)
    divided = AdcModel(seed=4, gain=0.5)
    other = AdcModel(seed=5)

    def mean_uv(model: AdcModel, node_uv: int) -> float:
        return statistics.fmean(model.read_uv(node_uv) for _ in range(200))

    assert mean_uv(divided, 4_000_000) / 2 == pytest.approx(mean_uv(plain, 2_000_000), rel=0.001)
    assert mean_uv(other, 2_000_000) != pytest.approx(mean_uv(plain, 2_000_000), rel=0.001)


def test_the_same_seed_reads_the_same():
    first, second = AdcModel(seed=6), AdcModel(seed=6)
    assert [first.read_uv(1_234_567) for _ in range(50)] == [second.read_uv(1_234_567) for _ in range(50)]
