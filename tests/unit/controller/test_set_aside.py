"""Recordings that nobody vouches for, over the whole way from a camera's card: told, set aside, and in nobody's way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firmware.camera import card
from firmware.ports.files import Files
from tests.unit.controller.rig import ControllerRig, running, write_recording

RECORDING_FILES = (card.HEADER, card.CHUNKS, card.JOURNAL, card.MANIFEST)


def copy_recording(source: Files, target: Files, name: str) -> None:
    """As somebody does who has both cards in hand."""
    card.make_folder_durably(target, "", card.RECORDINGS)
    target.make_folder(card.folder_of(name))
    for part in RECORDING_FILES:
        path = f"{card.folder_of(name)}/{part}"
        card.write_new(target, path, card.read_whole(source, path, 1 << 20))
    target.sync_folder(card.folder_of(name))
    target.sync_folder(card.RECORDINGS)


@pytest.mark.req("CAM-22", "CTRL-13")
def test_a_copied_recording_is_set_aside_and_its_own_camera_brings_it_all_the_same(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        owner, copier = rig.camera(1), rig.camera(2)
        copied, own = write_recording(owner, 1), write_recording(copier, 2)
        copy_recording(owner.files, copier.files, copied.hex)
        async with running(rig):
            copier.dock()
            trouble = await rig.wait_for("trouble", recording=copied.hex)
            assert "signed by camera 'CAM-0001', not by 'CAM-0002'" in trouble["text"]
            await rig.wait_for("erased", recording=own.hex)
            assert await rig.delivered_content(own) == own.content
            row = rig.index.get(copied.recording)
            assert (row.state, row.poison) == ("announced", trouble["text"])
            shown = next(each for each in (await rig.status())["recordings"] if each["recording"] == copied.hex)
            assert shown["trouble"] == trouble["text"]

            owner.dock()
            await rig.wait_for("erased", recording=copied.hex, camera=owner.serial)
            assert await rig.delivered_content(copied) == copied.content
            assert copier.files.exists(f"{card.folder_of(copied.hex)}/{card.MANIFEST}")

    asyncio.run(scenario())
