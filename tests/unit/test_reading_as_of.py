"""Reading as of before, at both doors: a position is handed on, a time made exact, and what contradicts it refused."""

import json
import time
from datetime import UTC, datetime

import pytest

from domain_model.errors import InvalidArgument
from revisor.client import Refusal
from tests.unit.command_line import CommandLine, Door
from tests.unit.test_http_fake_service import snapshot


@pytest.fixture
def new_door(door: Door) -> Door:
    door[0].forget()
    return door


def test_a_list_as_of_has_the_position_that_was_meant_and_no_last_look(new_door: Door) -> None:
    service, client = new_door
    body = client.get("/v1/domains", all=True, as_of="2026-11-28 02:00").body
    assert body == {"kind": "list", "position": 5, "observed_at": None, "items": service.known_domains}
    assert service.asked == [("position_of", "2026-11-28 02:00"), ("domains", True, None, False, 5)]
    assert client.get("/v1/domains", as_of="5").position == 5


def test_a_tree_as_of_is_that_of_the_domain_called_so_then(new_door: Door) -> None:
    service, client = new_door
    service.known_snapshots = [snapshot("s1")]
    assert client.get("/v1/domains/web/snapshots", host="alpha", as_of="5").body["position"] == 5
    assert service.asked == [("position_of", "5"), ("snapshots", "web", "alpha", 5)]


@pytest.mark.parametrize(
    ("path", "other"),
    [("/v1/domains", "fresh"), ("/v1/domains/web/snapshots", "fresh"), ("/v1/domains/web/snapshots", "deleted")],
)
def test_what_asks_for_now_is_refused_beside_as_of(new_door: Door, path: str, other: str) -> None:
    service, client = new_door
    with pytest.raises(Refusal) as refused:
        client.get(path, as_of="5", **{other: True})
    assert (refused.value.code, refused.value.field, refused.value.accepted) == (8, other, f"as_of or {other}")
    assert service.asked == [], "not even a look at the hosts"


def test_a_refused_moment_is_told_with_what_would_be_accepted(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(as_of: str) -> int:
        raise InvalidArgument(f"'{as_of}' is neither", field="as_of", value=as_of, accepted="a position from 0 to 7")

    monkeypatch.setattr(line.service.read_models, "position_of", refuse)
    done = line.run("list", "--as-of", "yesterday", "--output", "json")
    assert done.code == 1
    error = json.loads(done.err.splitlines()[0])["error"]
    assert (error["code"], error["field"], error["value"], error["accepted"]) == (
        *(8, "as_of", "yesterday"),
        "a position from 0 to 7",
    )


def asked_of(line: CommandLine, as_of: str) -> str:
    line.service.asked.clear()
    line.run("list", "--as-of", as_of)
    return str(line.service.asked[0][1])


def test_a_time_is_meant_as_clocks_here_show_it_unless_it_says_otherwise(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Honolulu")
    time.tzset()
    assert asked_of(line, "12") == "12"
    assert asked_of(line, "2026-11-28 02:00") == "2026-11-28T02:00:00-10:00"
    assert datetime.fromisoformat(asked_of(line, "2026-11-28T02:00:00Z")) == datetime(2026, 11, 28, 2, tzinfo=UTC)
    assert asked_of(line, "next week") == "next week"


def test_the_verbs_list_and_snapshot_list_take_as_of(line: CommandLine) -> None:
    line.service.known_snapshots = [snapshot("s1")]
    assert line.run("list", "--all", "--name", "--as-of", "5").out == "test\n\n"
    assert line.run("snapshot-list", "alpha/web", "--name", "--as-of", "5").out == "s1\n\n"
    assert line.service.asked[1::2] == [("domains", True, None, False, 5), ("snapshots", "web", "alpha", 5)]
    assert json.loads(line.run("list", "--as-of", "5", "--output", "json").out)["position"] == 5


@pytest.mark.parametrize("verb", ["list", "snapshot-list web"])
def test_who_asks_for_a_time_is_told_the_position(line: CommandLine, verb: str) -> None:
    asked = (*verb.split(), "--as-of", "2026-11-28 02:00")
    assert line.run(*asked).err == "note: as of position 5\n"
    assert line.run(*asked, "--output", "json").err == "", "it is in the document"
    assert line.run(*verb.split(), "--as-of", "5").err == "", "it is what was asked for"
    assert line.run(*verb.split()).err == ""


@pytest.mark.parametrize(
    "words", ["list --as-of 5 --fresh", "snapshot-list web --as-of 5 --fresh", "snapshot-list web --as-of 5 --deleted"]
)
def test_what_asks_for_now_is_wrong_usage_beside_as_of(line: CommandLine, words: str) -> None:
    done = line.run(*words.split())
    assert done.code == 2
    assert "mutually exclusive" in done.err
    assert line.service.asked == []
