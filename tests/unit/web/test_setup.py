"""The setup assistant: only whoever started the controller gets in, what is typed is kept, a system is made once."""

from __future__ import annotations

import asyncio
import json
import ssl
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from host_tools.cli.compose import create_destination
from host_tools.cli.people import opened_people
from host_tools.cli.setup import CHOICES_NAME, SetupDesk, new_code
from host_tools.cli.trusting import has_trust, open_trust
from host_tools.controller.settings import Settings
from host_tools.emulator.workshop import Workshop
from host_tools.web.setup import CODE_HEADER, LINGER_S, TRIES_FREE, WAIT_S_MAX, Assistant, SetupParts
from tests.patience import LIMIT_S
from tests.unit.web.office import HOST, problem

CODE = "K7QD-M2XP"
PASSPHRASE, PASSWORD = "copper lantern meadow", "purple walrus teapot"
CHOICES = {
    "name": "Harbour", "time_zone": "Europe/Paris", "power_line_hz": 60, "assignment_mode": "self_single",
    "evaluation": True,
}  # fmt: skip


class Desk:
    """An assistant with its requests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "controller"
        self.folder.mkdir(mode=0o700)
        self.settings = Settings(folder=self.folder, destination=folder / "destination", usb_root=None, dev=folder)
        self.now_s = 0.0
        self.work = SetupDesk(self.settings)
        self.assistant = Assistant(SetupParts(self.work, CODE, frozenset, lambda: self.now_s, lambda: 1_000))

    def ask(self, method: str, path: str = "", code: str = CODE, **more: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self.assistant.guarded)
            async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
                headers = {CODE_HEADER: code} if code else {}
                return await client.request(method, f"/api/v1/setup{path}", headers=headers, **more)

        return asyncio.run(one())

    def make(self, seen: str | None = None, **secrets: str) -> httpx.Response:
        """Have the system made. ``seen``: what was looked at, else what there is now."""
        body = {"passphrase": PASSPHRASE, "password": PASSWORD, "seen": self.ask("GET").json()["seen"], **secrets}
        return self.ask("POST", "/system", json=body | ({} if seen is None else {"seen": seen}))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.req("CTRL-01")
def test_nobody_gets_in_without_the_code(desk: Desk):
    for method, path in (("GET", ""), ("PUT", "/choices"), ("POST", "/system"), ("POST", "/end"), ("POST", "/makers")):
        body: dict[str, Any] = {} if method == "GET" else {"json": {}}
        assert desk.ask(method, path, code="", **body).status_code in (401, 422)
    assert desk.ask("GET").status_code == 200
    assert desk.ask("GET", code=CODE.lower().replace("-", "")).status_code == 200


def test_guessing_the_code_takes_for_ever(desk: Desk):
    for number in range(TRIES_FREE):
        problem(desk.ask("GET", code=f"AAAA-AAA{number}"), 401, "wrong-code")
    waited_s = 0.0
    for _ in range(12):
        said = problem(desk.ask("GET", code=CODE), 429, "too-many-tries")
        desk.now_s += said["wait_s"]
        waited_s += said["wait_s"]
        problem(desk.ask("GET", code="AAAA-AAAA"), 401, "wrong-code")
    assert waited_s > 5 * WAIT_S_MAX
    desk.now_s += WAIT_S_MAX + 1
    assert desk.ask("GET", code=CODE).status_code == 200


def test_codes_are_new_each_time_and_easy_to_read():
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert not set("01IO") & set("".join(codes))


@pytest.mark.req("CTRL-01")
def test_what_is_chosen_is_kept_for_another_browser(desk: Desk):
    assert desk.ask("PUT", "/choices", json=CHOICES).status_code == 200
    again = Assistant(SetupParts(SetupDesk(desk.settings), CODE, frozenset, lambda: 0.0, lambda: 1_000))
    desk.assistant = again
    assert desk.ask("GET").json()["choices"] == CHOICES
    assert stat.S_IMODE((desk.folder / CHOICES_NAME).stat().st_mode) == 0o600
    (desk.folder / CHOICES_NAME).write_text("{torn", encoding="utf-8")
    assert desk.ask("GET").json()["choices"]["name"] == "openbwc"


@pytest.mark.parametrize(
    "change", [{"time_zone": "Mars/Olympus"}, {"power_line_hz": 55}, {"name": ""}, {"name": "x" * 61}, {"more": 1}]
)
def test_choices_that_cannot_be_are_refused(desk: Desk, change: dict[str, Any]):
    problem(desk.ask("PUT", "/choices", json=CHOICES | change), 422, "invalid")


@pytest.mark.req("CTRL-01")
def test_without_a_destination_there_is_no_system(desk: Desk):
    problem(desk.make(), 409, "no-destination")
    for text in ("", "{}", "not json", "x" * 60_000):
        problem(desk.ask("PUT", "/connection-file", json={"connection_file": text}), 409)
    assert not has_trust(desk.folder)
    assert not list(desk.folder.glob("setup-connection*"))


@pytest.mark.req("CTRL-01")
@pytest.mark.req("CTRL-02")
def test_a_system_is_made_once_with_all_that_was_chosen(desk: Desk):
    create_destination(desk.settings.destination)
    desk.ask("PUT", "/choices", json=CHOICES)
    for wrong, said in (
        ({"passphrase": "short", "password": PASSWORD}, "passphrase"),
        ({"passphrase": PASSPHRASE, "password": "password1234"}, "password"),
        ({"passphrase": PASSWORD, "password": PASSWORD}, "are the same"),
    ):
        assert said in problem(desk.make(**wrong), 409)["detail"]
    problem(desk.ask("POST", "/end"), 409, "not-finished")
    assert not has_trust(desk.folder)
    made = asyncio.run(_finish(desk))
    assert json.loads(made.json()["restore_key"])["format"] == "openbwc-restore-key"
    problem(desk.make(), 409, "finished")
    for method, path, body in (
        ("PUT", "/choices", CHOICES | {"name": "Another"}),
        ("PUT", "/connection-file", {"connection_file": "{}"}),
        ("POST", "/makers", {"certificate": "x"}),
    ):
        problem(desk.ask(method, path, json=body), 409, "finished")
    assert not (desk.folder / CHOICES_NAME).exists(), "nothing of the assistant's is left or comes back"
    assert desk.ask("POST", "/end").status_code == 200
    assert desk.assistant.done.is_set()
    assert open_trust(desk.folder).system
    with opened_people(desk.folder) as people:
        assert people.is_evaluation()
        assert people.login("root", PASSWORD, "192.0.2.1", 2_000)


async def _finish(desk: Desk) -> httpx.Response:
    """It also says when the assistant ends if nobody comes back: that is not waited for."""
    transport = httpx.ASGITransport(desk.assistant.guarded)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
        state = await client.get("/api/v1/setup", headers={CODE_HEADER: CODE})
        body = {"passphrase": PASSPHRASE, "password": PASSWORD, "seen": state.json()["seen"]}
        answer = await client.post("/api/v1/setup/system", headers={CODE_HEADER: CODE}, json=body, timeout=LIMIT_S)
    assert answer.status_code == 200, answer.text
    assert LINGER_S > 60
    return answer


@pytest.mark.req("CTRL-01")
def test_a_set_up_that_was_cut_short_is_taken_up_with_the_same_password(desk: Desk):
    create_destination(desk.settings.destination)
    with opened_people(desk.folder) as people:
        people.set_up(PASSWORD, 1_000)
    assert "password is wrong" in problem(desk.make(password="another walrus teapot"), 409)["detail"]
    assert not has_trust(desk.folder)
    asyncio.run(_finish(desk))
    assert has_trust(desk.folder)


@pytest.mark.req("CTRL-01", "CTRL-02")
def test_of_two_browsers_neither_makes_what_the_other_has_chosen_unseen(desk: Desk):
    """Evaluation is for ever: whoever presses the last button has seen it."""
    create_destination(desk.settings.destination)
    standard = desk.ask("PUT", "/choices", json=CHOICES | {"evaluation": False}).json()
    desk.ask("PUT", "/choices", json=CHOICES)
    said = problem(desk.make(seen=standard["seen"]), 412, "changed-meanwhile")
    assert "another browser has chosen otherwise" in said["detail"]
    assert not has_trust(desk.folder)
    again = desk.ask("PUT", "/choices", json=CHOICES | {"evaluation": False}).json()
    assert again["seen"] == standard["seen"], "what is the same may be made"


@pytest.mark.req("CTRL-01")
def test_a_file_that_is_no_maker_s_certificate_is_refused_when_it_is_given(desk: Desk):
    """Else the system is half made when it is found: with trust, and without the restore key having been shown."""
    leaf = ssl.DER_cert_to_PEM_cert(b"no certificate at all")
    for text in ("", "x", leaf):
        said = problem(desk.ask("POST", "/makers", json={"certificate": text}), 409)
        assert "no maker's root certificate" in said["detail"]
    root = ssl.DER_cert_to_PEM_cert(Workshop().maker.root)
    for _ in range(2):
        assert desk.ask("POST", "/makers", json={"certificate": root}).json()["makers"] == 1


@pytest.mark.req("CTRL-02")
@pytest.mark.parametrize("first", [True, False], ids=["evaluation first", "use first"])
def test_accounts_of_an_earlier_try_are_of_the_same_purpose(desk: Desk, first: bool):
    """Cut short for evaluation, taken up for use: its account with the known password would be in the real system."""
    create_destination(desk.settings.destination)
    with opened_people(desk.folder) as people:
        people.set_up(PASSWORD, 1_000, evaluation=first)
    desk.ask("PUT", "/choices", json=CHOICES | {"evaluation": not first})
    assert "an earlier try has made accounts" in problem(desk.make(), 409)["detail"]
    assert not has_trust(desk.folder)


def test_every_other_page_leads_to_the_assistant(desk: Desk):
    async def one(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(desk.assistant.guarded)
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
            return await client.get(path)

    for path in ("/", "/login", "/cameras/x", "/api/v1/status"):
        answer = asyncio.run(one(path))
        assert (answer.status_code, answer.headers["location"]) == (303, "/setup")
    page = asyncio.run(one("/setup"))
    assert page.status_code == 200
    assert CODE not in page.text
