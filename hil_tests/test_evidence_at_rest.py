"""What lies on a camera's card and in the spool while a recording is on its way, through all of the real programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware.secure import document
from firmware.secure.suite import SUITE_SEALED
from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import Bench, DestinationFolder, ScenarioController
from host_tools.bench.scenario_plugin import BenchHouse

ENOUGH_BYTES = 500_000  # two seconds of pictures; an offload's progress is told every quarter of a megabyte
SLOW_BYTES_PER_S = 100_000  # so much then takes five seconds and more, of which we look at the middle
STANDING_BYTES_PER_S = 1_000  # as good as stopped, while somebody looks
WEARER = ("W-001", "Ada Lovelace")  # of the first camera, by the roster
MP4_WORDS = (b"VideoHandler", b"SoundHandler")  # long enough never to be in a megabyte of noise by chance


def must_show_nobody_and_nothing(folder: Path) -> int:
    """Neither a name nor a clip in any file; returns how many bytes were looked at."""
    looked_at = 0
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        looked_at += len(data)
        found = [word for word in WEARER if word.encode() in data or word.encode().hex().encode() in data]
        found += [word.decode() for word in MP4_WORDS if path.name == "chunks" and word in data]
        assert found == [], path
    return looked_at


def recorded_bytes(card: Path) -> int:
    """How much of recordings is on a card."""
    return sum(path.stat().st_size for path in card.glob("recordings/*/chunks"))


@pytest.mark.emulator_only
@pytest.mark.req("CAM-19", "CAM-22", "CTRL-13")
def test_no_name_and_no_picture_is_on_the_card_or_in_the_spool(
    bench: Bench, bench_house: BenchHouse, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(1)
    card = bench_house.folder / "cards" / camera.name
    bench.start_recording(camera)
    until(lambda: recorded_bytes(card) > ENOUGH_BYTES, "enough to be recorded")
    camera.stop_recording()
    (truth,) = camera.truths()
    assert must_show_nobody_and_nothing(card) > 100_000

    camera.make_link_slow(SLOW_BYTES_PER_S)
    camera.dock(bay=1)
    recording = controller.wait_for("progress", camera)["recording"]
    camera.make_link_slow(STANDING_BYTES_PER_S)
    folder = controller.folder / "spool" / "recordings" / recording
    signed = document.decode((folder / "manifest.json").read_bytes())
    document.require_signature(signed)
    assert (signed.manifest.suite, signed.manifest.wearer_id) == (SUITE_SEALED, "")
    assert must_show_nobody_and_nothing(controller.folder / "spool") > 100_000

    camera.make_link_fast()
    delivered = controller.wait_for("delivered", camera)
    clip = destination.clip(delivered["container"])
    clip.must_be(truth)
    assert all(word in clip.path.read_bytes() for word in MP4_WORDS), "look for words that clips have"
    assert delivered["container"].startswith(f"{WEARER[0]}_{camera.serial}_")
    told = [json.loads(path.read_text()) for path in (destination.path / delivered["container"]).glob("*.json")]
    assert any(WEARER[0] in json.dumps(each) for each in told)
    assert controller.status_of(recording)["wearer"] == WEARER[1]
    controller.wait_for("erased", camera)
    until(lambda: not list((card / "recordings").iterdir()), "the card to be empty")
    must_show_nobody_and_nothing(card)
