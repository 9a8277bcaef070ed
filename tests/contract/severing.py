"""A wire to libvirtd that breaks at a chosen call:
before it arrives, or after it was carried out and before the answer.

Killing the daemon cannot tell these two apart, and they are the reason why a lost answer is an error of its own.
"""

import socket
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

SUSPEND = 34
"""The number of virDomainSuspend in libvirt's remote protocol."""

_HEADER = struct.Struct(">IIIiiII")  # length, program, version, procedure, type, serial, status
_REMOTE_PROGRAM = 0x20008086


class SeveredWire:
    """Listens at ``folder``/wire and passes packets on to the libvirtd at ``target``, until ``procedure`` is called.

    Then that connection is cut: with ``deliver`` once the answer has come back, without it before the call is passed
    on. Later connections are passed on unharmed.
    """

    def __init__(self, folder: Path, target: Path, procedure: int, *, deliver: bool) -> None:
        self.path = folder / "wire"
        self._target = target
        self._procedure = procedure
        self._deliver = deliver
        self._armed = True
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
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
                return  # The listener was closed.
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._target))
            serial_cut: list[int] = []
            for source, sink, judge in ((client, server, self._asked), (server, client, self._answered)):
                threading.Thread(target=_pass_on, args=(source, sink, judge, serial_cut), daemon=True).start()

    def _asked(self, procedure: int, serial: int, cut: list[int]) -> bool:
        """Whether a call may pass."""
        if not self._armed or procedure != self._procedure:
            return True
        self._armed = False
        cut.append(serial)
        return self._deliver

    def _answered(self, procedure: int, serial: int, cut: list[int]) -> bool:
        return not (procedure == self._procedure and serial in cut)


def _pass_on(source: socket.socket, sink: socket.socket, judge: object, cut: list[int]) -> None:
    assert callable(judge)
    try:
        while packet := _packet(source):
            _, program, _, procedure, _, serial, _ = _HEADER.unpack_from(packet)
            if program == _REMOTE_PROGRAM and not judge(procedure, serial, cut):
                break
            sink.sendall(packet)
    except OSError:
        pass  # The other direction has hung up already.
    finally:
        for end in (source, sink):
            _hang_up(end)


def _packet(source: socket.socket) -> bytes:
    head = _exactly(source, 4)
    return head + _exactly(source, int.from_bytes(head) - 4) if head else b""


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := source.recv(count - len(data))):
        data += piece
    return data if len(data) == count else b""


def _hang_up(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # Already hung up.
    finally:
        end.close()
