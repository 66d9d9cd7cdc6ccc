"""Errors as problem details (RFC 9457): one line that names the thing and the remedy, for people and programs alike.

Law: an error that is not in a room's table of causes is a fault of ours, logged with its trace and told without one.
"""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from host_tools.hardware.faults import place_of, why_of

MEDIA_TYPE = "application/problem+json"
REFERENCE = "#/components/schemas/Problem"
LOG = logging.getLogger("openbwc.web")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "which kind of problem, for programs"},
        "title": {"type": "string", "description": "the kind in words"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "one line: the thing and the remedy"},
        "field": {"type": "string", "description": "which argument, where one is wrong"},
    },
}


class Problem(HTTPException):
    """Ends a request. ``word``: the kind, for programs; ``more``: further members; ``headers``: of the answer.

    An ``HTTPException``, because FastAPI makes a 400 of whatever else is raised while it reads a body."""

    def __init__(
        self,
        status: int,
        detail: str,
        word: str = "",
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.word = word
        self.more = dict(more or {})

    def response(self) -> Response:
        """As it is sent."""
        title = http.HTTPStatus(self.status_code).phrase
        body = {
            "type": f"urn:openbwc:problem:{self.word or title.lower().replace(' ', '-')}",
            "title": title,
            "status": self.status_code,
            "detail": one_line(self.detail),
            **self.more,
        }
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        return JSONResponse(body, self.status_code, headers=headers, media_type=MEDIA_TYPE)


def one_line(text: str) -> str:
    """What may repeat what somebody sent, without what would break a line or a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def handle_problems(app: FastAPI) -> None:
    """Whatever goes wrong in this application is told as a problem, and its OpenAPI document says so once."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for theirs in ("HTTPValidationError", "ValidationError"):  # FastAPI's own way to say it, which is not ours
            schemas.pop(theirs, None)
        schemas["Problem"] = SCHEMA
        for path in document["paths"].values():
            for operation in path.values():
                _document_problems(operation["responses"])
        return document

    app.openapi = openapi
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _fault)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these answers."""
    return {
        status: {
            "description": http.HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE}}},
        }
        for status in statuses
    }


def _document_problems(responses: dict[str, Any]) -> None:
    """Whatever is not said apart is a problem too: of the guard, of an address, a fault of ours."""
    if "422" in responses:
        responses["422"] = documented(422)[422]
    responses["default"] = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE}}}}


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - as it was registered
    return error.response()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it was registered
    place = request.url.path[:80]
    if error.status_code == 404:
        return Problem(404, f"{place}: nothing is there: see /api/v1/openapi.json").response()
    if error.status_code == 405:
        detail = f"{place}: not with {request.method[:10]}: see /api/v1/openapi.json"
        return Problem(405, detail, headers=error.headers).response()
    return Problem(error.status_code, f"{place}: {error.detail}: correct the request").response()


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it was registered
    fault = error.errors()[0]  # its input is not repeated: it may be a password
    place = [part for part in fault["loc"] if part not in ("body", "query", "path")]
    field = ".".join(map(str, place))[:80]
    text = f"{place_of({'loc': place}) or 'the request'}: {why_of(fault)}"
    return Problem(422, text, "invalid", {"field": field}).response()


async def _fault(request: Request, error: Exception) -> Response:
    LOG.error("%s %s has failed", request.method, one_line(request.url.path), exc_info=error)
    return Problem(
        500, f"{request.url.path[:80]} failed ({type(error).__name__}): report this with the controller's log"
    ).response()
