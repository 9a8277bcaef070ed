"""What the projections say after a history, and that they agree with the aggregate whatever happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from projections.catalogue import all_projections
from projections.checkpoints import CHECKPOINT_FORESTS, CHECKPOINTS, Checkpoints
from projections.domains import DOMAINS, Domains
from projections.folding import apply, concerning
from projections.hosts import HOSTS, Hosts
from projections.operations import OPERATIONS, Operations
from projections.ports import RecordedEvent
from projections.projection import Key, NotAskedFor, OneRow, Projection, Row, RowGroup, Rows, Table
from projections.schedules import TAKEN, Schedules
from projections.snapshots import FORESTS, SNAPSHOTS, Snapshots
from tests.unit.test_projection_histories import (
    ALPHA,
    BETA,
    GAMMA,
    History,
    away,
    digest,
    every_topic,
    happen,
    life,
    named,
    random_events,
    recorded,
    snapshot,
    state,
)


@dataclass
class Store:
    """The tables of one projection, kept in memory; hands out only what is asked for, as the database does."""

    projection: Projection
    tables: dict[Table, dict[Key, Row]] = field(default_factory=dict)
    loaded: int = 0

    def take(self, events: Sequence[RecordedEvent]) -> None:
        """Fold one batch as the live loop does."""
        relevant = concerning(self.projection, events)
        needs = [need for event in relevant for need in self.projection.needs(event)]
        rows = Rows()
        rows.load(needs, self._found(needs))
        for event in relevant:
            apply(self.projection, rows, event)
        for table in self.projection.tables:
            kept = self.tables.setdefault(table, {})
            kept.update((table.key_of(row), row) for row in rows.replaced(table))
            for key in rows.deleted(table):
                kept.pop(key, None)
            if table.past is not None:
                ended = self.tables.setdefault(table.past, {})
                for row in rows.ended(table):
                    assert table.past.key_of(row) not in ended
                    ended[table.past.key_of(row)] = row

    def rows(self, table: Table) -> list[Row]:
        return list(self.tables.get(table, {}).values())

    def _found(self, needs: Iterable[OneRow | RowGroup]) -> Iterable[tuple[Table, Row]]:
        for need in needs:
            for row in self.rows(need.table):
                wanted = (
                    need.table.key_of(row) == need.key
                    if isinstance(need, OneRow)
                    else row[str(need.table.group)] == need.value
                )
                if wanted:
                    self.loaded += 1
                    yield need.table, row


def folded(projection: Projection, events: Iterable[Any], batch: int = 7) -> Store:
    """The projection after a history, folded in batches."""
    store, log = Store(projection), recorded(events)
    for start in range(0, len(log), batch):
        store.take(log[start : start + batch])
    return store


def rebuilt(projection: Projection, events: Iterable[Any]) -> Rows:
    """The projection after a history, folded as a rebuild does."""
    rows = Rows(everything=True)
    for event in concerning(projection, recorded(events)):
        apply(projection, rows, event)
    return rows


@pytest.mark.parametrize("projection", all_projections(), ids=lambda projection: projection.name)
@pytest.mark.parametrize("batch", [1, 3, 500])
def test_live_and_rebuilt_are_the_same_rows_after_every_kind_of_event(projection: Projection, batch: int) -> None:
    events = every_topic()
    live, anew = folded(projection, events, batch), rebuilt(projection, events)
    for table in projection.tables:
        assert live.rows(table), f"the history leaves nothing in {table.name}"
        assert {table.key_of(row): row for row in live.rows(table)} == {table.key_of(r): r for r in anew.all(table)}


@pytest.mark.parametrize("projection", all_projections(), ids=lambda projection: projection.name)
def test_every_row_has_every_column_and_no_other(projection: Projection) -> None:
    anew = rebuilt(projection, every_topic())
    for table in projection.tables:
        for row in anew.all(table):
            assert set(row) == set(table.stored)


@given(st.data(), st.integers(1, 40), st.sampled_from([1, 4, 100]))
def test_roles_and_forests_agree_with_the_aggregate_whatever_happened(
    data: st.DataObject, count: int, batch: int
) -> None:
    history = History()
    domain = history.domain("vm")
    for _ in range(count):
        happen(history, domain, lambda choices: data.draw(st.sampled_from(choices)))
    assert_agreement(domain, history.events, batch)


@pytest.mark.parametrize("seed", range(20))
def test_long_histories_agree_with_the_aggregate(seed: int) -> None:
    events = random_events(seed, 400, domains=1)
    domain = None
    for event in events:
        domain = event.mutate(domain)
    assert domain is not None
    assert_agreement(domain, events, batch=50)


def assert_agreement(domain: Domain, events: Sequence[Any], batch: int) -> None:
    placements = {str(row["host"]): row for row in folded(Domains(), events, batch).rows(DOMAINS) if row["present"]}
    for host, placement in domain.placements.items():
        # The row says where it was last found to agree; whether it still does is the aggregate's business.
        assert placement.verified is None or placements[host]["verified_position"] is not None
    assert {host: seen(row) for host, row in placements.items()} == {
        host: (
            placement.role.value,
            placement.name,
            placement.persistent,
            placement.state,
            placement.reason,
            placement.hypervisor_id,
            placement.autostart,
            placement.managed_save,
            placement.definition,
            placement.live,
            placement.images.files or None,
        )
        for host, placement in domain.placements.items()
    }
    forest = folded(Snapshots(), events, batch)
    assert {row["id"]: row["parent"] for row in forest.rows(SNAPSHOTS)} == {
        UUID(record.id): None if record.parent is None else UUID(record.parent) for record in domain.forest
    }
    assert {row["id"]: (row["header"], row["domain_document"]) for row in forest.rows(SNAPSHOTS)} == {
        UUID(record.id): (record.header, record.domain) for record in domain.forest
    }
    assert {str(row["id"]): (row["presence"], row["why"] or "") for row in forest.rows(SNAPSHOTS)} == {
        record.id: (domain.forest.presence_of(record.id).presence, domain.forest.presence_of(record.id).why)
        for record in domain.forest
    }
    current = next((row["current"] for row in forest.rows(FORESTS)), None)
    assert current == (None if domain.forest.current is None else UUID(domain.forest.current))
    assert_checkpoints_agree(domain, folded(Checkpoints(), events, batch))


def assert_checkpoints_agree(domain: Domain, store: Store) -> None:
    assert {
        str(row["id"]): (row["parent"] and str(row["parent"]), row["header"]) for row in store.rows(CHECKPOINTS)
    } == {record.id: (record.parent, record.header) for record in domain.checkpoints}
    row: Row = next(iter(store.rows(CHECKPOINT_FORESTS)), {"current": None, "backup": None})
    assert (row["current"] and str(row["current"])) == domain.checkpoints.current
    runs = row["backup"] is not None and row["backup"]["outcome"] is None
    assert (row["backup"]["id"] if runs else None) == (domain.checkpoints.backup and domain.checkpoints.backup.id)


def seen(row: Row) -> tuple[Any, ...]:
    return (
        *(row[column] for column in ("role", "name", "persistent", "state", "reason", "hypervisor_id", "autostart")),
        *(row[column] for column in ("managed_save", "definition", "live")),
        row["images"] or None,
    )


def test_a_batch_loads_the_rows_it_touches_and_not_the_tree() -> None:
    history = History()
    domain = history.domain("vm")
    history.fact(domain, Domain.Defined, name="vm", definition=digest("d"))
    for number in range(300):
        history.fact(domain, Domain.SnapshotCreated, **snapshot(f"s{number}", f"s{number - 1}" if number else None))
    store = folded(Snapshots(), history.events)
    store.loaded = 0
    history.events.clear()
    history.fact(domain, Domain.SnapshotMadeCurrent, snapshot=str(named("s7")), name="s7")
    history.fact(domain, Domain.SnapshotRedefined, **snapshot("s9", "s8", text="again"))
    store.take(recorded(history.events))
    assert store.loaded == 4  # the forest's row, asked for by each, and two snapshots
    assert len(store.rows(SNAPSHOTS)) == 300


def test_a_fold_that_reaches_for_rows_it_did_not_name_is_found_out() -> None:
    rows = Rows()
    rows.load([OneRow(SNAPSHOTS, (named("vm"), named("s1"))), RowGroup(SNAPSHOTS, named("other"))], [])
    assert rows.get(SNAPSHOTS, (named("vm"), named("s1"))) is None
    assert rows.get(SNAPSHOTS, (named("other"), named("s2"))) is None
    with pytest.raises(NotAskedFor):
        rows.get(SNAPSHOTS, (named("vm"), named("s2")))
    with pytest.raises(NotAskedFor):
        rows.group(SNAPSHOTS, named("vm"))


def test_events_of_others_mean_nothing_to_a_projection() -> None:
    history = History()
    hosts_only = [event for event in every_topic() if event.TOPIC.startswith(("host.", "name.", "attempt.", "access."))]
    assert not history.events
    for projection in (Domains(), Snapshots(), Operations()):
        assert not concerning(projection, recorded(hosts_only))


def test_facts_about_what_is_not_there_are_passed_over() -> None:
    history = History()
    domain = history.domain("vm")
    history.fact(domain, Domain.Suspended, BETA, **state(DomainState.PAUSED, 1, id=3))
    history.fact(domain, Domain.Updated, BETA, autostart=True, managed_save=True)
    history.fact(domain, Domain.Undefined, BETA)
    history.record(domain, Domain.HandedOver, operation=str(named("x")), host=BETA, previous=ALPHA)
    history.record(domain, Domain.OperationSucceeded, operation=str(named("x")), host=ALPHA, result={})
    (row,) = folded(Domains(), history.events).rows(DOMAINS)
    assert (str(row["host"]), row["role"], row["present"], row["position"]) == (ALPHA, None, False, 1)
    assert not folded(Operations(), history.events).rows(OPERATIONS)


def test_a_placement_that_ended_keeps_its_name_and_a_new_one_starts_afresh() -> None:
    history = History()
    domain = history.domain("vm")
    history.fact(domain, Domain.Defined, name="vm", definition=digest("d"))
    history.fact(domain, Domain.Updated, autostart=True, managed_save=False)
    history.fact(domain, Domain.Undefined)
    (gone,) = folded(Domains(), history.events).rows(DOMAINS)
    assert (gone["name"], gone["present"], gone["role"], gone["autostart"]) == ("vm", False, "owner", True)
    history.fact(domain, Domain.Defined, name="again", definition=digest("d"))
    (back,) = folded(Domains(), history.events).rows(DOMAINS)
    assert (back["name"], back["present"], back["autostart"]) == ("again", True, False)
    assert back["uuid"] == gone["uuid"] == domain.uuid


def test_the_tree_of_a_domain_that_ended_is_gone_and_that_of_one_that_moved_is_as_on_its_new_host() -> None:
    by_name = {row["name"]: row for row in folded(Snapshots(), every_topic()).rows(SNAPSHOTS)}
    assert set(by_name) == {"s1", "s2", "s4", "s5"}
    assert by_name["s5"]["parent"] == named("s2")
    assert by_name["s5"]["header"] == digest("s5 under s2")
    assert by_name["s4"]["parent"] == named("s1")  # redefined by the owner of today, which was the replica


def test_only_what_came_of_the_request_of_a_schedule_is_its_snapshot() -> None:
    [taken] = folded(Schedules(), every_topic()).rows(TAKEN)
    assert taken["snapshot"] == named("by the clock")
    history = History()
    asked = {"host": ALPHA, "operation": str(named("of alice")), "origin": "operation"}
    history.record(history.domain("vm"), Domain.SnapshotCreated, **asked, **snapshot("hers"))
    assert folded(Schedules(), history.events).rows(TAKEN) == []


def test_a_snapshot_shows_whether_its_data_is_there_until_the_domain_has_other_images() -> None:
    history = History()
    domain = history.domain("vm")
    life(history, domain)
    rows = {row["name"]: row for row in folded(Snapshots(), history.events).rows(SNAPSHOTS)}
    assert {name: row["presence"] for name, row in rows.items()} == {
        "s1": "unverified",
        "s2": "unverified",
        "s4": "missing",
        "s5": "unverified",
    }
    assert rows["s4"]["why"] == "no snapshot 's4' in /images/top.qcow2"
    away(history, domain)
    presences = {row["name"]: row["presence"] for row in folded(Snapshots(), history.events).rows(SNAPSHOTS)}
    assert presences == {"s1": "unverified", "s2": "unverified", "s4": "unverified", "s5": "present"}


def test_a_renamed_domain_is_found_by_its_new_name() -> None:
    history = History()
    domain = history.domain("vm")
    history.fact(domain, Domain.Defined, name="vm", definition=digest("d"))
    history.fact(domain, Domain.Renamed, name="web", name_before="vm")
    assert [row["name"] for row in folded(Domains(), history.events).rows(DOMAINS)] == ["web"]


def test_a_replica_leaves_the_domains_own_tree_alone() -> None:
    history = History()
    domain = history.domain("vm")
    history.fact(domain, Domain.Defined, name="vm", definition=digest("d"))
    history.fact(domain, Domain.SnapshotCreated, **snapshot("s1"))
    history.fact(domain, Domain.Defined, BETA, name="vm", definition=digest("d"))
    history.fact(domain, Domain.SnapshotRedefined, BETA, **snapshot("s1", text="normalised"))
    history.fact(domain, Domain.SnapshotMadeCurrent, BETA, snapshot=None, name=None)
    store = folded(Snapshots(), history.events)
    assert [row["header"] for row in store.rows(SNAPSHOTS)] == [snapshot("s1")["header"]]
    assert [row["current"] for row in store.rows(FORESTS)] == [named("s1")]
    roles = {str(row["host"]): row["role"] for row in folded(Domains(), history.events).rows(DOMAINS)}
    assert roles == {ALPHA: "owner", BETA: "replica"}


def test_an_operation_tells_who_asked_and_how_it_ended() -> None:
    rows = {row["id"]: row for row in folded(Operations(), every_topic()).rows(OPERATIONS)}
    done, failed, lost = (rows[named(name)] for name in ("define it", "fail", "lose"))
    assert (done["state"], done["result"], done["error_code"]) == ("succeeded", {"position": 3, "at": 0.25}, None)
    assert (failed["state"], failed["error_code"], failed["error_message"]) == ("failed", 55, "no")
    assert (lost["state"], lost["error_code"], lost["error_message"]) == ("unknown", None, "the answer was lost")
    assert done["actor"] == "uid:1000(alice)"
    assert done["request_id"] == named(f"request {done['requested_position']}")
    assert done["ended_position"] == done["requested_position"] + 2
    assert done["ended_at"] > done["requested_at"]


def test_evidence_settles_an_operation_of_unknown_outcome_and_nothing_settles_one_twice() -> None:
    history = History()
    domain = history.domain("vm")
    operation = {"operation": str(named("lost")), "host": ALPHA}
    history.record(domain, Domain.OperationRequested, **operation, verb="destroy", arguments={})
    history.record(domain, Domain.OperationOutcomeUnknown, **operation, message="lost")
    history.record(domain, Domain.OperationStarted, **operation, worker=ALPHA, epoch=2, evidence={})
    assert [row["state"] for row in folded(Operations(), history.events).rows(OPERATIONS)] == ["unknown"]
    history.record(domain, Domain.OperationSucceeded, **operation, result={"seen": True})
    history.record(domain, Domain.OperationFailed, **operation, code=9, message="late", result={})
    (row,) = folded(Operations(), history.events).rows(OPERATIONS)
    assert (row["state"], row["error_message"], row["result"]) == ("succeeded", None, {"seen": True})


def test_a_host_shows_what_answered_who_leads_it_and_that_it_was_removed() -> None:
    rows = {row["name"]: row for row in folded(Hosts(), every_topic()).rows(HOSTS)}
    assert rows["alpha"]["removed_at"] is None
    assert rows["alpha"]["capabilities"]["redefine"] is True
    assert (rows["alpha"]["worker"], rows["alpha"]["epoch"]) == (named("worker of alpha"), 1)
    assert str(rows["gamma"]["id"]) == GAMMA
    assert rows["gamma"]["uri"] == "simulator:///moved"
    assert rows["gamma"]["removed_at"] is not None
