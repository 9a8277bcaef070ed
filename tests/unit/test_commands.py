"""What may be asked of a domain: by role of the placement, by the rules of the verb, and with which refusals."""

from typing import Any

import pytest

from domain_model.commands import check_role, describe_arguments, request
from domain_model.domain import Domain
from domain_model.errors import Refused
from domain_model.flags import Undefine
from domain_model.limits import QUEUED_PER_DOMAIN
from domain_model.operations import VERBS, Command
from domain_model.verbs import SPECS
from tests.unit.domain_histories import (
    ALPHA,
    AT,
    BETA,
    GAMMA,
    HOSTS,
    UUID_TEXT,
    begun,
    defined,
    history,
    outcome,
    requested,
    snapshot,
    started,
    undefined,
    verified,
)

PLAIN = ("start", "shutdown", "reboot", "destroy", "suspend", "resume")
ON_SNAPSHOTS = ("snapshot-create", "snapshot-redefine", "snapshot-revert", "snapshot-delete")
MAKING = {"name": "guest", "xml": "digest"}


def ask(domain: Domain, verb: str, host: str = ALPHA, **arguments: Any) -> None:
    request(domain, Command("op", verb, host, {"flags": 0, **arguments}), HOSTS, AT)


def refused(domain: Domain, verb: str, host: str = ALPHA, **arguments: Any) -> Refused:
    """The refusal of a command that must leave the domain as it was."""
    with pytest.raises(Refused) as refusal:
        ask(domain, verb, host, **arguments)
    assert outcome(domain) == []
    assert "op" not in domain.operations
    return refusal.value


def test_an_accepted_command_is_an_operation_in_flight_and_nothing_else() -> None:
    domain = history(defined())
    ask(domain, "start", flags=1)
    assert outcome(domain) == ["operation.requested"]
    operation = domain.operations["op"]
    assert (operation.verb, operation.host, operation.arguments, operation.started) == (
        "start",
        ALPHA,
        {"flags": 1},
        False,
    )


@pytest.mark.parametrize("verb", [*PLAIN, *ON_SNAPSHOTS, "undefine"])
def test_a_domain_that_is_not_on_the_host_is_refused_with_42(verb: str) -> None:
    refusal = refused(history(defined()), verb, GAMMA, name="a", flags=0)
    assert (refusal.number, refusal.message) == (42, "Domain not found: no domain 'guest' on host 'gamma'")


@pytest.mark.parametrize("verb", [*PLAIN, *ON_SNAPSHOTS])
def test_a_replica_may_not_be_acted_on_and_the_refusal_with_55_names_the_owner(verb: str) -> None:
    refusal = refused(history(defined(), defined(BETA)), verb, BETA, name="a", flags=0)
    assert (refusal.number, refusal.accepted) == (55, "alpha")
    assert refusal.message == (
        "Requested operation is not valid: domain 'guest' on host 'beta' is a replica, its owner is host 'alpha'"
    )


def test_the_replica_of_a_domain_whose_owner_is_gone_still_may_not_be_acted_on() -> None:
    refusal = refused(history(defined(), defined(BETA), undefined()), "start", BETA)
    assert (refusal.number, refusal.accepted) == (55, None)


@pytest.mark.parametrize(("verb", "number"), [("start", 55), ("resume", 55), ("create", 55)])
def test_the_rules_of_the_verb_are_asked_about_the_recorded_state(verb: str, number: int) -> None:
    assert refused(history(defined(), started()), verb, **MAKING).number == number


@pytest.mark.parametrize(("verb", "arguments"), [("snapshot-revert", {}), ("snapshot-delete", {})])
def test_a_snapshot_that_is_not_recorded_is_refused_with_72(verb: str, arguments: dict[str, Any]) -> None:
    refusal = refused(history(defined(), snapshot("a")), verb, name="x", flags=0, **arguments)
    assert (refusal.number, refusal.field, refusal.value) == (72, "snapshot", "x")


def test_while_another_operation_is_under_way_rules_about_the_state_wait_for_their_turn() -> None:
    domain = history(defined(), started(), requested("other", "shutdown"))
    ask(domain, "start")
    assert list(domain.operations) == ["other", "op"]


def test_while_another_operation_is_under_way_a_replica_is_refused_all_the_same() -> None:
    domain = history(defined(), defined(BETA), requested("other", "shutdown"), begun("other"))
    assert refused(domain, "start", BETA).number == 55


