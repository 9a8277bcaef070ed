"""Who is at the other end of the unix socket: what the kernel says, never what the request says.

uvicorn gives an ASGI application no peer for unix sockets. Its protocol class is ours to subclass, so the credentials
are read when the connection is made and travel in the ASGI scope's ``state``.
"""

import asyncio
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

_CREDENTIALS = struct.Struct("3i")
_NO_LOGIN = 0xFFFFFFFF
"""What /proc/PID/loginuid holds for a process that no login started."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that connected, as the kernel knew it then."""

    pid: int
    uid: int
    login_uid: int | None = None
    """Who logged in, where that was kept over sudo and su; None for a daemon, or where the kernel does not say."""

    @property
    def actor(self) -> str:
        """The peer as the log names it: ``uid:0(root) login:1000(alice)``; the login only where it is another."""
        actor = _named("uid", self.uid)
        if self.login_uid is None or self.login_uid == self.uid:
            return actor
        return f"{actor} {_named('login', self.login_uid)}"


def peer_of(connection: socket.socket) -> Peer:
    """Who made this connection (unix(7), SO_PEERCRED)."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(packed)
    return Peer(pid, uid, _login_uid(pid))


class PeerProtocol(H11Protocol):
    """HTTP/1.1, with the peer of the connection in each request's ``scope["state"]["peer"]``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        connection: Any = transport.get_extra_info("socket")
        # The state given to all protocols is one object: this connection gets its own.
        self.app_state = {**self.app_state, "peer": peer_of(connection)}
        super().connection_made(transport)


def _login_uid(pid: int) -> int | None:
    try:
        login = int(Path(f"/proc/{pid}/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None  # gone already, in another PID namespace, or a kernel without audit
    return None if login == _NO_LOGIN else login


def _named(kind: str, uid: int) -> str:
    try:
        return f"{kind}:{uid}({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return f"{kind}:{uid}"
