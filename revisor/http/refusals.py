"""How errors leave by the HTTP door: libvirt's number in the body, a fitting status, never a traceback."""

import json
import logging
from typing import Any, cast
from urllib.parse import unquote

from eventsourcing.persistence import InterfaceError as LogInterfaceError
from eventsourcing.persistence import OperationalError as LogOperationalError
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg import InterfaceError, OperationalError
from psycopg.errors import DiskFull, UndefinedColumn, UndefinedTable
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain_model.errors import InvalidArgument, OutcomeUnknown, Refused
from revisor.http.asking import Asking, asking, service_of
from revisor.store.mapper import UnknownEvent, UnreadableEvents

_log = logging.getLogger(__name__)

STATUS = {42: 404, 72: 404, 103: 404, 104: 404, 9: 409, 55: 409, 88: 403, 38: 503}
"""By libvirt's number; all others are 400."""

_SHOWN = 80


def error_body(refusal: Refused) -> dict[str, Any]:
    """The body that tells of a refusal."""
    return {
        "error": {
            "code": refusal.number,
            "name": refusal.name,
            "message": refusal.message,
            "field": refusal.field,
            "value": refusal.value,
            "accepted": refusal.accepted,
        }
    }


def error_response(refusal: Refused, status: int | None = None) -> Response:
    """A refusal as a response; its status follows from the number unless it is given."""
    data = json.dumps(error_body(refusal)).encode()
    return Response(data, status or STATUS.get(refusal.number, 400), media_type="application/json")


def handle_errors(app: FastAPI) -> None:
    """Have every error of this application leave in our words."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(OutcomeUnknown, _unknown)
    app.add_exception_handler(RequestValidationError, _invalid)
    for away in (OperationalError, InterfaceError, LogOperationalError, LogInterfaceError):
        app.add_exception_handler(away, _database_away)
    for older in (UndefinedColumn, UndefinedTable):
        app.add_exception_handler(older, _being_made)
    app.add_exception_handler(UnknownEvent, _too_new)
    app.add_exception_handler(UnreadableEvents, _unreadable)
    app.add_exception_handler(HTTPException, _not_ours)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_: Request, error: Exception) -> Response:
    return error_response(cast("Refused", error))


async def _unknown(_: Request, error: Exception) -> Response:
    return error_response(Refused(f"the outcome is unknown: {error}", number=68), 504)


async def _invalid(request: Request, error: Exception) -> Response:
    invalid = cast("RequestValidationError", error)
    refusal = refusal_of(invalid.errors()[0])
    if request.method not in ("GET", "HEAD"):
        await _note(request, invalid.body, refusal)
    return error_response(refusal)


async def _database_away(_: Request, error: Exception) -> Response:
    # libvirt, too, reports a failed system call as 38, a full disk among them.
    if isinstance(error, DiskFull) or isinstance(error.__cause__, DiskFull):
        _log.error("the disk of the database is full")
        return error_response(
            Refused("Cannot write to the database: its disk is full; make room, and try again", number=38)
        )
    _log.error("the database cannot be reached: %s", type(error).__name__)
    return error_response(Refused("Cannot reach the database: try again later", number=38))


async def _being_made(_: Request, error: Exception) -> Response:
    _log.warning("a read model of an older release was asked for what is new in this one: %s", error)
    sentence = "Cannot read yet: this release makes a read model anew; 'revisor projections list' tells when it is done"
    return error_response(Refused(sentence, number=38))


async def _too_new(_: Request, error: Exception) -> Response:
    sentence = (
        f"internal error: a newer release of Revisor wrote what this one cannot read, and must act on it: {error}"
    )
    _log.error("%s", sentence)
    return error_response(Refused(sentence), 500)


async def _unreadable(_: Request, error: Exception) -> Response:
    sentence = f"internal error: an event is damaged, or Revisor has a mistake: {error}; the log of the API has more"
    _log.error("%s", sentence, exc_info=error)
    return error_response(Refused(sentence), 500)


async def _not_ours(request: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    if status == 400:
        return error_response(InvalidArgument("the body cannot be read", field="body", accepted="a JSON object"))
    path = _shown("path", unquote(request.url.path)) or "of this path"
    sentence = f"this function is not supported by Revisor: {request.method} {path}"
    return error_response(Refused(sentence, number=3), status)


async def _unexpected(_: Request, error: Exception) -> Response:
    # The server logs it with its traceback after this answer.
    return error_response(Refused(f"internal error: {type(error).__name__}; the log of the API has more"), 500)


async def _note(request: Request, body: Any, refusal: Refused) -> None:
    """Have what was refused before the service saw it recorded like any other refusal."""
    service = service_of(request)
    said = body if isinstance(body, dict) else {}
    verb = said.get("verb")
    target = request.path_params.get("domain") or request.path_params.get("host") or ""
    try:
        context = asking(request).context(Asking.of(said))
        shown = verb if isinstance(verb, str) else f"{request.method} {request.scope['route'].path_format}"
        await run_in_threadpool(service.refused, refusal, verb=shown[:_SHOWN], target=target, context=context)
    except Exception:  # noqa: BLE001  whatever it is, the caller is owed the first refusal
        _log.exception("a refused request could not be recorded")


def refusal_of(problem: dict[str, Any]) -> Refused:
    """What pydantic found wrong first, as a refusal (8) naming field and value; of XML never the value."""
    kind, where, words = problem["type"], problem["loc"], problem["msg"]
    if kind == "json_invalid":
        return InvalidArgument("the body is no JSON", field="body", accepted="a JSON object in UTF-8")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _verb_refusal(problem)
    field = next((str(part) for part in reversed(where) if isinstance(part, str)), "body")
    if kind == "missing":
        return InvalidArgument(f"field '{field}' is missing", field=field)
    if kind == "extra_forbidden":
        what = "query parameter" if where[0] == "query" else "field"
        accepted = problem.get("ctx", {}).get("accepted")
        return InvalidArgument(f"{what} '{field}' is not known here", field=field, accepted=accepted)
    words = words.removeprefix("Value error, ")
    value = _shown(field, problem.get("input"))
    said = "" if value is None else f" with value '{value}'"
    return InvalidArgument(f"field '{field}'{said}: {words[:1].lower()}{words[1:]}", field=field, value=value)


def _verb_refusal(problem: dict[str, Any]) -> Refused:
    context = problem.get("ctx", {})
    value = _shown("verb", context.get("tag"))
    said = "is missing" if value is None else f"with value '{value}' is not a verb of domains"
    accepted = str(context.get("expected_tags", "")).replace("'", "")
    return InvalidArgument(f"field 'verb' {said}", field="verb", value=value, accepted=accepted or None)


def _shown(field: str, value: Any) -> str | None:
    if field == "xml" or isinstance(value, dict | list) or value is None:
        return None
    text = str(value).encode("utf-8", "backslashreplace").decode()
    if "<" in text or "passwd" in text:
        return None  # XML in a wrong place is XML still, and may hold a password
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
