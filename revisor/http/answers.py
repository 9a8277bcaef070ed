"""How answers leave by the HTTP door: one JSON document, and in its headers how far the log was known."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.responses import Response

from domain_model.operations import OperationState
from revisor import presentation as present
from revisor.service import Service
from revisor.sightings import Known

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
    known = service.known(host)
    return _document(kind, known, list(read()), status)


def document_at(
    kind: str, position: int, observed_at: datetime | None, items: list[Row], status: int = 200
) -> Response:
    """As ``document``, where position and last look are known already."""
    return _document(kind, Known(position, observed_at, 0.0), items, status)


def _document(kind: str, known: Known, items: list[Row], status: int) -> Response:
    body = {"kind": kind, "position": known.position, "observed_at": present.time(known.observed_at), "items": items}
    return _json(body, status, _told(known))


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
    return _told(service.known(host))


def _told(known: Known) -> dict[str, str]:
    headers = {_POSITION: str(known.position), "Revisor-Behind-Seconds": f"{known.behind_s:.1f}"}
    observed_at = present.time(known.observed_at)
    if observed_at is not None:
        headers["Revisor-Observed-At"] = observed_at
    if known.stale:
        headers["Revisor-Stale-Hosts"] = ",".join(map(quote, known.stale))
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
