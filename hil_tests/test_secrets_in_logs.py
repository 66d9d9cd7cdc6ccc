"""A whole run at debug level, well and badly meant; then all that was said is searched for what was secret in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_tools.bench.programs import log_end
from host_tools.bench.scenario_parts import Bench, ScenarioController
from host_tools.bench.scenario_plugin import PASSPHRASE, BenchHouse
from host_tools.bench.secret_hunt import SecretHunt, SecretLeaked
from host_tools.transports.local import LocalError

ROOTS = "open the pod bay doors"
ADAS = "analytical engine No. 2"
WRONG = {"a wrong passphrase": "not the one they all know", "a wrong password": "tried and wrong 77"}


@pytest.mark.emulator_only
@pytest.mark.req("CAM-22", "CTRL-14")
def test_no_key_password_or_passphrase_is_in_any_log(
    bench: Bench, bench_house: BenchHouse, controller: ScenarioController, scenario_folder: Path
):
    camera = bench.camera(1)
    bench.start_recording(camera)
    bench.let_pass(1.0)
    camera.stop_recording()
    camera.dock(bay=1)
    controller.wait_for("erased", camera)

    controller.command("set_up_accounts", password=ROOTS)
    controller.command("add_account", name="ada", role="administrator", password=ADAS)
    for verb, arguments in (
        ("set_account_password", {"name": "root", "password": ADAS, "current": WRONG["a wrong password"]}),
        ("add_account", {"name": ADAS, "role": "viewer", "password": ROOTS}),
        ("add_account", {"password": ROOTS}),
        ("allow_back_always", {"passphrase": WRONG["a wrong passphrase"]}),
    ):
        with pytest.raises(LocalError):
            controller.command(verb, **arguments)
    controller.command("allow_back_always", passphrase=PASSPHRASE)
    controller.command("ask_before_back")
    told = scenario_folder / "told"
    told.write_text(json.dumps([controller.status(), controller.events(), controller.command("list_accounts")]))

    hunt = SecretHunt()
    passwords = {"the passphrase": PASSPHRASE, "root's password": ROOTS, "ada's password": ADAS}
    for name, secret in {**passwords, **WRONG}.items():
        hunt.add(name, secret)
    of_controller, of_bench = hunt.add_folder(controller.folder), hunt.add_folder(bench_house.folder)
    assert {"people.key", "trust/trust: issuing key", "trust/trust: sealing seed 1"} <= set(of_controller)
    assert any(name.endswith("keys/idevid") for name in of_bench), of_bench
    assert bench_house.log.exists(), log_end(bench_house.log)
    assert "selector" in controller.log.read_text(), (
        "the controller does not speak at debug level (asyncio's first word)"
    )
    hunt.must_find_nothing(controller.log, bench_house.log, told)

    key = (controller.folder / "people.key").read_bytes()
    told.write_text(f"key={key!r}")
    with pytest.raises(SecretLeaked, match=r"people\.key"):
        hunt.must_find_nothing(controller.log, told)