def test_defining_a_domain_again_under_its_name_is_allowed() -> None:
    domain = history(defined())
    ask(domain, "define", **MAKING)
    assert outcome(domain) == ["operation.requested"]


@pytest.mark.parametrize("verb", ["define", "create"])
def test_another_name_for_a_uuid_is_refused_with_9(verb: str) -> None:
    refusal = refused(history(defined()), verb, name="other", xml="digest")
    assert (refusal.number, refusal.field, refusal.value, refusal.accepted) == (9, "name", "other", "guest")
    assert refusal.message == f"operation failed: domain 'guest' is already defined with uuid {UUID_TEXT}"


@pytest.mark.parametrize("verb", ["define", "create"])
@pytest.mark.parametrize("replica", [True, False])
def test_a_domain_owned_elsewhere_is_not_defined_again(verb: str, *, replica: bool) -> None:
    domain = history(defined(), defined(BETA)) if replica else history(defined())
    refusal = refused(domain, verb, BETA, **MAKING)
    assert (refusal.number, refusal.field) == (9, "uuid")
    assert "is owned by host 'alpha'" in refusal.message


def test_a_domain_that_is_nowhere_may_be_defined_anywhere() -> None:
    domain = history(defined(), undefined())
    ask(domain, "define", GAMMA, name="renamed", xml="digest")
    assert domain.operations["op"].host == GAMMA


def test_undefining_the_owner_while_there_are_replicas_is_refused_with_55_naming_them() -> None:
    refusal = refused(history(defined(), defined(GAMMA), defined(BETA)), "undefine")
    assert refusal.number == 55
    assert "has replicas on beta, gamma" in refusal.message


def test_a_replica_may_be_undefined() -> None:
    domain = history(defined(), snapshot("a"), defined(BETA))
    ask(domain, "undefine", BETA)
    assert domain.operations["op"].host == BETA


def test_a_replica_with_snapshots_is_undefined_only_with_the_flag_for_their_metadata() -> None:
    told = (defined(), snapshot("a"), defined(BETA), snapshot("a", host=BETA))
    refusal = refused(history(*told), "undefine", BETA)
    assert (refusal.number, refusal.accepted) == (55, "--snapshots-metadata")
    ask(history(*told), "undefine", BETA, flags=Undefine.SNAPSHOTS_METADATA)


def test_a_replay_may_be_asked_for_any_other_host_again_and_again() -> None:
    domain = history(defined(), defined(BETA))
    ask(domain, "replay", BETA, name="guest")
    assert domain.operations["op"].host == BETA


def test_a_replay_to_the_owner_is_refused_with_55() -> None:
    refusal = refused(history(defined()), "replay", ALPHA, name="guest")
    assert (refusal.number, refusal.field, refusal.value) == (55, "to", "alpha")


def test_a_replay_of_a_transient_domain_is_refused_with_55() -> None:
    refusal = refused(history(started()), "replay", BETA, name="guest")
    assert (refusal.number, refusal.field, refusal.value, refusal.accepted) == (55, "persistent", "no", "yes")


@pytest.mark.parametrize(("verb", "arguments"), [("replay", {}), ("handover", {"to": BETA})])
def test_a_domain_that_is_nowhere_is_neither_replayed_nor_handed_over(verb: str, arguments: dict[str, Any]) -> None:
    refusal = refused(history(defined(), undefined()), verb, BETA, **arguments)
    assert (refusal.number, refusal.message) == (42, "Domain not found: domain 'guest' is on no host")


def test_a_handover_to_a_verified_replica_is_accepted() -> None:
    domain = verified(history(defined(), snapshot("a"), defined(BETA)))
    ask(domain, "handover", to=BETA)
    assert domain.operations["op"].arguments == {"to": BETA, "flags": 0}


def test_a_handover_to_a_host_without_replica_is_refused_with_55_naming_those_that_have_one() -> None:
    refusal = refused(history(defined(), defined(BETA)), "handover", to=GAMMA)
    assert (refusal.number, refusal.value, refusal.accepted) == (55, "gamma", "beta")


def test_a_handover_to_the_owner_is_refused_with_55() -> None:
    assert refused(history(defined(), defined(BETA)), "handover", to=ALPHA).number == 55


def test_a_handover_to_a_replica_that_was_never_verified_is_refused_with_55() -> None:
    refusal = refused(history(defined(), defined(BETA)), "handover", to=BETA)
    assert (refusal.number, refusal.field) == (55, "to")
    assert "is not up to date: run replay again" in refusal.message


