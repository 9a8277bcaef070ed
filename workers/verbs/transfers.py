"""Replay and handover: what an agent does, and how it tells whether it happened."""

from dataclasses import replace
from typing import Any

from domain_model.adoption import Adoption, Observation, record_replica
from domain_model.commands import check_role, refuse_managed_save
from domain_model.domain import Domain
from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.operations import Command, Operation
from drivers.port import DomainSighting
from workers.replay_report import AGREES, ReplayReport
from workers.replication import Replication
from workers.restoration import Restoration
from workers.verbs.task import DO_AGAIN, Task, Verb, Verdict


def _replay(task: Task) -> None:
    report = _restored(task) if task.arguments.get("restore") else _replicated(task)
    task.agrees = report.agrees
    task.result = report.as_json()


def _replicated(task: Task) -> ReplayReport:
    replication = Replication(task.driver, task.records, task.domain, str(task.lead.host), task.tell)
    report = replication.run(existed_before=task.evidence["existed"])
    task.removed = replication.removed
    return report


def _restored(task: Task) -> ReplayReport:
    restoration = Restoration(task.driver, task.records, task.domain, task.tell)
    task.touched = restoration.touched
    return restoration.run()


def _record_replay(task: Task, domain: Domain, adoption: Adoption, seen: Observation | None) -> None:
    if task.arguments.get("restore"):
        return  # the domain's own snapshots are there again, as a look at them tells
    if seen is None:
        raise OperationFailed(f"the replica on host '{task.lead.host_name}' vanished after it was made")
    adoption.adopt(seen, snapshots=False)
    host = str(task.lead.host)
    # What was replayed is the forest as it was then, not what others may have recorded since.
    replayed = task.domain
    missing = {entry["name"] for entry in task.result["snapshots"] if entry["result"] == "missing"}
    record_replica(domain, replayed.forest, adoption, host, removed=task.removed, missing=missing)
    if task.agrees and domain.placements[host].verified != replayed.content:
        adoption.record(
            Domain.ReplicaVerified,
            content=replayed.content,
            identical=task.result["identical"],
            total=task.result["total"],
        )


def _check_handover(task: Task) -> None:
    """The owner must be off now, not only as last recorded; the rest of the rule is asked again too."""
    _must_be_off(task, task.driver.domain(task.uuid))


def _must_be_off(task: Task, seen: DomainSighting | Observation | None) -> None:
    if seen is None:
        return
    if seen.managed_save:
        refuse_managed_save(seen.name, task.lead.host_name)
    if seen.hypervisor_id is not None:
        raise OperationInvalid(
            f"domain '{seen.name}' is running on host '{task.lead.host_name}'",
            field="state",
            value=seen.state.words,
            accepted="shut off",
        )


def _record_handover(task: Task, domain: Domain, adoption: Adoption, seen: Observation | None) -> None:
    _must_be_off(task, seen)
    adoption.adopt(seen)
    operation = task.operation
    check_role(domain, command_of(operation), task.records.host_names())
    domain.record(
        Domain.HandedOver,
        task.records.now(),
        operation=operation.id,
        host=operation.arguments["to"],
        previous=str(task.lead.host),
    )


def command_of(operation: Operation) -> Command:
    """What was asked for, to be checked once more."""
    return Command(operation.id, operation.verb, operation.host, operation.arguments)


def replica_differs(task: Task) -> OperationFailed:
    """The refusal that a replay ends with when what it made was found to differ."""
    what = "what was restored" if task.arguments.get("restore") else "the replica"
    return OperationFailed(f"{what} on host '{task.lead.host_name}' differs: {_difference(task.result)}")


def _difference(report: dict[str, Any]) -> str:
    agreeing = sum(1 for entry in report["snapshots"] if entry["result"] in AGREES)
    if agreeing < report["total"]:
        return f"{agreeing} of {report['total']} snapshots agree"
    if report["definition"] and report["definition"]["result"] not in AGREES:
        return "its definition does not agree"
    return "another snapshot is the current one"


_AGAIN = replace(DO_AGAIN, verdict=lambda _task, _seen: Verdict.NOT_DONE)
"""What a replay left on a replica is no outcome, and a handover touches no hypervisor:
refused the second time is failed.
"""

VERBS: dict[str, Verb] = {
    "replay": Verb(_replay, _AGAIN, _record_replay),
    "handover": Verb(_check_handover, _AGAIN, _record_handover),
}
