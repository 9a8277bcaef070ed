"""What is wrong with Revisor, each in a sentence a person understands, and from when on it is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from domain_model.operations import OperationState
from domain_model.times import moment_in_words
from revisor.overdue import OverdueSchedule
from revisor.status import UNOBSERVED_S, HostStatus, ProjectionStatus, SchedulerStatus, Status, Unsettled

BEHIND_S = 10.0
"""So long the doors wait for the read models to catch up; from then on people read what was, and are not told."""

OK, DEGRADED, DOWN = "ok", "degraded", "down"


def word_for(problems: list[str]) -> str:
    """How Revisor is in one word, its database answering."""
    return DEGRADED if problems else OK


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    ``key`` is of a kind, the word before the first slash, and stays while the words change.
    """

    key: str
    says: str


def problems_of(status: Status) -> list[str]:
    """What is wrong, in sentences; empty when all is well.

    The log and its vault come first, then read models, hosts, schedules, operations.
    """
    return [problem.says for problem in found_in(status)]


def found_in(status: Status) -> Iterator[Problem]:
    """The same, each with its key."""
    yield from _of_restore(status.restore)
    yield from _of_master_key(status.master_key)
    yield from _of_projections(status.projections)
    for host in status.hosts:
        yield from _of_host(host)
    yield from _of_scheduler(status.scheduler)
    # What keeps all schedules from their times was said already.
    kept = status.restore is None and not status.scheduler.silent and not any(map(_stands_still, status.projections))
    yield from (_of_overdue(each) for each in status.overdue if kept or each.planned_at is None)
    yield from _of_operations([each for each in status.unsettled if each.state == OperationState.STARTED], _waits)
    yield from _of_operations([each for each in status.unsettled if each.state == OperationState.UNKNOWN], _unknown)


def worth_telling(status: Status) -> Iterator[Problem]:
    """What is wrong; and what is nothing wrong with Revisor, but somebody should hear:
    drift, and schedules that failed.
    """
    yield from found_in(status)
    for run in status.failed_runs:
        took = "1 snapshot was" if run.missing == 1 else f"{run.missing} snapshots were"
        says = (
            f"schedule {run.schedule}: {took} not taken at {moment_in_words(run.planned)}:"
            f" see 'revisor schedule info {run.schedule}'"
        )
        yield Problem(f"schedule/{run.schedule}", says)
    for each in status.drift:
        named = f"{each.host}/{each.domain}"  # several hosts may have one of that name
        says = f"domain {named} is otherwise than on record: see 'revisor drift {named}'"
        yield Problem(f"drift/{each.host}/{each.domain}", says)
    if status.drift and status.drift[0].total > len(status.drift):
        says = f"{status.drift[0].total - len(status.drift)} more domains are otherwise than on record: see 'revisor drift'"
        yield Problem("drift/others", says)


def _of_restore(why: str | None) -> Iterator[Problem]:
    if why:
        yield Problem("restore", f"nothing new is begun until 'revisor acknowledge-restore': {why}")


def _of_master_key(why: str | None) -> Iterator[Problem]:
    if why:
        yield Problem("master-key", f"the master key is to be put back before anything is started again: {why}")


def _stands_still(projection: ProjectionStatus) -> bool:
    return projection.parked_at is not None or projection.lag_s > BEHIND_S


def _of_projections(projections: Sequence[ProjectionStatus]) -> Iterator[Problem]:
    """One each; but that all are behind has one cause, such as a projector that hangs, and is said once."""
    parked = [each for each in projections if each.parked_at is not None]
    others = [each for each in projections if each.parked_at is None]
    behind = [each for each in others if _stands_still(each)]
    for each in parked:
        said = f"projection {each.name} is parked at {each.parked_at}: {each.error}"
        yield Problem(f"projection/{each.name}/parked", said)
    if len(behind) > 1 and behind == others:
        which = "all projections that are not parked are" if parked else "all projections are"
        far = _far(max(each.behind for each in behind), max(each.lag_s for each in behind))
        yield Problem("projection/all/behind", f"{which} behind, by up to {far}")
        return
    for each in behind:
        said = f"projection {each.name} is {_far(each.behind, each.lag_s)} behind"
        yield Problem(f"projection/{each.name}/behind", said)


def _far(events: int, lag_s: float) -> str:
    return f"{'1 event' if events == 1 else f'{events:,} events'} ({lag_s:.0f} s)"


def _of_host(host: HostStatus) -> Iterator[Problem]:
    """That nobody looks at a host that nobody leads goes without saying."""
    name, led = host.name, host.worker is not None and not host.silent
    if host.worker is None:
        yield Problem(f"host/{name}/lease", f"nobody leads host {name}")
    elif host.silent:
        yield Problem(f"host/{name}/lease", f"nobody leads host {name}{_silence('its agent', host.beat_age_s)}")
    if host.problem is not None:
        yield Problem(f"host/{name}/unreachable", f"the last look at host {name} failed: {host.problem}")
    elif led and host.unobserved_s > UNOBSERVED_S and host.observed_at is None:
        yield Problem(
            f"host/{name}/unobserved", f"host {name} was added {host.unobserved_s:.0f} s ago and never looked at"
        )
    elif led and host.unobserved_s > UNOBSERVED_S:
        yield Problem(f"host/{name}/unobserved", f"host {name} was last looked at {host.unobserved_s:.0f} s ago")


def _of_scheduler(scheduler: SchedulerStatus) -> Iterator[Problem]:
    """Nobody misses one that has nothing to do."""
    if scheduler.silent and scheduler.schedules:
        yield Problem("scheduler", f"nobody runs the schedules{_silence('their scheduler', scheduler.beat_age_s)}")


def _of_overdue(schedule: OverdueSchedule) -> Problem:
    name = schedule.schedule
    if schedule.planned_at is None:
        says = f"schedule {name} cannot be kept: {schedule.why}"
    else:
        says = f"schedule {name} should have run {schedule.late_s:.0f} s ago, and nothing is on record of that time"
    return Problem(f"schedule/{name}/overdue", says)


def _silence(whose: str, beat_age_s: float | None) -> str:
    return "" if beat_age_s is None else f": {whose} has been silent for {beat_age_s:.0f} s"


def _of_operations(those: Sequence[Unsettled], told: Callable[[Unsettled], str]) -> Iterator[Problem]:
    """One each, and one for those that are not named."""
    for each in those:
        yield Problem(f"operation/{each.state}/{each.id}", told(each))
    more = those[0].total - len(those) if those else 0
    if more:
        said = f"{more} more operations are {those[0].state} likewise: see 'revisor operations'"
        yield Problem(f"operation/{those[0].state}/others", said)


def _waits(operation: Unsettled) -> str:
    return (
        f"{operation.verb} of domain {operation.domain} (operation {operation.id}) was started, and host {operation.host}"
        " does not answer: what became of it is looked at when that is back"
    )


def _unknown(operation: Unsettled) -> str:
    return (
        f"nobody knows whether {operation.verb} of domain {operation.domain} happened (operation {operation.id}):"
        " look at it, and say so with 'revisor operation settle'"
    )
