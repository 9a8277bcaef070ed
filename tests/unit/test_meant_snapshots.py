"""A deletion that names the id of the snapshot it means never takes another one that bears its name."""

from pathlib import Path

import pytest

from domain_model import snapshot_xml
from domain_model.commands import request
from domain_model.errors import NoSnapshot
from domain_model.operations import Command
from tests.unit.domain_histories import ALPHA, AT, HOSTS, defined, history, outcome, snapshot
from tests.unit.stage import Stage


def test_a_name_that_another_snapshot_bears_is_refused_by_the_id_that_was_meant() -> None:
    domain = history(defined(), snapshot("a"))
    with pytest.raises(NoSnapshot, match="id-of-old is no more, and 'a' is another one's name") as refusal:
        request(
            domain, Command("op", "snapshot-delete", ALPHA, {"flags": 0, "name": "a", "id": "id-of-old"}), HOSTS, AT
        )
    assert (refusal.value.number, refusal.value.field) == (72, "id")
    assert (refusal.value.value, refusal.value.accepted) == ("id-of-old", "id-a")
    assert outcome(domain) == []


def test_the_one_that_is_meant_is_deleted(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.define()
    stage.snapshot("a")
    meant = stage.domain.forest.named("a").id
    assert stage.do("snapshot-delete", name="a", id=meant).state == "succeeded"
    assert "a" not in stage.domain.forest


def test_a_name_that_is_another_ones_when_the_deletion_begins_is_left_to_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.define()
    stage.snapshot("a")
    meant = stage.domain.forest.named("a").id
    first, another, late = (
        stage.ask("snapshot-delete", name="a"),
        stage.ask("snapshot-create", name="a", xml=snapshot_xml.build("a", "another one")),
        stage.ask("snapshot-delete", name="a", id=meant),
    )
    for queued in (first, another):
        assert stage.apply(queued).state == "succeeded"
    asked = stage.apply(late)
    assert (asked.state, asked.code) == ("failed", 72)
    assert stage.domain.forest.named("a").id != meant
    assert {*stage.seen().snapshots} == {"a"}
