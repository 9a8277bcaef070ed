"""Until when a hold lasts, by what a person types."""

import pytest

from domain_model.errors import InvalidArgument
from revisor.holds import end_of


@pytest.mark.parametrize("said", ["2026-12-31", "20261231"])
def test_a_day_lasts_to_its_end(said: str) -> None:
    assert end_of(said).isoformat() == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize("said", ["2026-12-31T18:00:00Z", "2026-12-31T19:00:00+01:00", "2026-12-31T18:00:00"])
def test_a_time_is_in_utc_where_nothing_else_is_said(said: str) -> None:
    assert end_of(said).isoformat() == "2026-12-31T18:00:00+00:00"


@pytest.mark.parametrize("said", ["9999-12-31", "0001-01-01T00:00:00+10:00", "tomorrow", "2026-13-01"])
def test_what_is_no_time_is_refused_with_what_would_do(said: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        end_of(said)
    assert (refused.value.field, refused.value.value) == ("until", said)
    assert "for ever" in str(refused.value.accepted)
