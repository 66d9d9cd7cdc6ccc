"""The encoder's stand-in and the witness of what it made."""

import random
from collections.abc import Callable
from hashlib import sha256

import pytest

from firmware.ports import sensor_suite
from firmware.ports.memory_clock import ManualClock
from firmware.ports.sensor import Sensor
from host_tools.simulation.records import CameraWitness, Recorded, SimSensor

RECORDING = "00112233445566778899aabbccddeeff"


def new_witness(records: dict[str, Recorded]) -> CameraWitness:
    return CameraWitness("CAM-0001", records, lambda: "W-0007", lambda record: None, pytest.fail)


@pytest.mark.parametrize("case", sensor_suite.CASES, ids=lambda case: case.__name__)
def test_it_is_a_sensor(case: Callable[..., None]) -> None:
    def new_sensor() -> tuple[Sensor, Callable[[int], None]]:
        clock = ManualClock()
        return SimSensor(clock, random.Random(1), 4096, new_witness({})), clock.advance

    case(new_sensor)


def test_the_witness_knows_every_beginning_and_what_the_card_confirmed() -> None:
    records: dict[str, Recorded] = {}
    witness, clock = new_witness(records), ManualClock()
    sensor = SimSensor(clock, random.Random(1), 4096, witness)
    witness.folder_made(f"recordings/{RECORDING}")
    sensor.start(sensor_suite.SETTINGS)
    clock.advance(2_500)
    data = [fragment.data for fragment in iter(sensor.poll, None)]
    witness.journal_synced(f"recordings/{RECORDING}/journal", 2)
    record = records[RECORDING]
    assert record.wearer == "W-0007"
    assert record.prefixes == [sha256(b"".join(data[: n + 1])).digest() for n in range(3)]
    assert record.durable == 2
    assert record.must_arrive()
    assert record.fragments_of(sha256(b"".join(data)).digest()) == 3
    assert record.fragments_of(sha256(b"other").digest()) == 0
