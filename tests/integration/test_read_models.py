"""The read models as a door sees them: which moments they answer for, how far they are,
and how a person repairs one.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from domain_model.errors import InvalidArgument, NoDomain, OperationFailed, OperationInvalid
from domain_model.host import Host
from projections.catalogue import all_projections
from revisor.sightings import Sightings
from revisor.store.database import Database
from revisor.store.recorder import LogDatastore, LogRecorder, Save
from tests.integration.product import ALICE, Product


def head(product: Product) -> int:
    return product.application.reader.head()


def names_at(product: Product, as_of: int) -> list[str]:
    return [item["name"] for item in product.service.domains(all_domains=True, host=None, as_of=as_of)]


def test_the_fleet_and_a_tree_are_read_as_of_a_time_and_a_position(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    then, moment = head(product), product.application.now()
    product.act("undefine", snapshots_metadata=True)
    assert product.service.domains(all_domains=True, host=None) == []
    with pytest.raises(NoDomain):
        product.service.snapshots("web", None)
    for as_of in (str(then), moment.isoformat()):
        at = product.service.read_models.position_of(as_of)
        assert at == then
        assert names_at(product, at) == ["web"]
        assert [item["name"] for item in product.service.snapshots("web", "alpha", at)] == ["s1"]
    with pytest.raises(NoDomain, match=f"'nobody' at position {then}"):
        product.service.snapshots("nobody", None, then)


def test_holds_are_shown_from_a_read_model_of_an_older_release(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    product.service.holds.hold("web", None, "s1", None, replace(ALICE, reason="audit 7"))
    product.database.execute("ALTER TABLE views.holds DROP COLUMN held_reason, DROP COLUMN held_ticket")
    [shown] = product.service.snapshots("web", None)
    assert (shown["held_by"], shown["held_reason"], shown["held_ticket"]) == (ALICE.actor, None, None)


def test_what_was_just_said_is_told_as_it_is_recorded_while_the_read_models_stand_still(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.act("snapshot-create", name="s1")
    monkeypatch.setattr(product.queries, "wait_for", lambda *_: False)
    service, why = product.service, replace(ALICE, reason="audit 7")
    host = service.registry.add("beta", "simulator:///beta", ALICE)
    assert (host["name"], host["state"], host["operations"], host["added"]) == ("beta", "waiting", 4, True)
    schedule = service.schedules.add("nightly", ALICE, cron="30 2 * * *", whose={"domain": "web"})
    assert (schedule["name"], schedule["domain"], schedule["enabled"]) == ("nightly", "web", True)
    hold = service.holds.hold("web", None, "s1", "2126-01-01", why)
    assert (hold["held_by"], hold["held_until"], hold["held_reason"]) == (
        ALICE.actor,
        "2126-01-02T00:00:00Z",
        "audit 7",
    )


def test_the_doors_know_of_which_hosts_what_is_shown_is_old(product: Product) -> None:
    sightings = Sightings(product.database)
    assert sightings.known(None).stale == ()
    product.database.execute("UPDATE work.sightings SET problem = 'no route'")
    assert sightings.known(None).stale == ("alpha",)
    product.database.execute(
        "UPDATE work.sightings SET problem = NULL, observed_at = clock_timestamp() - interval '61 s'"
    )
    assert sightings.known(None).stale == ("alpha",)


def test_a_removed_host_names_what_was_on_it_as_of_before(product: Product) -> None:
    then = head(product)
    product.act("undefine")
    product.service.registry.remove("alpha", ALICE)
    assert [item["host"] for item in product.service.domains(all_domains=True, host="alpha", as_of=then)] == ["alpha"]
    with pytest.raises(InvalidArgument, match="no host"):
        product.service.domains(all_domains=True, host="alpha", as_of=head(product))


@pytest.mark.parametrize("as_of", ["", "yesterday", "-1", "1.5", "\u0663", "2026-13-01", "{beyond}", "{future}"])
def test_what_is_no_moment_of_this_log_is_refused_with_what_would_be_accepted(product: Product, as_of: str) -> None:
    future = (product.application.now() + timedelta(hours=1)).isoformat()
    asked = as_of.format(beyond=head(product) + 1, future=future)
    with pytest.raises(InvalidArgument) as refused:
        product.service.read_models.position_of(asked)
    assert (refused.value.field, refused.value.value) == ("as_of", asked)
    assert refused.value.accepted is not None
    assert refused.value.accepted.startswith(f"a position from 0 to {head(product)}, or a time")


def test_a_time_before_the_log_began_is_its_beginning(product: Product) -> None:
    at = product.service.read_models.position_of("2001-01-01")
    assert (at, names_at(product, at)) == (0, [])


def test_a_time_in_whole_seconds_is_all_of_its_second(product: Product) -> None:
    """As the log shows times: who copies one of an event means that event, too."""
    last = product.application.reader.recorded_at(head(product))
    assert last is not None
    assert product.service.read_models.position_of(last.replace(microsecond=0).isoformat()) == head(product)
    before = last - timedelta(microseconds=1)
    if before.microsecond:
        assert product.service.read_models.position_of(before.isoformat()) < head(product)


def test_the_newest_position_is_waited_for(product: Product) -> None:
    (host,) = product.queries.hosts()
    now = product.application.now()
    moved = product.application.change(Host, UUID(host.id), lambda known: known.set_uri("simulator:///b", now), ALICE)
    assert [row.uri for row in product.queries.hosts()] == ["simulator:///alpha"], "nobody has folded it yet"
    assert product.service.read_models.position_of(str(moved)) == moved
    assert [row.uri for row in product.queries.hosts(moved)] == ["simulator:///b"]
    assert [row.uri for row in product.queries.hosts(moved - 1)] == ["simulator:///alpha"]


def test_a_parked_read_model_is_not_read_as_of_behind_where_it_stopped(product: Product, database: Database) -> None:
    at = head(product)
    database.execute("UPDATE views.projections SET parked_at = position, position = position - 1, error = 'x'")
    with pytest.raises(OperationFailed, match=f"is at position {at - 1} and parked"):
        product.service.read_models.position_of(str(at))
    assert product.service.read_models.position_of(str(at - 1)) == at - 1


def test_a_read_model_of_an_older_release_is_not_read_as_of_anything(product: Product, database: Database) -> None:
    database.execute("UPDATE views.projections SET version = 1 WHERE name = 'domains'")
    with pytest.raises(OperationFailed, match="'domains' is made anew"):
        product.service.read_models.position_of("1")


def test_each_tells_how_far_it_is_behind_and_since_when(product: Product, database: Database) -> None:
    at = head(product)
    assert {item["state"] for item in product.service.read_models.all()} == {"caught up"}
    database.execute("UPDATE views.projections SET position = %s WHERE name = 'hosts'", at - 3)
    shown = product.service.read_models.one("hosts")
    assert (shown["state"], shown["behind"], shown["parked_at"]) == ("behind", 3, None)
    age = product.application.now() - product.application.reader.recorded_at(at - 2)
    assert 0 < shown["behind_s"] <= age.total_seconds() + 0.001, "rounded to milliseconds"
    assert product.service.read_models.one("domains")["behind_s"] == 0


def test_a_parked_one_tells_the_event_and_is_resumed(product: Product, database: Database) -> None:
    at = head(product)
    database.execute(
        "UPDATE views.projections SET position = %s, parked_at = %s, error = 'KeyError' WHERE name = 'hosts'",
        *(at - 1, at),
    )
    shown = product.service.read_models.one("hosts")
    topic = product.application.reader.topic(at)
    assert (shown["state"], shown["parked_at"], shown["parked_topic"]) == ("parked", at, topic)
    assert shown["error"] == "KeyError"
    product.service.read_models.resume("hosts")
    assert product.service.read_models.one("hosts")["state"] == "behind"
    assert product.queries.wait_for(at, 10)
    assert product.service.read_models.one("hosts")["state"] == "caught up"


def test_what_is_not_parked_or_not_known_is_not_resumed(product: Product) -> None:
    with pytest.raises(OperationInvalid, match="'hosts' is not parked"):
        product.service.read_models.resume("hosts")
    for act in (product.service.read_models.resume, product.service.read_models.rebuild):
        with pytest.raises(InvalidArgument) as refused:
            act("nothing")
        assert refused.value.accepted == ", ".join(sorted(each.name for each in all_projections()))


def test_one_or_all_are_rebuilt(product: Product) -> None:
    product.service.read_models.rebuild("hosts")
    rebuilt = {state.name: state.rebuilt_position for state in product.queries.positions()}
    assert {name for name, position in rebuilt.items() if position} == {"hosts"}
    product.service.read_models.rebuild()
    assert {state.rebuilt_position for state in product.queries.positions()} == {head(product)}
    assert names_at(product, head(product)) == ["web"]


def test_what_cannot_be_rebuilt_says_why_and_stays_as_it_is(product: Product, database: Database) -> None:
    newer = StoredEvent(uuid4(), 1, "domain.teleported", b"{}")
    LogRecorder(LogDatastore(database)).insert_events([newer], save=Save(ALICE))
    with pytest.raises(OperationFailed, match=f"the event at position {head(product)} cannot be read: .*teleported"):
        product.service.read_models.rebuild()
    assert names_at(product, head(product) - 1) == ["web"]


def test_of_a_replica_the_snapshots_are_its_owners_and_say_so(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    product.add_host("beta")
    assert product.act("replay", to="beta")["state"] == "succeeded"
    head = product.application.reader.head()
    for host, at in ((None, None), ("alpha", None), ("beta", None), ("beta", head)):
        assert [item["host"] for item in product.service.snapshots("web", host, at)] == ["alpha"]
    assert product.act("handover", to="beta")["state"] == "succeeded"
    assert [item["host"] for item in product.service.snapshots("web", "alpha")] == ["beta"]
    assert [item["host"] for item in product.service.snapshots("web", "beta", head)] == ["alpha"]
