"""Backups as operations: accepted is one thing, how it ended a later fact, and what nobody saw is unknown."""

import pytest

from domain_model import checkpoint_xml
from domain_model.checkpoints import BackupOutcome
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable
from drivers.abilities import BackupEnd
from tests.unit.domain_histories import ALPHA
from tests.unit.stage import Stage, altered, severed, silent
from tests.unit.test_checkpoint_operations import begin, facts, stage

__all__ = ["stage"]  # pytest finds fixtures by name


def test_a_backup_that_was_accepted_succeeded_and_its_end_is_a_later_fact(stage: Stage) -> None:
    asked = begin(stage)
    assert asked.state == "succeeded"
    running = stage.domain.checkpoints.backup
    assert running is not None
    assert running.id == str(asked.queued.id)

    stage.observe()

    assert facts(stage) == ["backup.begun", "backup.ended"]
    assert last_end(stage) == ("completed", None)


def test_a_backup_that_still_runs_is_not_over(stage: Stage) -> None:
    driver = altered(
        stage.drivers[ALPHA], backup_end=lambda _: None, backup_xml=lambda _: "<domainbackup mode='push'/>"
    )
    begin(stage, driver)

    stage.observe(driver=driver)
    assert facts(stage) == ["backup.begun"]
    [event] = [e for e in stage.records.events(stage.domain.id) if isinstance(e, Domain.BackupBegun)]
    assert stage.records.documents[event.document] == "<domainbackup mode='push'/>", "as the hypervisor shows it"

    failed = altered(driver, backup_end=lambda _: BackupEnd(BackupOutcome.FAILED, "no space"))
    stage.observe(driver=failed)
    assert last_end(stage) == ("failed", "no space")


def test_a_backup_was_begun_though_nobody_can_be_asked_about_it_any_more(stage: Stage) -> None:
    asked = begin(stage, silent(stage.drivers[ALPHA], "backup_xml"))

    assert asked.state == "succeeded"
    [event] = [e for e in stage.records.events(stage.domain.id) if isinstance(e, Domain.BackupBegun)]
    assert stage.records.documents[event.document] == "<domainbackup/>", "as it was asked for"


def test_the_end_of_a_backup_that_nobody_saw_is_unknown_when_another_begins(stage: Stage) -> None:
    driver = altered(stage.drivers[ALPHA], backup_end=lambda _: None)
    begin(stage, driver)
    begin(stage, driver)

    assert facts(stage) == ["backup.begun", "backup.ended", "backup.begun"]
    assert last_end(stage) == ("unknown", None)


def test_a_hypervisor_that_does_not_answer_ends_no_backup(stage: Stage) -> None:
    begin(stage, altered(stage.drivers[ALPHA], backup_end=lambda _: None))

    with pytest.raises(HypervisorUnreachable):
        stage.observe(driver=silent(stage.drivers[ALPHA], "backup_end"))

    assert facts(stage) == ["backup.begun"]


def last_end(stage: Stage) -> tuple[str, str | None]:
    ended = [event for event in stage.records.events(stage.domain.id) if isinstance(event, Domain.BackupEnded)]
    return ended[-1].outcome, ended[-1].message


def test_a_backup_with_a_checkpoint_is_known_by_that_when_its_answer_was_lost(stage: Stage) -> None:
    text = checkpoint_xml.build("k")
    digest = stage.records.drafts().add(text)
    stage.records.documents[digest] = text
    queued = stage.ask("backup-begin", xml="<domainbackup/>", checkpoint="k", checkpoint_xml=digest, incremental=None)

    asked = stage.apply(queued, severed(stage.drivers[ALPHA], "backup_begin", before=False))

    assert asked.state == "succeeded"
    assert set(facts(stage)) == {"backup.begun", "checkpoint.created"}


def test_a_backup_without_a_checkpoint_is_unknown_when_its_answer_was_lost(stage: Stage) -> None:
    assert begin(stage, severed(stage.drivers[ALPHA], "backup_begin", before=False)).state == "outcome_unknown"
