"""The vault on a real file system, through the Linux files port and an emulated card's limit."""

from pathlib import Path

import pytest

from firmware.camera.vault import Vault
from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.limited_files import LimitedFiles
from tests.unit.camera_vault.parts import SERIAL, STOPPED, allow, check_stored, fragments, joined, record, stored

MADE = fragments(1, [700, 40_000, (1 << 20) + 7, 50_000])


def vault_on(folder: Path) -> Vault:
    return Vault(LimitedFiles(LinuxFiles(folder), 32 << 20), LinuxEntropy())


@pytest.mark.req("CAM-19", "CAM-21")
def test_record_restart_recover_and_erase(tmp_path: Path) -> None:
    vault = vault_on(tmp_path)
    assert vault.open() == []
    closed = record(vault, MADE)
    closed.close(STOPPED, "button")
    torn = record(vault, MADE)
    with (tmp_path / "recordings" / torn.recording.hex() / "journal").open("ab") as file:
        file.write(b"torn")
    again = vault_on(tmp_path)
    assert [(note.name, note.action) for note in again.open()] == [(torn.recording.hex(), "closed")]
    for recording in (closed.recording, torn.recording):
        entry = stored(again, recording)
        assert check_stored(again, entry)[1] == joined(MADE)
        again.erase(allow(recording, entry.manifest_sha256, again.erase_counter() + 1), SERIAL)
    assert [path.name for path in (tmp_path / "recordings").iterdir()] == []
    assert again.free_bytes() > (32 << 20) - 1000
