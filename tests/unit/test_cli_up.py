"""What ``up`` says while it waits for its hosts, and when what was to run has ended."""

import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from domain_model.errors import OperationFailed
from revisor.cli.failures import fail, refusal
from revisor.cli.server import _refuse_ended, _Waiting
from revisor.client import Client, Reply
from revisor.settings import Settings


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


def test_what_ended_at_its_start_is_told_with_its_last_words_and_with_what_it_would_have_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(refusal(8, "no database 'x'", accepted="a DSN"), as_json=False)
    settings = Settings(home=tmp_path)
    settings.logs.mkdir()
    (settings.logs / "up.out").write_text(capsys.readouterr().err)
    child = subprocess.Popen(["true"])
    child.wait()

    with pytest.raises(OperationFailed, match=r"Revisor ended at its start: no database 'x' \[8\]") as refused:
        _refuse_ended(settings, child)
    assert refused.value.accepted == "a DSN"
