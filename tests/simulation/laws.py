"""What must hold when the faults are over and everything has settled, whatever happened before."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from domain_model.domain import Domain
from revisor.store.queue import ENDS, queue_of
from tests.lab.agreement import check_agreement
from tests.simulation.application import folded
from tests.simulation.world import World

_LEAVES_NO_TRACE = "reboot"
_MAY_CHANGE_NOTHING = ("snapshot-revert", "autostart", "suspend")
"""A guest that is off goes back to where it is, autostart is on already, a paused guest is suspended."""


@dataclass
class Story:
    """What the log tells of one operation, and what the hypervisors tell."""

    verb: str
    domain: Any
    requested: int
    started: list[int] = field(default_factory=list)
    ends: list[Any] = field(default_factory=list)
    ended: int = 0
    effects: int = 0
    acts: int = 0


def check(world: World) -> None:
    """Fails with the first law that is broken."""
    stories = _stories(world)
    _each_request_has_one_outcome(world, stories)
    _no_append_was_a_fenced_agents(world)
    _the_fold_is_the_live_aggregate(world)
    for operation, story in stories.items():
        if operation not in world.interfered and not _had_company(story, stories):
            _effect_fits_outcome(operation, story)
    _recorded_is_observed(world)
    _our_own_doing_is_nobody_elses(world, stories)


def led(world: World) -> bool:
    """Whether somebody leads each host."""
    return {worker.host for worker in world.workers if worker.agent is not None} == world.hosts.keys()


def _stories(world: World) -> dict[str, Story]:
    stories: dict[str, Story] = {}
    for position, event in enumerate(world.recorder.events, start=1):
        match event:
            case Domain.OperationRequested():
                assert event.operation not in stories, f"{event.operation} was requested twice"
                stories[event.operation] = Story(event.verb, event.originator_id, position)
            case Domain.OperationStarted():
                stories[event.operation].started.append(position)
            case _ if isinstance(event, ENDS):
                stories[event.operation].ends.append(event)
                stories[event.operation].ended = position
    for host in world.hosts.values():
        for effect in host.effects:
            if effect.operation is not None:
                stories[effect.operation].acts += 1
                stories[effect.operation].effects += bool(effect.uuids)
    return stories


def _each_request_has_one_outcome(world: World, stories: dict[str, Story]) -> None:
    assert {str(asked.operation) for asked in world.asked.values()} == stories.keys(), "each request is one operation"
    for operation, story in stories.items():
        assert len(story.ends) == 1, f"{story.verb} {operation} has {len(story.ends)} outcomes"
        assert len(story.started) <= 1, f"{story.verb} {operation} was started {len(story.started)} times"
        assert not story.started or story.requested < story.started[0] < story.ended
    assert queue_of(enumerate(world.recorder.events, start=1)) == [], "the log has a queue"


def _no_append_was_a_fenced_agents(world: World) -> None:
    for append in world.recorder.appends.values():
        fence = append.save.fence
        assert fence is None or fence.epoch == append.leading, f"epoch {fence.epoch} appended, {append.leading} led"


def _the_fold_is_the_live_aggregate(world: World) -> None:
    for stream, saved in world.application.log.saved.items():
        again = folded(world.recorder.streams[stream])
        assert vars(again) == vars(saved), f"stream {stream} folds to something else than what was saved"


def _had_company(story: Story, stories: dict[str, Story]) -> bool:
    """Whether another operation of the domain was under way beside it: then each may undo what the other did."""
    others = (other for other in stories.values() if other is not story and other.domain == story.domain)
    return any(
        other.started and story.started and other.started[0] < story.ended and story.started[0] < other.ended
        for other in others
    )


def _effect_fits_outcome(operation: str, story: Story) -> None:
    said = f"{story.verb} {operation} {story.ends[0].TOPIC}"
    count = story.acts if story.verb == _LEAVES_NO_TRACE else story.effects
    match story.ends[0]:
        case Domain.OperationSucceeded():
            least = 0 if story.verb in _MAY_CHANGE_NOTHING else 1
            assert least <= count <= 1, f"{said}, and has its effect {count} times"
        case Domain.OperationFailed():
            assert count == 0, f"{said}, and has an effect"
        case _:
            assert count <= 1, f"{said}, and has its effect {count} times"


def _recorded_is_observed(world: World) -> None:
    for domain in world.application.present():
        for id, host in world.hosts.items():
            if domain.uuid in world.late and id not in domain.placements:
                continue  # a definition that came late is a stranger by then, and told of as one
            check_agreement(domain, id, host.hands.domain(domain.uuid))


def _our_own_doing_is_nobody_elses(world: World, stories: dict[str, Story]) -> None:
    """What our operations did is recorded as theirs, where nobody else did anything."""
    known = {story.domain for story in stories.values() if all(_is_certain(end) for end in story.ends)}
    doubtful = {story.domain for story in stories.values() if not all(_is_certain(end) for end in story.ends)}
    for stream, topics in _observed(world):
        domain = folded(world.recorder.streams[stream])
        if domain.uuid not in world.touched and stream in known - doubtful:
            raise AssertionError(f"nobody else acted on {domain.name}, and observed was {dict(topics)}")


def _is_certain(end: Any) -> bool:
    return not isinstance(end, Domain.OperationOutcomeUnknown)


def _observed(world: World) -> Iterator[tuple[Any, Counter[str]]]:
    for stream, events in world.recorder.streams.items():
        topics = Counter(str(event.TOPIC) for event in events if getattr(event, "origin", None) == "observed")
        if topics:
            yield stream, topics
