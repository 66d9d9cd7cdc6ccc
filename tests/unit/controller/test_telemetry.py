"""Telemetry at real brokers: what arrives, what stays after an end, and a broker that is away, slow or unwilling."""

from __future__ import annotations

import asyncio
import getpass
import json
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from host_tools.bench.programs import free_port
from host_tools.controller.telemetry import Telemetry
from host_tools.controller.telemetry_rows import Row, level, rows
from host_tools.controller.telemetry_settings import TelemetrySettings
from host_tools.custody.blocking import run_in_thread
from tests.unit.controller.rig import ControllerRig, running
from tests.unit.controller.telling_parts import (
    LOCAL,
    PASSWORD,
    USER,
    Certificates,
    make_certificates,
    mosquitto,
    secret_file,
    until,
)
from tests.unit.system.parts import NOW_MS, make_system

BASE = "openbwc/controller-1"


@dataclass(frozen=True)
class Secured:
    """A broker that wants TLS, a certificate of ours, and a user."""

    pair: Certificates


@asynccontextmanager
async def by_mosquitto(folder: Path, port: int, secured: Secured | None = None) -> AsyncGenerator[None]:
    """The broker that most people have."""
    program = mosquitto()
    assert program is not None
    config = f"listener {port} {LOCAL}\nallow_anonymous true\n"
    if secured is not None:
        pair, passwords = secured.pair, folder / "passwords"
        entry = ["/usr/bin/mosquitto_passwd", "-b", "-c", passwords, USER, PASSWORD]
        subprocess.run(entry, check=True, capture_output=True)  # noqa: ASYNC221
        config = (
            f"user {getpass.getuser()}\nlistener {port} {LOCAL}\ncertfile {pair.certificate}\nkeyfile {pair.key}\n"
            f"cafile {pair.certificate}\nrequire_certificate true\nallow_anonymous false\npassword_file {passwords}\n"
        )
    (folder / "mosquitto.conf").write_text(config)
    async with _program(port, program, "-c", folder / "mosquitto.conf"):
        yield


@asynccontextmanager
async def by_amqtt(folder: Path, port: int, secured: Secured | None = None) -> AsyncGenerator[None]:
    """One that Python brings along; it takes any user where it wants one."""
    listener: dict[str, Any] = {"type": "tcp", "bind": f"{LOCAL}:{port}"}
    if secured is not None:
        pair = secured.pair
        listener |= {"ssl": True, "certfile": str(pair.certificate), "keyfile": str(pair.key)}
        listener |= {"cafile": str(pair.certificate)}
    plugin = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": secured is None}}
    (folder / "amqtt.yaml").write_text(json.dumps({"listeners": {"default": listener}, "plugins": plugin}))
    async with _program(port, sys.executable, "-m", "amqtt.scripts.broker_script", "-c", folder / "amqtt.yaml"):
        yield


@asynccontextmanager
async def _program(port: int, *command: str | Path) -> AsyncGenerator[None]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: ASYNC220
    try:
        await until(lambda: _answers(port), f"{command[0]} answers")
        yield
    finally:
        process.terminate()
        process.wait()


BROKERS = {"amqtt": by_amqtt} | ({"mosquitto": by_mosquitto} if mosquitto() else {})
ANY = by_mosquitto if mosquitto() else by_amqtt


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex((LOCAL, port)) == 0


