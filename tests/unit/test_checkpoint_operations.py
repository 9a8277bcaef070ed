"""Checkpoints and backups as operations: from what was asked to the facts, also where an answer was lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain_model import checkpoint_xml, snapshot_xml
from domain_model.errors import CheckpointInconsistent, NoCheckpoint, Refused, RevertRisky
from domain_model.flags import CheckpointCreate, CheckpointDelete, SnapshotRevert, Undefine
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from tests.unit.domain_histories import ALPHA, BETA, UUID_TEXT
from tests.unit.stage import PASSWORD, Asked, Died, Stage, altered, dying, severed, untouchable

NEVER = ("checkpoint_create", "checkpoint_delete", "backup_begin")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage whose guest runs."""
    stage = Stage(tmp_path)
    stage.define()
    stage.start()
    return stage


def make(stage: Stage, name: str, driver: Driver | None = None) -> Asked:
    return stage.do("checkpoint-create", driver=driver, name=name, xml=checkpoint_xml.build(name, f"the {name} one"))


def grow(stage: Stage) -> None:
    """The chain a > b > c."""
    for name in "abc":
        assert make(stage, name).state == "succeeded"


def redefine(stage: Stage, xml: str, flags: int = 0, **arguments: Any) -> Asked:
    said = checkpoint_xml.read(xml)
    number = int(CheckpointCreate.REDEFINE) | flags
    return stage.do("checkpoint-redefine", xml=xml, name=said.name, parent=said.parent, flags=number, **arguments)


def delete(stage: Stage, name: str, flags: int = 0, driver: Driver | None = None) -> Asked:
    return stage.do("checkpoint-delete", driver=driver, name=name, flags=flags)


def begin(stage: Stage, driver: Driver | None = None, checkpoint: str | None = None) -> Asked:
    arguments: dict[str, Any] = {"incremental": None, "checkpoint": checkpoint}
    return stage.do("backup-begin", driver=driver, xml="<domainbackup/>", **arguments)


def tree(stage: Stage) -> dict[str, str | None]:
    checkpoints = stage.domain.checkpoints
    return {record.name: checkpoints.parent_name(record) for record in checkpoints}


def agrees(stage: Stage) -> bool:
    """Whether what is recorded, put together and with its secrets, is what the hypervisor has, to the byte."""
    recorded = {
        record.name: stage.records.restore(
            stage.domain.id, snapshot_xml.compose_named(record.documents, stage.records.documents)
        )
        for record in stage.domain.checkpoints
    }
    driver = simulator(stage)
    return recorded == {name: driver.checkpoint_xml(UUID_TEXT, name) for name in driver.checkpoints(UUID_TEXT)}


def simulator(stage: Stage) -> SimulatorDriver:
    driver = stage.drivers[ALPHA]
    assert isinstance(driver, SimulatorDriver)
    return driver


def facts(stage: Stage) -> list[str]:
    return [topic for topic in stage.topics if topic.startswith(("checkpoint.", "backup."))]


# Making, deleting, redefining.


def test_checkpoints_are_made_one_below_the_other(stage: Stage) -> None:
    grow(stage)

    assert tree(stage) == {"a": None, "b": "a", "c": "b"}
    assert agrees(stage)
    assert facts(stage) == ["checkpoint.created"] * 3
    [event] = [e for e in stage.records.events(stage.domain.id) if getattr(e, "name", "") == "b"]
    assert (event.current, event.description, event.origin) == (True, "the b one", "operation")


def test_a_dump_is_kept_in_documents_without_its_secrets(stage: Stage) -> None:
    grow(stage)

    assert PASSWORD in simulator(stage).checkpoint_xml(UUID_TEXT, "a")
    record = stage.domain.checkpoints.named("a")
    assert record.domain is not None
    assert "revisor-secret:" in stage.records.documents[record.domain]
    assert not [text for text in stage.records.documents.values() if PASSWORD in text]
    assert stage.domain.checkpoints.named("c").domain == record.domain, "one document for all"


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        (0, {"a": None, "c": "a"}),
        (CheckpointDelete.CHILDREN, {"a": None}),
        (CheckpointDelete.CHILDREN_ONLY, {"a": None, "b": "a"}),
        (CheckpointDelete.METADATA_ONLY, {"a": None, "c": "a"}),
    ],
)
def test_deleting_one_is_recorded_with_what_became_of_the_others(
    stage: Stage, flags: int, left: dict[str, str]
) -> None:
    grow(stage)

    assert delete(stage, "b", int(flags)).state == "succeeded"

    assert tree(stage) == left
    assert agrees(stage)
    assert facts(stage)[3:] == ["checkpoint.deleted"]


