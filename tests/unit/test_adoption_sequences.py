"""Whatever a hypervisor shows, one look after another, is what is recorded afterwards, and never twice.

Hypothesis thinks up the hypervisor: definitions, states, and forests that change in any way between two looks.
"""

from hypothesis import given
from hypothesis import strategies as st

from domain_model.adoption import Adoption, Observation, SnapshotDump
from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from revisor.store.mapper import EventMapper
from tests.unit.domain_histories import ALPHA, AT, dump, history

NAMES = "abcdef"
ACTIVE = (DomainState.RUNNING, DomainState.PAUSED, DomainState.CRASHED, DomainState.PMSUSPENDED, DomainState.SHUTDOWN)


@st.composite
def forests(draw: st.DrawFn) -> dict[str, SnapshotDump]:
    """Dumps by name; each one's parent comes before it, whichever order was drawn."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    made: dict[str, SnapshotDump] = {}
    for name in names:
        parent = draw(st.sampled_from([None, *made]))
        made[name] = dump(name, parent, f"{name} below {parent}, {draw(st.sampled_from('12'))}")
    return made


@st.composite
def observations(draw: st.DrawFn) -> Observation | None:
    persistent, active = draw(st.booleans()), draw(st.booleans())
    if not persistent and not active:
        return None
    found = draw(forests())
    definition = draw(st.sampled_from(["one", "two"])) if persistent else None
    return Observation(
        name="guest",
        state=draw(st.sampled_from(ACTIVE)) if active else DomainState.SHUTOFF,
        reason=draw(st.integers(0, 2)),
        hypervisor_id=draw(st.integers(1, 2)) if active else None,
        persistent=persistent,
        autostart=draw(st.booleans()),
        managed_save=draw(st.booleans()),
        definition=definition,
        live=draw(st.sampled_from(["live one", "live two"])) if active else None,
        snapshots=frozenset(found),
        current=draw(st.sampled_from([None, *found])),
        dumps=found,
    )


def shows(domain: Domain) -> tuple[object, ...] | None:
    """The domain as recorded, in the terms of an observation; the reason of being off is nobody's concern."""
    placement = domain.placements.get(ALPHA)
    if placement is None:
        return None
    forest = domain.forest
    return (
        placement.state,
        placement.reason if placement.active else None,
        placement.hypervisor_id,
        placement.persistent,
        placement.autostart,
        placement.managed_save,
        placement.definition,
        placement.live,
        {record.name: (forest.parent_name(record), record.header) for record in forest},
        None if forest.current_snapshot is None else forest.current_snapshot.name,
    )


def seen_as(seen: Observation | None) -> tuple[object, ...] | None:
    if seen is None:
        return None
    return (
        seen.state,
        seen.reason if seen.hypervisor_id is not None else None,
        seen.hypervisor_id,
        seen.persistent,
        seen.autostart,
        seen.managed_save,
        seen.definition,
        seen.live,
        {name: (found.parent, found.header) for name, found in seen.dumps.items()},
        seen.current,
    )


@given(st.lists(observations(), min_size=1, max_size=6))
def test_after_each_look_the_domain_is_recorded_as_seen_and_a_second_look_adds_nothing(
    looks: list[Observation | None],
) -> None:
    domain = history()
    for seen in looks:
        Adoption(domain, ALPHA, AT).adopt(seen)
        assert shows(domain) == seen_as(seen)
        version = domain.version
        Adoption(domain, ALPHA, AT).adopt(seen)
        assert domain.version == version


@given(st.lists(observations(), min_size=1, max_size=6))
def test_what_was_adopted_is_told_again_by_its_stored_events(looks: list[Observation | None]) -> None:
    domain = Domain.introduce(history().id, uuid="uuid", name="guest", host=ALPHA, at=AT)
    for seen in looks:
        Adoption(domain, ALPHA, AT).adopt(seen)
    mapper, told = EventMapper(), None
    for event in domain.collect_events():
        told = mapper.to_domain_event(mapper.to_stored_event(event)).mutate(told)  # type: ignore[attr-defined]
    assert told == domain
