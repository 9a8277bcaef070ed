"""``revisor status``: whether Revisor is well, to be seen at one glance, or asked by a script."""

from collections.abc import Iterator
from typing import Any

from revisor.cli import output
from revisor.cli.asking import Door
from revisor.cli.failures import Exit, fail, refusal
from revisor.cli.hosts import disabled_of
from revisor.cli.verb import Asked, flag, verb

Item = dict[str, Any]


@verb("status", options=[flag("check", "End with 1 if anything is wrong.")])
def status(asked: Asked, *, check: bool) -> int:
    """Show how Revisor is: the log, the read models, the hosts, and what waits for them."""
    door = Door(asked)
    reply = door.read("/v1/status")
    (item,) = reply.body["items"]
    if door.as_json:
        output.json_text(reply.body)
    else:
        _show(item)
    if check and item["problems"]:
        said = f"operation failed: Revisor is {item['status']}: {'; '.join(item['problems'])}"
        return fail(refusal(9, said), as_json=door.as_json)
    return Exit.DONE


def _show(item: Item) -> None:
    output.pairs(_whole(item))
    output.table(
        ["Projection", "Position", "Behind", "Lag", "State"],
        [
            [each["name"], each["position"], each["behind"], output.span(each["lag_s"]), _state(each)]
            for each in item["projections"]
        ],
    )
    output.table(
        ["Host", "Lease", "Last look", "Queued", "Started", "Longest wait"],
        [
            [
                each["name"],
                _lease(each),
                "never" if each["observed_at"] is None else f"{output.span(each['unobserved_s'])} ago",
                each["queued"],
                each["started"],
                output.span(each["oldest_queued_s"]) if each["queued"] else None,
            ]
            for each in item["hosts"]
        ],
    )


def _whole(item: Item) -> Iterator[tuple[str, Any]]:
    log, connections = item["log"], item["database"]["connections"]
    yield "Status", item["status"]
    for problem in item["problems"]:
        yield "Problem", problem
    for host in item["hosts"]:
        if host.get("disabled") is not None:
            yield "Disabled", f"host {host['name']} {disabled_of(host['disabled'])}"
    yield "Log", f"position {log['position']}, {log['size_bytes'] / 2**20:.1f} MiB"
    yield "Last event", output.local_time(log["recorded_at"])
    if (scheduler := item.get("scheduler")) is not None:
        yield "Schedules", f"{scheduler['schedules']} enabled, lease {_lease(scheduler)}"
    yield "Database", f"PostgreSQL {item['database']['version']}"
    used, most, waiting = connections["used"], connections["most"], connections["waiting"]
    yield "Connections", f"{used} of {most} used, {connections['idle']} idle, {waiting} waited for"


def _lease(of: Item) -> str:
    if of["worker"] is None:
        return "nobody's"
    return f"epoch {of['epoch']}" + (f", silent for {output.span(of['beat_age_s'])}" if of.get("silent") else "")


def _state(projection: Item) -> str:
    if projection["parked_at"] is not None:
        return f"parked at {projection['parked_at']}"
    return "behind" if projection["behind"] else "caught up"
