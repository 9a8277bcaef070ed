"""The histories that tests of projections use leave no kind of event out."""

from domain_model.domain import Domain
from revisor.store.mapper import topics
from tests.unit.test_projection_histories import every_topic, random_events


def test_the_history_of_every_topic_has_every_topic() -> None:
    missing = set(topics()) - {event.TOPIC for event in every_topic()}
    assert not missing, f"add these to every_topic(), or nobody knows how a projection takes them: {sorted(missing)}"


def test_random_histories_leave_no_topic_of_a_domain_out() -> None:
    wanted = {topic for topic, kind in topics().items() if issubclass(kind, Domain.Event | Domain.Created)}
    assert {event.TOPIC for event in random_events(1, 2000)} == wanted
