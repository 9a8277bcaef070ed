"""Deciding about a request: who may be asked, and whether the rules allow it.

A request is refused with a typed error and libvirt's number, or becomes ``operation.requested``. While other operations
of the domain are under way its state is about to change, so rules about the state wait until the operation's turn.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain_model.domain import Domain
from domain_model.errors import NoDomain, NoSnapshot, OperationFailed, OperationInvalid
from domain_model.holds import check_holds
from domain_model.limits import check_queue
from domain_model.operations import VERBS, Command, OperationState, VerbClass
from domain_model.placements import Placement, Role
from domain_model.rules import RULES, Situation
from domain_model.verbs import flag_words

_MOST_NAMES = 10

HostNames = Mapping[str, str]
"""Names of hosts by id, for sentences."""


def request(domain: Domain, command: Command, hosts: HostNames, at: datetime) -> None:
    """Accept a command: afterwards its operation is in flight. Raises Refused, and then nothing changed.

    55 for a replica or a snapshot that is held, 42 for a domain that is not on the host, 72 for a snapshot that is not
    the one that was meant, 9 for a clash of names and UUIDs, and what the rules of the verb say.
    """
    check_role(domain, command, hosts)
    check_identity(domain, command)
    check_holds(domain, command, at)
    if VERBS[command.verb] is VerbClass.EXCLUSIVE:
        check_queue(domain.name, len(domain.operations))
    placement = domain.placements.get(command.host)
    if not domain.operations and placement is not None:
        RULES[command.verb](recorded_situation(domain, placement), command.arguments)
    domain.record(
        Domain.OperationRequested,
        at,
        operation=command.operation,
        verb=command.verb,
        host=command.host,
        arguments=command.arguments,
    )


def cancel(domain: Domain, operation: str, at: datetime) -> None:
    """Withdraw an operation whose turn has not come.

    Raises OperationInvalid (55) for one that was started, or is over.
    """
    asked = domain.operations.get(operation)
    if asked is None:
        raise OperationInvalid(
            f"operation {operation} has ended already",
            field="operation",
            value=operation,
            accepted="one that is queued",
        )
    if asked.started:
        raise OperationInvalid(
            f"operation {operation} was started and goes on: wait for it, or 'domjobabort' aborts its job if it has one",
            field="operation",
            value=operation,
            accepted="one that is queued",
        )
    domain.record(Domain.OperationCancelled, at, operation=operation, host=asked.host)


def settle(domain: Domain, operation: str, outcome: OperationState, evidence: str, at: datetime) -> None:
    """Record the outcome of an operation that had an unknown one, on somebody's evidence.

    Afterwards it has succeeded or failed, and nothing else is changed. Raises OperationInvalid (55) if it is not
    unknown.
    """
    lost = domain.unknown.get(operation)
    if lost is None:
        raise OperationInvalid(
            f"the outcome of operation {operation} is not unknown",
            field="operation",
            value=operation,
            accepted="one whose outcome is unknown",
        )
    domain.record(
        Domain.OperationSettled,
        at,
        operation=operation,
        host=lost.host,
        outcome=outcome.value,
        evidence=evidence,
    )


def check_role(domain: Domain, command: Command, hosts: HostNames) -> None:
    """Refuse what this placement may not do, whatever its state."""
    match command.verb:
        case "define" | "create" | "restore":
            _check_definition(domain, command.host, command.arguments["name"], hosts)
        case "replay" if command.arguments.get("restore"):
            _check_restoration(domain, command.host, hosts)
        case "replay":
            _check_replay(domain, command.host, hosts)
        case "handover":
            _check_handover(domain, command.arguments["to"], hosts)
        case "undefine":
            _check_undefine(domain, command.host, hosts)
        case _:
            _require_owner(domain, command.host, hosts)


def check_identity(domain: Domain, command: Command) -> None:
    """Refuse (72) to delete a snapshot that only bears the name of the one that was meant.

    A name that nobody bears may be on its way: whether it is there is for the rules to say.
    """
    if command.verb != "snapshot-delete" or "id" not in command.arguments:
        return
    name, meant = command.arguments["name"], command.arguments["id"]
    bearer = domain.forest.get(name)
    if bearer is not None and bearer.id != meant:
        raise NoSnapshot(
            f"the snapshot with id {meant} is no more, and '{name}' is another one's name",
            field="id",
            value=meant,
            accepted=bearer.id,
        )


def recorded_situation(domain: Domain, placement: Placement) -> Situation:
    """The situation as the log has it."""
    owner = placement.role is Role.OWNER
    return Situation(
        name=placement.name,
        state=placement.state,
        active=placement.active,
        persistent=placement.persistent,
        managed_save=placement.managed_save,
        snapshots=frozenset(record.name for record in domain.forest) if owner else frozenset(placement.replicated),
        forest=domain.forest,
        checkpoints=frozenset(record.name for record in domain.checkpoints) if owner else frozenset(),
        checkpoint_forest=domain.checkpoints,
        uuid=domain.uuid,
    )


def _require_owner(domain: Domain, host: str, hosts: HostNames) -> None:
    placement = domain.placements.get(host)
    if placement is None:
        raise NoDomain(f"no domain '{domain.name}' on host '{hosts[host]}'", field="domain", value=domain.name)
    owner = domain.owner
    if placement is not owner:
        at = "nowhere" if owner is None else f"host '{hosts[owner.host]}'"
        raise OperationInvalid(
            f"domain '{placement.name}' on host '{hosts[host]}' is a replica, its owner is {at}",
            field="host",
            value=hosts[host],
            accepted=None if owner is None else hosts[owner.host],
        )


def _check_definition(domain: Domain, host: str, name: str, hosts: HostNames) -> None:
    owner = domain.owner
    if owner is None:
        return
    if owner.host != host:
        raise OperationFailed(
            f"domain '{owner.name}' with uuid {domain.uuid} is owned by host '{hosts[owner.host]}'",
            field="uuid",
            value=domain.uuid,
            accepted="another uuid, or replay to make a replica",
        )
    if owner.name != name:
        raise OperationFailed(
            f"domain '{owner.name}' is already defined with uuid {domain.uuid}",
            field="name",
            value=name,
            accepted=owner.name,
        )


def _check_replay(domain: Domain, host: str, hosts: HostNames) -> None:
    owner = domain.owner
    if owner is None:
        raise NoDomain(f"domain '{domain.name}' is on no host", field="domain", value=domain.name)
    if owner.host == host:
        raise OperationInvalid(
            f"host '{hosts[host]}' owns domain '{owner.name}': there is nothing to replay to",
            field="to",
            value=hosts[host],
            accepted="another host",
        )
    if not owner.persistent:
        raise OperationInvalid(
            f"cannot replay transient domain '{owner.name}': it has no definition to be made again from",
            field="persistent",
            value="no",
            accepted="yes",
        )


def _check_restoration(domain: Domain, host: str, hosts: HostNames) -> None:
    _require_owner(domain, host, hosts)
    if not domain.forest.lost:
        raise OperationInvalid(
            f"domain '{domain.name}' has not lost its snapshots: there is nothing to restore",
            field="to",
            accepted="another host, to make a replica there",
        )


def _check_handover(domain: Domain, target: str, hosts: HostNames) -> None:
    owner, replica = domain.owner, domain.replica_on(target)
    if owner is None:
        raise NoDomain(f"domain '{domain.name}' is on no host", field="domain", value=domain.name)
    if owner.host == target:
        raise OperationInvalid(
            f"host '{hosts[target]}' owns domain '{domain.name}' already", field="to", value=hosts[target]
        )
    if replica is None:
        raise OperationInvalid(
            f"host '{hosts[target]}' has no replica of domain '{domain.name}': run replay first",
            field="to",
            value=hosts[target],
            accepted=", ".join(hosts[p.host] for p in domain.replicas) or None,
        )
    if replica.verified != domain.content:
        raise OperationInvalid(
            f"the replica of domain '{domain.name}' on host '{hosts[target]}' is not up to date: run replay again",
            field="to",
            value=hosts[target],
        )
    if owner.active and not domain.operations:
        raise OperationInvalid(
            f"domain '{domain.name}' is running on host '{hosts[owner.host]}'",
            field="state",
            value=owner.state.words,
            accepted="shut off",
        )
    # As above: what the owner does meanwhile, the agent sees when its turn has come.
    for placement in (replica,) if domain.operations else (owner, replica):
        if placement.managed_save:
            refuse_managed_save(placement.name, hosts[placement.host])


def refuse_managed_save(name: str, host: str) -> None:
    """A saved guest would boot anew elsewhere, and one that came back would find disks that are not those it knew."""
    raise OperationInvalid(
        f"domain '{name}' has a managed save image on host '{host}', which does not travel with it",
        field="managed_save",
        value="yes",
        accepted="start and shutdown, or managedsave-remove; of a replica undefine --managed-save and replay",
    )


def _check_undefine(domain: Domain, host: str, hosts: HostNames) -> None:
    if domain.replica_on(host) is not None:
        return
    _require_owner(domain, host, hosts)
    if domain.replicas:
        where = ", ".join(sorted(hosts[replica.host] for replica in domain.replicas))
        raise OperationInvalid(
            f"domain '{domain.name}' has replicas on {where}: undefine them first, or hand over",
            field="domain",
            value=domain.name,
        )


def describe_arguments(verb: str, arguments: dict[str, Any]) -> str:
    """Arguments in one line, for people: flags first, by their words; digests are left out, snapshots told by name."""
    if "snapshots" in arguments:
        names = [entry["name"] for entry in arguments["snapshots"]]
        more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
        arguments = {**arguments, "snapshots": ",".join([*names[:_MOST_NAMES], *more])}
    told = {key: value for key, value in sorted(arguments.items()) if not key.endswith("xml") and value}
    return " ".join([*flag_words(verb, told.pop("flags", 0)), *(f"{key}={value}" for key, value in told.items())])
