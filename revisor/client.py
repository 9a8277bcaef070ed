"""A small client of Revisor's HTTP API, for anybody's program: the standard library, one unix socket, no more.

It imports nothing of the house, so a program that uses it keeps its own ``workers`` and ``migrations``; and nothing
slow, because the command line starts with it.

    client = Client()
    operation = client.act("web", "start", {}, reason="back from maintenance")
    operation = client.ended(operation, timeout_s=60)

    ClientError
    ├── Refusal       Revisor said no; nothing was changed
    ├── Unreachable   nobody answers at the socket; nothing was asked
    └── AnswerLost    it was asked, and no answer came: the connection ended before, or it took too long
"""

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

SOCKET_PATH_BYTES = 107
"""What the kernel leaves of sockaddr_un.sun_path (unix(7): 108 bytes with the closing zero)."""

ENDED = frozenset({"succeeded", "failed", "unknown", "cancelled"})
"""States of an operation in which nothing happens any more by itself."""

_ANSWER_S = 60.0
"""How long an answer may take beside the time it was asked to wait."""
_AT_ONCE = frozenset({"/v1/health", "/v1/status"})
_AT_ONCE_S = 10.0
"""How long those may take that are answered in about two seconds whatever the database does: who asks wants to know."""
_AWAY_S = 10.0
"""How long Revisor may be away while an accepted operation is waited for: it is being started again, or gone."""
_AWAY_PAUSE_S = 0.1
_SLICE_S = 20.0

Operation = dict[str, Any]


class ClientError(Exception):
    """Anything the client itself reports."""


class Unreachable(ClientError):
    """Nobody answers at the socket. Nothing was asked."""


class AnswerLost(ClientError):
    """The request was sent and no answer came: it may or may not have been accepted."""


