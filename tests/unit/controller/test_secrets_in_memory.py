"""Secrets that are never in a file: session tokens, keys of recordings, key seeds. Whatever was drawn while a camera is
greeted, renewed, emptied and allowed to erase, at debug level, is looked for in what was said."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from firmware.ports.memory_entropy import SeededEntropy
from host_tools.bench.secret_hunt import SecretHunt, SecretLeaked
from host_tools.emulator.platform import SystemEntropy
from tests.unit.controller.rig import ControllerRig, running, write_recording

SECRET_BYTES = range(24, 129)  # shorter draws are names and nonces, longer ones the trial's own recordings


def test_nothing_that_was_drawn_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "openbwc")
    drawn: list[bytes] = []
    for source in (SeededEntropy, SystemEntropy):

        def noted(self, count: int, real=source.random_bytes) -> bytes:
            data = real(self, count)
            if count in SECRET_BYTES:
                drawn.append(bytes(data))
            return data

        monkeypatch.setattr(source, "random_bytes", noted)

    async def scenario() -> ControllerRig:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        write_recording(camera, 1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("erased")
            await rig.wait_for("camera_idle")
            (tmp_path / "told").write_text(json.dumps([rig.told, await rig.status()]))
        return rig

    rig = asyncio.run(scenario())
    log = tmp_path / "log"
    log.write_text(caplog.text)
    assert "erased" in caplog.text
    hunt = SecretHunt()
    for number, secret in enumerate(drawn):
        hunt.add(f"draw {number} of {len(secret)} bytes", secret)
    for owner in (rig.trust.record.issuing, rig.trust.record.controller):
        number = owner.key.private_numbers().private_value
        hunt.add(f"key of {owner.chain[0][:4].hex()}", number.to_bytes(32, "big"))
    assert len(drawn) > 10, "tokens, seeds and keys were drawn"
    hunt.must_find_nothing(log, tmp_path / "told")
    log.write_text(caplog.text + f"token {drawn[-1].hex()}")
    with pytest.raises(SecretLeaked, match="draw"):
        hunt.must_find_nothing(log)
