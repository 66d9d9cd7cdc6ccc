"""The REST API over a real controller: arguments, answers, versions, problems."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest

from host_tools.custody.index import Announcement
from tests.unit.web.office import Office, problem

WEARERS = "/api/v1/wearers"
UNWRITTEN = ("/api/v1/events", "/metrics")  # in formats of others


def add(office: Office, number: int, **more: object) -> dict[str, object]:
    """A wearer."""
    answer = office.ask(
        "POST", WEARERS, "administrator", json={"id": f"w-{number}", "name": f"Wearer {number}", **more}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.req("CTRL-04")
def test_a_wearer_is_made_read_changed_and_removed(office: Office):
    made = add(office, 1, email="one@example.org")
    answer = office.ask("GET", f"{WEARERS}/w-1", "viewer")
    assert answer.json()["name"] == "Wearer 1"
    assert answer.headers["etag"] == f'"{made["version"]}"'
    changed = office.ask(
        "PATCH",
        f"{WEARERS}/w-1",
        "administrator",
        json={"name": "Another"},
        headers={"If-Match": answer.headers["etag"]},
    )
    assert changed.json()["name"] == "Another"
    assert changed.headers["etag"] != answer.headers["etag"]
    gone = office.ask("DELETE", f"{WEARERS}/w-1", "administrator", headers={"If-Match": changed.headers["etag"]})
    assert gone.status_code == 200
    problem(office.ask("GET", f"{WEARERS}/w-1", "viewer"), 409)


@pytest.mark.req("CTRL-05")
def test_of_two_administrators_the_second_is_told(office: Office):
    tag = f'"{add(office, 2)["version"]}"'
    first = office.ask("PATCH", f"{WEARERS}/w-2", "administrator", json={"name": "Ada's"}, headers={"If-Match": tag})
    assert first.status_code == 200
    second = office.ask("PATCH", f"{WEARERS}/w-2", "root", json={"name": "Root's"}, headers={"If-Match": tag})
    said = problem(second, 412, "changed-meanwhile")
    assert said["changed_by"] == "ada"
    assert said["changed_unix_ms"] > 0
    assert office.ask("GET", f"{WEARERS}/w-2", "viewer").json()["name"] == "Ada's"


@pytest.mark.req("CTRL-06")
def test_of_two_who_assign_one_camera_the_second_is_told(office: Office):
    for number in (3, 4):
        add(office, number)
    path, new = "/api/v1/assignments/CAM-0007", {"If-None-Match": "*"}
    first = office.ask("PUT", path, "local_administrator", json={"wearer": "w-3"}, headers=new)
    assert first.status_code == 200
    problem(office.ask("PUT", path, "administrator", json={"wearer": "w-4"}, headers=new), 409)
    seen = {"If-Match": first.headers["etag"]}
    moved = office.ask("PUT", path, "administrator", json={"wearer": "w-4"}, headers=seen)
    assert moved.json()["wearer"] == "w-4"
    assert problem(office.ask("DELETE", path, "local_administrator", headers=seen), 412)["changed_by"] == "ada"
    assert office.ask("DELETE", path, "root", headers={"If-Match": moved.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("tag", [None, "", "x", '"x"', '"1', "W/", '"-1"', '"1", "2"', "*"])
def test_a_change_says_what_was_seen(office: Office, tag: str | None):
    headers = {"If-Match": tag} if tag is not None else {}
    answer = office.ask("PATCH", f"{WEARERS}/w-2", "administrator", json={"name": "x"}, headers=headers)
    problem(answer, 428, "version-needed")


def test_what_must_be_new_is_new(office: Office):
    put = {"json": {"description": "made here"}, "headers": {"If-None-Match": "*"}}
    assert office.ask("PUT", "/api/v1/profiles/night/shift", "administrator", **put).status_code == 200
    assert office.ask("GET", "/api/v1/profiles/night/shift", "viewer").json()["description"] == "made here"
    problem(office.ask("PUT", "/api/v1/profiles/night/shift", "administrator", **put), 409)


@pytest.mark.req("CTRL-04")
def test_an_id_is_one_whatever_signs_it_holds(office: Office):
    """An id with strokes in it is one part of an address when it is written so, and no other request's."""
    for number, name in enumerate(("a/tags/04A1B2C3", "a/priority", "/", "a?b", "a%2Fb")):
        address = f"{WEARERS}/{quote(name, safe='')}"
        made = office.ask("POST", WEARERS, "administrator", json={"id": name, "name": f"Odd {number}"})
        assert office.ask("GET", address, "viewer").json()["id"] == name
        tag = f'"{made.json()["version"]}"'
        gone = office.ask("DELETE", address, "administrator", headers={"If-Match": tag})
        assert (gone.status_code, gone.text) == (200, "null"), name
    for name in (".", ".."):  # a browser takes them for a way through folders: nobody could open or remove them
        said = problem(office.ask("POST", WEARERS, "administrator", json={"id": name, "name": "Dots"}), 409)
        assert "choose another" in said["detail"]


