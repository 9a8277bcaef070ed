"""Hosts, names, refused attempts and granted accesses: small streams that say one thing each."""

import pytest

from domain_model.attempts import Access, Attempt
from domain_model.errors import InvalidArgument, OperationInvalid
from domain_model.host import Host
from domain_model.names import HOSTS, Name
from tests.unit.domain_histories import ALPHA, AT, BETA, DOMAIN

ANSWER = {"driver": "QEMU", "host_uuid": "uuid", "hostname": "h", "capabilities": {"redefine": True}}


def host() -> Host:
    added = Host.add(DOMAIN, name="alpha", uri="simulator:///alpha", at=AT)
    added.collect_events()
    return added


def identify(known: Host, **changes: object) -> None:
    known.identify(**{**ANSWER, **changes}, at=AT)  # type: ignore[arg-type]


def topics(stream: Host | Name) -> list[str]:
    return [str(getattr(event, "TOPIC", "")) for event in stream.pending_events]


@pytest.mark.parametrize("name", ["", "a/b", " a", "a "])
def test_a_name_no_reference_could_tell_is_refused_with_8(name: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Host.add(DOMAIN, name=name, uri="simulator:///a", at=AT)
    assert (refusal.value.number, refusal.value.field, refusal.value.value) == (8, "name", name)


def test_the_same_uri_again_changes_nothing() -> None:
    known = host()
    known.set_uri("simulator:///alpha", AT)
    assert topics(known) == []
    known.set_uri("simulator:///other", AT)
    assert (topics(known), known.uri) == (["host.uri_changed"], "simulator:///other")


def test_the_same_answer_again_changes_nothing_and_another_one_is_recorded() -> None:
    known = host()
    identify(known)
    identify(known)
    assert topics(known) == ["host.identified"]
    identify(known, capabilities={"redefine": False})
    assert topics(known) == ["host.identified"] * 2
    assert known.capabilities == {"redefine": False}


def test_a_change_of_leader_is_recorded_with_its_epoch() -> None:
    known = host()
    known.lead(worker="worker", epoch=7, at=AT)
    assert (topics(known), known.epoch) == (["host.led"], 7)


def test_a_host_is_disabled_for_a_reason_and_enabled_once_each() -> None:
    known = host()
    known.check_enabled()
    known.enable(AT)
    known.disable(actor="uid:0(root)", reason="new memory", at=AT)
    known.disable(actor="uid:0(root)", reason="new memory", at=AT)
    with pytest.raises(OperationInvalid, match=r"disabled by uid:0\(root\) since 20.* \+0000: new memory$"):
        known.check_enabled()
    known.enable(AT)
    known.check_enabled()
    assert topics(known) == ["host.disabled", "host.enabled"]


def test_disabled_again_a_host_is_disabled_by_who_said_so_last_and_for_that() -> None:
    known = host()
    for actor, reason in (("uid:0(root)", "new memory"), ("uid:0(root)", "new disks"), ("uid:1(bin)", "new disks")):
        known.disable(actor=actor, reason=reason, at=AT)
        assert known.disabled is not None
        assert (known.disabled["actor"], known.disabled["reason"]) == (actor, reason)
    assert topics(known) == ["host.disabled"] * 3


def test_a_host_has_a_limit_that_makes_sense() -> None:
    known = host()
    known.limit(known.operations, AT)
    for operations in (0, 65):
        with pytest.raises(InvalidArgument, match="no number of operations"):
            known.limit(operations, AT)
    known.limit(64, AT)
    assert (topics(known), known.operations) == (["host.limited"], 64)


def test_a_host_adopts_nothing_until_it_is_said_and_then_what_is_said() -> None:
    known = host()
    assert known.adopt == "none"
    known.set_adoption("none", AT)
    with pytest.raises(InvalidArgument, match="'some' in field 'adopt'") as refusal:
        known.set_adoption("some", AT)
    assert (refusal.value.field, refusal.value.value, refusal.value.accepted) == ("adopt", "some", "all or none")
    known.set_adoption("all", AT)
    known.set_adoption("all", AT)
    assert (topics(known), known.adopt) == (["host.adoption_set"], "all")


def test_a_host_is_removed_once() -> None:
    known = host()
    known.remove(AT)
    known.remove(AT)
    assert (topics(known), known.removed) == (["host.removed"], True)


def test_a_name_is_unique_within_its_scope_and_no_further() -> None:
    assert Name.id_of(HOSTS, "alpha") == Name.id_of(HOSTS, "alpha")
    assert len({Name.id_of(HOSTS, "a"), Name.id_of(ALPHA, "a"), Name.id_of(BETA, "a"), Name.id_of(ALPHA, "b")}) == 4


def test_a_name_passes_from_bearer_to_bearer() -> None:
    name = Name.claim_first(ALPHA, "guest", "one", AT)
    name.collect_events()
    assert name.bearer == "one"
    name.claim("one", AT)
    assert topics(name) == []
    name.release("two", AT)
    assert (topics(name), name.bearer) == ([], "one")
    name.release("one", AT)
    name.release("one", AT)
    assert name.bearer is None
    name.claim("two", AT)
    assert (topics(name), name.bearer) == (["name.released", "name.claimed_again"], "two")


def test_what_was_observed_overrides_a_claim() -> None:
    name = Name.claim_first(ALPHA, "guest", "one", AT)
    name.claim("two", AT)
    assert name.bearer == "two"


def test_a_refused_attempt_is_a_stream_of_one_event() -> None:
    attempt = Attempt.refused(DOMAIN, verb="start", target="guest", code=55, message="no", suppressed=2, at=AT)
    (event,) = attempt.collect_events()
    assert (vars(event)["code"], vars(event)["suppressed"], attempt.version) == (55, 2, 1)


def test_a_granted_access_is_a_stream_of_one_event() -> None:
    (event,) = Access.granted(DOMAIN, verb="dumpxml", target="guest", at=AT).collect_events()
    assert (vars(event)["verb"], vars(event)["target"]) == ("dumpxml", "guest")
