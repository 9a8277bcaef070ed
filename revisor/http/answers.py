"""How answers leave by the HTTP door: one JSON document, and in its headers how far the log was known."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.responses import Response

from domain_model.operations import OperationState
from revisor.service import Service

Row = dict[str, Any]

LOCATION = "/v1/operations/{id}"
_POSITION = "Revisor-Position"


def document(
    service: Service,
    kind: str,
    read: Callable[[], Sequence[Row]],
    host: str | None = None,
    status: int = 200,
    *,
    as_of: int | None = None,
) -> Response:
    """A read's answer. ``kind`` is the verb of the command line that prints it; ``host`` whose last look is told.

    The position is taken before reading: everything up to it is in what was read. With ``as_of`` it is that one.
    """
    if as_of is not None:
        return document_at(kind, as_of, None, list(read()), status)
    position, observed_at, behind_s = service.known(host)
    return document_at(kind, position, observed_at, list(read()), status, behind_s)


def document_at(
    kind: str, position: int, observed_at: str | None, items: list[Row], status: int = 200, behind_s: float = 0.0
) -> Response:
    """As ``document``, where position and last look are known already."""
    body = {"kind": kind, "position": position, "observed_at": observed_at, "items": items}
    return _json(body, status, _known(position, observed_at, behind_s))


def xml_answer(service: Service, read: Callable[[], str], host: str | None) -> Response:
    """A document of libvirt's, byte for byte. The position is taken before reading, as above."""
    headers = _headers(service, host)
    return Response(read().encode(), media_type="application/xml", headers=headers)


def operation_answer(service: Service, operation: Row, status: int | None = None) -> Response:
    """An operation: 200 when it ended, else 202; where to ask for it again either way."""
    ended = OperationState(operation["state"]).ended
    headers = {**_headers(service, None), "Location": LOCATION.format(id=operation["id"])}
    return _json(operation, status or (200 if ended else 202), headers)


def nothing() -> Response:
    return Response(status_code=204)


def _headers(service: Service, host: str | None) -> dict[str, str]:
    return _known(*service.known(host))


def _known(position: int, observed_at: str | None, behind_s: float) -> dict[str, str]:
    headers = {_POSITION: str(position), "Revisor-Behind-Seconds": f"{behind_s:.1f}"}
    if observed_at is not None:
        headers["Revisor-Observed-At"] = observed_at
    return headers


def _json(body: Any, status: int, headers: dict[str, str]) -> Response:
    data = json.dumps(body, ensure_ascii=False, default=_plain).encode("utf-8", "backslashreplace")
    return Response(data, status, headers, media_type="application/json")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"an answer holds a {type(value).__name__}")
