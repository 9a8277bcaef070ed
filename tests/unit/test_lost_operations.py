"""An operation whose outcome is unknown: how long what is there can be evidence of it, and who may say how it ended."""

import pytest

from domain_model.commands import cancel, settle
from domain_model.domain import Domain
from domain_model.errors import OperationInvalid
from domain_model.libvirt import DomainState
from domain_model.operations import OperationState
from tests.unit.domain_histories import (
    ALPHA,
    AT,
    BETA,
    Told,
    begun,
    cancelled,
    defined,
    entered,
    fact,
    failed,
    history,
    requested,
    settled,
    snapshot,
    started,
    succeeded,
    unknown,
    updated,
)

LOST = (defined(), requested("lost", "save"), begun("lost"), unknown("lost"))
IMAGES = fact(Domain.ImagesSeen, files={"vda": ["/images/top.qcow2"]}, names={}, cut={})
DATA = fact(Domain.SnapshotsVerified, present=[], missing=[], unverified=[])


@pytest.mark.parametrize(
    "since",
    [
        (),
        (IMAGES, DATA, IMAGES),
        (requested("next", "start"),),
        (requested("next", "start"), cancelled("next")),
        (requested("next", "start"), failed("next")),
        (requested("other", "reset"), settled("other")),
    ],
    ids=["nothing", "images were seen", "one waits", "one was withdrawn", "one was refused", "another was settled"],
)
def test_what_touched_no_host_leaves_the_evidence_of_a_lost_operation(since: tuple[Told, ...]) -> None:
    assert history(*LOST, *since).may_tell("lost")


@pytest.mark.parametrize(
    "since",
    [
        (started(),),
        (entered(Domain.Suspended, DomainState.PAUSED),),
        (snapshot("s"),),
        (updated(autostart=True, managed_save=True),),
        (defined(BETA),),
        (requested("next", "start"), begun("next")),
        (requested("next", "start"), begun("next"), failed("next")),
        (started(), IMAGES),
    ],
    ids=["started", "suspended", "a snapshot", "managed save", "elsewhere", "one began", "one failed", "seen and more"],
)
def test_what_happened_since_ends_the_evidence_of_a_lost_operation_for_good(since: tuple[Told, ...]) -> None:
    domain = history(*LOST, *since)
    assert not domain.may_tell("lost")
    assert "lost" in domain.unknown


@pytest.mark.parametrize(
    "beside",
    [
        (begun("lost"), requested("control", "destroy"), begun("control"), succeeded("control")),
        (requested("control", "destroy"), begun("control"), begun("lost"), succeeded("control")),
    ],
    ids=["one began beside it", "it began beside one"],
)
def test_of_two_that_were_under_way_at_once_no_look_tells_which_did_what(beside: tuple[Told, ...]) -> None:
    assert not history(defined(), requested("lost", "save"), *beside, unknown("lost")).may_tell("lost")


def test_a_log_that_was_restored_does_not_know_what_came_after() -> None:
    event, fields = unknown("lost")
    never_started = history(defined(), requested("lost", "save"), unknown("lost"))
    restored = history(*LOST[:-1], (event, {**fields, "evidence_lasts": False}))
    assert not never_started.may_tell("lost")
    assert not restored.may_tell("lost")


def test_an_event_of_an_older_release_says_nothing_of_its_evidence() -> None:
    event, fields = unknown("lost")
    del fields["evidence_lasts"]
    assert not history(*LOST[:-1], (event, fields)).may_tell("lost")


def test_a_person_settles_what_no_look_can_tell_any_more() -> None:
    domain = history(*LOST, started())
    settle(domain, "lost", OperationState.SUCCEEDED, "the file is whole", AT)
    assert domain.unknown == {}
    assert vars(domain.pending_events[-1])["outcome"] == "succeeded"
    with pytest.raises(OperationInvalid, match="is not unknown"):
        settle(domain, "lost", OperationState.FAILED, "or not", AT)


@pytest.mark.parametrize("end", [succeeded("lost"), failed("lost")], ids=["succeeded", "failed"])
def test_an_older_log_may_end_one_that_was_unknown(end: Told) -> None:
    assert history(*LOST, end).unknown == {}


def test_only_one_that_waits_can_be_withdrawn() -> None:
    domain = history(defined(), requested("waits", "start"), requested("runs", "destroy"), begun("runs"))
    with pytest.raises(OperationInvalid, match="was started and goes on: wait for it, or 'domjobabort'"):
        cancel(domain, "runs", AT)
    cancel(domain, "waits", AT)
    assert list(domain.operations) == ["runs"]
    with pytest.raises(OperationInvalid, match="has ended already"):
        cancel(domain, "waits", AT)
    assert vars(domain.pending_events[-1])["host"] == ALPHA
