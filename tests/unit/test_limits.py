"""The limits: the last that is taken and the first that is refused, with its number and words."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from domain_model import limits
from domain_model.errors import Refused


@dataclass(frozen=True)
class Limit:
    says: str
    check: Callable[[int], None]
    most: int
    number: int
    words: str


LIMITS = [
    Limit(
        "a domain's name",
        lambda size: limits.check_domain_name("é" * (size // 2) + "x" * (size % 2)),
        limits.NAME_BYTES,
        27,
        "XML error: domain name has 252 bytes",
    ),
    Limit(
        "a snapshot's name",
        lambda size: limits.check_moment_name("n" * size),
        limits.NAME_BYTES,
        35,
        "snapshot name has 252 bytes",
    ),
    Limit(
        "a checkpoint's name",
        lambda size: limits.check_moment_name("n" * size, "checkpoint"),
        limits.NAME_BYTES,
        35,
        "checkpoint name has 252 bytes",
    ),
    Limit(
        "snapshots of a domain",
        lambda count: limits.check_snapshots("web", 0, count),
        limits.SNAPSHOTS_PER_DOMAIN,
        9,
        "operation failed: domain 'web' would have 16385 snapshots",
    ),
    Limit(
        "operations waiting",
        lambda count: limits.check_queue("web", count - 1),
        limits.QUEUED_PER_DOMAIN,
        9,
        "operation failed: domain 'web' has 100 operations that have not ended",
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.says)
def test_the_last_is_taken_and_the_first_beyond_is_refused(limit: Limit) -> None:
    limit.check(limit.most)
    with pytest.raises(Refused) as refusal:
        limit.check(limit.most + 1)
    assert (refusal.value.number, refusal.value.message) == (limit.number, limit.words)
    assert refusal.value.accepted is not None
    assert str(limit.most) in refusal.value.accepted


@pytest.mark.parametrize("name", [".", ".."])
def test_a_domain_is_not_called_as_the_folder_of_all_others(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        limits.check_domain_name(name)
    assert (refusal.value.number, refusal.value.field) == (27, "name")