def test_deleted_metadata_is_recreated_from_its_dump(stage: Stage) -> None:
    grow(stage)
    before = simulator(stage).checkpoint_xml(UUID_TEXT, "c")
    delete(stage, "c", int(CheckpointDelete.METADATA_ONLY))

    assert redefine(stage, before).state == "succeeded"

    assert (tree(stage), facts(stage)[-1]) == ({"a": None, "b": "a", "c": "b"}, "checkpoint.redefined")


def test_a_redefinition_may_be_of_a_domain_that_is_off(stage: Stage) -> None:
    grow(stage)
    before = simulator(stage).checkpoint_xml(UUID_TEXT, "c")
    stage.do("destroy")

    assert redefine(stage, before.replace("the c one", "another")).state == "succeeded"

    assert stage.domain.checkpoints.named("c").description == "another"
    assert agrees(stage)


@pytest.mark.parametrize(
    ("xml", "number"),
    [
        (
            "<domaincheckpoint><name>b</name><creationTime>1</creationTime><parent><name>b</name></parent></domaincheckpoint>",
            8,
        ),
        (
            "<domaincheckpoint><name>b</name><creationTime>1</creationTime><parent><name>z</name></parent></domaincheckpoint>",
            8,
        ),
        (
            "<domaincheckpoint><name>a</name><creationTime>1</creationTime><parent><name>c</name></parent></domaincheckpoint>",
            8,
        ),
    ],
    ids=["itself", "nobody", "a cycle"],
)
def test_a_parent_that_cannot_be_is_refused_before_anything_is_asked(stage: Stage, xml: str, number: int) -> None:
    grow(stage)

    with pytest.raises(Refused) as refused:
        redefine(stage, xml)

    assert refused.value.number == number


def test_the_hypervisors_refusal_of_a_broken_bitmap_keeps_its_number(stage: Stage) -> None:
    xml = "<domaincheckpoint><name>z</name><creationTime>1</creationTime></domaincheckpoint>"

    asked = redefine(stage, xml, int(CheckpointCreate.REDEFINE_VALIDATE))

    assert (asked.state, asked.code) == ("failed", CheckpointInconsistent.default_number)


# What is refused.


def test_what_is_refused_of_a_domain_that_is_off_is_error_84(stage: Stage) -> None:
    grow(stage)
    stage.do("destroy")

    asks: tuple[Callable[[], Asked], ...] = (
        lambda: make(stage, "d"),
        lambda: delete(stage, "c"),
        lambda: begin(stage),
    )
    for ask in asks:
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.number == 84
    assert delete(stage, "c", int(CheckpointDelete.METADATA_ONLY)).state == "succeeded"


def test_a_name_that_is_taken_is_error_9_and_one_that_is_not_there_error_103(stage: Stage) -> None:
    grow(stage)

    with pytest.raises(Refused, match="domain moment b already exists"):
        make(stage, "b")
    with pytest.raises(Refused, match="domain moment b already exists"):
        begin(stage, checkpoint="b")
    with pytest.raises(NoCheckpoint):
        delete(stage, "z")


def test_the_rules_are_asked_again_of_what_the_hypervisor_shows_then(stage: Stage) -> None:
    simulator(stage).checkpoint_create(UUID_TEXT, checkpoint_xml.build("b"), CheckpointCreate(0))

    asked = make(stage, "b", untouchable(stage.drivers[ALPHA], *NEVER))

    assert (asked.state, asked.code) == ("failed", 9)


def test_a_driver_without_the_ability_is_asked_nothing(stage: Stage) -> None:
    class Bare:
        """What the port demands, and nothing besides."""

        capabilities = stage.drivers[ALPHA].capabilities
        domain = stage.drivers[ALPHA].domain
        domain_xml = stage.drivers[ALPHA].domain_xml

    asked = make(stage, "a", Bare())  # type: ignore[arg-type]

    assert (asked.state, asked.code) == ("failed", 3)


def test_a_domain_with_checkpoints_is_undefined_only_with_their_metadata(stage: Stage) -> None:
    grow(stage)
    stage.do("destroy")

    with pytest.raises(Refused, match="cannot delete inactive domain with 3 checkpoints") as refused:
        stage.do("undefine")
    assert refused.value.number == 55
    assert stage.do("undefine", flags=int(Undefine.CHECKPOINTS_METADATA)).state == "succeeded"

    assert tree(stage) == {}


def test_undefining_is_refused_for_a_checkpoint_that_only_the_hypervisor_knows_of(stage: Stage) -> None:
    simulator(stage).checkpoint_create(UUID_TEXT, checkpoint_xml.build("theirs"), CheckpointCreate(0))
    stage.do("destroy", driver=altered(stage.drivers[ALPHA], checkpoints=lambda _: ()))

    asked = stage.do("undefine", driver=untouchable(stage.drivers[ALPHA], "undefine"))

    assert (asked.state, asked.code) == ("failed", 55)


