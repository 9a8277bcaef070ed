"""A PostgreSQL whose notifications nobody hears, as behind a pooler: everything else comes through as it was said."""

import contextlib
import socket
from pathlib import Path

from tests.lab.cutting_proxy import CuttingProxy, hang_up

_NOTIFICATION = ord("A")
"""NotificationResponse, in the frontend/backend protocol, version 3."""
_HEADER_BYTES = 5
"""The kind of a message, and its length without the kind."""


class DeafProxy(CuttingProxy):
    """Takes every notification out of the server's answers, and counts them in ``dropped``."""

    def __init__(self, dsn: str, folder: Path) -> None:
        super().__init__(dsn, folder)
        self.dropped = 0

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        said = b""
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                whole, said = self._without_notifications(said + data)
                client.sendall(whole)
        hang_up(client, server)

    def _without_notifications(self, said: bytes) -> tuple[bytes, bytes]:
        """The whole messages to pass on, and the beginning of the next one."""
        passed, at = bytearray(), 0
        while len(said) - at >= _HEADER_BYTES:
            end = at + 1 + int.from_bytes(said[at + 1 : at + _HEADER_BYTES], "big")
            if end > len(said):
                break
            if said[at] == _NOTIFICATION:
                self.dropped += 1
            else:
                passed += said[at:end]
            at = end
        return bytes(passed), said[at:]