class Listener:
    """Somebody who follows: what is retained and what comes, by topic below the controller's."""

    def __init__(self, port: int) -> None:
        self.said: dict[str, Any] = {}
        self.told: list[str] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = self._follow
        self.client.on_message = self._take
        self.client.connect(LOCAL, port)
        self.client.loop_start()

    def _follow(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.client.subscribe("#", 1)

    def _take(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        topic, text = message.topic.removeprefix(f"{BASE}/"), message.payload.decode()
        self.told.append(topic)
        self.said.pop(topic, None)
        if text:
            self.said[topic] = json.loads(text) if text.startswith("{") else text

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@asynccontextmanager
async def listening(port: int) -> AsyncGenerator[Listener]:
    listener = await asyncio.to_thread(Listener, port)
    try:
        yield listener
    finally:
        await asyncio.to_thread(listener.close)


class Station:
    """Telemetry of rows that a test writes."""

    def __init__(self, port: int, **more: Any) -> None:
        self.now: dict[str, dict[str, Any]] = {"camera/CAM-0001": {"state": "standby"}, "storage": {"level": "ok"}}
        self.faults: list[str] = []
        values: dict[str, Any] = {"mqtt_server": LOCAL, "mqtt_port": port, "mqtt_tls": False, **more}
        settings = TelemetrySettings.model_validate(values)
        self.telemetry = Telemetry(
            settings, "controller-1", self._rows, lambda: NOW_MS, run_in_thread, self.faults.append
        )

    def _rows(self) -> list[Row]:
        return list(self.now.items())


@asynccontextmanager
async def at_work(station: Station) -> AsyncGenerator[None]:
    task = asyncio.create_task(station.telemetry.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task


def run(act: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await act()

    asyncio.run(main())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and tries many times a second."""
    for name, value in (("LOOK_S", 0.05), ("RETRY_S_MIN", 0.05), ("RETRY_S_MAX", 0.1)):
        monkeypatch.setattr(f"host_tools.controller.telemetry.{name}", value)


@pytest.mark.parametrize("name", BROKERS)
def test_states_arrive_are_kept_and_taken_back(name: str, tmp_path: Path):
    async def act() -> None:
        port = free_port()
        async with BROKERS[name](tmp_path, port), listening(port) as early:
            station = Station(port)
            async with at_work(station):
                await until(lambda: len(early.said) == 3, "all is said")
                assert early.said == {
                    "status": "online",
                    "camera/CAM-0001": {"v": 1, "at_unix_ms": NOW_MS, "state": "standby"},
                    "storage": {"v": 1, "at_unix_ms": NOW_MS, "level": "ok"},
                }
                station.now["camera/CAM-0001"] = {"state": "charging"}
                await until(lambda: early.said["camera/CAM-0001"]["state"] == "charging", "what changed")
                async with listening(port) as late:
                    await until(lambda: len(late.said) == 3, "who comes later knows all")
                del station.now["camera/CAM-0001"]
                await until(lambda: "camera/CAM-0001" not in early.said, "what is gone")
                assert early.told.count("storage") == 1  # what did not change is not said again
                assert station.faults[-1] == ""
            await until(lambda: early.said["status"] == "offline", "an end in order")

    run(act)


@pytest.mark.parametrize("name", BROKERS)
def test_the_last_will_and_what_a_restart_finds_of_yesterday(name: str, tmp_path: Path):
    async def act() -> None:
        port = free_port()
        async with BROKERS[name](tmp_path, port), listening(port) as listener, cable_to(port) as cable:
            station = Station(cable.port)
            station.now["alert/7"] = {"kind": "storage_full"}
            async with at_work(station):
                await until(lambda: len(listener.said) == 4, "all is said")
                cable.cut()
                again = lambda: listener.told.count("status") >= 3 and listener.said.get("status") == "online"  # noqa: E731
                await until(again, "online, the will, online again")
            async with at_work(Station(port)):  # it does not know of alert 7 any more
                await until(lambda: "alert/7" not in listener.said, "taken back")
                assert "camera/CAM-0001" in listener.said

    run(act)


@pytest.mark.parametrize("name", BROKERS)
def test_a_will_that_a_broker_says_late_is_put_right(name: str, tmp_path: Path):
    async def act() -> None:
        port = free_port()
        async with BROKERS[name](tmp_path, port), listening(port) as listener, at_work(Station(port)):
            await until(lambda: listener.said.get("status") == "online", "it to be there")
            before = listener.told.count("status")
            listener.client.publish(f"{BASE}/status", "offline", 1, retain=True)
            again = lambda: listener.told.count("status") >= before + 2  # noqa: E731
            await until(again, "the late will, and what is so")
            assert listener.said["status"] == "online"

    run(act)


class Cable:
    """A TCP connection on its way to a broker, that can be cut."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._ends: list[asyncio.StreamWriter] = []
        self.carrying: set[asyncio.Task[Any]] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self.carrying.add(task)
        far_reader, far_writer = await asyncio.open_connection(LOCAL, self._to)
        self._ends += [writer, far_writer]
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    def cut(self) -> None:
        """Nobody says goodbye."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except OSError:
            pass  # cut
        writer.close()


@asynccontextmanager
async def cable_to(port: int) -> AsyncGenerator[Cable]:
    cable = Cable(port)
    server = await asyncio.start_server(cable.carry, LOCAL, 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable
    finally:
        cable.cut()
        server.close()
        await server.wait_closed()
        await asyncio.wait(cable.carrying)


def test_a_broker_that_was_away_is_told_the_newest_and_no_more(tmp_path: Path):
    async def act() -> None:
        port = free_port()
        station = Station(port)
        async with at_work(station):
            await until(lambda: len(station.faults) >= 2, "two tries")
            assert "no connection (Connection refused)" in station.faults[-1]
            for percent in range(50):
                station.now["camera/CAM-0001"] = {"battery_percent": percent}
            async with ANY(tmp_path, port), listening(port) as listener:
                await until(lambda: "camera/CAM-0001" in listener.said, "said")
                assert listener.said["camera/CAM-0001"]["battery_percent"] == 49
                assert listener.told.count("camera/CAM-0001") == 1

    run(act)


def test_a_broker_that_acknowledges_nothing_has_a_window_of_ours_and_no_more():
    async def act() -> None:
        got = bytearray()
        ends: list[asyncio.StreamWriter] = []

        async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ends.append(writer)
            await reader.read(1000)
            writer.write(b"\x20\x02\x00\x00")  # CONNACK, and then never a word
            while data := await reader.read(65_536):
                got.extend(data)

        server = await asyncio.start_server(swallow, LOCAL, 0)
        station = Station(server.sockets[0].getsockname()[1])
        station.now = {f"camera/{number:04}": {"n": number} for number in range(500)}
        async with at_work(station):
            await until(lambda: station.telemetry.state()["waiting"] == 481, "a window")
            for turn in range(20):
                station.now = {f"camera/{number:04}": {"n": number, "turn": turn} for number in range(500)}
                await asyncio.sleep(0.06)
            assert station.telemetry.state()["waiting"] <= 500
            assert got.count(b"camera/") == 19  # and "online"
            assert any(not end.is_closing() for end in ends)
        # It has ended, though nobody has taken its last word.
        for writer in ends:
            writer.close()
        server.close()
        await server.wait_closed()

    run(act)


# The client leaves it to the garbage collector to close what a handshake has failed on.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.parametrize("name", BROKERS)
def test_encrypted_with_certificate_and_user(name: str, tmp_path: Path):
    async def act() -> None:
        port, pair = free_port(), make_certificates(tmp_path)
        async with BROKERS[name](tmp_path, port, Secured(pair)):
            secret = secret_file(tmp_path)
            more: dict[str, Any] = {"mqtt_tls": True, "mqtt_ca_file": pair.certificate}
            mine = {"mqtt_certificate_file": pair.certificate, "mqtt_key_file": pair.key}
            login = {"mqtt_user": USER, "mqtt_password_file": secret}
            good = Station(port, **more, **mine, **login)
            async with at_work(good):
                await until(lambda: good.telemetry.state()["connected"], "connected")
                await until(lambda: good.telemetry.state()["waiting"] == 0, "said")
            await meets(Station(port, mqtt_tls=True, **mine, **login), "certificate does not fit")
            await meets(Station(port, **more, **mine), "refuses this controller")
            if name == "mosquitto":
                secret_file(tmp_path, "guessed")
                await meets(Station(port, **more, **mine, **login), "refuses this controller")
                await meets(Station(port, **more, **login), "has hung up")
            pair.key.chmod(0o644)
            await meets(Station(port, **more, **mine, **login), "others may read it")

    run(act)


async def meets(station: Station, words: str) -> None:
    """It is told so, and knows no secret to tell."""
    async with at_work(station):
        await until(lambda: any(words in fault for fault in station.faults), words)
    assert not station.telemetry.state()["connected"]
    assert not any(PASSWORD in fault or "guessed" in fault for fault in station.faults)


# -- what is said


def test_a_serial_is_one_level_of_a_topic():
    assert level("DOCK/1+#\0") == "DOCK%2F1%2B%23%00"
    assert level("") == "-"
    assert level("CAM-0001.a_b~") == "CAM-0001.a_b~"


def test_nobody_is_named_unless_the_settings_let_it(tmp_path: Path):
    async def act() -> None:
        rig = ControllerRig(tmp_path, system=make_system())
        async with running(rig):
            rig.camera(1).dock()
            await until(lambda: any(view.online for view in rig.controller.cameras.values()), "docked")
            named = {"id": 1, "kind": "person_refused", "device": "Ada Lovelace", "device_kind": "destination",
                     "severity": "warning", "title": "t", "details": "Ada Lovelace has no licence",
                     "raised_unix_ms": 1}  # fmt: skip
            of_things = named | {"id": 2, "kind": "docking_issue", "device": "DOCK-1 bay 1", "details": "2.1 ohm"}
            rig.controller.alert_rows = lambda: [named, of_things]
            await until(lambda: dict(rows(rig.controller, rig.spool, True))["camera/CAM-0001"]["wearer"] != "", "named")
            open_said = dict(rows(rig.controller, rig.spool, True))
            said = dict(rows(rig.controller, rig.spool, False))
        assert set(said) == set(open_said) >= {"camera/CAM-0001", "storage", "destination", "alert/1", "alert/2"}
        assert "Ada" not in json.dumps(said)
        assert "W-001" not in json.dumps(said)
        assert said["alert/2"]["details"] == "2.1 ohm"
        assert open_said["camera/CAM-0001"]["wearer"] == "Ada Lovelace"
        assert open_said["alert/1"]["device"] == "Ada Lovelace"

    run(act)
