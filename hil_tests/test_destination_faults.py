"""Whatever is wrong with the destination: nothing is lost, status says in a word which, and *retry transfer* works."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.command_parts import bwc
from hil_tests.destination_parts import DestinationServer, Relay
from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import Bench, Camera, ScenarioController
from host_tools.bench.scenario_plugin import BenchHouse
from host_tools.cli.trusting import open_trust
from host_tools.trust.authority import LDEVID_WEEKS_DEFAULT

RECORDED_S = 2.0
SLOW_BYTES_PER_S = 60_000  # a recording of two seconds then takes ten, and is hit in the middle however slow we are
ON_ITS_WAY_BYTES = 60_000

Begin = Callable[..., "Scenario"]


class Scenario:
    """A controller that delivers to a destination of its own."""

    def __init__(self, controller: ScenarioController, server: DestinationServer, bench: Bench) -> None:
        self.controller = controller
        self.server = server
        self._bench = bench
        self._bay = 0

    def record(self, camera: Camera) -> dict[str, Any]:
        """A recording of that camera, offloaded; answers what was recorded."""
        before = len(camera.truths())
        self._bench.start_recording(camera)
        self._bench.let_pass(RECORDED_S)
        self._bay += 1
        mark = self.controller.mark()
        camera.dock(bay=self._bay)
        self.controller.wait_for("held", after=mark)
        (truth,) = camera.truths()[before:]
        return truth

    def until_fault(self, word: str) -> dict[str, Any]:
        """Until status says it of the destination."""

        def says(status: dict[str, Any]) -> dict[str, Any] | None:
            told = status["destination"]
            return told if told["fault"] == word and told["trouble"] else None

        return self.controller.until(says, f"status to say {word}")

    def until_recording(self, camera: Camera, word: str) -> dict[str, Any]:
        """Until status says it of a recording of that camera, and the destination itself is well."""

        def says(status: dict[str, Any]) -> dict[str, Any] | None:
            mine = [row for row in status["recordings"] if row["camera"] == camera.serial]
            rows = [row for row in mine if row["fault"] == word and row["trouble"]]
            return rows[0] if rows and not status["destination"]["trouble"] else None

        return self.controller.until(says, f"status to say {word} of a recording")

    def must_keep_one(self, camera: Camera) -> None:
        """Until the camera says that it has one recording."""

        def keeps(status: dict[str, Any]) -> bool:
            return any((row["serial"], row["recordings"]) == (camera.serial, 1) for row in status["cameras"])

        self.controller.until(keeps, f"{camera.name} to keep its recording")

    def retry(self) -> None:
        """*Retry transfer*."""
        self.controller.command("retry_delivery")

    def must_arrive(self, camera: Camera, truth: dict[str, Any], count: int = 1) -> str:
        """Wait until so many recordings of that camera are delivered and erased; the newest is what was recorded."""

        def erased(status: dict[str, Any]) -> list[dict[str, Any]]:
            rows = [row for row in status["recordings"] if row["camera"] == camera.serial]
            return rows if [row["state"] for row in rows].count("erased") == count else []

        rows = self.controller.until(erased, f"{camera.name}'s recordings to be delivered and erased")
        container = str(rows[0]["container"])
        assert self.server.is_complete(container)
        self.server.clip(container).must_be(truth)
        return container


@pytest.fixture
def begin(bench: Bench, bench_house: BenchHouse, scenario_folder: Path) -> Iterator[Begin]:
    """Start a destination and a controller that is connected to it."""
    started: list[Scenario] = []

    def start(settings: str = "", relay: Relay | None = None, is_encrypted: bool = True) -> Scenario:
        server = DestinationServer(scenario_folder / "server", settings, is_encrypted)
        server.issue(scenario_folder / "destination", relay.port if relay is not None else 0)
        server.start()
        if relay is not None:
            relay.lead_to(server.port)
        controller = bench_house.controller(scenario_folder)
        started.append(Scenario(controller, server, bench))
        controller.start()
        controller.status()
        return started[-1]

    yield start
    for each in started:
        each.controller.stop()
        if each.server.is_running():
            each.server.stop()


@pytest.mark.req("CTRL-09", "DEST-02", "DEST-03", "DEST-05")
def test_down_then_killed_in_mid_clip_then_slow(begin: Begin, bench: Bench) -> None:
    camera = bench.camera(1)
    with Relay() as relay:
        scenario = begin(relay=relay)
        scenario.controller.until(lambda status: not status["destination"]["trouble"], "the destination to answer")
        scenario.server.stop()
        truth = scenario.record(camera)
        told = scenario.until_fault("unreachable")
        assert "cannot be reached" in told["trouble"]
        scenario.must_keep_one(camera)

        relay.bytes_per_s, relay.passed_bytes = SLOW_BYTES_PER_S, 0
        scenario.server.start()
        scenario.retry()
        until(lambda: relay.passed_bytes > ON_ITS_WAY_BYTES, "the clip to be on its way")
        scenario.server.kill()
        scenario.until_fault("unreachable")

        relay.bytes_per_s = 0
        scenario.server.start()
        scenario.retry()
        container = scenario.must_arrive(camera, truth)
        (transfer,) = [row for row in scenario.controller.status()["transfers"] if row["container"] == container]
        assert transfer["outcome"] == "delivered"
        assert transfer["attempts"] >= 2
        tags = scenario.server.value("SELECT metadata FROM objects WHERE name LIKE 'bookmark_%'")
        assert "TriggerOn:Button" in tags
        assert camera.serial in tags
        known = "SELECT metadata FROM objects WHERE container = 'Users' AND metadata LIKE '%W-001%'"
    assert "Ada Lovelace" in scenario.server.value(known)


@pytest.mark.req("CTRL-09", "DEST-02")
def test_full_then_without_licence_then_a_wearer_it_does_not_know(begin: Begin, bench: Bench) -> None:
    camera = bench.camera(1)
    scenario = begin("keep_free_mb = 1_000_000_000\nlicences = 0\n")
    truth = scenario.record(camera)
    row = scenario.until_recording(camera, "licence")
    assert "no licence left" in row["trouble"]

    scenario.server.stop()
    scenario.server.set("keep_free_mb = 1_000_000_000\n")
    scenario.server.start()
    scenario.retry()
    row = scenario.until_recording(camera, "full")
    assert "out of storage" in row["trouble"]

    scenario.server.stop()
    scenario.server.set("")
    scenario.server.change(
        "DELETE FROM objects WHERE container NOT IN ('Users', 'Devices', 'System')",
        "DELETE FROM containers WHERE name NOT IN ('Users', 'Devices', 'System')",
        *(
            f"CREATE TRIGGER removed_{what} AFTER {what} ON objects WHEN NEW.container = 'Users' "
            "BEGIN DELETE FROM objects WHERE container = 'Users' AND name = NEW.name; END"
            for what in ("INSERT", "UPDATE")
        ),
    )
    scenario.server.start()
    scenario.retry()
    row = scenario.until_recording(camera, "unknown_wearer_or_camera")
    assert "is unknown here" in row["trouble"]
    assert "wearer W-001" in row["trouble"], "whom people know by that, and the destination by a UUID"
    scenario.must_keep_one(camera)

    scenario.server.change("DROP TRIGGER removed_INSERT", "DROP TRIGGER removed_UPDATE")
    scenario.retry()
    scenario.must_arrive(camera, truth)


@pytest.mark.req("DEST-01", "DEST-08", "DEST-02", "CTRL-09")
def test_other_credentials_then_another_certificate_then_a_capability_less(
    begin: Begin, bench: Bench, scenario_folder: Path
) -> None:
    camera, server_folder = bench.camera(2), scenario_folder / "server"
    scenario = begin()
    scenario.controller.until(  # what it declares has been kept by then: its categories are read after that
        lambda status: status["destination"]["categories"], "the destination to be known"
    )
    connect = ("destination", "connect", "--folder", str(scenario.controller.folder))
    scenario.server.stop()
    (server_folder / "account.key").write_text("rotated by its administrator\n")
    scenario.server.start()
    truth = scenario.record(camera)
    scenario.until_fault("credentials")

    scenario.server.stop()
    bwc("destination", "certificate", str(server_folder), "--renew")
    scenario.server.set('capabilities = ["StoreReadSystemID"]\n')
    scenario.server.change("DELETE FROM facts WHERE key = 'capabilities'")
    scenario.server.start()
    scenario.retry()
    scenario.until_fault("certificate")
    connection = scenario.server.issue(scenario_folder / "renewed.json")
    with pytest.raises(AssertionError, match="does not declare"):
        bwc(*connect, str(connection))
    scenario.until_fault("certificate")

    scenario.server.stop()
    scenario.server.set("")
    scenario.server.start()
    bwc(*connect, str(connection))
    scenario.must_arrive(camera, truth)

    scenario.server.stop()
    scenario.server.set('capabilities = ["StoreReadSystemID"]\n')
    scenario.server.change("DELETE FROM facts WHERE key = 'capabilities'")
    scenario.server.start()
    scenario.retry()
    told = scenario.until_fault("capability")
    assert "StoreBookmarks" in told["trouble"]


@pytest.mark.req("CTRL-10")
def test_a_clock_that_is_wrong(begin: Begin, bench: Bench) -> None:
    camera = bench.camera(3)
    with Relay() as relay:
        scenario = begin(relay=relay, is_encrypted=False)
        relay.ahead_s = 300
        truth = scenario.record(camera)
        told = scenario.until_fault("clock")
        assert "ahead of ours" in told["trouble"]
        assert "60 s are allowed" in told["trouble"], "the tolerance is named"
        assert 290_000 < told["clock_ahead_ms"] <= 300_000
        assert not scenario.server.value("SELECT 1 FROM objects WHERE name LIKE '%.mp4'"), "nothing was sent"
        relay.ahead_s = 0
        scenario.retry()
        scenario.must_arrive(camera, truth)


@pytest.mark.req("CTRL-09", "DEST-10")
def test_restored_from_a_backup_an_hour_old(begin: Begin, bench: Bench) -> None:
    camera = bench.camera(1)
    scenario = begin()
    first = scenario.record(camera)
    before = scenario.must_arrive(camera, first)
    camera.undock()
    scenario.server.stop()
    must_prove_itself(scenario, before)
    backup = scenario.server.back_up()
    scenario.server.start()
    second = scenario.record(camera)
    after = scenario.must_arrive(camera, second, count=2)

    scenario.server.stop()
    scenario.server.restore(backup)
    assert not scenario.server.is_complete(after)
    scenario.server.start()
    scenario.retry()
    again = scenario.controller.wait_for("delivered_again")
    assert again["container"] == after
    assert scenario.server.is_complete(before)
    scenario.server.clip(after).must_be(second)
    scenario.controller.until(
        lambda status: not [key for key in status["problems"] if key.startswith("lost")], "nothing to be lost any more"
    )


def must_prove_itself(scenario: Scenario, container: str) -> None:
    """Its export, to somebody who has Python, ``openssl`` and the system's root certificate."""
    out = scenario.server.folder.with_name("export")
    bwc("destination", "export", container, str(out), "--folder", str(scenario.server.folder))
    root = out.with_name("root.der")
    root.write_bytes(open_trust(scenario.controller.folder, LDEVID_WEEKS_DEFAULT).record.root)
    command = [sys.executable, "-I", str(out / "verify.py"), "--root", str(root)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    signed = (
        "the signature over the ledger's head is",
        "the signature over the manifest is",
        "the ledger's head covers",
    )
    for line in (*signed, "container.meta.json tells it as the camera does"):
        assert f"good  {line}" in told.stdout, told.stdout
    assert told.stdout.count("certificate leads to the system's root") == 2, told.stdout
    assert told.stdout.count("good  the certificate that signed is") == 2, told.stdout
    assert "who wore the camera it has sealed for its system, and only the controller tells" in told.stdout, told.stdout
    assert "NOT CHECKED" not in told.stdout, told.stdout
    assert told.stdout.endswith("everything that was checked holds\n"), told.stdout
