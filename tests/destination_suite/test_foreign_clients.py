"""Clients that others made, against the same destinations: curl, python-swiftclient, schemathesis."""

import asyncio
import hashlib
import json
import logging
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import swiftclient.service
from hypothesis import HealthCheck, Phase, given, seed, settings

from host_tools.destinations.names import container_time
from host_tools.destinations.swift_session import SwiftSession
from tests.destination_suite.subjects import REFERENCE, Subject
from tests.patience import LIMIT_S

CONTENT = bytes(range(256)) * 5_000  # 1.2 MB
SEED = 7
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def fresh_box(kind: str) -> str:
    """A recording's name that nobody has used."""
    return f"{kind}_{kind.upper()}1_{container_time(time.time_ns() // 1_000_000)}"


@pytest.fixture
def pin(subject: Subject, tmp_path: Path) -> list[str]:
    """How a program is told which certificate to trust."""
    path = tmp_path / "pin.pem"
    path.write_bytes(b"".join(subject.connection.certificates))
    return [str(path)] if subject.connection.certificates else []


class Curl:
    """The public description's own examples, by hand."""

    def __init__(self, subject: Subject, pin: list[str], folder: Path) -> None:
        self._trust = ["--cacert", *pin] if pin else []
        self._folder = folder
        keys = subject.connection
        status, headers, _ = self.ask(subject.auth, "GET", f"X-Auth-User: {keys.user}", f"X-Auth-Key: {keys.key}")
        assert status == 200
        self.storage = headers["x-storage-url"]
        self.token = f"X-Auth-Token: {headers['x-auth-token']}"

    def ask(
        self, url: str, method: str, *headers: str, upload: Path | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, body."""
        dump, body = self._folder / "headers", self._folder / "body"
        for path in (dump, body):
            path.unlink(missing_ok=True)
        words = ["curl", "-sS", *self._trust, "-D", str(dump), "-o", str(body), "-w", "%{http_code}"]
        words += ["-I"] if method == "HEAD" else ["-T", str(upload)] if upload else ["-X", method]
        for header in headers:
            words += ["-H", header]
        if method in ("PUT", "POST") and upload is None:
            words += ["-H", "Content-Length: 0"]
        done = subprocess.run([*words, url], check=True, capture_output=True, text=True, timeout=LIMIT_S)
        told = dict(line.split(": ", 1) for line in dump.read_text().splitlines() if ": " in line)
        content = body.read_bytes() if body.exists() else b""
        return int(done.stdout), {key.lower(): value for key, value in told.items()}, content


@pytest.mark.req("DEST-02")
def test_curl_delivers_a_recording(subject: Subject, pin: list[str], tmp_path: Path) -> None:
    curl, box, clip = Curl(subject, pin, tmp_path), fresh_box("curl"), tmp_path / "clip.mp4"
    clip.write_bytes(CONTENT)
    place = f"{curl.storage}/{box}"
    assert curl.ask(f"{curl.storage}/System", "PUT", curl.token)[0] in (201, 202)
    for known in ("Users", "Users/Zo%C3%AB%20100%25", "Devices", "Devices/CURL1"):  # a destination may want to be told
        assert curl.ask(f"{curl.storage}/{known}", "PUT", curl.token)[0] in (201, 202)
    about = "X-Container-Meta-Userid: Zo%C3%AB%20100%25"
    assert curl.ask(place, "PUT", curl.token, about, "X-Container-Meta-Status: Transferring")[0] == 201
    assert curl.ask(place, "PUT", curl.token)[0] == 202
    name = f"{place}/20260101_000000_7CF7.mp4"
    status, headers, _ = curl.ask(name, "PUT", curl.token, "X-Object-Meta-Containertype: mp4", upload=clip)
    assert (status, headers["etag"].strip('"')) == (201, hashlib.md5(CONTENT).hexdigest())
    wrong = "Etag: 00000000000000000000000000000000"
    assert curl.ask(f"{place}/other.mp4", "PUT", curl.token, wrong, upload=clip)[0] == 422
    assert curl.ask(f"{place}X/other.mp4", "PUT", curl.token, upload=clip)[0] == 404
    assert curl.ask(place, "PUT", "X-Auth-Token: nobody's")[0] == 401
    assert curl.ask(place, "POST", curl.token, "X-Container-Meta-Status: Complete")[0] == 204
    status, headers, _ = curl.ask(place, "HEAD", curl.token)
    assert status in (200, 204)
    assert headers["x-container-meta-userid"] == "Zo%C3%AB%20100%25"
    assert headers["x-container-meta-status"] == "Complete"
    status, headers, part = curl.ask(name, "GET", curl.token, "Range: bytes=100-299")
    assert (status, part) == (206, CONTENT[100:300])


@pytest.mark.req("DEST-02")
def test_python_swiftclient_uploads_lists_and_downloads(subject: Subject, pin: list[str], tmp_path: Path) -> None:
    logging.getLogger("swiftclient").setLevel(logging.CRITICAL)
    keys, box = subject.connection, fresh_box("swiftclient")
    options: dict[str, Any] = {"auth": subject.auth, "user": keys.user, "key": keys.key, "auth_version": "1"}
    options |= {"os_cacert": pin[0]} if pin else {}
    clip = tmp_path / "20260101_000000_7CF7.mp4"
    clip.write_bytes(CONTENT)
    swift: Any = swiftclient.service  # it has no types
    with swift.SwiftService(options) as service:
        for container, name in (("Users", "swiftclient"), ("Devices", "SWIFTCLIENT1")):  # it may want to be told
            known = swift.SwiftUploadObject(None, object_name=name)
            assert all(row["success"] for row in service.upload(container, [known]))
        made = service.post(container=box, options={"meta": ["UserID:swiftclient"]})
        assert made["success"], made
        thing = swift.SwiftUploadObject(str(clip), object_name=clip.name)
        for row in service.upload(box, [thing], {"meta": ["ContainerType:mp4"]}):
            assert row["success"], row
        told = service.stat(container=box)
        assert told["headers"]["x-container-meta-userid"] == "swiftclient"
        assert told["headers"]["x-container-object-count"] == "1"
        (listed,) = [row for page in service.list(container=box) for row in page["listing"]]
        assert (listed["name"], listed["bytes"], listed["hash"]) == (
            clip.name, len(CONTENT), hashlib.md5(CONTENT).hexdigest(),
        )  # fmt: skip
        for row in service.download(box, [clip.name], {"out_directory": str(tmp_path / "out")}):
            assert row["success"], row
    assert (tmp_path / "out" / clip.name).read_bytes() == CONTENT


@pytest.mark.req("DEST-02")
def test_schemathesis_finds_no_server_error(subject: Subject, tmp_path: Path) -> None:
    """Only ours says in OpenAPI what it takes."""
    if subject.name != REFERENCE:
        return
    import schemathesis  # takes long; every process collects this file, one runs it

    session = SwiftSession(subject.connection, lambda: time.time_ns() // 1_000_000)

    async def ask() -> tuple[dict[str, Any], str, str]:
        await session.open()
        storage = await session.storage()
        base = storage.partition("/v1/")[0]
        document = await session.bare_request("GET", f"{base}/openapi.json", {})
        keys = {"X-Auth-User": subject.connection.user, "X-Auth-Key": subject.connection.key}
        token = (await session.bare_request("GET", subject.auth, keys)).headers["x-auth-token"]
        await session.close()
        return json.loads(document.body), base, token

    document, base, token = asyncio.run(ask())
    pin = tmp_path / "pin.pem"
    pin.write_bytes(subject.connection.certificates[0])
    schema = schemathesis.openapi.from_dict(document)
    print(f"seed {SEED}")
    asked = 0
    for found in schema.get_all_operations():
        operation: Any = found
        asked += _try(operation.ok().as_strategy(), base, token, str(pin))
    assert asked > 100


def _try(strategy: Any, base: str, token: str, pin: str) -> int:
    """Many requests of one operation; how many."""
    count = 0

    @seed(SEED)
    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=SLOW_IS_FINE,
    )
    @given(case=strategy)
    def ask(case: Any) -> None:
        nonlocal count
        answer = case.call(base_url=base, headers={"X-Auth-Token": token}, verify=pin)
        count += 1
        assert answer.status_code < 500 or answer.status_code == 507, f"{case.method} {case.formatted_path}: {answer}"

    ask()
    return count