def test_a_handover_to_a_replica_that_lacks_a_snapshot_is_refused_with_55() -> None:
    domain = verified(history(defined(), defined(BETA)))
    event, fields = snapshot("late")
    domain.record(event, AT, **fields)
    domain.collect_events()
    assert refused(domain, "handover", to=BETA).number == 55


def test_a_handover_of_a_running_domain_is_refused_with_55() -> None:
    refusal = refused(verified(history(defined(), started(), defined(BETA))), "handover", to=BETA)
    assert (refusal.number, refusal.field, refusal.value, refusal.accepted) == (55, "state", "running", "shut off")


@pytest.mark.parametrize("host", [ALPHA, BETA])
def test_a_handover_while_a_guest_is_saved_on_either_host_is_refused_with_55(host: str) -> None:
    saved = (
        Domain.Updated,
        {"host": host, "operation": None, "origin": "observed", "autostart": False, "managed_save": True},
    )
    refusal = refused(verified(history(defined(), defined(BETA), saved)), "handover", to=BETA)
    assert (refusal.number, refusal.field, refusal.value) == (55, "managed_save", "yes")
    assert HOSTS[host] in refusal.message


def test_what_the_owner_saved_may_be_gone_when_the_turn_of_a_handover_comes() -> None:
    saved = (
        Domain.Updated,
        {"host": ALPHA, "operation": None, "origin": "observed", "autostart": False, "managed_save": True},
    )
    domain = verified(history(defined(), defined(BETA), saved, requested("before", "managedsave-remove")))
    ask(domain, "handover", to=BETA)
    assert list(domain.operations) == ["before", "op"]


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - {"undefine"}))
def test_the_owner_of_a_verified_replica_may_be_asked_for_anything_but_undefine(verb: str) -> None:
    domain = verified(history(defined(), defined(BETA)))
    arguments = {"name": "guest", "to": BETA, "flags": 0}
    check_role(domain, Command("op", verb, BETA if verb == "replay" else ALPHA, arguments), HOSTS)


def test_arguments_are_told_in_one_line_without_documents_and_empty_ones() -> None:
    told = describe_arguments("snapshot-create", {"xml": "digest", "name": "a", "flags": 0, "parent": None})
    assert told == "name=a"


@pytest.mark.parametrize(
    ("verb", "flags", "words"),
    [
        ("undefine", 2, "snapshots-metadata"),
        ("undefine", 3, "managed-save snapshots-metadata"),
        ("shutdown", 2, "agent"),
        ("define", 1, "validate"),
        ("create", 17, "paused validate"),
        ("snapshot-redefine", 3, "redefine current"),
        ("checkpoint-redefine", 1, "redefine"),
        ("suspend", 0, ""),
        ("reset", 4, "flags=4"),
        ("start", 1025, "paused flags=1024"),
    ],
)
def test_flags_are_told_as_the_words_they_were_asked_for_by(verb: str, flags: int, words: str) -> None:
    assert describe_arguments(verb, {"flags": flags}) == words


def test_every_flag_of_every_verb_has_a_word() -> None:
    for verb in VERBS.keys() & SPECS.keys():
        for name, flag in SPECS[verb].flags.items():
            assert describe_arguments(verb, {"flags": int(flag)}) == name.replace("_", "-")


def test_of_a_batch_the_first_names_are_told() -> None:
    few, many = ([{"name": f"s{number}", "xml": "digest"} for number in range(count)] for count in (2, 13))
    assert describe_arguments("snapshot-redefine", {"flags": 1, "snapshots": few}) == "redefine snapshots=s0,s1"
    assert describe_arguments("snapshot-redefine", {"snapshots": many}).endswith(",s9,3 more")


def test_a_queue_that_is_full_takes_control_verbs_only() -> None:
    domain = history(defined())
    for number in range(QUEUED_PER_DOMAIN):
        request(domain, Command(f"op{number}", "start", ALPHA, {"flags": 0}), HOSTS, AT)
    with pytest.raises(Refused) as refusal:
        request(domain, Command("one too many", "start", ALPHA, {"flags": 0}), HOSTS, AT)
    assert refusal.value.number == 9
    request(domain, Command("the way out", "destroy", ALPHA, {"flags": 0}), HOSTS, AT)
    assert list(domain.operations)[-1] == "the way out"
