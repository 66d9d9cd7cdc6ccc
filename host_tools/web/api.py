"""The REST API: every command of the controller as a request, by the rows of ``rows``.

Law: this file knows no command. It takes a request apart by the command's own form, asks as whoever is logged in, and
says what came of it; the command decides whether this person may. Who may not is told so before the arguments are
looked at. An argument named ``version`` is the request's ``If-Match`` (``If-None-Match: *`` for what must be new), and
an answer that has one carries it as ``ETag``: two people who change one thing do not overwrite each other unseen.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, FastAPI, Path, Query, Request, Response, Security
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, PydanticSchemaGenerationError, TypeAdapter, create_model
from pydantic.errors import PydanticInvalidForJsonSchema
from starlette.routing import Match
from starlette.types import Scope

from host_tools.controller.commands import Commands
from host_tools.controller.permissions import Row
from host_tools.web.causes import EXPECTED, problem_of
from host_tools.web.rows import IN_THE_ADDRESS, NOT_PUBLISHED, PREFIX, ROWS, VERSION_ARGUMENT, ApiRow
from host_tools.web_kit.problems import Problem, documented
from host_tools.web_kit.sessions import SCHEMES, SessionDoor, Visitor

INTEGER_MAX = (1 << 53) - 1  # what every JSON reader has exactly
NO_STORE = {"Cache-Control": "no-store"}

_ETAG = re.compile(r'(?:W/)?"(\d{1,15})"')


class CommandRoute(APIRoute):
    """A route whose arguments are parts of the address as it was sent: a stroke within one (``%2F``) divides nothing.
    Without this, ``DELETE /wearers/a%2Ftags%2F04`` would take tag 04 from wearer a instead of removing a wearer.

    Who asks is looked at before a byte of the request's body is: a stranger's megabytes are not taken apart."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See starlette."""
        sent = scope.get("raw_path")
        if sent is not None and sent.count(b"/") < self.path.count("/"):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See fastapi."""
        handle = super().get_route_handler()
        admit = self.endpoint.__dict__["admit"]

        async def admitted(request: Request) -> Response:
            await admit(request)
            return await handle(request)

        return admitted


class CommandApi:
    """Makes routes. ``door``: who asks."""

    def __init__(self, commands: Commands, door: SessionDoor) -> None:
        self._commands = commands
        self._door = door

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(prefix=PREFIX, dependencies=[Security(scheme) for scheme in SCHEMES])
        known = set(self._commands.names())
        rows = [row for row in ROWS if row.command in known]
        named = {row.command for row in rows}
        others = [ApiRow("POST", f"/commands/{name}", name, "other commands") for name in sorted(known - named)]
        for row in [*rows, *(row for row in others if row.command not in NOT_PUBLISHED)]:
            self._add(router, row)
        return router

    def _add(self, router: APIRouter, row: ApiRow) -> None:
        permission = self._commands.row(row.command)
        router.add_api_route(
            row.path,
            self._endpoint(row),
            methods=[row.method],
            operation_id=row.command,
            tags=[row.tag],
            summary=permission.meaning[:1].upper() + permission.meaning[1:],
            description=self._described(row, permission),
            response_class=Response,
            route_class_override=CommandRoute,
            responses=self._responses(row),
            openapi_extra={"x-openbwc-roles": sorted(permission.roles), "x-openbwc-kind": permission.kind},
        )

    def _described(self, row: ApiRow, permission: Row) -> str:
        said = inspect.getdoc(self._commands.method(row.command)) or ""
        return f"{said}\n\nRoles: {', '.join(sorted(permission.roles))}."

    def _responses(self, row: ApiRow) -> dict[int | str, dict[str, Any]]:
        statuses = [401, 403, 409, 413, 422, 429, 503]
        if self._is_versioned(row):
            statuses += [412, 428]
        answer = {"description": "Done", "content": {"application/json": {"schema": self._answer_schema(row)}}}
        return {200: answer, **documented(*statuses)}

    def _answer_schema(self, row: ApiRow) -> dict[str, Any]:
        returned = inspect.signature(inspect.unwrap(self._commands.method(row.command)), eval_str=True)
        try:
            return TypeAdapter(returned.return_annotation).json_schema()
        except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema):
            return {}

    def _is_versioned(self, row: ApiRow) -> bool:
        return VERSION_ARGUMENT in self._commands.form(row.command).model_fields and row.method != "GET"

    def _admit(self, row: ApiRow) -> Callable[[Request], Any]:
        async def admit(request: Request) -> None:
            visitor = await self._door.visitor(request)
            try:
                await self._commands.check(visitor.actor, row.command)
            except EXPECTED as error:
                raise problem_of(error) from error
            request.state.visitor = visitor

        return admit

    def _endpoint(self, row: ApiRow) -> Callable[..., Any]:
        """A function with the signature that FastAPI is to read."""
        in_path = set(row.in_path)
        parameters = [inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
        in_body: dict[str, Any] = {}
        for name, field in self._commands.form(row.command).model_fields.items():
            if name == VERSION_ARGUMENT and self._is_versioned(row):
                continue
            kind = _annotated(field.annotation, field.metadata)
            if name in in_path:
                parameters.append(_parameter(name, Annotated[kind, Path()], inspect.Parameter.empty))
            elif row.method in IN_THE_ADDRESS:
                default = inspect.Parameter.empty if field.is_required() else field.default
                parameters.append(_parameter(name, Annotated[kind, Query()], default))
            else:
                in_body[name] = (kind, ... if field.is_required() else field.default)
        if in_body:
            model = create_model(f"{row.command}_arguments", __config__=ConfigDict(extra="forbid"), **in_body)
            is_needed = any(default is ... for _, default in in_body.values())
            kind = Annotated[model, Body()] if is_needed else Annotated[model | None, Body()]
            parameters.append(_parameter("body", kind, inspect.Parameter.empty if is_needed else None))

        async def endpoint(request: Request, body: BaseModel | None = None, **arguments: Any) -> Response:
            if body is not None:
                arguments |= {name: getattr(body, name) for name in type(body).model_fields}
            if self._is_versioned(row):
                may_be_any = not self._commands.form(row.command).model_fields[VERSION_ARGUMENT].is_required()
                arguments[VERSION_ARGUMENT] = _version_seen(request, may_be_any)
            return await self._answer(request, row, arguments)

        endpoint.__signature__ = inspect.Signature(parameters)
        endpoint.__name__ = row.command
        endpoint.__dict__["admit"] = self._admit(row)
        return endpoint

    async def _answer(self, request: Request, row: ApiRow, arguments: dict[str, Any]) -> Response:
        visitor = cast("Visitor", request.state.visitor)
        try:
            answer = await self._commands.call(visitor.actor, row.command, arguments)
        except EXPECTED as error:
            raise problem_of(error) from error
        headers = dict(NO_STORE)
        if isinstance(answer, dict):
            headers |= _headers_of(request, cast("dict[str, Any]", answer))
        return Response(json.dumps(answer, ensure_ascii=False), headers=headers, media_type="application/json")


def publish(app: FastAPI, commands: Commands, door: SessionDoor) -> None:
    """Put every command of a controller into an application."""
    app.include_router(CommandApi(commands, door).router())


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _annotated(annotation: Any, metadata: list[Any]) -> Any:
    """A field's type with its limits; a whole number has at most 53 bits, as everywhere in JSON (RFC 7493)."""
    if annotation is int or annotation == int | None:
        annotation = Annotated[annotation, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    for limit in metadata:
        annotation = Annotated[annotation, limit]
    return annotation


def _version_seen(request: Request, may_be_any: bool) -> int | None:
    """What the person saw before they changed it; None: whatever is there. Problem 428 if the request does not say."""
    if may_be_any and request.headers.get("if-match", "").strip() == "*":
        return None
    if request.headers.get("if-none-match", "").strip() == "*":
        return 0
    found = _ETAG.fullmatch(request.headers.get("if-match", "").strip())
    if found is None:
        raise Problem(428, "If-Match: missing or no version: read it first and send its ETag along", "version-needed")
    return int(found[1])


def _headers_of(request: Request, answer: dict[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = {}
    version = answer.get(VERSION_ARGUMENT)
    if isinstance(version, int):
        headers["ETag"] = f'"{version}"'
    following = answer.get("next")
    if isinstance(following, str) and following and request.method == "GET":
        headers["Link"] = f'<{request.url.include_query_params(after=following)}>; rel="next"'
    return headers
