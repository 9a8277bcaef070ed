"""What no request may do, whatever it asks for: fill our memory, or bring text that the database cannot hold."""

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain_model.errors import InvalidArgument, MalformedXml, Refused
from revisor.http.refusals import error_response

MAX_BODY_BYTES = 100 * 1024 * 1024
"""XML of 16 MiB, even if JSON writes each of its characters in six; the XML's own limit is checked where it is read."""


class Limits:
    """Refuses bodies that are too large (27) before they are read, and NUL in a path or query (8)."""

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _of_path(scope) or self._of_announced(scope)
        if refusal is not None:
            await error_response(refusal)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max:
                raise _TooLarge
            return message

        async def heard(message: Message) -> None:
            if seen > self._max:
                raise _TooLarge  # the framework took the first one for a body it could not parse
            await send(message)

        try:
            await self._app(scope, counted, heard)
        except _TooLarge:
            await error_response(self._too_large())(scope, receive, send)

    def _of_announced(self, scope: Scope) -> Refused | None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return self._too_large() if length.isdigit() and int(length) > self._max else None

    def _too_large(self) -> Refused:
        return MalformedXml("the document is larger than 16 MiB", field="body", accepted="up to 16 MiB of XML")


class _TooLarge(Exception):
    """More came than was announced or allowed."""


def _of_path(scope: Scope) -> Refused | None:
    if b"\0" in unquote_to_bytes(scope.get("raw_path") or b"") + unquote_to_bytes(scope["query_string"]):
        return InvalidArgument("the address holds a NUL character", field="path")
    return None
