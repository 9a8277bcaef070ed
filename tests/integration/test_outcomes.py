"""An operation can be told from the log wherever the read model of operations has come to a stop."""

from uuid import UUID, uuid4

import pytest

from domain_model.domain import Domain
from revisor.outcomes import Outcomes
from revisor.queries import Queries
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.reading import LogReader
from revisor.store.recorder import Save
from tests.lab.projecting import caught_up, loop_of
from tests.lab.store import Recording
from tests.unit.test_projection_histories import (
    ALPHA,
    BEGINNING,
    History,
    every_topic,
    named,
    operation,
    random_events,
)

ASKED = [named(operation) for operation in ("define it", "fail", "lose")]
DRAWN = [named(operation) for operation in ("first", "second", "third")]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_wherever_the_read_model_stands_the_answer_is_the_same(
    database: Database, recording: Recording, seed: int | None
) -> None:
    head = recording.append(every_topic() if seed is None else random_events(seed, 200))
    loop, queries = loop_of(database, batch=7), Queries(database)
    loop.prepare()
    outcomes = Outcomes(queries, LogReader(database), no_name)
    told = []
    while queries.position() < head:
        told.append([as_folded(outcomes, operation) for operation in (ASKED if seed is None else DRAWN)])
        loop.run_once()
    caught_up(loop)
    shown = [queries.operation(operation) for operation in (ASKED if seed is None else DRAWN)]
    assert any(shown)
    wanted = [row and row._replace(domain_name=None, host_name=None) for row in shown]
    assert told == [wanted] * len(told)


def no_name(_: UUID) -> None:
    """Of no domain."""


def as_folded(outcomes: Outcomes, operation: UUID) -> object:
    row = outcomes.latest(operation)
    return row and row._replace(domain_name=None, host_name=None)


def test_an_unknown_outcome_that_was_settled_since_is_told_as_settled(database: Database, recording: Recording) -> None:
    history = History()
    operation(history, history.domain("vm"), "lost", "start", Domain.OperationOutcomeUnknown, message="no answer")
    recording.append(history.events)
    loop = loop_of(database)
    loop.prepare()
    caught_up(loop)
    outcomes = Outcomes(Queries(database), LogReader(database), no_name)
    assert state_of(outcomes, named("lost")) == "unknown"
    settled = {"operation": str(named("lost")), "host": ALPHA, "result": {"n": 1}}
    history.record(history.domains["vm"], Domain.OperationSucceeded, **settled)
    recording.append(history.events[-1:])
    assert state_of(outcomes, named("lost")) == "succeeded"


def test_one_that_waits_is_told_though_the_read_model_never_heard_of_it(database: Database, log: EventLog) -> None:
    loop_of(database).prepare()
    domain = History().domain("vm")
    for name in ("first", "second"):
        asked = {"operation": str(named(name)), "host": ALPHA, "verb": "start", "arguments": {}}
        domain.record(Domain.OperationRequested, BEGINNING, **asked)
    log.append(domain, save=Save(Context("me")))
    outcomes = Outcomes(Queries(database), LogReader(database), no_name)
    assert [state_of(outcomes, named(name)) for name in ("first", "second", "third")] == ["queued", "queued", None]


def state_of(outcomes: Outcomes, operation: UUID) -> str | None:
    row = outcomes.latest(operation)
    return row and row.state


def test_an_operation_nobody_asked_for_is_none(database: Database, recording: Recording) -> None:
    recording.append(every_topic())
    loop_of(database).prepare()
    assert Outcomes(Queries(database), LogReader(database), no_name).latest(uuid4()) is None


def test_an_operation_bears_its_domains_name_though_the_read_models_never_heard_of_either(
    database: Database, log: EventLog
) -> None:
    loop_of(database).prepare()
    domain = History().domain("vm")
    asked = {"operation": str(named("first")), "host": ALPHA, "verb": "suspend", "arguments": {}}
    domain.record(Domain.OperationRequested, BEGINNING, **asked)
    log.append(domain, save=Save(Context("me")))
    row = Outcomes(Queries(database), LogReader(database), {domain.id: "vm"}.get).latest(named("first"))
    assert row is not None
    assert row.domain_name == "vm"
