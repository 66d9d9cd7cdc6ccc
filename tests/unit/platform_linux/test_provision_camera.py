"""``scripts/provision_camera.py``: a card becomes a camera that a system can add if it trusts its maker."""

from pathlib import Path

import pytest

from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.files_keystore import FilesKeystore
from firmware.secure.certificates import IDEVID
from firmware.secure.certificates_keys import P256
from firmware.secure.certificates_store import CameraIdentity
from host_tools.cli.trusting import read_certificate
from host_tools.trust.errors import TrustError
from scripts import provision_camera

SERIAL = "10000000ABCDEF01"
NOW_MS = 1_750_000_000_000


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(provision_camera, "device_secret", lambda: b"")  # this machine is no Raspberry Pi
    (tmp_path / "card").mkdir()
    return tmp_path / "card"


def test_a_card_gets_a_chain_of_that_maker_for_that_serial(card: Path, tmp_path: Path) -> None:
    assert provision_camera.provision(tmp_path / "maker", "Ours", card, SERIAL, NOW_MS) == "file"
    keys = FilesKeystore(LinuxFiles(card), P256(LinuxEntropy()))
    found = CameraIdentity(LinuxFiles(card), keys, SERIAL).identity(IDEVID)
    assert found is not None
    assert (found.serial, found.owner) == (SERIAL, "Ours")
    assert found.root == read_certificate(tmp_path / "maker" / "maker.pem")


def test_twice_is_refused_and_the_next_camera_is_of_the_same_maker(card: Path, tmp_path: Path) -> None:
    provision_camera.provision(tmp_path / "maker", "Ours", card, SERIAL, NOW_MS)
    root = (tmp_path / "maker" / "maker.pem").read_bytes()
    key = (card / "keys" / "idevid").read_bytes()
    with pytest.raises(TrustError, match="provisioned already"):
        provision_camera.provision(tmp_path / "maker", "Others", card, SERIAL, NOW_MS)
    assert (card / "keys" / "idevid").read_bytes() == key
    (tmp_path / "card-2").mkdir()
    provision_camera.provision(tmp_path / "maker", "Others", tmp_path / "card-2", "10000000ABCDEF02", NOW_MS)
    assert (tmp_path / "maker" / "maker.pem").read_bytes() == root
    assert (tmp_path / "maker").stat().st_mode & 0o777 == 0o700


def test_where_nothing_is_mounted_a_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provision_camera.main([str(tmp_path / "maker")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("provision_camera: ")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "maker").exists()
