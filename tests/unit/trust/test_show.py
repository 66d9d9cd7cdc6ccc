"""``bwc trust show``: what it tells, and that no secret is in it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from firmware.platform.linux.files import LinuxFiles
from firmware.secure import certificates
from firmware.secure.certificates import IDEVID, LDEVID
from host_tools.cli import trust_commands
from host_tools.trust import admission, passphrase
from host_tools.trust.admission import ADMISSIONS, FAULTS, STATES
from host_tools.trust.authority import CONTROLLER_LIFETIME_MS
from host_tools.trust.errors import TrustError
from host_tools.trust.report import report
from host_tools.trust.system import create_system
from tests.unit.trust.parts import CHEAP, NOW_MS, PHRASE, WEEK_MS, World


def text_of(world: World, now_ms: int = NOW_MS, full: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=180).print(trust_commands.render(report(world.trust.record, now_ms), full))
    return out.getvalue()


def secrets_of(world: World) -> list[str]:
    record = world.trust.record
    opened = passphrase.unlock(world.trust, PHRASE)
    numbers = [record.issuing.key, record.controller.key, opened.root_key]
    hidden = [f"{key.private_numbers().private_value:x}" for key in numbers]
    return [*hidden, *(entry.seed.hex() for entry in record.sealing), opened.sealing_master.hex(), PHRASE]


def test_it_tells_what_people_compare_and_nothing_that_they_hide():
    world = World()
    passphrase.rotate_sealing(world.trust, PHRASE, NOW_MS)
    world.trust.revoke("CAM-0001", NOW_MS, (LDEVID, IDEVID))
    text = text_of(world, full=True)
    for certificate in (world.trust.record.root, world.trust.record.controller.chain[0], world.maker.root):
        assert certificates.fingerprint(certificate) in text
    for word in (world.trust.system, "controller-1", "maker-1", "CAM-0001", "IDevID", "with the passphrase, each time"):
        assert word in text
    assert world.trust.recipient().key_id.hex()[:16] in text
    for secret in secrets_of(world):
        assert secret not in text


def test_it_warns():
    world = World()
    assert "!" not in text_of(world)
    world.trust.distrust_manufacturer(world.maker.root)
    assert "! no manufacturer is trusted: no camera can be added" in text_of(world)
    late = text_of(world, NOW_MS + CONTROLLER_LIFETIME_MS + WEEK_MS)
    assert "! the certificate of controller controller-1 is expired: renew it" in late
    early = text_of(world, NOW_MS - 2 * WEEK_MS)
    assert "is not yet valid: set this controller's clock" in early
    passphrase.rotate_issuing(world.trust, PHRASE, NOW_MS + WEEK_MS, disown=True)
    passphrase.allow_back_always(world.trust, PHRASE, NOW_MS + WEEK_MS)
    text = text_of(world, NOW_MS + WEEK_MS)
    assert "disowned issuing keys: 1" in text
    assert "cameras leave safe mode by themselves" in text


def test_the_command_reads_a_real_folder(tmp_path: Path):
    world = World()
    (tmp_path / "trust").mkdir()
    create_system(LinuxFiles(tmp_path / "trust"), PHRASE, "controller-9", NOW_MS, world.entropy, CHEAP)
    assert (tmp_path / "trust" / "trust").stat().st_mode & 0o777 == 0o600
    answer = CliRunner().invoke(trust_commands.app, ["show", "--folder", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    assert "controller-9" in answer.output


def test_an_empty_folder_is_one_line(tmp_path: Path):
    answer = CliRunner().invoke(trust_commands.app, ["show", "--folder", str(tmp_path)])
    assert isinstance(answer.exception, TrustError)
    assert "no system; make one with `bwc system create" in str(answer.exception)


@pytest.mark.parametrize("table", [ADMISSIONS, FAULTS])
def test_every_state_of_the_tables_has_its_words(table: dict[object, str]):
    assert set(table.values()) <= {word for word, _ in STATES}
    assert admission.REFUSED in {word for word, _ in STATES}
