"""What is wrong with Revisor, each in a sentence a person understands, and from when on it is.

One look cannot tell a worker that died from one that lives, as leases know no clock; that a host is looked at can be told.
"""

from collections.abc import Iterator

from revisor.status import HostStatus, ProjectionStatus, Status

BEHIND_S = 10.0
"""So long the doors wait for the read models to catch up; from then on people read what was, and are not told."""
UNOBSERVED_S = 60.0
"""An agent looks every five seconds, and with the usual lease another takes over within about twenty: by now somebody
should have."""

OK, DEGRADED, DOWN = "ok", "degraded", "down"


def word_for(problems: list[str]) -> str:
    """How Revisor is in one word, its database answering."""
    return DEGRADED if problems else OK


def problems_of(status: Status) -> list[str]:
    """What is wrong: the log and its vault first, then read models, then hosts; empty when all is well."""
    found = [
        _of_restore(status.restore),
        _of_master_key(status.master_key),
        *map(_of_projection, status.projections),
        *(said for host in status.hosts for said in _of_host(host)),
    ]
    return [said for said in found if said is not None]


def _of_restore(why: str | None) -> str | None:
    return why and f"nothing new is begun until 'revisor acknowledge-restore': {why}"


def _of_master_key(why: str | None) -> str | None:
    return why and f"the master key is to be put back before anything is started again: {why}"


def _of_projection(projection: ProjectionStatus) -> str | None:
    if projection.parked_at is not None:
        return f"projection {projection.name} is parked at {projection.parked_at}: {projection.error}"
    if projection.lag_s > BEHIND_S:
        events = "1 event" if projection.behind == 1 else f"{projection.behind:,} events"
        return f"projection {projection.name} is {events} ({projection.lag_s:.0f} s) behind"
    return None


def _of_host(host: HostStatus) -> Iterator[str]:
    if host.worker is None:
        yield f"nobody leads host {host.name}"
    if host.problem is not None:
        yield f"the last look at host {host.name} failed: {host.problem}"
    elif host.unobserved_s > UNOBSERVED_S and host.observed_at is None:
        yield f"host {host.name} was added {host.unobserved_s:.0f} s ago and never looked at"
    elif host.unobserved_s > UNOBSERVED_S:
        yield f"host {host.name} was last looked at {host.unobserved_s:.0f} s ago"
