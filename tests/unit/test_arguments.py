"""Which values an argument takes, by its kind."""

from typing import Any

import pytest

from domain_model.errors import InvalidArgument
from domain_model.verbs import chosen


@pytest.mark.parametrize("codes", [[], [30], [0, 2**32 - 1]])
def test_numbers_of_keys_are_taken_as_they_are(codes: list[int]) -> None:
    assert chosen("send-key", {"keycodes": codes}) == {"flags": 0, "keycodes": codes}


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        ("send-key", {"keycodes": [30, True]}),
        ("send-key", {"keycodes": [-1]}),
        ("send-key", {"keycodes": [2**32]}),
        ("send-key", {"keycodes": 30}),
        ("setvcpus", {"count": True}),
        ("setvcpus", {"count": 2**32}),
    ],
)
def test_what_is_no_whole_number_in_bounds_is_refused(verb: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="whole number"):
        chosen(verb, given)