@pytest.mark.req("CTRL-04")
def test_lists_come_in_pages(office: Office):
    for number in range(10, 17):
        add(office, number)
    found: list[str] = []
    total = 0
    address: str | None = f"{WEARERS}?limit=3&search=Wearer"
    while address:
        answer = office.ask("GET", address, "viewer")
        rows = answer.json()["rows"]
        assert len(rows) <= 3
        found += [row["id"] for row in rows]
        total = answer.json()["total"]
        address = answer.links["next"]["url"] if "next" in answer.links else None
    assert found == sorted(found)
    assert len(found) == total >= 7


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", WEARERS, b"{", 422),
        ("POST", WEARERS, b"[]", 422),
        ("POST", WEARERS, b"", 422),
        ("POST", WEARERS, b'{"id": "x", "name": "y", "more": 1}', 422),
        ("POST", WEARERS, b'{"id": "x", "name": "%s"}' % (b"y" * 61), 422),
        ("POST", WEARERS, b'{"id": "x", "name": "' + b"y" * 2_000_000 + b'"}', 413),
        ("POST", WEARERS, b"\xff", 400),
        ("GET", "/api/v1/nothing", b"", 404),
        ("PUT", "/api/v1/status", b"{}", 405),
        ("GET", "/assets/0/kit/kit.css", b"", 404),
        ("PUT", "/api/v1/docks/x/bays/nine/power", b'{"on": true}', 422),
        ("PUT", "/api/v1/docks/x/bays/8/power", b'{"on": true}', 409),
    ],
)
def test_what_is_wrong_is_said_in_one_line(office: Office, method: str, path: str, content: bytes, status: int):
    headers = {"content-type": "application/json"}
    problem(office.ask(method, path, "administrator", content=content, headers=headers), status)


@pytest.mark.req("CTRL-14")
def test_a_stranger_s_body_is_not_even_read(office: Office):
    """Six megabytes of JSON cost the controller a tenth of a second of the loop that recordings come in by."""
    statuses: list[int] = []

    async def receive() -> Any:
        raise AssertionError("the body was asked for")

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    async def ask(method: str, path: str) -> None:
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")]}  # fmt: skip
        await office.app(scope, receive, send)

    for method, path in (("POST", f"{WEARERS}/imports"), ("POST", WEARERS), ("PUT", "/api/v1/profiles/x")):
        asyncio.run(ask(method, path))
    assert [status for status in statuses if status] == [401, 401, 401]


def test_no_answer_repeats_a_secret(office: Office):
    body = {"name": "x", "role": "viewer", "password": "hunter2 hunter2", "more": 1}
    for path in ("/api/v1/accounts", "/api/v1/cameras/force-removals"):
        assert "hunter2" not in office.ask("POST", path, "administrator", json=body).text


def test_the_document_describes_what_there_is(office: Office):
    document = office.ask("GET", "/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert json.dumps(document).count('"#/components/schemas/Problem"') > 50
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "detail"]
    arguments = document["components"]["schemas"]["add_account_arguments"]["properties"]
    assert arguments["password"]["format"] == "password"


def test_every_refusal_is_in_the_document_as_what_it_is(office: Office):
    """Whoever generates a client from it reads problems, whatever went wrong, and no form of another framework."""
    document = office.ask("GET", "/api/v1/openapi.json").json()
    assert "HTTPValidationError" not in json.dumps(document)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            done = operation["responses"].get("200", {"content": {"": {"schema": "204: nothing"}}})["content"]
            assert path in UNWRITTEN or all(each.get("schema") for each in done.values()), (method, path)
            refusals = {status: each for status, each in operation["responses"].items() if status != "200"}
            assert "default" in refusals, (method, path)
            for status, each in refusals.items():
                assert status == "204" or "Problem" in json.dumps(each["content"]), (method, path, status)
    answer = office.ask("GET", "/api/v1/events", "viewer", headers={"Last-Event-ID": "x" * 65})
    problem(answer, 422, "invalid")
    assert "422" in document["paths"]["/api/v1/events"]["get"]["responses"]


@pytest.mark.req("CTRL-15")
def test_certificates_over_the_api(office: Office):
    path = "/api/v1/certificates"
    assert office.ask("POST", path, "root", json={"name": "spare", "hosts": ["localhost"]}).status_code == 200
    problem(office.ask("POST", path, "root", json={"name": "spare", "hosts": ["localhost"]}), 409)
    asked = office.ask("POST", f"{path}/requests", "root", json={"name": "city", "hosts": ["station.example"]})
    assert asked.json()["request"].startswith("-----BEGIN CERTIFICATE REQUEST-----")
    problem(office.ask("PUT", f"{path}/city/certificate", "root", json={"certificate": "nonsense"}), 409)
    assert office.ask("POST", f"{path}/spare/activations", "root").status_code == 200
    states = {row["name"]: row["state"] for row in office.ask("GET", path, "root").json()}
    assert states == {"spare": "active", "city": "requested"}
    assert "PRIVATE" not in office.ask("GET", path, "root").text


