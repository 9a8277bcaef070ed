"""A PostgreSQL that can be cut off at a chosen word: before the server hears it, or before the client does."""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class CuttingProxy:
    """Between a client and the server of ``dsn``, reached by the proxy's own ``dsn`` from ``with`` to its end."""

    def __init__(self, dsn: str, folder: Path) -> None:
        said = conninfo_to_dict(dsn)
        self._host, self._port = str(said["host"]), int(str(said["port"]))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(_socket_in(folder, self._port))
        self._listener.listen()
        self.dsn = make_conninfo(dsn, host=str(folder))
        self.cut_at: bytes | None = None
        """At the first answer that holds this, the connection is cut instead; afterwards None."""
        self.cut_before: bytes | None = None
        """The same for a question."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._connected()
            for pump in (self._questions, self._answers):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _connected(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(_socket_in(Path(self._host), self._port))
        return server

    def _questions(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self.cut_before is not None and self.cut_before in data:
                    self.cut_before = None
                    break
                server.sendall(data)
        hang_up(client, server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self.cut_at is not None and self.cut_at in data:
                    self.cut_at = None
                    break
                client.sendall(data)
        hang_up(client, server)


def _socket_in(folder: Path, port: int) -> str:
    return str(folder / f".s.PGSQL.{port}")


def hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