def test_a_running_guest_is_not_lost_to_a_revert_that_its_bitmaps_forbid(stage: Stage) -> None:
    stage.snapshot("s")
    grow(stage)

    with pytest.raises(RevertRisky, match="has 3 checkpoints"):
        stage.revert("s")
    simulator(stage).checkpoint_delete(UUID_TEXT, "a", CheckpointDelete.CHILDREN)
    simulator(stage).checkpoint_create(UUID_TEXT, checkpoint_xml.build("theirs"), CheckpointCreate(0))
    stage.observe()

    assert stage.revert("s", flags=int(SnapshotRevert.FORCE)).state == "succeeded"


# What happened behind our back.


def test_the_host_of_a_replica_is_asked_for_none(stage: Stage) -> None:
    grow(stage)
    begin(stage, altered(stage.drivers[ALPHA], backup_end=lambda _: None))
    assert stage.replay().state == "succeeded"

    stage.observe(BETA, untouchable(stage.drivers[BETA], "checkpoints", "backup_end"))

    assert tree(stage) == {"a": None, "b": "a", "c": "b"}


def test_a_close_look_adopts_what_others_made_and_deleted(stage: Stage) -> None:
    grow(stage)
    driver = simulator(stage)
    driver.checkpoint_create(UUID_TEXT, checkpoint_xml.build("d"), CheckpointCreate(0))
    driver.checkpoint_delete(UUID_TEXT, "b", CheckpointDelete(0))

    stage.observe()

    assert tree(stage) == {"a": None, "c": "a", "d": "c"}
    assert agrees(stage)
    assert facts(stage)[3:] == ["checkpoint.deleted", "checkpoint.created"]


def test_a_round_over_domains_that_look_as_before_asks_for_no_checkpoints(stage: Stage) -> None:
    observer = stage.observer()
    observer.run_once(frozenset())
    asked: list[str] = []

    def checkpoints(uuid: str) -> tuple[str, ...]:
        asked.append(uuid)
        return ()

    driver = altered(stage.drivers[ALPHA], checkpoints=checkpoints)
    another = stage.observer(driver=driver)

    for _ in range(5):
        another.run_once(frozenset())

    assert asked == [UUID_TEXT], "the first, close look asks once"


# Answers that were lost.


@pytest.mark.parametrize("before", [False, True])
def test_a_checkpoint_whose_answer_was_lost_is_there_in_the_end(stage: Stage, before: bool) -> None:  # noqa: FBT001
    queued = stage.ask("checkpoint-create", name="a", xml=checkpoint_xml.build("a"))
    stage.apply(queued, severed(stage.drivers[ALPHA], "checkpoint_create", before=before))

    asked = stage.apply(queued)

    assert (asked.state, tree(stage)) == ("succeeded", {"a": None})
    assert facts(stage) == ["checkpoint.created"]


@pytest.mark.parametrize("before", [False, True])
def test_a_deletion_whose_answer_was_lost_is_done_in_the_end(stage: Stage, before: bool) -> None:  # noqa: FBT001
    grow(stage)
    queued = stage.ask("checkpoint-delete", name="b")
    stage.apply(queued, severed(stage.drivers[ALPHA], "checkpoint_delete", before=before))

    assert stage.apply(queued).state == "succeeded"
    assert tree(stage) == {"a": None, "c": "a"}


def test_a_worker_that_died_in_a_redefinition_has_it_done_again(stage: Stage) -> None:
    grow(stage)
    xml = simulator(stage).checkpoint_xml(UUID_TEXT, "c").replace("the c one", "another")
    queued = stage.ask("checkpoint-redefine", name="c", parent="b", xml=xml, flags=1)
    with pytest.raises(Died):
        stage.apply(queued, dying(stage.drivers[ALPHA], "checkpoint_create", before=True))

    assert stage.apply(queued).state == "succeeded"
    assert stage.domain.checkpoints.named("c").description == "another"


def test_a_snapshot_whose_guest_stopped_before_its_turn_is_refused_for_the_checkpoints(stage: Stage) -> None:
    grow(stage)
    asked = stage.ask("snapshot-create", name="s", xml=snapshot_xml.build("s"), flags=0)
    simulator(stage).destroy(UUID_TEXT)
    refused = stage.apply(asked, untouchable(stage.drivers[ALPHA], "snapshot_create"))
    assert (refused.state, refused.code) == ("failed", 84)
    assert "operation.started" not in stage.topics[-2:]
