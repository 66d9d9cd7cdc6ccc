"""Schemathesis reads the OpenAPI document and asks whatever it allows, and what it does not: no answer is a fault of
ours, and every refusal is a problem in one line."""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.unit.web.office import Office, problem

if TYPE_CHECKING:
    from schemathesis import Case

EXAMPLES = int(os.environ.get("OPENBWC_API_EXAMPLES", "4"))  # a request each, of every operation and kind of data
SEED = 20_261_121
PASSPHRASE_COMMANDS = {  # each costs an Argon2id of 64 MiB; a wrong passphrase is tried elsewhere
    "force_remove_cameras", "allow_cameras_back", "allow_back_always", "rotate_sealing_key", "rotate_issuing_key",
    "make_restore_key", "archive_rejected_recording", "reset_system", "forget_destination",
}  # fmt: skip


@pytest.mark.parametrize("mode", ["positive", "negative"], ids=["allowed", "not allowed"])
def test_no_request_is_a_fault_of_ours(office: Office, mode: str):
    with warnings.catch_warnings():  # imported here: it takes a second, in each process that collects this file
        warnings.simplefilter("ignore")  # what its libraries say of each other is not ours
        import schemathesis
        from schemathesis import GenerationMode
        from schemathesis.core.result import Ok

    document = office.ask("GET", "/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    tried = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        name = operation.definition.raw.get("operationId", "")
        if name in PASSPHRASE_COMMANDS or name == "events" or operation.path.endswith(("/token", "/session")):
            continue
        tried += 1
        _ask_all(office, operation.as_strategy(generation_mode=GenerationMode(mode)), operation.label)
    assert tried > 40


def _ask_all(office: Office, strategy: Any, label: str) -> None:
    @seeded(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.large_base_example),
    )
    @given(strategy)
    def ask(case: Case[Any]) -> None:
        answer = asyncio.run(_send(office, case))
        assert answer.status_code < 500, f"{label}: {answer.status_code}: {answer.text}\n{case.as_curl_command()}"
        if answer.status_code >= 400:
            problem(answer, answer.status_code)

    ask()


async def _send(office: Office, case: Case[Any]) -> httpx.Response:
    """As the root account, each time in a session of its own: one of the requests ends them all."""
    given = case.as_transport_kwargs(base_url="https://127.0.0.1:8440")
    async with office.client("root") as client:
        said = {name: str(value).encode("latin-1", "replace") for name, value in (given.get("headers") or {}).items()}
        body: dict[str, Any] = {"json": given["json"]} if "json" in given else {"content": _content(given.get("data"))}
        request = client.build_request(given["method"], given["url"], params=given.get("params"), headers=said, **body)
        request.headers["Authorization"] = client.headers["Authorization"]
        return await client.send(request)


def _content(data: Any) -> bytes | None:
    return data if data is None or isinstance(data, bytes) else str(data).encode("utf-8", "replace")
