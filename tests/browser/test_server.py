"""The served manager as programs and browsers meet it: certificates swapped while it runs, streams that are taken up
again, a browser that does not read, boards behind the API."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser.station import Station, come_back, leave, undocked, until
from tests.patience import LIMIT_S


@contextmanager
def following(client: httpx.Client, last_id: str = "") -> Generator[Iterator[dict[str, str]]]:
    """The event stream as ``{"id", "event", "data"}``."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with client.stream("GET", "/api/v1/events", headers=headers, timeout=LIMIT_S) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif "event" in event:
            yield event
            event = {}
        else:
            event = {}


def changes(events: Iterator[dict[str, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ids and rows."""
    for event in events:
        if event["event"] == "change":
            yield event["id"], json.loads(event["data"])


@pytest.mark.req("CTRL-12")
def test_a_stream_is_taken_up_where_it_was(station: Station):
    with station.client("viewer") as client:
        with following(client) as events:
            station.bench.call("take_out", camera="camera-3")
            last = next(name for name, row in changes(events) if row["key"] == "DOCK-0001")
        until(lambda: "CAM-0003" in undocked(station), "the camera to be away")
        come_back(station, 3)
        with following(client, last) as events:
            missed = next(row for _, row in changes(events) if row["key"] == "CAM-0003")
        assert missed["value"]["serial"] == "CAM-0003"
        with following(client, "another-run-17") as events:
            assert next(events)["event"] == "reset"


@pytest.mark.req("CTRL-12")
def test_an_event_is_told(station: Station):
    with station.client("viewer") as client, following(client) as events:
        station.bench.call("take_out", camera="camera-1")
        told = (row["value"] for _, row in changes(events) if row["key"] == "CAM-0001")
        assert next(value for value in told if not value["online"])["serial"] == "CAM-0001"
        come_back(station, 1)


def test_a_browser_that_does_not_read_holds_nobody_up(station: Station):
    place = urlsplit(station.url)
    raw = socket.create_connection((place.hostname, place.port), LIMIT_S)
    with station.trusted().wrap_socket(raw, server_hostname=place.hostname) as deaf, station.client("viewer") as client:
        token = client.headers["Authorization"]
        deaf.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: {token}\r\n\r\n".encode())
        with following(client) as events:
            for number in range(3):
                version = station.controller.call("get_wearer", id="W-012")["version"]
                station.controller.call("change_wearer", id="W-012", version=version, name=f"Margaret {number}")
                leave(station, 2)
                next(row for _, row in changes(events) if row["key"] == "CAM-0002")
                come_back(station, 2)


@pytest.mark.req("CTRL-15")
def test_a_certificate_is_activated_while_a_browser_follows(station: Station):
    with station.client("root") as client, following(client) as events:
        before = certificate_of(station)
        made = {"name": "second", "hosts": ["127.0.0.1", "localhost"]}
        assert client.post("/api/v1/certificates", json=made).status_code == 200
        assert client.post("/api/v1/certificates/second/activations").status_code == 200
        after = certificate_of(station)
        assert after != before
        leave(station, 3)
        next(row for _, row in changes(events) if row["key"] == "CAM-0003")  # the open stream goes on
        come_back(station, 3)
        assert client.post("/api/v1/certificates/self-signed/activations").status_code == 200
        assert client.delete("/api/v1/certificates/second").status_code == 200
        assert certificate_of(station) == before


@pytest.mark.parametrize("bay", [-1, 0, 9, 300, 1 << 40, 1 << 60])
def test_a_bay_that_is_not_there_is_no_fault_of_ours(station: Station, bay: int):
    with station.client("root") as client:
        for method, path, body in (
            ("PUT", "power", {"on": True}),
            ("POST", "contact-checks", {}),
        ):
            answer = client.request(method, f"/api/v1/docks/DOCK-0001/bays/{bay}/{path}", json=body)
            assert answer.status_code in (409, 422), (path, answer.text)


def test_plain_http_is_not_answered_at_all(station: Station):
    place = urlsplit(station.url)
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{place.netloc}/login", timeout=LIMIT_S)


def certificate_of(station: Station) -> bytes:
    """What a browser that comes now is shown."""
    place = urlsplit(station.url)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((place.hostname, place.port), LIMIT_S) as raw,
        context.wrap_socket(raw, server_hostname=place.hostname) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return shown
