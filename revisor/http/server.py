"""The HTTP server on its unix socket: mode 0660 from the first moment, one server a socket, peers by the kernel."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from domain_model.errors import OperationInvalid
from revisor.http.app import make_app
from revisor.http.peer import PeerProtocol
from revisor.service import Service
from revisor.status import StatusReader

_BACKLOG = 512
_MODE = 0o660
_LAST_ANSWERS_S = 5


class HttpServer:
    """Answers at one socket for one service."""

    def __init__(
        self, service: Service, reader: StatusReader, path: Path, *, ready: Callable[[], None] = lambda: None
    ) -> None:
        self._path = path
        self._server = _Server(
            uvicorn.Config(
                make_app(service, reader),
                http=PeerProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_LAST_ANSWERS_S,
            ),
            ready,
        )

    def run(self) -> None:
        """Answer until ``stop``, or until SIGTERM or SIGINT in the main thread; then the socket is gone.

        Raises OperationInvalid (55) if somebody answers there already.
        """
        listening = listen(self._path)
        ours = self._path.stat().st_ino
        try:
            self._server.run(sockets=[listening])
        finally:
            listening.close()
            if self._path.exists() and self._path.stat().st_ino == ours:
                self._path.unlink()

    def stop(self) -> None:
        """Have ``run`` return after the answers that are under way. May be called from any thread."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def listen(path: Path) -> socket.socket:
    """A listening socket at ``path``, mode 0660. What a dead server left there is replaced.

    The socket is made beside its place and moved there when its mode is right, so nobody meets it with another one.
    """
    if _answered(path):
        raise OperationInvalid(f"a server already answers at {path}", field="socket", value=str(path))
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    beside = path.with_name(f".{os.getpid()}")
    try:
        beside.unlink(missing_ok=True)
        listening.bind(str(beside))
        beside.chmod(_MODE)
        listening.listen(_BACKLOG)
        beside.replace(path)
    except BaseException:
        listening.close()
        beside.unlink(missing_ok=True)
        raise
    return listening


def _answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno in (errno.ECONNREFUSED, errno.ENOTSOCK):
                return False
            raise
    return True