@pytest.mark.req("CTRL-15")
def test_a_network_login_is_kept_and_said_not_to_be_applied(office: Office):
    path = "/api/v1/network-login"
    office.ask("POST", "/api/v1/certificates", "root", json={"name": "wired", "hosts": ["station.example"]})
    pem = (office.https.certificates._folder / "wired.pem").read_text(encoding="ascii")
    shown = office.ask("GET", path, "root")
    assert (shown.json()["enabled"], shown.json()["applied"], shown.json()["how"]) == (False, False, [])
    wanted = {"enabled": True, "identity": "station 7; rm -rf /", "certificate": "wired", "authority": pem}
    for wrong in ({"certificate": "none"}, {"identity": " "}, {"authority": "x"}):
        problem(office.ask("PUT", path, "root", json=wanted | wrong, headers={"If-Match": shown.headers["etag"]}), 409)
    kept = office.ask("PUT", path, "root", json=wanted, headers={"If-Match": shown.headers["etag"]})
    assert kept.status_code == 200, kept.text
    assert kept.json()["applied"] is False
    assert "not managed by this software" in kept.json()["reason"]
    assert "802-1x.identity 'station 7; rm -rf /'" in kept.json()["how"][0]
    again = office.ask("PUT", path, "administrator", json=wanted, headers={"If-Match": shown.headers["etag"]})
    assert problem(again, 412)["changed_by"] == "root"


@pytest.mark.req("CTRL-15")
def test_a_certificate_that_the_network_is_shown_stays(office: Office):
    office.ask("POST", "/api/v1/certificates", "root", json={"name": "cable", "hosts": ["station.example"]})
    pem = (office.https.certificates._folder / "cable.pem").read_text(encoding="ascii")
    wanted = {"enabled": True, "identity": "station 7", "certificate": "cable", "authority": pem}
    seen = office.ask("GET", "/api/v1/network-login", "root").headers["etag"]
    off = office.ask("PUT", "/api/v1/network-login", "root", json=wanted, headers={"If-Match": seen}).headers["etag"]
    said = problem(office.ask("DELETE", "/api/v1/certificates/cable", "root"), 409)
    assert "is shown to the network" in said["detail"]
    office.ask("PUT", "/api/v1/network-login", "root", json={"enabled": False}, headers={"If-Match": off})
    assert office.ask("DELETE", "/api/v1/certificates/cable", "root").status_code == 200


@pytest.mark.req("CTRL-02")
def test_settings_say_evaluation_where_its_account_is(office: Office):
    """As of ``bwc demo`` and ``bwc account setup --evaluation``: there are no settings yet when accounts are made."""
    shown = office.ask("GET", "/api/v1/settings", "viewer")
    assert (shown.json()["evaluation"], office.system.settings.evaluation) == (True, False)
    headers = {"If-Match": shown.headers["etag"]}
    body = {"changes": {"evaluation": True}}
    problem(office.ask("PATCH", "/api/v1/settings", "administrator", json=body, headers=headers), 409, "refused")


def test_figures_for_monitoring(office: Office):
    answer = office.ask("GET", "/metrics", "viewer")
    assert answer.headers["content-type"].startswith("text/plain")
    office.controller.happenings.tell("delivered", recording="00", camera="C", container="x")
    after = office.ask("GET", "/metrics", "viewer").text
    assert "openbwc_recordings_delivered_total 1.0" in after
    assert "openbwc_storage_total_bytes" in after
    assert "openbwc_destination_up" in after


@pytest.mark.req("CTRL-03")
def test_a_recording_is_filed_until_it_is_delivered(office: Office):
    index = office.controller._world.index
    recording = bytes(range(16))
    index.announce(Announcement(recording, "CAM-0009", bytes(32), 900, 5_000, 1, 2_000, False), 1)
    path = f"/api/v1/recordings/{recording.hex()}/description"
    nothing = {"category_id": "", "category_name": "", "note": "", "open": True, "version": 0}
    shown = office.ask("GET", path, "viewer")
    assert shown.json() == nothing
    filed = {"category_id": "5", "category_name": "Traffic", "note": "Blue van"}
    seen = {"If-Match": shown.headers["etag"]}
    problem(office.ask("PUT", path, "viewer", json=filed, headers=seen), 403, "not-allowed")
    problem(office.ask("PUT", path, "local_administrator", json=filed), 428)
    assert office.ask("PUT", path, "local_administrator", json=filed, headers=seen).status_code == 200
    now = office.ask("GET", path, "viewer")
    assert now.json() == {**filed, "open": True, "version": int(now.headers["etag"].strip('"'))}
    second = office.ask("PUT", path, "administrator", json=filed | {"note": "Green van"}, headers=seen)
    problem(second, 412, "changed-meanwhile")
    assert office.ask("GET", path, "viewer").json()["note"] == "Blue van", "the first one's is not overwritten unseen"
    tag = {"If-Match": now.headers["etag"]}
    assert office.ask("PUT", path, "administrator", json=filed | {"note": ""}, headers=tag).status_code == 200
    problem(office.ask("GET", f"/api/v1/recordings/{'0' * 32}/description", "viewer"), 409)
