"""How moments stand in sentences."""

from datetime import datetime, timedelta, timezone

import pytest

from domain_model.times import moment_in_words


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 28, 2, 0, 5, 999, tzinfo=timezone(timedelta(hours=1))),
        "2026-11-28T01:00:05Z",
        "2026-11-28T01:00:05.000001+00:00",
        "2026-11-27T20:00:05-05:00",
    ],
)
def test_a_moment_is_written_as_virsh_prints_times_and_in_utc(moment: datetime | str) -> None:
    assert moment_in_words(moment) == "2026-11-28 01:00:05 +0000"
