"""What ``up`` says while it waits for its hosts."""

from typing import Any, cast

import pytest

from revisor.cli.server import _Waiting
from revisor.client import Client, Reply


class _Answers:
    """A client that is answered one list of hosts after the other."""

    def __init__(self, *lists: list[dict[str, Any]]) -> None:
        self._lists = iter(lists)

    def get(self, path: str) -> Reply:
        assert path == "/v1/hosts"
        return Reply(200, "", body={"items": next(self._lists)})


def host(name: str, problem: str | None = None) -> dict[str, Any]:
    return {"name": name, "state": "connected" if problem is None else "unreachable", "problem": problem}


def test_each_reason_to_wait_is_told_once_and_hosts_that_were_not_named_are_not_waited_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = host("alpha", "Cannot reach the hypervisor: no route")
    answers = _Answers([away, host("other", "gone")], [away], [host("alpha"), host("beta")])
    waiting = _Waiting(cast("Client", answers), {"alpha", "beta"})

    assert [waiting.is_over(), waiting.is_over()] == [False, False]
    assert str(waiting) == "host 'alpha' (Cannot reach the hypervisor: no route), host 'beta'"
    assert waiting.is_over()

    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "waiting for host 'alpha': Cannot reach the hypervisor: no route\n")
