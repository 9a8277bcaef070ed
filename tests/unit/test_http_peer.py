"""Who is at the other end, and at which socket."""

import os
import socket
import stat
import struct
import threading
from pathlib import Path
from typing import cast

import pytest

from domain_model.errors import OperationInvalid
from revisor.http.peer import Peer, peer_of
from revisor.http.server import HttpServer, listen
from revisor.service import Service
from revisor.status import StatusReader
from tests.unit.test_http_fake_service import FakeService, open_door


def test_the_kernel_names_the_process_that_connected() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())


def test_an_actor_is_a_uid_with_its_name() -> None:
    assert Peer(1, 0).actor == "uid:0(root)"
    assert Peer(1, 0, login_uid=0).actor == "uid:0(root)"


def test_a_uid_without_a_name_is_an_actor_too() -> None:
    assert Peer(1, 3999999999 % 2**31).actor == f"uid:{3999999999 % 2**31}"


def test_who_logged_in_is_named_where_it_is_somebody_else() -> None:
    assert Peer(1, 1999888777, login_uid=0).actor == "uid:1999888777 login:0(root)"


def test_the_credentials_are_three_ints_as_the_kernel_lays_them_out() -> None:
    assert struct.calcsize("3i") == 12


def test_the_socket_may_be_used_by_owner_and_group_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        listening = listen(tmp_path / "s")
    finally:
        os.umask(before)
    with listening:
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o660
        assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_what_a_dead_server_left_is_replaced(tmp_path: Path) -> None:
    listen(tmp_path / "s").close()
    with listen(tmp_path / "s"), socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(tmp_path / "s"))


def test_a_second_server_at_the_same_socket_is_refused() -> None:
    with open_door(FakeService()) as client:
        service = FakeService()
        reader = cast("StatusReader", service.status_reader)
        second = HttpServer(cast("Service", service), reader, client.socket)
        with pytest.raises(OperationInvalid, match="already answers"):
            second.run()
        assert client.get("/v1/health").body["status"] == "ok"


def test_a_stopping_server_answers_those_who_wait_before_it_goes() -> None:
    service = FakeService()
    service.outcome = {"state": "started"}
    answers = []
    with open_door(service) as client:
        operation = client.act("web", "start", {})
        waiting = threading.Thread(target=lambda: answers.append(client.ended(operation, 60)["state"]), daemon=True)
        waiting.start()
        assert service.waiters(1)
    waiting.join(30)
    assert answers == ["succeeded"]
