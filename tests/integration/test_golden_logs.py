"""What a release once wrote is read for ever, and comes to what it came to then."""

import pytest

from revisor.store.database import Database
from revisor.store.mapper import topics
from tests.integration.golden_logs import RELEASES, expected_of, outcome_of, read_log


@pytest.mark.parametrize("release", RELEASES)
def test_a_golden_log_comes_to_what_it_came_to_then(database: Database, release: str) -> None:
    outcome, expected = outcome_of(database, read_log(release)), expected_of(release)
    assert outcome["domains"] == expected["domains"]
    for table, rows in expected["views"].items():
        found = outcome["views"][table]
        assert len(found) == len(rows), table
        for row in rows:
            assert any(row.items() <= candidate.items() for candidate in found), (table, row)


def test_the_newest_golden_log_has_every_topic() -> None:
    missing = set(topics()) - {event.topic for event in read_log(RELEASES[-1])}
    assert not missing, "write a golden log for this release: python -m tests.integration.golden_logs RELEASE"