class Refusal(ClientError):
    """Revisor refused, with libvirt's error number in ``code``. ``accepted`` says what would have been taken."""

    def __init__(
        self,
        code: int,
        name: str,
        message: str,
        *,
        field: str | None = None,
        value: str | None = None,
        accepted: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message
        self.field = field
        self.value = value
        self.accepted = accepted


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``position`` is how far the log was known, ``observed_at`` (RFC 3339) how fresh what it says is."""

    status: int
    text: str
    position: int | None = None
    observed_at: str | None = None
    behind_s: float = 0.0
    stale: tuple[str, ...] = ()
    """Hosts of which what is shown is old: nobody looks at them, or they cannot be looked at."""
    """How long ago the first event behind ``position`` was recorded; 0 when there is none."""
    body: Any = field(default=None)
    """The answer as JSON values; None when it is none."""


def default_home() -> Path:
    """``$REVISOR_HOME``, or where Revisor keeps its things without it."""
    named = os.environ.get("REVISOR_HOME")
    if named:
        return Path(named).absolute()
    return Path("/var/lib/revisor") if os.geteuid() == 0 else Path.home() / ".local" / "share" / "revisor"


def socket_path(home: Path | None = None) -> Path:
    """The socket of the Revisor that lives in ``home``; Refusal (8) if the kernel could not take so long a path."""
    home = default_home() if home is None else home
    path = home / "revisor.sock"
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_BYTES:
        raise Refusal(
            8,
            "INVALID_ARG",
            f"invalid argument: $REVISOR_HOME is too long: its socket's path would have {length} bytes, "
            f"and at most {SOCKET_PATH_BYTES} are possible",
            field="REVISOR_HOME",
            value=str(home),
            accepted=f"a folder whose path and '/revisor.sock' have at most {SOCKET_PATH_BYTES} bytes",
        )
    return path


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """Speaks to the Revisor behind one socket. Holds no connection, so it may be kept and shared."""

    def __init__(self, socket: Path | None = None) -> None:
        self.socket = socket_path() if socket is None else socket

    def get(self, path: str, **query: Any) -> Reply:
        """Read. Query parameters that are None or False are left out. Raises Refusal, Unreachable, AnswerLost."""
        return self.request("GET", path, query)

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        wait_s: float = 0.0,
    ) -> Reply:
        """Ask, and return the answer. ``wait_s`` is how long the answer may be held back on purpose.

        Raises Refusal, Unreachable, or AnswerLost: then a change may have been accepted.
        """
        connection = _Connection(self.socket, _AT_ONCE_S if path in _AT_ONCE else _ANSWER_S + wait_s)
        try:
            self._connect(connection)
            return _reply(*self._exchange(connection, method, _target(path, query or {}), body))
        finally:
            connection.close()

    def act(
        self,
        domain: str,
        verb: str,
        arguments: Mapping[str, Any],
        *,
        host: str | None = None,
        wait_s: float | None = None,
        **context: Any,
    ) -> Operation:
        """Ask for a change of a domain (UUID or name) and return its operation, which may still run.

        ``context`` is ``reason``, ``ticket`` and ``request_id``. The same request id with the same command gives the
        same operation. Raises as ``request``.
        """
        body = {"verb": verb, "arguments": dict(arguments), **context}
        query = {"host": host, "wait": wait_s}
        path = f"/v1/domains/{segment(domain)}/operations"
        operation: Operation = self.request("POST", path, query, body, wait_s=wait_s or 0.0).body
        return operation

    def ended(
        self,
        operation: Operation,
        timeout_s: float | None = None,
        *,
        seen: Callable[[Operation], None] | None = None,
        slice_s: float = _SLICE_S,
    ) -> Operation:
        """Wait until an operation ends, or until ``timeout_s`` are over (None: no limit); return it as it is then.

        ``seen`` is told at least every ``slice_s`` seconds. Revisor may be away for some seconds meanwhile, as when
        it is started again; raises Unreachable or AnswerLost if it stays away.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while operation["state"] not in ENDED:
            left = slice_s if deadline is None else min(slice_s, deadline - time.monotonic())
            if left <= 0:
                break
            operation = self._patiently(operation["id"], left)
            if seen is not None:
                seen(operation)
        return operation

    def _patiently(self, operation: str, wait_s: float) -> Operation:
        gives_up = time.monotonic() + _AWAY_S
        while True:
            try:
                query = {"wait": round(wait_s, 3)}
                found: Operation = self.request("GET", f"/v1/operations/{operation}", query, wait_s=wait_s).body
            except (Unreachable, AnswerLost):
                if time.monotonic() > gives_up:
                    raise
                time.sleep(_AWAY_PAUSE_S)
            else:
                return found

    def _connect(self, connection: _Connection) -> None:
        try:
            connection.connect()
        except OSError as error:
            raise Unreachable(
                f"cannot reach Revisor at {self.socket}: {_words(error)}; 'revisor up' starts it"
            ) from error

    def _exchange(
        self, connection: _Connection, method: str, target: str, body: Mapping[str, Any] | None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            data = _encoded({key: value for key, value in body.items() if value is not None})
            headers["Content-Type"] = "application/json"
        try:
            # A pipe broken while sending: it did not want to hear all of it, and what it says to that may be there.
            with contextlib.suppress(BrokenPipeError):
                connection.request(method, target, body=data, headers=headers)
            response = connection.getresponse()
            return response, response.read()
        except TimeoutError as late:
            raise AnswerLost(f"Revisor took the question and did not answer within {connection.timeout:g} s") from late
        except (OSError, http.client.HTTPException) as error:
            raise AnswerLost(f"the connection to Revisor ended before its answer: {_words(error)}") from error


def segment(text: str) -> str:
    """A name as one segment of a path."""
    return quote(text, safe="", errors="surrogateescape")


def _target(path: str, query: Mapping[str, Any]) -> str:
    said = {
        key: "true" if value is True else value
        for key, value in query.items()
        if value is not None and value is not False
    }
    return f"{path}?{urlencode(said, errors='surrogateescape')}" if said else path


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Bytes from a file or the command line that are no UTF-8: sent as they are, so that Revisor names the field.
        return json.dumps(body).encode()


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _reply(response: http.client.HTTPResponse, data: bytes) -> Reply:
    text = data.decode("utf-8", "replace")
    is_json = response.headers.get_content_type() == "application/json"
    position = response.headers.get("Revisor-Position")
    reply = Reply(
        response.status,
        text,
        None if position is None else int(position),
        response.headers.get("Revisor-Observed-At"),
        float(response.headers.get("Revisor-Behind-Seconds", 0)),
        tuple(unquote(name) for name in response.headers.get("Revisor-Stale-Hosts", "").split(",") if name),
        json.loads(text) if is_json else None,
    )
    if response.status >= 400:
        raise _refusal(reply)
    return reply


def _refusal(reply: Reply) -> Refusal:
    error = reply.body.get("error") if isinstance(reply.body, dict) else None
    if not isinstance(error, dict):
        return Refusal(1, "INTERNAL_ERROR", f"internal error: Revisor answered with status {reply.status}")
    return Refusal(
        error["code"],
        error["name"],
        error["message"],
        field=error.get("field"),
        value=error.get("value"),
        accepted=error.get("accepted"),
    )
