"""The table of tolerated differences: each cites a row of the reference, and nothing that is in no row passes."""

from dataclasses import replace

import pytest

from tests.equivalence.calls import Call
from tests.equivalence.seen import Difference, DomainSeen, SnapshotSeen
from tests.equivalence.tolerated import (
    ANSWERS,
    PAIRINGS,
    QEMU,
    SHOWN,
    SPOILT,
    TEST,
    AnswerTolerance,
    Moment,
    ShownTolerance,
    Spoilt,
    tolerance_of_answers,
    tolerance_of_difference,
)
from tests.integration.semantics.reference import listed

ENTRIES: tuple[AnswerTolerance | ShownTolerance | Spoilt, ...] = (*ANSWERS, *SHOWN, *SPOILT)

OFF = DomainSeen(
    "u", active=False, state=5, reason=1, persistent=True, autostart=False, managed_save=False, current=None
)


def test_every_row_that_is_cited_is_listed_in_the_reference() -> None:
    assert sorted({entry.row for entry in ENTRIES} - {row.id for row in listed()}) == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_is_about_pairings_there_are(entry: AnswerTolerance | ShownTolerance | Spoilt) -> None:
    assert entry.pairings
    assert set(entry.pairings) <= set(PAIRINGS)


def test_a_difference_is_tolerated_where_a_row_says_so() -> None:
    moment = Moment(TEST, Call("suspend", "web"), {"web": OFF}, ours=55, theirs=1)

    tolerance = tolerance_of_answers(moment)

    assert tolerance is not None
    assert tolerance.row == "2.3-suspend-inactive"


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(Moment(QEMU, Call("suspend", "web"), {"web": OFF}, ours=55, theirs=1), id="of another driver"),
        pytest.param(Moment(TEST, Call("suspend", "web"), {}, ours=55, theirs=1), id="of a domain that is not there"),
        pytest.param(Moment(TEST, Call("suspend", "web"), {"web": OFF}, ours=None, theirs=1), id="with other numbers"),
        pytest.param(Moment(TEST, Call("destroy", "web"), {"web": OFF}, ours=55, theirs=1), id="of another verb"),
    ],
)
def test_a_difference_that_no_row_speaks_of_is_not_tolerated(moment: Moment) -> None:
    assert tolerance_of_answers(moment) is None


def test_a_taken_name_may_be_named_before_the_file_that_stands_in_the_way() -> None:
    taken = replace(OFF, snapshots={"s4": SnapshotSeen(None, "disk-snapshot", "external", None)})
    call = Call("snapshot-create", "web", {"name": "s4", "disk_only": True})

    assert tolerance_of_answers(Moment(QEMU, call, {"web": taken}, ours=9, theirs=67)) is not None
    assert tolerance_of_answers(Moment(QEMU, call, {"web": OFF}, ours=9, theirs=67)) is None


def test_what_is_shown_differently_is_tolerated_only_where_a_row_says_so() -> None:
    moment = Moment(QEMU, Call("snapshot-redefine", "web"), {"web": OFF}, ours=None, theirs=None)

    assert tolerance_of_difference(moment, Difference("web.current", "s1", None)) is not None
    assert tolerance_of_difference(moment, Difference("web.state", 1, 5)) is None
