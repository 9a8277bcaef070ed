"""The verbs of schedules."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Reference
from revisor.cli.failures import Exit
from revisor.cli.hosts import disabled_of
from revisor.cli.verb import ON_RECORD, WAITING, Asked, Word, exclusive, flag, is_given, not_empty, option, verb
from revisor.client import Reply, segment

NAME = Word("schedule", "NAME")
_SHOWN = 5
"""Domains that are named one by one."""
_READING = (*WAITING, *ON_RECORD)

Item = dict[str, Any]


@verb(
    "add",
    NAME,
    Word("domain", "DOMAIN", required=False),
    options=[
        flag("all", "Of every domain there is when a time comes."),
        option("name", "PATTERN", "Of the domains whose name fits, such as 'web*'."),
        option(
            "cron",
            "'M H D M W'",
            "When: minute, hour, day, month and day of week, or @hourly, @daily, ...",
            required=True,
        ),
        option("timezone", "ZONE", "The time zone of --cron and --keep (UTC)."),
        option(
            "keep",
            "RULE",
            "What stays, such as 24h,7d,4w: the newest of each of so many hours (h), days (d), weeks (w), months (m)"
            " or years (y).",
        ),
        option("missed", "WAY", "Times that passed while Revisor was down: skip them (skip), or run-once."),
    ],
    lacking=WAITING,
)
def schedule_add(asked: Asked, *, schedule: str, **given: Any) -> int:
    """Have snapshots taken by the clock, of DOMAIN, of --all, or of those with --name."""
    _check_whose(schedule, given)
    if is_given(given["keep"]):
        not_empty("keep", given["keep"], "rules such as 24h,7d,4w; without --keep all snapshots stay")
    door, domain, pattern = Door(asked), given.pop("domain"), given.pop("name")
    whose = {"pattern": pattern}
    if domain is not None:
        reference = Reference.of(domain)
        whose = {"domain": reference.name, "host": reference.host}
    wanted = {key: value for key, value in {**given, **whose}.items() if is_given(value)}
    reply = door.change("POST", "/v1/schedules", {"name": schedule, **wanted})
    item = reply.body["items"][0]
    now = "; of no domain now" if item.get("domains_now") == 0 else ""
    return _said(door, reply, f"Schedule '{schedule}' added, next {_when(item['next_at'])}; keeps {_kept(item)}{now}")


@verb("list", lacking=_READING)
def schedule_list(asked: Asked) -> int:
    """List the schedules."""
    door = Door(asked)
    reply = door.read("/v1/schedules")
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    rows = [
        [item["name"], _whose(item), item["cron"], item["keep"], _state(item), _when(item["next_at"]), _went(item)]
        for item in reply.body["items"]
    ]
    output.table(["Name", "Domains", "Cron", "Keep", "State", "Next", "Last run"], rows)
    return Exit.DONE


@verb("info", NAME, lacking=_READING)
def schedule_info(asked: Asked, *, schedule: str) -> int:
    """Show what a schedule is, how its last run and its last pruning went, and what became of its last times."""
    door = Door(asked)
    reply = door.read(f"/v1/schedules/{segment(schedule)}")
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    item = reply.body["items"][0]
    output.pairs(
        [
            *(("Name", item["name"]), ("Domains", f"{_whose(item)}{_now(item)}"), ("State", _state(item))),
            *_disabled(item),
            *(("Cron", item["cron"]), ("Time zone", item["timezone"])),
            *(("Keep", item["keep"] or "everything"), *_meaning(item), ("Missed", item["missed"])),
            *_troubles(item),
            *(("Next", _when(item["next_at"])), ("Last time", _when(item["last_planned_at"]))),
            ("Last run", _went(item)),
            *(("Time", f"{_when(each['planned_at'])} {_became(each)}") for each in item["last_times"]),
            *(("Refused", _refusal(each)) for run in ("last_run", "last_pruning") for each in _refused(item[run])),
        ]
    )
    return Exit.DONE


@verb("enable", NAME, lacking=WAITING)
def schedule_enable(asked: Asked, *, schedule: str) -> int:
    """Let a schedule run again. Times that passed meanwhile are not made up for."""
    return _enable(asked, schedule, enabled=True)


@verb("disable", NAME, lacking=WAITING)
def schedule_disable(asked: Asked, *, schedule: str) -> int:
    """Let a schedule rest."""
    return _enable(asked, schedule, enabled=False)


@verb("remove", NAME, lacking=WAITING)
def schedule_remove(asked: Asked, *, schedule: str) -> int:
    """Forget a schedule. The snapshots that it took stay, and how many is said."""
    door = Door(asked)
    reply = door.change("DELETE", f"/v1/schedules/{segment(schedule)}", {})
    if door.as_json:
        output.json_text(door.read("/v1/schedules").body)
    else:
        output.message(f"Schedule '{schedule}' removed{_left(reply.body['items'])}")
    return Exit.DONE


def _left(items: Sequence[Item]) -> str:
    """How many snapshots stay, and what lists them."""
    if not items:
        return ""
    total = sum(item["snapshots"] for item in items)
    where = ", ".join(f"snapshot-list {item['domain']} ({item['snapshots']})" for item in items[:_SHOWN])
    more = f" and {len(items) - _SHOWN} more domains" if len(items) > _SHOWN else ""
    return f". What it took stays, {total} snapshot{'s' if total > 1 else ''}: {where}{more}"


def _check_whose(schedule: str, given: Mapping[str, Any]) -> None:
    """A schedule is of the one or of the others, which is told in the words of the command line. Raises UsageError."""
    exclusive(given, ("domain", "all"), ("domain", "name"), ("all", "name"))
    if not any(is_given(given[key]) for key in ("domain", "all", "name")):
        raise click.UsageError(
            f"command 'add' requires <domain> option, --all or --name: '{schedule}' is the name of the schedule, as in"
            " schedule add NAME DOMAIN --cron 'M H D M W'"
        )


def _enable(asked: Asked, schedule: str, *, enabled: bool) -> int:
    door = Door(asked)
    reply = door.change("PATCH", f"/v1/schedules/{segment(schedule)}", {"enabled": enabled})
    item, word = reply.body["items"][0], "enabled" if enabled else "disabled"
    if item.get("changed") is False:
        by = f" {disabled_of(item['disabled'])}" if item.get("disabled") else ""
        return _said(door, reply, f"Schedule '{schedule}' was {word} already{by}")
    return _said(door, reply, f"Schedule '{schedule}' {word}")


def _said(door: Door, reply: Reply, words: str) -> int:
    if door.as_json:
        output.json_text(reply.body)
    else:
        output.message(words)
    return Exit.DONE


def _whose(item: Item) -> str:
    return "all" if item["all"] else str(item["pattern"] or item["domain"])


def _now(item: Item) -> str:
    many = item.get("domains_now")
    return "" if many is None or item["domain"] else f" ({many} now)"


def _kept(item: Item) -> str:
    """What its keep rule means."""
    if item["keep"] is None:
        return "everything"
    from domain_model.retention import KeepRule  # here, as start-up is measured

    return str(KeepRule.read(item["keep"]))


def _meaning(item: Item) -> list[tuple[str, str]]:
    return [("Keeps", _kept(item))] if item["keep"] else []


def _troubles(item: Item) -> list[tuple[str, str]]:
    overdue = [("Overdue since", _when(item["overdue_since"]))] if item.get("overdue_since") else []
    return overdue + ([("Problem", item["problem"])] if item.get("problem") else [])


def _state(item: Item) -> str:
    if item.get("problem"):
        return "not kept"
    if item.get("overdue_since"):
        return "overdue"
    return "enabled" if item["enabled"] else "disabled"


def _disabled(item: Item) -> list[tuple[str, str]]:
    said = item.get("disabled")
    return [] if said is None else [("Disabled", disabled_of(said))]


def _when(moment: str | None) -> str:
    return output.local_time(moment)


def _went(item: Item) -> str | None:
    run = item["last_run"]
    if run is None:
        return None
    waits = f" ({item['last_run_open']} not ended)" if item.get("last_run_open") else ""
    return f"{len(run['operations'])} asked for{waits}, {item['last_run_failed']} failed, {len(run['refused'])} refused"


def _became(time: Item) -> str:
    if time["outcome"] == "skipped":
        return f"skipped{_with_it(time)}"
    return f"ran, {time['requested']} asked for, {time['refused']} refused"


def _with_it(time: Item) -> str:
    """Of the latest of several times that were skipped: the others."""
    first, times = time.get("first_at"), time.get("times")
    if first in (None, time["planned_at"]):
        return ""
    others = "all" if times is None else str(times - 1)
    return f", with {others} before it since {_when(first)}"


def _refused(run: Item | None) -> list[Item]:
    return [] if run is None else run["refused"]


def _refusal(each: Item) -> str:
    return f"{each.get('name') or each.get('snapshot') or each['domain']}: {each['message']} [{each['code']}]"
